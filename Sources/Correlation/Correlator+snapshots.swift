package import OTLP

/// An execution as it is known now, for answers.
package struct ExecutionSnapshot: Sendable {
    package var id: String
    /// Kestra's tenant.
    package var tenant: String
    /// The tenant that it is of, by credential, attribute, mapping or event; empty if unknown.
    package var owner: String
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
    /// What names it, also to `Correlator.execution`.
    package var name: ExecutionName
    package var startedBy: ExecutionName?
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
    /// The events and values of keys of an id; several if sources or tenants differ. What was said without a tenant about
    /// the one event that has one is part of that.
    package func events(id: String, source: String?, tenant: String?) -> [EventSnapshot] {
        let found: [EventState]
        if let source, let tenant {
            found = [knownEvent(EventKey(tenant: tenant, source: source, id: id))].compactMap { $0 }
        } else if let source {
            let name = knownName(EventKey(tenant: "", source: source, id: id))
            found = (name?.tenanted ?? []) + [name?.nameless].compactMap { $0 }
        } else {
            recall(.eventID(ExactText(id)))
            found = events.values.filter {
                $0.key.id.isExactly(id) && (tenant.map($0.key.tenant.isExactly) ?? true)
            }
        }
        return found.filter(isShown).sorted { $0.key < $1.key }.map(snapshot)
    }

    /// Ids of messages are no stories, and what is known under its tenant is not shown again without it.
    private func isShown(_ event: EventState) -> Bool {
        if let joinKey = event.joinKey, settings.joinKeys.indices.contains(joinKey),
            settings.joinKeys[joinKey].kind == .taskRun
        {
            return false
        }
        return !(event.key.tenant.isEmpty && event.name.tenanted.count == 1)
    }

    /// The latest events that pass a test, the newest first; of those in memory.
    package func events(limit: Int, where isWanted: (EventSnapshot) -> Bool) -> [EventSnapshot] {
        var found: [EventSnapshot] = []
        for event in events.values.filter(isShown).sorted(by: { ($0.order, $1.key) > ($1.order, $0.key) }) {
            let snapshot = snapshot(event)
            if isWanted(snapshot) { found.append(snapshot) }
            if found.count == limit { break }
        }
        return found
    }

    /// The executions of an id: several if several tenants have one.
    package func executions(id: String) -> [ExecutionSnapshot] {
        executionsOf(id).sorted { $0.name < $1.name }.map(snapshot)
    }

    package func execution(_ name: ExecutionName) -> ExecutionSnapshot? {
        executionsOf(name.id).first { $0.name == name }.map(snapshot)
    }

    /// The execution that spans of a stored batch are of, if it is remembered.
    package func execution(of entry: ExecutionEntry, in batch: SpanBatch) -> ExecutionSnapshot? {
        known(entry, in: batch).map(snapshot)
    }

    /// The execution of an id, the first by tenant of several.
    package func execution(id: String) -> ExecutionSnapshot? { executions(id: id).first }

    /// The original traces of which spans lie under a unified trace, itself among them.
    package func originalTraces(of unified: TraceID) -> [TraceID] {
        [unified] + tracesMoved(to: unified)
    }

    /// Where the spans of an original trace belong now.
    package func unifiedTraces(of original: TraceID) -> [TraceID] {
        guard let trace = knownTrace(original) else { return [original] }
        return Set((trace.groups + [trace.rest]).map { placement(of: $0).traceID }).sorted()
    }

    /// How the spans of a stored batch would leave now, as if none had left before.
    ///
    /// - Parameter leavingOutHeld: leaves out the spans that still wait: they leave by a release of their own.
    package func unify(_ batch: SpanBatch, leavingOutHeld: Bool = false) -> (edits: [SpanEdit], links: [AddedLink]) {
        var edits: [SpanEdit] = []
        var links: [AddedLink] = []
        edits.reserveCapacity(batch.index.spans.count)
        let found = batch.index.executions.map { known($0, in: batch) }
        for position in batch.index.spans.indices {
            let span = batch.index.spans[position]
            guard let trace = knownTrace(span.traceID) else {
                edits.append(SpanEdit(unchanged: span, at: position))
                continue
            }
            let execution = span.execution >= 0 ? found[Int(span.execution)] : nil
            let group = execution.flatMap { $0.group(in: trace) } ?? trace.rest
            if leavingOutHeld, group.held.contains(where: { $0.record == batch.record }) { continue }
            edits.append(edit(span, at: position, of: group, execution: execution, amended: false, links: &links))
        }
        return (edits, links)
    }

    /// The span of an execution as it would be exported now; nil if it has none.
    package func executionSpan(_ name: ExecutionName) -> ExecutionSpan? {
        let all = executionsOf(name.id)
        guard
            let execution = all.first(where: { $0.name == name })
                ?? all.first(where: { $0.tenant.isExactly(name.tenant) && $0.fits(tenant: "", owner: name.owner) })
                ?? all.first(where: { $0.fits(tenant: name.tenant, owner: name.owner) }),
            execution.spanCount > 0, hasSpan(execution, home(of: execution))
        else { return nil }
        return makeSpan(of: execution)
    }

    /// The same for who knows no tenant.
    package func executionSpan(id: String) -> ExecutionSpan? { executionSpan(ExecutionName(id: id)) }

    /// The spans of the executions that belong to these unified traces.
    package func executionSpans(in unified: [TraceID]) -> [ExecutionSpan] {
        executions(in: unified).filter { hasSpan($0, home(of: $0)) }.map(makeSpan)
    }

    /// The executions that belong to unified traces, by name.
    func executions(in unified: [TraceID]) -> [Execution] {
        var found: [ExecutionName: Execution] = [:]
        for trace in unified.flatMap({ originalTraces(of: $0) }) {
            for group in knownTrace(trace)?.groups ?? [] {
                guard let execution = group.execution, unified.contains(home(of: execution).traceID) else { continue }
                found[execution.name] = execution
            }
        }
        return found.values.sorted { $0.name < $1.name }
    }

    func snapshot(_ execution: Execution) -> ExecutionSnapshot {
        let place = home(of: execution)
        return ExecutionSnapshot(
            id: execution.id, tenant: execution.tenant, owner: owner(of: execution), namespace: execution.namespace,
            flow: execution.flow, state: execution.state, originalTraces: execution.groups.map(\.trace.id),
            traceID: place.traceID, rule: place.rule, spanID: execution.spanID, event: event(of: execution)?.key,
            name: execution.name, startedBy: starter(of: execution)?.name, evidence: execution.evidence, start: execution.start,
            end: execution.end, firstSeen: execution.firstSeen, lastSeen: execution.lastSeen,
            spanCount: execution.spanCount, errorCount: execution.errorCount,
            isHeld: execution.groups.contains { !$0.held.isEmpty }, calls: execution.calls)
    }

    private func snapshot(_ event: EventState) -> EventSnapshot {
        let also = event.name.tenanted.count == 1 && !event.key.tenant.isEmpty ? event.name.nameless : nil
        let told = [event] + [also].compactMap { $0 }
        var found: [Execution] = []
        for execution in executions(of: event)
        where (event.joinKey != nil || claimedEvent(of: execution) === event || claimedEvent(of: execution) == nil)
            && !found.contains(where: { $0 === execution })
        {
            found.append(execution)
        }
        // Native executions carry no event id: they belong to the only event of their trace.
        let contexts = told.flatMap(\.contexts)
        for context in contexts where event.joinKey == nil {
            for group in knownTrace(context.traceID)?.groups ?? [] {
                guard let execution = group.execution, !found.contains(where: { $0 === execution }),
                    self.event(of: execution) === event
                else { continue }
                found.append(execution)
            }
        }
        var next = 0
        while next < found.count {
            for child in found[next].started
            where starter(of: child) === found[next] && !found.contains(where: { $0 === child }) {
                found.append(child)
            }
            next += 1
        }
        var unified: [TraceID] = []
        func add(_ trace: TraceID) { if !unified.contains(trace) { unified.append(trace) } }
        if event.joinKey != nil {
            contexts.map(\.traceID).forEach(add)
        } else if let target = told.compactMap({ $0.publisher?.context }).min() ?? told.compactMap(\.context).min() {
            var walk = Walk()
            add(follow(Home(context: target, execution: event.publisher?.execution), &walk) ?? target.traceID)
        }
        for execution in found { add(home(of: execution).traceID) }
        for trace in told.flatMap(\.traces) { add(placement(of: trace.rest).traceID) }
        return EventSnapshot(
            key: event.key, type: event.type, subject: event.subject, time: event.time,
            context: told.compactMap(\.context).min(), publisher: told.compactMap { $0.publisher?.context }.min(),
            firstSeen: event.firstSeen, lastSeen: event.lastSeen, executions: found.map(snapshot), traces: unified)
    }
}

extension EventState {
    /// What lists are ordered by: the event's own time, else its arrival. Unix nanoseconds.
    fileprivate var order: UInt64 { time == 0 ? firstSeen : time }
}
