package import Correlation
package import OTLP

/// A correlator with the world around it: a journal that keeps every batch, a clock that only the test moves, and a model
/// of what a backend has received. It watches for what must never happen: a span that leaves twice without being amended,
/// or a record that is finished while spans of it wait.
package final class World {
    /// How a span was last seen to leave.
    package struct Seen: Equatable {
        package var trace: TraceID
        package var parent: SpanID
        package var amended: Bool
        package var rule: JoinRule
        package var links: [AddedLink]
        /// How often it left.
        package var copies: Int

        package init(
            trace: TraceID, parent: SpanID, amended: Bool = false, rule: JoinRule = .own, links: [AddedLink] = [],
            copies: Int = 1
        ) {
            self.trace = trace
            self.parent = parent
            self.amended = amended
            self.rule = rule
            self.links = links
            self.copies = copies
        }
    }

    /// What is told beside spans. Tenants are those of the sender's credential.
    package enum Told {
        case event(CloudEvent, tenant: String? = nil)
        case binding(BindingCall, tenant: String? = nil)
        case report(ReportedExecution)
        /// A request of logs or metrics that names these traces.
        case dependent([TraceID])
    }

    package private(set) var correlator: Correlator
    package private(set) var spillStore = DictionarySpillStore()
    package let settings: CorrelationSettings
    private let keys: CompiledKeys
    /// Plants faults: what the correlator wants done goes through it.
    package var tamper: (CorrelatorAction) -> [CorrelatorAction] = { [$0] }
    package var now: UInt64 = 1_000 * second
    package private(set) var journal: [UInt64: SpanBatch] = [:]
    /// The backend, by span id: test worlds give every span an id of its own.
    package private(set) var backend: [SpanID: Seen] = [:]
    /// The records that hold spans of a trace.
    private var recordsOfTraces: [TraceID: [UInt64]] = [:]
    package private(set) var executionSpans: [ExecutionSpan] = []
    package private(set) var deliverySpans: [DeliverySpan] = []
    package private(set) var dependents: [UInt64] = []
    /// The records of requests of logs or metrics.
    package private(set) var dependentRecords: [UInt64] = []
    /// When each span came first.
    package private(set) var arrivals: [SpanID: UInt64] = [:]
    package private(set) var finished: Set<UInt64> = []
    package private(set) var amendments: [Amendment] = []
    package private(set) var reloads = 0
    /// The executions that were asked about.
    package private(set) var asked: [String] = []
    /// What must never happen, in words.
    package private(set) var violations: [String] = []
    /// Everything that came, record 1 first.
    private var inputs: [Input] = []
    private var lastRecord: UInt64 { UInt64(inputs.count) }
    /// Which spans of which records have left since the last crash.
    private var left: [UInt64: Set<SpanID>] = [:]
    /// Those that left for what came last.
    private var leftJustNow: [(record: UInt64, span: SpanID)] = []
    private var hasCrashed = false
    private var marks: (applied: UInt64, delivered: UInt64) = (0, 0)
    private var stored: [UInt64: StoredState] = [:]

    package init(keys: CompiledKeys = World.keys, _ change: (inout CorrelationSettings) -> Void = { _ in }) {
        var settings = CorrelationSettings.defaults
        change(&settings)
        self.settings = settings
        self.keys = keys
        correlator = Correlator(settings: settings, spillStore: spillStore)
    }

    // MARK: Input

    /// A batch arrives. Returns its record.
    @discardableResult
    package func receive(_ spans: [TestSpan], tenant: String? = nil) throws -> UInt64 {
        try receive(payload: TestSpan.request(spans), tenant: tenant)
    }

    /// The same as a request of spans.
    ///
    /// - Parameter keys: what is read of it; nil: what the world's keys say.
    @discardableResult
    package func receive(payload: [UInt8], keys: CompiledKeys? = nil, tenant: String? = nil) throws -> UInt64 {
        let index = try SpanIndex(payload: payload, keys: keys ?? self.keys)
        let batch = SpanBatch(record: lastRecord + 1, payload: payload, index: index, tenant: tenant)
        journal[batch.record] = batch
        for span in index.spans where arrivals[span.spanID] == nil { arrivals[span.spanID] = now }
        for trace in Set(index.spans.map(\.traceID)) { recordsOfTraces[trace, default: []].append(batch.record) }
        return take(.spans(batch))
    }

    @discardableResult
    package func receive(_ spans: TestSpan...) throws -> UInt64 { try receive(spans) }

    package func receive(_ event: CloudEvent) { tell(.event(event)) }

    package func receive(_ call: BindingCall) { tell(.binding(call)) }

    package func bind(
        _ execution: String, event: String? = nil, tenant: String? = nil, traceparent: TraceContext? = nil,
        state: String? = nil, parent: String? = nil
    ) {
        tell(
            .binding(
                BindingCall(
                    executionID: execution, event: event.map { .init(id: $0, source: source, tenantID: tenant) },
                    traceparent: traceparent.map(Traceparent.init), state: state, parentExecutionID: parent)))
    }

    /// Kestra's record of an execution is told.
    package func report(_ execution: String, _ change: (inout ReportedExecution) -> Void) {
        var report = ReportedExecution(executionID: execution)
        change(&report)
        tell(.report(report))
    }

    /// A request of logs or metrics that names these traces. Returns its record.
    package func receiveDependent(_ traces: TraceID...) -> UInt64 { tell(.dependent(traces)) }

    /// Something is told. Returns its record.
    @discardableResult
    package func tell(_ told: Told) -> UInt64 { take(.told(told)) }

    private enum Input {
        case spans(SpanBatch)
        case told(Told)
    }

    @discardableResult
    private func take(_ input: Input) -> UInt64 {
        inputs.append(input)
        if case .told(.dependent) = input { dependentRecords.append(lastRecord) }
        give(input, record: lastRecord)
        return lastRecord
    }

    private func give(_ input: Input, record: UInt64) {
        switch input {
        case .spans(let batch): correlator.receive(batch, now: now)
        case .told(.event(let event, let tenant)):
            correlator.receive(event, record: record, tenant: tenant, now: now)
        case .told(.binding(let call, let tenant)):
            correlator.receive(call, record: record, tenant: tenant, now: now)
        case .told(.report(let report)): correlator.receive(report, record: record, now: now)
        case .told(.dependent(let traces)): correlator.receiveDependent(record: record, traces: traces, now: now)
        }
        carryOut()
    }

    /// Moves the clock, one deadline after the other.
    package func wait(_ duration: UInt64) {
        let end = now + duration
        while let next = correlator.deadline, next <= end {
            now = max(now, next)
            tick()
        }
        now = end
        tick()
    }

    package func tick() {
        correlator.tick(now: now)
        carryOut()
    }

    // MARK: Restarts

    /// Stores what changed, as housekeeping does.
    package func store() {
        for state in correlator.takeChangedState() {
            stored[state.id] = state.body.isEmpty ? nil : state
        }
        let owed = inputs.indices.first { position in
            if case .spans = inputs[position] { !finished.contains(UInt64(position + 1)) } else { false }
        }
        marks = (lastRecord, owed.map(UInt64.init) ?? lastRecord)
    }

    /// Goes on with a new correlator that knows what was stored and nothing else.
    package func restart() {
        spillStore = DictionarySpillStore()
        correlator = Correlator(settings: settings, spillStore: spillStore)
        correlator.lastStoredID = stored.keys.max() ?? 0
        for state in storedStates where !correlator.restore(state, now: now) {
            violations.append("the \(state.kind) stored under \(state.id) was refused")
        }
    }

    /// Loses everything since `store` and learns it again from the journal, as a start does: what was delivered is learned
    /// from only, the rest is treated as if it came now.
    package func crash() {
        hasCrashed = true
        left = [:]
        finished = finished.filter { $0 <= marks.delivered }
        restart()
        (correlator.isReplaying, correlator.isCatchingUp) = (true, true)
        correlator.passedTraces.forgetNothing()
        for (position, input) in inputs.enumerated() where position >= min(marks.applied, marks.delivered) {
            if position >= marks.delivered { correlator.isReplaying = false }
            give(input, record: UInt64(position + 1))
        }
        (correlator.isReplaying, correlator.isCatchingUp) = (false, false)
    }

    /// What is stored, in the order of a start.
    package var storedStates: [StoredState] {
        stored.values.sorted { ($0.time, $0.kind.rawValue, $0.id) < ($1.time, $1.kind.rawValue, $1.id) }
    }

    // MARK: Output

    private func carryOut() {
        leftJustNow = []
        for action in correlator.takeActions() { tamper(action).forEach(carryOut) }
    }

    private func carryOut(_ action: CorrelatorAction) {
        switch action {
        case .release(let release): send(release)
        case .executionSpan(let span): executionSpans.append(span)
        case .deliverySpan(let span): deliverySpans.append(span)
        case .amend(let amendment):
            amendments.append(amendment)
            for record in recordsOfTraces[amendment.trace] ?? [] where record <= amendment.through {
                guard let batch = journal[record] else { continue }
                if let release = correlator.amend(batch, amendment) { sendTampered(release) }
            }
        case .reload(let record, let groups, let isLast):
            reloads += 1
            if let batch = journal[record], let release = correlator.reloaded(batch, groups: groups) {
                sendTampered(release)
            }
            if isLast { finish(record) }
        case .releaseDependent(let record): dependents.append(record)
        case .finished(let record): finish(record)
        case .askAbout(let execution): asked.append(execution)
        }
    }

    private func sendTampered(_ release: Release) {
        for case .release(let release) in tamper(.release(release)) { send(release) }
    }

    private func send(_ release: Release) {
        guard journal[release.record] != nil else {
            violations.append("a release of the unknown record \(release.record)")
            return
        }
        let batch = release.batch
        let edits = World.edits(of: release, batch)
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

    /// How the spans of a release leave, one by one.
    static func edits(of release: Release, _ batch: SpanBatch) -> [SpanEdit] {
        release.edits
            ?? batch.index.spans.enumerated().map { SpanEdit(unchanged: $1, at: $0) }
    }

    private func finish(_ record: UInt64) {
        if !finished.insert(record).inserted { violations.append("record \(record) was finished twice") }
        for span in journal[record]?.index.spans ?? [] where backend[span.spanID] == nil {
            violations.append("record \(record) was finished without \(span.spanID.hex)")
        }
    }

    package static let keys = CompiledKeys(.defaults)
}
