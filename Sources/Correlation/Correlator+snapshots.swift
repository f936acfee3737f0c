package import OTLP

/// An execution as it is known now, for answers.
package struct ExecutionSnapshot: Sendable {
    package var id: String
    package var tenant: String
    package var namespace: String
    package var flow: String
    /// Empty if nobody told it.
    package var state: String
    /// The traces its spans arrived in.
    package var originalTraces: [TraceID]
    /// The trace it belongs to now.
    package var traceID: TraceID
    package var rule: JoinRule
    package var spanID: SpanID
    package var event: EventKey?
    package var startedBy: String?
    package var evidence: [Evidence]
    /// Unix nanoseconds; 0 before the first span.
    package var start: UInt64
    package var end: UInt64
    package var firstSeen: UInt64
    package var lastSeen: UInt64
    package var spanCount: Int
    package var errorCount: Int
    /// Whether its first span still waits for evidence.
    package var isHeld: Bool
    package var calls: [TraceContext]
}

/// An event as it is known now, for answers.
package struct EventSnapshot: Sendable {
    package var key: EventKey
    package var type: String
    package var subject: String
    /// Unix nanoseconds; 0 if unknown.
    package var time: UInt64
    package var context: TraceContext?
    package var publisher: TraceContext?
    package var firstSeen: UInt64
    package var lastSeen: UInt64
    package var executions: [ExecutionSnapshot]
    /// The unified traces that its story lies in, the event's own first.
    package var traces: [TraceID]
}

extension Correlator {
    /// The events of an id; several if sources or tenants differ.
    package func events(id: String, source: String?, tenant: String?) -> [EventSnapshot] {
        events.values.filter {
            $0.key.id.isExactly(id) && (source.map($0.key.source.isExactly) ?? true)
                && (tenant.map($0.key.tenant.isExactly) ?? true)
        }.sorted { $0.key < $1.key }.map(snapshot)
    }

    /// The latest events that pass a test, the newest first.
    package func events(limit: Int, where isWanted: (EventSnapshot) -> Bool) -> [EventSnapshot] {
        var found: [EventSnapshot] = []
        for event in events.values.sorted(by: { ($0.order, $1.key) > ($1.order, $0.key) }) {
            let snapshot = snapshot(event)
            if isWanted(snapshot) { found.append(snapshot) }
            if found.count == limit { break }
        }
        return found
    }

    package func execution(id: String) -> ExecutionSnapshot? {
        executions[id].map(snapshot)
    }

    /// The original traces of which spans lie under a unified trace, itself among them.
    package func originalTraces(of unified: TraceID) -> [TraceID] {
        [unified] + (movedTraces[unified] ?? [])
    }

    /// Where the spans of an original trace belong now.
    package func unifiedTraces(of original: TraceID) -> [TraceID] {
        guard let trace = traces[original] else { return [original] }
        var targets = trace.executions.map { placement(ofGroup: $0, in: trace).traceID }
        targets.append(placement(ofGroup: nil, in: trace).traceID)
        return Array(Set(targets)).sorted()
    }

    /// How the spans of a stored batch would leave now, as if none had left before.
    ///
    /// - Parameter leavingOutHeld: leaves out the spans that still wait: they leave by a release of their own.
    package func unify(_ batch: SpanBatch, leavingOutHeld: Bool = false) -> (edits: [SpanEdit], links: [AddedLink]) {
        var edits: [SpanEdit] = []
        var links: [AddedLink] = []
        edits.reserveCapacity(batch.index.spans.count)
        let found = batch.index.executions.map { executions[batch.text($0.id)] }
        for position in batch.index.spans.indices {
            let span = batch.index.spans[position]
            guard let trace = traces[span.traceID] else {
                edits.append(SpanEdit(unchanged: span, at: position))
                continue
            }
            let execution = span.execution >= 0 ? found[Int(span.execution)] : nil
            if leavingOutHeld,
                trace.held.contains(where: { $0.record == batch.record && $0.execution === execution })
            {
                continue
            }
            edits.append(edit(span, at: position, of: execution, in: trace, amended: false, links: &links))
        }
        return (edits, links)
    }

    /// The span of an execution as it would be exported now; nil if it has none.
    package func executionSpan(id: String) -> ExecutionSpan? {
        guard let execution = executions[id], execution.spanCount > 0, hasSpan(execution, home(of: execution)) else {
            return nil
        }
        return makeSpan(of: execution)
    }

    /// The spans of the executions that belong to these unified traces.
    package func executionSpans(in unified: [TraceID]) -> [ExecutionSpan] {
        let originals = unified.flatMap { originalTraces(of: $0) }
        var found: [String: Execution] = [:]
        for trace in originals {
            for execution in traces[trace]?.executions ?? [] where unified.contains(home(of: execution).traceID) {
                found[execution.id] = execution
            }
        }
        return found.values.sorted { $0.id < $1.id }.filter { hasSpan($0, home(of: $0)) }.map(makeSpan)
    }

    private func snapshot(_ execution: Execution) -> ExecutionSnapshot {
        let place = home(of: execution)
        return ExecutionSnapshot(
            id: execution.id, tenant: execution.tenant, namespace: execution.namespace, flow: execution.flow,
            state: execution.state, originalTraces: execution.traces.map(\.id), traceID: place.traceID,
            rule: place.rule, spanID: execution.spanID, event: event(of: execution)?.key,
            startedBy: execution.startedBy?.id, evidence: execution.evidence, start: execution.start,
            end: execution.end, firstSeen: execution.firstSeen, lastSeen: execution.lastSeen,
            spanCount: execution.spanCount, errorCount: execution.errorCount,
            isHeld: execution.traces.contains { trace in trace.held.contains { $0.execution === execution } },
            calls: execution.calls)
    }

    private func snapshot(_ event: EventState) -> EventSnapshot {
        var found = event.executions.filter { $0.event === event || $0.event == nil }
        // Native executions carry no event id: they belong to the only event of their trace.
        for context in [event.publisher, event.context].compactMap({ $0 }) {
            for execution in traces[context.traceID]?.executions ?? []
            where !found.contains(where: { $0 === execution }) && self.event(of: execution) === event {
                found.append(execution)
            }
        }
        var next = 0
        while next < found.count {
            let execution = found[next]
            next += 1
            for trace in execution.traces {
                for child in trace.executions
                where child.startedBy === execution && !found.contains(where: { $0 === child }) {
                    found.append(child)
                }
            }
        }
        var unified = event.target.map { [$0.traceID] } ?? []
        for execution in found {
            let trace = home(of: execution).traceID
            if !unified.contains(trace) { unified.append(trace) }
        }
        return EventSnapshot(
            key: event.key, type: event.type, subject: event.subject, time: event.time, context: event.context,
            publisher: event.publisher, firstSeen: event.firstSeen, lastSeen: event.lastSeen,
            executions: found.map(snapshot), traces: unified)
    }
}

extension EventState {
    /// What lists are ordered by: the event's own time, else its arrival. Unix nanoseconds.
    fileprivate var order: UInt64 { time == 0 ? firstSeen : time }
}

extension EventKey: Comparable {
    package static func < (a: EventKey, b: EventKey) -> Bool {
        (a.source, a.id, a.tenant) < (b.source, b.id, b.tenant)
    }
}
