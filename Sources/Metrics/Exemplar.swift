/// One observation with the trace that it came from. Shown in OpenMetrics as the label `trace_id` (and `span_id`),
/// the names that Grafana's Prometheus data source expects.
package struct Exemplar: Sendable, Hashable {
    /// The first and the last eight bytes of the trace id, big-endian.
    package var traceHigh: UInt64
    package var traceLow: UInt64
    /// 0 for none.
    package var spanID: UInt64
    /// What was observed; set by `Histogram.observe`.
    package var value: Double
    /// Unix time in nanoseconds.
    package var time: UInt64

    /// `value` is filled in by the histogram.
    package init(traceHigh: UInt64, traceLow: UInt64, spanID: UInt64 = 0, value: Double = 0, time: UInt64) {
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.spanID = spanID
        self.value = value
        self.time = time
    }

    /// From a trace id of 32 hexadecimal digits; nil for anything else.
    package init?(traceID: String, value: Double = 0, time: UInt64) {
        let digits = traceID.utf8
        guard digits.count == 32, digits.allSatisfy({ UInt8(ascii: "+") != $0 && UInt8(ascii: "-") != $0 }),
            let high = UInt64(traceID.prefix(16), radix: 16), let low = UInt64(traceID.suffix(16), radix: 16)
        else { return nil }
        self.init(traceHigh: high, traceLow: low, value: value, time: time)
    }
}
