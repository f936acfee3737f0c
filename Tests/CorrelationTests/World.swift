import FoundationEssentials
import OTLP
import Testing

@testable import Correlation

/// A correlator with the world around it: a journal that keeps every batch, a clock that only the test moves, and a model
/// of what a backend has received. It watches for what must never happen: a span that leaves twice without being amended,
/// or a record that is finished while spans of it wait.
final class World {
    /// How a span was last seen to leave.
    struct Seen: Equatable {
        var trace: TraceID
        var parent: SpanID
        var amended = false
        var rule = JoinRule.own
        var links: [AddedLink] = []
        /// How often it left.
        var copies = 1
    }

    private(set) var correlator: Correlator
    private let settings: CorrelationSettings
    var now: UInt64 = 1_000 * second
    private(set) var journal: [UInt64: SpanBatch] = [:]
    /// The backend, by span id: test worlds give every span an id of its own.
    private(set) var backend: [SpanID: Seen] = [:]
    private(set) var executionSpans: [ExecutionSpan] = []
    private(set) var dependents: [UInt64] = []
    private(set) var finished: Set<UInt64> = []
    private(set) var amendments: [Amendment] = []
    private(set) var reloads = 0
    /// The executions that were asked about.
    private(set) var asked: [String] = []
    /// What must never happen, in words.
    private(set) var violations: [String] = []
    /// Everything that came, record 1 first.
    private var inputs: [Input] = []
    private var lastRecord: UInt64 { UInt64(inputs.count) }
    /// Which spans of which records have left since the last crash.
    private var left: [UInt64: Set<SpanID>] = [:]
    /// Those that left for what came last.
    private var leftJustNow: [(record: UInt64, span: SpanID)] = []
    private var hasCrashed = false
    private var marks: (applied: UInt64, delivered: UInt64) = (0, 0)
    private var stored: [StoredState.Kind: [[UInt8]: StoredState]] = [:]

    init(_ change: (inout CorrelationSettings) -> Void = { _ in }) {
        var settings = CorrelationSettings.defaults
        change(&settings)
        self.settings = settings
        correlator = Correlator(settings: settings)
    }

    // MARK: Input

    /// A batch arrives. Returns its record.
    @discardableResult
    func receive(_ spans: [TestSpan]) throws -> UInt64 { try receive(payload: TestSpan.request(spans)) }

    @discardableResult
    func receive(payload: [UInt8], keys: CompiledKeys = World.keys) throws -> UInt64 {
        let batch = SpanBatch(
            record: lastRecord + 1, payload: payload, index: try SpanIndex(payload: payload, keys: keys))
        journal[batch.record] = batch
        return take(.spans(batch))
    }

    @discardableResult
    func receive(_ spans: TestSpan...) throws -> UInt64 { try receive(spans) }

    func receive(_ event: CloudEvent) { take(.event(event)) }

    func bind(
        _ execution: String, event: String? = nil, tenant: String? = nil, traceparent: TraceContext? = nil,
        state: String? = nil, parent: String? = nil
    ) {
        take(
            .binding(
                BindingCall(
                    executionID: execution, event: event.map { .init(id: $0, source: source, tenantID: tenant) },
                    traceparent: traceparent.map(Traceparent.init), state: state, parentExecutionID: parent)))
    }

    func receive(_ call: BindingCall) { take(.binding(call)) }

    /// Kestra's record of an execution is told.
    func report(_ execution: String, _ change: (inout ReportedExecution) -> Void) {
        var report = ReportedExecution(executionID: execution)
        change(&report)
        take(.report(report))
    }

    /// A request of logs or metrics that names these traces. Returns its record.
    func receiveDependent(_ traces: TraceID...) -> UInt64 { take(.dependent(traces)) }

    private enum Input {
        case spans(SpanBatch)
        case event(CloudEvent)
        case binding(BindingCall)
        case dependent([TraceID])
        case report(ReportedExecution)
    }

    @discardableResult
    private func take(_ input: Input) -> UInt64 {
        inputs.append(input)
        give(input, record: lastRecord)
        return lastRecord
    }

