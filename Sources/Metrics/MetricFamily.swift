import Synchronization

/// The series of one metric name: one instrument for each set of label values, at most `limit` sets. What comes
/// after that is counted together under the label value `other`, and each such look-up is counted as an overflow.
package final class MetricFamily<Instrument: MetricInstrument>: Sendable {
    /// The label names, in the order in which `with` takes the values.
    package let labelNames: [String]
    /// The highest number of label sets beside `other`; no map of ours may grow with what senders make up.
    package let limit: Int
    private let make: @Sendable () -> Instrument
    private let series: Mutex<Series>
    private let overflows = Atomic<UInt64>(0)

    private struct Series {
        var instruments: [[String]: Instrument] = [:]
        var other: Instrument?
    }

    package init(labelNames: [String], limit: Int, make: @escaping @Sendable () -> Instrument) {
        self.labelNames = labelNames
        self.limit = max(limit, 1)
        self.make = make
        series = Mutex(Series())
    }

    /// The instrument of these label values, made when first asked for. Callers on a hot path keep what they get.
    package func with(_ values: [String]) -> Instrument {
        precondition(values.count == labelNames.count, "labels \(labelNames) need as many values, not \(values)")
        // Whoever uses the value `other` itself shares the series: two with the same labels would fail the scrape.
        let asksForOther = !values.isEmpty && values.allSatisfy { $0 == "other" }
        let (instrument, isOther) = series.withLock { series in
            if let known = series.instruments[values] { return (known, false) }
            if series.instruments.count < limit, !asksForOther {
                let made = make()
                series.instruments[values] = made
                return (made, false)
            }
            let other = series.other ?? make()
            series.other = other
            return (other, !asksForOther)
        }
        if isOther { overflows.wrappingAdd(1, ordering: .relaxed) }
        return instrument
    }

    package func with(_ values: String...) -> Instrument { with(values) }

    /// Forgets one label set, for series whose subject is gone. Its place can be taken by another.
    package func remove(_ values: [String]) {
        series.withLock { _ = $0.instruments.removeValue(forKey: values) }
    }

    /// Label sets held now, `other` not counted.
    package var seriesCount: Int { series.withLock { $0.instruments.count } }

    /// How often `with` was asked for a label set beyond the limit.
    package var overflowCount: UInt64 { overflows.load(ordering: .relaxed) }

    /// All series in the order of their label values; `other` is last.
    package var points: [MetricPoint] {
        let (held, other) = series.withLock { ($0.instruments, $0.other) }
        let names = labelNames
        func point(_ values: [String], _ instrument: Instrument) -> MetricPoint {
            MetricPoint(labels: zip(names, values).map { MetricLabel($0, $1) }, value: instrument.value)
        }
        var points = held.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { point($0.key, $0.value) }
        if let other {
            points.append(point(names.map { _ in "other" }, other))
        }
        return points
    }
}

/// A label of a series.
package struct MetricLabel: Sendable, Hashable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// One series as read.
package struct MetricPoint: Sendable, Hashable {
    package var labels: [MetricLabel]
    package var value: MetricValue

    package init(labels: [MetricLabel] = [], value: MetricValue) {
        self.labels = labels
        self.value = value
    }

    package init(labels: [MetricLabel] = [], _ number: Double) {
        self.init(labels: labels, value: .number(number))
    }
}
