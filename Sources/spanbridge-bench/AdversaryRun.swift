import Correlation
import Glibc
import OTLP

/// `spanbridge-bench adversaries`: what a million hostile spans cost the correlator in memory. Each adversary runs in a
/// process of its own, so that the peak of its resident memory is its own.
struct AdversaryRun {
    /// How many spans, traces, executions or events the adversary has.
    var count: Int
    /// Where the file for quiet ones is made.
    var directory: String
    private let keys = CompiledKeys(.defaults)

    /// Peaks beyond this fail, bytes: what the default limits allow in memory, 400,000 executions, events and traces that
    /// wait, the index of those that do not, and the 64 MiB of waiting spans.
    static let limit = 1_500 << 20

    private typealias Adversary = (
        name: String, what: String, run: @Sendable (AdversaryRun, inout CorrelatorFeed) throws -> Void
    )

    private static let adversaries: [Adversary] = [
        ("event", "one event id on every delivery", { try $0.deliveries(of: { _ in "evt" }, &$1) }),
        ("events", "an event of its own for every delivery", { try $0.deliveries(of: { "evt-\($0)" }, &$1) }),
        ("publishers", "one event id on every publishing span", { try $0.publishers(&$1) }),
        ("traces", "one execution id in every trace", { try $0.traces(&$1) }),
        ("executions", "every execution id in one trace", { try $0.executions(&$1) }),
        ("waiting", "executions that wait for evidence at one time", { try $0.waiting(&$1) }),
        ("bindings", "one execution bound to every event", { try $0.bindings(&$1) }),
    ]

    static var names: [String] { adversaries.map(\.name) }

    /// Runs one adversary in this process and says what it cost. Throws if it was too much.
    func run(_ name: String) throws {
        guard let adversary = Self.adversaries.first(where: { $0.name == name }) else {
            throw BenchError("\(name) is no adversary; there are \(Self.names.joined(separator: ", "))")
        }
        let before = CPUTime.ofProcess
        let scratch = try ScratchDirectory(in: directory)
        var feed = CorrelatorFeed(spill: try FileSpillStore(path: "\(scratch.path)/spill.sqlite"))
        try adversary.run(self, &feed)
        feed.finish()
        let peak = MeasuredProcess.peakMemory(of: "self")
        let (sizes, counters) = (feed.correlator.sizes, feed.correlator.counters)
        show(
            """
            \(name): \(adversary.what), \(count)
              peak of resident memory \(peak >> 20) MiB (limit \(Self.limit >> 20)), CPU \((CPUTime.ofProcess - before) / 1_000_000) ms
              \(feed.spans) spans came, \(feed.left) left, \(feed.amendments) amendments
              remembered: \(sizes.executions) executions, \(sizes.events) events, \(sizes.traces) traces; largest stored state \(feed.largestState) bytes
              moved out of memory \(counters.spilledClusters) times, read back \(counters.recalledClusters)
              forgotten \(counters.forgotten), relations cut \(counters.relationsCut), records evicted \(counters.evictedRecords)

            """)
        guard peak <= Self.limit else { throw BenchError("\(name) took more memory than its limit") }
        // Records that were dropped from memory leave by the journal, which is not here.
        guard counters.evictedRecords > 0 || feed.left >= feed.spans else { throw BenchError("\(name): spans did not leave") }
    }

    /// Runs every adversary, each in a process of its own. Throws if one failed.
    func runAll() throws {
        var failed: [String] = []
        for name in Self.names {
            let words = [
                "spanbridge-bench", "adversaries", "--only", name, "--count", "\(count)", "--directory", directory,
            ]
            var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
            defer { arguments.forEach { free($0) } }
            var child: pid_t = 0
            guard posix_spawn(&child, "/proc/self/exe", nil, nil, &arguments, environ) == 0 else {
                throw BenchError("cannot start \(name)")
            }
            var status: Int32 = 0
            waitpid(child, &status, 0)
            if status != 0 { failed.append(name) }
        }
        guard failed.isEmpty else { throw BenchError("failed: \(failed.joined(separator: ", "))") }
    }

