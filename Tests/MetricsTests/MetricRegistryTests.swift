import Metrics
import Synchronization
import Testing

@Suite struct MetricRegistryTests {
    private func point(_ registry: MetricRegistry, _ name: String, _ labels: [String]) -> MetricValue? {
        registry.scrape().first { $0.name == name }?.points.first { $0.labels.map(\.value) == labels }?.value
    }

    @Test("label sets beyond the limit go to other and are counted")
    func limit() {
        let registry = MetricRegistry()
        let family = registry.counters("calls", help: "", labels: ["service", "span"], limit: 2)
        family.with("a", "x").add()
        family.with("b", "x").add(2)
        family.with("c", "x").add(3)
        family.with("d", "x").add(4)
        family.with("a", "x").add(5)
        family.with("other", "other").add(6)
        #expect(family.seriesCount == 2)
        #expect(family.overflowCount == 2)
        #expect(point(registry, "calls", ["a", "x"]) == .integer(6))
        #expect(point(registry, "calls", ["other", "other"]) == .integer(13))
        #expect(family.points.count == 3)
        #expect(point(registry, "spanbridge_metric_series", ["calls"]) == .number(2))
        #expect(point(registry, "spanbridge_metric_series_limit", ["calls"]) == .number(2))
        #expect(point(registry, "spanbridge_metric_series_overflow", ["calls"]) == .number(2))
        family.remove(["a", "x"])
        family.with("c", "x").add()
        #expect(point(registry, "calls", ["c", "x"]) == .integer(1))
    }

    @Test("a name registered again is the same family")
    func again() {
        let registry = MetricRegistry()
        registry.counter("a_total", help: "first").add()
        registry.counter("a", help: "second").add()
        #expect(registry.scrape().count == 1)
        #expect(point(registry, "a", []) == .integer(2))
    }

    @Test("several owners add series to one name, read at scrape")
    func readers() {
        let registry = MetricRegistry()
        let level = Mutex(1.0)
        registry.register("queue", .gauge, help: "", labels: [MetricLabel("exporter", "a")]) { level.withLock { $0 } }
        registry.register("queue", .gauge, help: "") { [MetricPoint(labels: [MetricLabel("exporter", "b")], 7)] }
        level.withLock { $0 = 3 }
        #expect(point(registry, "queue", ["a"]) == .number(3))
        #expect(point(registry, "queue", ["b"]) == .number(7))
    }

    @Test("increments from many threads are all counted")
    func concurrency() async {
        let registry = MetricRegistry()
        let counter = registry.counter("c", help: "")
        let gauge = registry.gauge("g", help: "")
        let histogram = registry.histogram("h", help: "", bounds: [1, 2])
        let family = registry.counters("f", help: "", labels: ["l"], limit: 2)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for step in 0..<10_000 {
                        counter.add()
                        gauge.add(step % 2 == 0 ? 2 : -1)
                        histogram.observe(
                            Double(step % 3) + 0.5, exemplar: Exemplar(traceHigh: 1, traceLow: 2, time: 3))
                        family.with(String(task % 4)).add()
                    }
                }
            }
        }
        #expect(counter.count == 80_000)
        #expect(gauge.current == 40_000)
        #expect(histogram.reading.count == 80_000)
        #expect(histogram.reading.sum == 8 * (3_334 * 0.5 + 3_333 * 1.5 + 3_333 * 2.5))
        #expect(family.points.reduce(0) { sum, point in
            guard case .integer(let count) = point.value else { return sum }
            return sum + count
        } == 80_000)
    }

    @Test("an observation on a bound is in its bucket; NaN is not counted; negative additions are not made")
    func edges() {
        let histogram = Histogram(bounds: [2, 1, 1, .infinity, .nan])
        #expect(histogram.bounds == [1, 2])
        for value in [1.0, 1.5, 2, 2.5, .infinity, .nan, -1] { histogram.observe(value) }
        #expect(histogram.reading.counts == [2, 2, 2])
        let counter = Counter()
        counter.add(-1)
        #expect(counter.count == 0)
    }

    @Test("an exemplar is made of a whole trace id only")
    func exemplars() {
        let id = "5b8efff798038103d269b633813fc60c"
        #expect(Exemplar(traceID: id, time: 1)?.traceLow == 0xd269_b633_813f_c60c)
        for wrong in ["", String(id.dropLast()), id + "0", "+" + id.dropFirst(), String(repeating: "g", count: 32)] {
            #expect(Exemplar(traceID: wrong, time: 1) == nil)
        }
        let histogram = Histogram(bounds: [1])
        histogram.observe(0.5, exemplar: Exemplar(traceID: id, time: 1))
        histogram.observe(0.25)
        #expect(histogram.reading.exemplars[0]?.value == 0.5)
        #expect(histogram.reading.exemplars[1] == nil)
    }
}