    private func give(_ input: Input, record: UInt64) {
        switch input {
        case .spans(let batch): correlator.receive(batch, now: now)
        case .event(let event): correlator.receive(event, record: record, now: now)
        case .report(let report): correlator.receive(report, record: record, now: now)
        case .binding(let call): correlator.receive(call, record: record, now: now)
        case .dependent(let traces): correlator.receiveDependent(record: record, traces: traces, now: now)
        }
        carryOut()
    }

    /// Moves the clock, one deadline after the other.
    func wait(_ duration: UInt64) {
        let end = now + duration
        while let next = correlator.deadline, next <= end {
            now = max(now, next)
            tick()
        }
        now = end
        tick()
    }

    func tick() {
        correlator.tick(now: now)
        carryOut()
    }

    // MARK: Restarts

    /// Stores what changed, as housekeeping does.
    func store() {
        for state in correlator.takeChangedState() { stored[state.kind, default: [:]][state.key] = state }
        let owed = inputs.indices.first { position in
            if case .spans = inputs[position] { !finished.contains(UInt64(position + 1)) } else { false }
        }
        marks = (lastRecord, owed.map(UInt64.init) ?? lastRecord)
    }

    /// Goes on with a new correlator that knows what was stored and nothing else.
    func restart() {
        correlator = Correlator(settings: settings)
        for kind in StoredState.Kind.allCases {
            // The catalog gives no order within a kind; this one is at least the same every time.
            for state in (stored[kind] ?? [:]).sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
                if !correlator.restore(kind: kind, body: state.value.body, now: now) {
                    violations.append("state of \(state.key) was refused")
                }
            }
        }
        _ = correlator.takeChangedState()
    }

    /// Loses everything since `store` and learns it again from the journal, as a start does: what was delivered is learned
    /// from only, the rest is treated as if it came now.
    func crash() {
        hasCrashed = true
        left = [:]
        finished = finished.filter { $0 <= marks.delivered }
        restart()
        correlator.isReplaying = true
        correlator.passedTraces.forgetNothing()
        for (position, input) in inputs.enumerated() where position >= min(marks.applied, marks.delivered) {
            if position >= marks.delivered { correlator.isReplaying = false }
            give(input, record: UInt64(position + 1))
        }
        correlator.isReplaying = false
    }

    var storedBodies: [(kind: StoredState.Kind, body: [UInt8])] {
        StoredState.Kind.allCases.flatMap { kind in (stored[kind] ?? [:]).values.map { (kind, $0.body) } }
    }

    // MARK: Output

    private func carryOut() {
        leftJustNow = []
        for action in correlator.takeActions() {
            switch action {
            case .release(let release): send(release)
            case .executionSpan(let span): executionSpans.append(span)
            case .amend(let amendment):
                amendments.append(amendment)
                for record in journal.keys.sorted() where record <= amendment.through {
                    guard let batch = journal[record] else { continue }
                    if let release = correlator.amend(batch, amendment) { send(release) }
                }
            case .reload(let record, let groups, let isLast):
                reloads += 1
                if let batch = journal[record], let release = correlator.reloaded(batch, groups: groups) {
                    send(release)
                }
                if isLast { finish(record) }
            case .releaseDependent(let record): dependents.append(record)
            case .finished(let record): finish(record)
            case .askAbout(let execution): asked.append(execution)
            }
        }
    }

    private func send(_ release: Release) {
        guard let batch = release.batch ?? journal[release.record] else {
            violations.append("a release of the unknown record \(release.record)")
            return
        }
        let edits =
            release.edits ?? batch.index.spans.indices.map { SpanEdit(unchanged: batch.index.spans[$0], at: $0) }
        for edit in edits {
            let id = batch.index.spans[Int(edit.span)].spanID
            let before = backend[id]
            let isFirst = left[release.record, default: []].insert(id).inserted
            if !edit.amended {
                leftJustNow.append((release.record, id))
            } else if leftJustNow.contains(where: { $0 == (release.record, id) }) {
                violations.append("\(id.hex) left and was amended at once")
            }
            if !isFirst, !edit.amended { violations.append("\(id.hex) left twice") }
            if isFirst, edit.amended, !hasCrashed { violations.append("\(id.hex) was amended before it left") }
            backend[id] = Seen(
                trace: edit.traceID, parent: edit.parentSpanID, amended: edit.amended, rule: edit.rule,
                links: release.links.isEmpty
                    ? [] : Array(release.links[Int(edit.links.lowerBound)..<Int(edit.links.upperBound)]),
                copies: (before?.copies ?? 0) + 1)
        }
    }

    private func finish(_ record: UInt64) {
        if !finished.insert(record).inserted { violations.append("record \(record) was finished twice") }
        for span in journal[record]?.index.spans ?? [] where backend[span.spanID] == nil {
            violations.append("record \(record) was finished without \(span.spanID.hex)")
        }
    }

    static let keys = CompiledKeys(.defaults)
}