    // MARK: Adversaries

    private func deliveries(of event: (Int) -> String, _ feed: inout CorrelatorFeed) throws {
        for batch in batches {
            for number in batch {
                feed.tell(
                    CloudEvent(id: event(number), source: "adversary", type: "t", rawData: []),
                    at: Traceparent(
                        traceID: TraceID(high: 8, low: UInt64(event(number).utf8.count > 3 ? number : 1) + 1),
                        parentID: SpanID(raw: 9), flags: 1))
            }
            let spans = batch.flatMap { number in
                let server = SpanID(raw: UInt64(number) << 1 | 1 << 62)
                return [
                    span(number, server, .none, "POST", 2, [("url.query", "ce-id=\(event(number))&ce-source=adversary")]),
                    task(number, SpanID(raw: UInt64(number) << 1 | 1), server, execution(number)),
                ]
            }
            try feed.receive(spans, keys: keys)
        }
    }

    private func publishers(_ feed: inout CorrelatorFeed) throws {
        for batch in batches {
            let spans = batch.map { number in
                span(
                    number, SpanID(raw: UInt64(number) + 1), .none, "publish", 4,
                    [("cloudevents.event_id", "evt"), ("cloudevents.event_source", "adversary")])
            }
            try feed.receive(spans, keys: keys, service: "portarium")
        }
    }

    private func traces(_ feed: inout CorrelatorFeed) throws {
        for batch in batches {
            try feed.receive(
                batch.map { task($0, SpanID(raw: UInt64($0) + 1), .none, execution(1)) }, keys: keys)
        }
    }

    private func executions(_ feed: inout CorrelatorFeed) throws {
        for batch in batches {
            try feed.receive(
                batch.map { task(1, SpanID(raw: UInt64($0) + 2), SpanID(raw: 1), execution($0)) }, keys: keys)
        }
    }

    private func waiting(_ feed: inout CorrelatorFeed) throws {
        for batch in batches {
            try feed.receive(
                batch.map { task($0, SpanID(raw: UInt64($0) + 2), SpanID(raw: 1), execution($0)) }, keys: keys,
                pause: 0)
        }
    }

    private func bindings(_ feed: inout CorrelatorFeed) throws {
        try feed.receive([task(1, SpanID(raw: 2), .none, execution(1))], keys: keys)
        for number in 0..<count {
            feed.bind(
                BindingCall(
                    executionID: execution(1), event: .init(id: "evt-\(number)", source: "adversary"),
                    traceparent: Traceparent(
                        traceID: TraceID(high: 7, low: UInt64(count - number)), parentID: SpanID(raw: 9), flags: 1)))
        }
    }

    // MARK: Spans

    private var batches: [Range<Int>] {
        stride(from: 0, to: count, by: 1_000).map { $0..<min($0 + 1_000, count) }
    }

    private func trace(_ number: Int) -> TraceID { TraceID(high: 6, low: UInt64(number) + 1) }

    private func execution(_ number: Int) -> String {
        let digits = String(number)
        return "adversary" + String(repeating: "0", count: max(0, 13 - digits.count)) + digits
    }

    private func task(_ trace: Int, _ id: SpanID, _ parent: SpanID, _ execution: String) -> BuiltSpan {
        span(
            trace, id, parent, "WORKER - io.kestra.plugin.core.log.Log", 1,
            [
                ("kestra.executionId", execution), ("kestra.namespace", "a"), ("kestra.flowId", "b"),
                ("kestra.tenantId", "main"),
            ])
    }

    private func span(
        _ trace: Int, _ id: SpanID, _ parent: SpanID, _ name: String, _ kind: UInt8, _ attributes: [(String, String)]
    ) -> BuiltSpan {
        BuiltSpan(
            traceID: self.trace(trace), spanID: id, parentSpanID: parent, name: name, kind: kind, start: 1, end: 2,
            attributes: attributes.map { ($0.0, .string($0.1)) })
    }
}
