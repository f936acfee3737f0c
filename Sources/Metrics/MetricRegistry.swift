import Synchronization

/// All metrics of the process, by name. Registering belongs to the start of the program; counting and scraping go on
/// from any thread.
///
/// A name is registered without the suffix `_total`, which the encoders add to counters. Registering it again with
/// the same kind and labels gives the same family, so that several owners can add series to one name. Anything else
/// about a known name is a mistake of the program and stops it.
package final class MetricRegistry: Sendable {
    private struct Entry {
        var kind: MetricKind
        var help: String
        var unit: String?
        var family: (any Sendable)?
        var readers: [@Sendable () -> [MetricPoint]] = []
    }

    private struct Limited {
        var name: String
        var overflows: @Sendable () -> UInt64
        var series: @Sendable () -> Int
        var limit: Int
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var limited: [Limited] = []
    }

    private let state = Mutex(State())

    package init() {}

    // MARK: Single series

    /// A counter without labels. `unit` is in Prometheus' words (`seconds`, `bytes`) and must be the name's suffix.
    package func counter(_ name: String, help: String, unit: String? = nil) -> Counter {
        counters(name, help: help, unit: unit, labels: [], limit: 1).with([])
    }

    /// A gauge without labels.
    package func gauge(_ name: String, help: String, unit: String? = nil) -> Gauge {
        gauges(name, help: help, unit: unit, labels: [], limit: 1).with([])
    }

    /// A histogram without labels.
    package func histogram(_ name: String, help: String, unit: String? = nil, bounds: [Double]) -> Histogram {
        histograms(name, help: help, unit: unit, labels: [], limit: 1, bounds: bounds).with([])
    }

    // MARK: Families

    /// Counters with labels; `limit` is the highest number of label sets.
    package func counters(
        _ name: String, help: String, unit: String? = nil, labels: [String], limit: Int
    ) -> MetricFamily<Counter> {
        family(name, .counter, help, unit, MetricFamily(labelNames: labels, limit: limit) { Counter() })
    }

    /// Gauges with labels; `limit` is the highest number of label sets.
    package func gauges(
        _ name: String, help: String, unit: String? = nil, labels: [String], limit: Int
    ) -> MetricFamily<Gauge> {
        family(name, .gauge, help, unit, MetricFamily(labelNames: labels, limit: limit) { Gauge() })
    }

    /// Histograms with labels; `limit` is the highest number of label sets.
    package func histograms(
        _ name: String, help: String, unit: String? = nil, labels: [String], limit: Int, bounds: [Double]
    ) -> MetricFamily<Histogram> {
        family(
            name, .histogram, help, unit,
            MetricFamily(labelNames: labels, limit: limit) { Histogram(bounds: bounds) })
    }

    // MARK: Read at scrape

    /// Series whose values are read when they are scraped, by a closure that may run on any thread and must not
    /// register. Counts that are kept elsewhere anyway, levels of queues, sizes of files.
    package func register(
        _ name: String, _ kind: MetricKind, help: String, unit: String? = nil,
        read: @escaping @Sendable () -> [MetricPoint]
    ) {
        state.withLock { state in
            let key = Self.familyName(name, kind)
            var entry = Self.entry(key, kind, help, unit, in: state)
            entry.readers.append(read)
            state.entries[key] = entry
        }
    }

    /// One series whose value is read when it is scraped.
    package func register(
        _ name: String, _ kind: MetricKind, help: String, unit: String? = nil, labels: [MetricLabel] = [],
        value: @escaping @Sendable () -> Double
    ) {
        register(name, kind, help: help, unit: unit) { [MetricPoint(labels: labels, value())] }
    }

    // MARK: Scraping

    /// Everything as it is now, families in the order of their names. Families without a series are left out.
    package func scrape() -> [FamilyReading] {
        // The readers run outside the lock: they take locks of their own.
        let (entries, limited) = state.withLock { ($0.entries, $0.limited) }
        var families = entries.map { name, entry in
            FamilyReading(
                name: name, kind: entry.kind, help: entry.help, unit: entry.unit,
                points: entry.readers.flatMap { $0() })
        }
        func add(_ name: String, _ kind: MetricKind, _ help: String, _ value: (Limited) -> Double) {
            let points = limited.sorted { $0.name < $1.name }.map { family in
                MetricPoint(labels: [MetricLabel("metric", family.name)], value(family))
            }
            families.append(FamilyReading(name: name, kind: kind, help: help, unit: nil, points: points))
        }
        add("spanbridge_metric_series", .gauge, "Label sets held by a metric.") { Double($0.series()) }
        add("spanbridge_metric_series_limit", .gauge, "Label sets a metric may hold.") { Double($0.limit) }
        add(
            "spanbridge_metric_series_overflow", .counter,
            "Observations that went to the label set other because the metric holds as many as it may."
        ) { Double($0.overflows()) }
        return families.filter { !$0.points.isEmpty }.sorted { $0.name < $1.name }
    }

    // MARK: Inside

    private func family<Instrument>(
        _ name: String, _ kind: MetricKind, _ help: String, _ unit: String?,
        _ candidate: MetricFamily<Instrument>
    ) -> MetricFamily<Instrument> {
        candidate.labelNames.forEach { precondition(Self.isLabelName($0), "\($0) is no label name") }
        return state.withLock { state in
            let key = Self.familyName(name, kind)
            var entry = Self.entry(key, kind, help, unit, in: state)
            if let known = entry.family as? MetricFamily<Instrument> {
                precondition(
                    known.labelNames == candidate.labelNames,
                    "metric \(key) has the labels \(known.labelNames), not \(candidate.labelNames)")
                return known
            }
            entry.family = candidate
            entry.readers.append { candidate.points }
            state.entries[key] = entry
            if !candidate.labelNames.isEmpty {
                state.limited.append(
                    Limited(
                        name: key, overflows: { candidate.overflowCount }, series: { candidate.seriesCount },
                        limit: candidate.limit))
            }
            return candidate
        }
    }

    private static func entry(
        _ name: String, _ kind: MetricKind, _ help: String, _ unit: String?, in state: State
    ) -> Entry {
        if let known = state.entries[name] {
            precondition(known.kind == kind, "metric \(name) is a \(known.kind), not a \(kind)")
            return known
        }
        precondition(isMetricName(name), "\(name) is no metric name")
        // OpenMetrics 1.0: "UNIT: … if non-empty, it MUST be a suffix of the MetricFamily name".
        if let unit { precondition(name.hasSuffix("_" + unit), "metric \(name) must end with its unit, _\(unit)") }
        return Entry(kind: kind, help: help, unit: unit)
    }

    private static func familyName(_ name: String, _ kind: MetricKind) -> String {
        guard name.hasSuffix("_total") else { return name }
        precondition(kind == .counter, "\(name): only counters end with _total")
        return String(name.dropLast("_total".count))
    }

    static func isMetricName(_ name: String) -> Bool {
        isName(name) { $0 == UInt8(ascii: ":") }
    }

    static func isLabelName(_ name: String) -> Bool {
        isName(name) { _ in false } && name != "le"
    }

    private static func isName(_ name: String, also isAllowed: (UInt8) -> Bool) -> Bool {
        guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: isAllowed(byte)
            }
        }
    }
}

/// All series of one name as read.
package struct FamilyReading: Sendable, Hashable {
    /// Without `_total`.
    package var name: String
    package var kind: MetricKind
    package var help: String
    package var unit: String?
    package var points: [MetricPoint]

    package init(name: String, kind: MetricKind, help: String, unit: String?, points: [MetricPoint]) {
        self.name = name
        self.kind = kind
        self.help = help
        self.unit = unit
        self.points = points
    }
}