let second: UInt64 = 1_000_000_000
let source = "portarium"
let e1 = execution(1)
let e2 = execution(2)
let e3 = execution(3)

/// A trace id, a span id and an execution id by number. Execution ids have the shape of Kestra's.
func traceID(_ number: UInt64) -> TraceID { TraceID(high: 0xAA, low: number) }
func id(_ number: UInt64) -> SpanID { SpanID(raw: number) }
func execution(_ number: Int) -> String {
    let digits = String(number)
    return "execution" + String(repeating: "0", count: 11 - digits.count) + digits
}

func context(_ traceNumber: UInt64, _ span: UInt64) -> TraceContext {
    TraceContext(traceID: traceID(traceNumber), spanID: id(span))
}

func derived(_ execution: String) -> TraceID { DerivedIDs.trace(tenant: "main", execution: execution) }
func own(_ execution: String) -> SpanID { DerivedIDs.executionSpan(tenant: "main", execution: execution) }

func event(
    _ id: String, tenant: String? = nil, at context: TraceContext? = nil, data: String = ""
) -> CloudEvent {
    var event = CloudEvent(id: id, source: source, type: "run.started", rawData: Array(data.utf8))
    event.tenantID = tenant
    event.traceparent = context.map { Traceparent($0).text }
    return event
}

extension Traceparent {
    init(_ context: TraceContext) { self.init(traceID: context.traceID, parentID: context.spanID, flags: 1) }
}

/// One span as a system sends it.
struct TestSpan {
    enum Sender: CaseIterable { case kestraServer, kestra, portarium, shop }

    var sender: Sender
    var trace: TraceID
    var id: SpanID
    var parent: SpanID
    var name: String
    var kind: UInt8
    var attributes: [(String, String)]
    var start = 10 * second
    var end = 11 * second
    var isError = false

    /// A call that Kestra took in.
    static func server(
        _ id: UInt64, in trace: UInt64, under parent: UInt64 = 0, query: String = "", path: String = "",
        headers: [(String, String)] = [], method: String = "POST"
    ) -> TestSpan {
        var attributes = headers.map { ("http.request.header.\($0.0)", $0.1) }
        if !query.isEmpty { attributes.append(("url.query", query)) }
        if !path.isEmpty { attributes.append(("url.path", path)) }
        return TestSpan(
            sender: .kestraServer, trace: traceID(trace), id: SpanID(raw: id), parent: SpanID(raw: parent),
            name: "\(method) /webhook", kind: 2, attributes: attributes)
    }

    /// One message of an execution; `starts` if it is a task's that starts executions.
    static func executor(
        _ id: UInt64, of execution: String, in trace: UInt64, under parent: UInt64 = 0, starts: Bool = false,
        tenant: String = "main"
    ) -> TestSpan {
        task(
            "EXECUTOR - main_shop_flow", id, execution, trace, parent,
            starts ? "io.kestra.plugin.core.flow.Subflow" : "x", tenant)
    }

