import Correlation
import Glibc
import Journal
import OTLP

/// `spanbridge-bench live`: what many live executions cost the correlator. Each has an event with a traceparent, a trace with
/// a SERVER span and three spans of its own, and a span of its own that has left.
struct LiveRun {
    /// How many executions.
    var count: Int
    /// Where the file for quiet ones is made.
    var directory: String
    private let keys = CompiledKeys(.defaults)

    /// A peak beyond this fails, bytes.
    static let limit = 512 << 20

    func run() throws {
        let scratch = try ScratchDirectory(in: directory)
        var feed = CorrelatorFeed(spill: try FileSpillStore(path: "\(scratch.path)/spill.sqlite"))
        let before = CPUTime.ofThread
        // A thousand new ones a second: more than any Kestra starts.
        for first in stride(from: 0, to: count, by: 1_000) {
            try start(first..<min(first + 1_000, count), &feed)
        }
        feed.finish()
        let (sizes, counters) = (feed.correlator.sizes, feed.correlator.counters)
        let peak = MeasuredProcess.peakMemory(of: "self")
        show(
            """
            \(count) executions, \(feed.spans) spans: \((CPUTime.ofThread - before) / UInt64(max(feed.spans, 1))) ns a span with making them
              remembered: \(sizes.executions) executions, \(sizes.events) events, \(sizes.traces) traces; in memory \(feed.correlator.unitsInMemory) of all
              moved out of memory \(counters.spilledClusters) times, forgotten \(counters.forgotten)
              peak of resident memory \(peak >> 20) MiB (limit \(Self.limit >> 20))

            """)
        guard sizes.executions == count else { throw BenchError("executions were forgotten") }
        var random = SystemRandomNumberGenerator()
        let asked = (0..<min(count, 10_000)).map { _ in Int.random(in: 0..<count, using: &random) }
        let recalls = counters.recalledClusters
        try time("any execution is asked for, from file or memory", asked) { number in
            guard feed.correlator.target(of: trace(number), execution: nil) == home(number) else {
                throw BenchError("\(execution(number)) is not where it belongs")
            }
        }
        show("    of these from the file: \(feed.correlator.counters.recalledClusters - recalls)\n")
        try time("where the spans of an execution in memory belong", asked) { number in
            _ = feed.correlator.target(of: trace(number), execution: nil)
        }
        // New ones that wait for evidence, so that the calls decide.
        let new = count..<count + 5_000
        for first in stride(from: new.lowerBound, to: new.upperBound, by: 1_000) {
            try feed.receive(spans(first..<first + 1_000, isTold: false), keys: keys, pause: 0)
        }
        try time("a binding call that decides, with the release of what waits", Array(new)) { number in
            feed.bind(
                BindingCall(
                    executionID: execution(number), event: .init(id: "evt-\(number)", source: "bench"),
                    traceparent: Traceparent(traceID: home(number), parentID: SpanID(raw: 9), flags: 1)),
                pause: 0)
        }
        guard new.allSatisfy({ feed.correlator.target(of: trace($0), execution: nil) == home($0) }) else {
            throw BenchError("a binding call did not decide")
        }
        guard peak <= Self.limit else { throw BenchError("more memory than the limit") }
    }

    private func time(_ what: String, _ numbers: [Int], _ body: (Int) throws -> Void) throws {
        let before = CPUTime.ofThread
        for number in numbers { try body(number) }
        let each = Double(CPUTime.ofThread - before) / Double(max(numbers.count, 1)) / 1_000
        show("  \(what): \((each * 100).rounded() / 100) µs each\n")
    }

    private func start(_ numbers: Range<Int>, _ feed: inout CorrelatorFeed) throws {
        for number in numbers {
            feed.tell(
                CloudEvent(id: "evt-\(number)", source: "bench", type: "t", rawData: []),
                at: Traceparent(traceID: home(number), parentID: SpanID(raw: 9), flags: 1))
        }
        try feed.receive(spans(numbers, isTold: true), keys: keys, pause: 1_000_000_000)
    }

    private func spans(_ numbers: Range<Int>, isTold: Bool) -> [BuiltSpan] {
        numbers.flatMap { number in
            let server = span(number, 0, under: .none)
            let query: [(String, BuiltSpan.Value)] = isTold ? [("url.query", .string("ce-id=evt-\(number)&ce-source=bench"))] : []
            return [
                BuiltSpan(
                    traceID: trace(number), spanID: server, parentSpanID: .none, name: "POST", kind: 2, start: 1, end: 2,
                    attributes: query)
            ] + (1...3).map { step in
                BuiltSpan(
                    traceID: trace(number), spanID: span(number, step, under: server),
                    parentSpanID: server, name: step == 1 ? "EXECUTOR - flow" : "WORKER - io.kestra.plugin.core.log.Log",
                    kind: 1, start: 1, end: 2,
                    attributes: [
                        ("kestra.executionId", .string(execution(number))), ("kestra.namespace", .string("company.team")),
                        ("kestra.flowId", .string("publish")), ("kestra.tenantId", .string("main")),
                    ])
            }
        }
    }

    private func span(_ number: Int, _ step: Int, under parent: SpanID) -> SpanID { SpanID(raw: UInt64(number) << 2 | UInt64(step) | 1 << 62) }
    private func trace(_ number: Int) -> TraceID { TraceID(high: 6, low: UInt64(number) + 1) }
    private func home(_ number: Int) -> TraceID { TraceID(high: 8, low: UInt64(number) + 1) }

    /// As long as Kestra's are.
    private func execution(_ number: Int) -> String {
        let digits = String(number)
        return "execution" + String(repeating: "0", count: max(0, 13 - digits.count)) + digits
    }
}
