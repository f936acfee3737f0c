import Correlation
import OTLP
import QueryAPI
import Timeline

// From what the correlator and the journal know to what the timeline and the API speak of.

extension EventSnapshot {
    /// Where a list goes on after this event.
    var cursor: String { "\(key.tenant)|\(key.source)|\(key.id)" }

    /// The state of the whole: of its only execution, else the one that needs attention most.
    var state: String {
        let states = executions.map(\.state)
        for wanted in ["FAILED", "KILLED", "CANCELLED", "WARNING", "RUNNING", "PAUSED"] where states.contains(wanted) {
            return wanted
        }
        if !states.isEmpty, states.allSatisfy({ $0 == "SUCCESS" }) { return "SUCCESS" }
        if executions.contains(where: { $0.errorCount > 0 }) { return TimelineState.errorsSeen }
        return executions.isEmpty ? TimelineState.noExecution : TimelineState.quiet
    }

    var summary: EventSummary {
        let first = ([firstSeen, time] + executions.map(\.start)).filter { $0 > 0 }.min() ?? firstSeen
        let last = executions.map(\.end).max().map { max($0, first) } ?? first
        return EventSummary(
            tenant: key.tenant, source: key.source, id: key.id, type: type, subject: subject, time: time,
            traceID: traces.first, state: state, firstSeen: first, lastSeen: last,
            durationNanos: last > first ? last - first : 0,
            executions: executions.map {
                EventSummary.Execution(id: $0.id, namespace: $0.namespace, flow: $0.flow, state: $0.state)
            },
            spans: executions.reduce(0) { $0 + $1.spanCount }, errors: executions.reduce(0) { $0 + $1.errorCount })
    }
}

extension EventFilter {
    func wants(_ event: EventSnapshot) -> Bool {
        let time = event.time == 0 ? event.firstSeen : event.time
        if let tenant, event.key.tenant != tenant { return false }
        if let source, event.key.source != source { return false }
        if let type, event.type != type { return false }
        if let since, time < since { return false }
        if let until, time >= until { return false }
        if let flow, !event.executions.contains(where: { $0.flow == flow || "\($0.namespace).\($0.flow)" == flow }) {
            return false
        }
        if let state, event.state.caseInsensitiveCompare(state) == false { return false }
        return true
    }
}

extension String {
    /// Whether both texts are the same but for the case of ASCII letters.
    fileprivate func caseInsensitiveCompare(_ other: String) -> Bool {
        lowercased() == other.lowercased()
    }
}

extension TimelineEvent {
    init(_ event: EventSnapshot) {
        self.init(
            tenant: event.key.tenant, source: event.key.source, id: event.key.id, type: event.type,
            subject: event.subject, time: event.time,
            traceparent: event.context.map { "00-\($0.traceID.hex)-\($0.spanID.hex)-01" } ?? "")
    }
}

extension ExecutionInput {
    init(_ execution: ExecutionSnapshot, of event: EventSnapshot?) {
        let deliveries = event?.executions.filter { $0.startedBy == nil }.map(\.id) ?? []
        self.init(
            id: execution.id, tenant: execution.tenant, namespace: execution.namespace, flow: execution.flow,
            state: execution.state.isEmpty
                ? nil : StateEvidence(name: execution.state, from: execution.stateReporter ?? "POST /v1/bindings"),
            started: execution.start == 0 ? nil : execution.start, ended: nil,
            originalTraceIDs: execution.originalTraces, rule: execution.rule.name,
            evidence: execution.evidence.map {
                EvidenceItem(kind: $0.kind.name, value: $0.value.text, seenAt: $0.seenAt, from: $0.origin.text)
            },
            parentExecution: execution.startedBy?.id,
            relation: execution.startedBy != nil
                ? .subflow : deliveries.first == execution.id || deliveries.isEmpty ? .delivered : .redelivery)
    }
}

extension ExecutionSnapshot {
    /// Who told the state, if that was the Kestra API.
    fileprivate var stateReporter: String? {
        evidence.first { $0.kind == .reportedState && $0.value == .text(state) }?.origin.text
    }
}

extension TimelineSpan {
    /// A stored span under the ids it leaves with; nil if it cannot be read.
    init?(_ edit: SpanEdit, of batch: SpanBatch, keys: CompiledKeys) {
        let entry = batch.index.spans[Int(edit.span)]
        guard let detail = try? SpanDetail(payload: batch.payload, index: batch.index, span: Int(edit.span)) else {
            return nil
        }
        let scope = batch.index.scopes[Int(entry.scope)]
        let resource = batch.index.resources[Int(scope.resource)]
        func text(_ range: ByteRange) -> String { String(decoding: batch.payload[range.indices], as: UTF8.self) }
        self.init(
            traceID: edit.traceID, spanID: entry.spanID, parentSpanID: edit.parentSpanID,
            originalTraceID: entry.traceID, name: detail.name, kind: entry.kind, start: entry.start, end: entry.end,
            status: entry.status, statusMessage: detail.statusMessage, service: text(resource.serviceName),
            scope: text(scope.name),
            origin: TimelineOrigin(name: keys.name(of: scope.origin), role: scope.role), kestra: entry.kestra,
            executionID: entry.execution < 0
                ? nil : batch.index.executions[Int(entry.execution)].id(in: batch.payload),
            taskRun: entry.taskRun.isEmpty ? nil : text(entry.taskRun),
            route: detail.string("http.route") ?? detail.string("url.path").map { _ in "" })
    }

    /// The span that spanbridge makes for an execution.
    init(_ span: ExecutionSpan) {
        self.init(
            traceID: span.traceID, spanID: span.spanID, parentSpanID: span.parentSpanID,
            originalTraceID: span.traceID, name: "\(span.namespace).\(span.flow)", kind: 5, start: span.start,
            end: span.end, status: span.hasErrors ? 2 : 0, service: "spanbridge", scope: "spanbridge", origin: .kestra,
            kestra: .none, executionID: span.executionID, isSynthetic: true)
    }
}