    /// One attempt of a task run.
    static func worker(
        _ id: UInt64, of execution: String, in trace: UInt64, under parent: UInt64 = 0, tenant: String = "main"
    ) -> TestSpan {
        task("WORKER - io.kestra.Log", id, execution, trace, parent, "io.kestra.Log", tenant)
    }

    private static func task(
        _ name: String, _ id: UInt64, _ execution: String, _ trace: UInt64, _ parent: UInt64, _ source: String,
        _ tenant: String
    ) -> TestSpan {
        TestSpan(
            sender: .kestra, trace: traceID(trace), id: SpanID(raw: id), parent: SpanID(raw: parent), name: name,
            kind: 1,
            attributes: [
                ("kestra.executionId", execution), ("kestra.namespace", "shop"), ("kestra.flowId", "flow"),
                ("kestra.source", source),
            ] + (tenant.isEmpty ? [] : [("kestra.tenantId", tenant)]))
    }

    /// A span of Portarium, which may publish an event or name an execution.
    static func portarium(
        _ id: UInt64, in trace: UInt64, under parent: UInt64 = 0, publishes event: String? = nil,
        tenant: String? = nil, starts execution: String? = nil, kind: UInt8 = 4
    ) -> TestSpan {
        var attributes: [(String, String)] = []
        if let event { attributes += [("cloudevents.event_id", event), ("cloudevents.event_source", source)] }
        if let tenant { attributes.append(("cloudevents.event_tenantid", tenant)) }
        if let execution { attributes.append(("kestra.execution.id", execution)) }
        return TestSpan(
            sender: .portarium, trace: traceID(trace), id: SpanID(raw: id), parent: SpanID(raw: parent),
            name: "publish", kind: kind, attributes: attributes)
    }

    /// A span of a system that is neither.
    static func shop(_ id: UInt64, in trace: UInt64, under parent: UInt64 = 0) -> TestSpan {
        TestSpan(
            sender: .shop, trace: traceID(trace), id: SpanID(raw: id), parent: SpanID(raw: parent),
            name: "GET /", kind: 2, attributes: [])
    }

    func at(_ start: UInt64, _ end: UInt64) -> TestSpan {
        var span = self
        (span.start, span.end) = (start, end)
        return span
    }

    var failed: TestSpan {
        var span = self
        span.isError = true
        return span
    }

    /// The request that carries the spans, one resource a sender.
    static func request(_ spans: [TestSpan]) -> [UInt8] {
        var payload: [UInt8] = []
        for sender in Sender.allCases {
            let sent = spans.filter { $0.sender == sender }
            guard !sent.isEmpty else { continue }
            let (service, scope) =
                switch sender {
                case .kestraServer: ("kestra", "io.micronaut.http.server")
                case .kestra: ("kestra", "kestra")
                case .portarium: ("portarium-control-plane", "portarium.events")
                case .shop: ("shop", "web")
                }
            payload += SpanBuilder.request(
                resource: [("service.name", service)], scope: scope, version: "1", spans: sent.map(\.built))
        }
        return payload
    }

    private var built: BuiltSpan {
        BuiltSpan(
            traceID: trace, spanID: id, parentSpanID: parent, name: name, kind: kind, start: start, end: end,
            attributes: attributes.map { ($0.0, .string($0.1)) }, statusCode: isError ? 2 : 0)
    }
}

/// The seed of random tests: SPANBRIDGE_SEED, or a new one. It is printed so that a failure can be repeated.
struct Seeded: RandomNumberGenerator {
    let seed: UInt64
    private var state: UInt64

    init(_ test: String) {
        seed = Self.given ?? UInt64.random(in: 0...UInt64.max)
        state = seed
        print("\(test): SPANBRIDGE_SEED=\(seed)")
    }

    /// A part of a random test whose seed was printed.
    init(quietly seed: UInt64) {
        self.seed = seed
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    private static var given: UInt64? {
        ProcessInfo.processInfo.environment["SPANBRIDGE_SEED"].flatMap { UInt64($0) }
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}
