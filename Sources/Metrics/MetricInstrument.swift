/// Something that counts, and can be read while other threads go on counting.
package protocol MetricInstrument: AnyObject, Sendable {
    /// What has been counted until now.
    var value: MetricValue { get }
}

/// What an instrument says when it is read.
package enum MetricValue: Sendable, Hashable {
    case integer(UInt64)
    case number(Double)
    case histogram(HistogramReading)
}

/// The type of a metric family, as both exposition formats name it.
package enum MetricKind: String, Sendable {
    case counter
    case gauge
    case histogram
}
