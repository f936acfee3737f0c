import OTLP

/// The most links that an execution's own span has: OpenTelemetry's default limit is 128, a person reads fewer.
let linksOfExecutionSpan = 32

// Kestra has no span for a whole execution: spanbridge makes exactly one for each.
extension Correlator {
    /// Whether an execution with this placement has a span of its own.
    func hasSpan(_ execution: Execution, _ placement: Placement) -> Bool {
        switch settings.executionSpan {
        case .all: true
        case .joined: placement.isDecided
        case .none: false
        }
    }

    /// The trace of an execution's own span.
    func home(of execution: Execution) -> Placement {
        guard let trace = execution.nativeTrace ?? execution.traces.first else {
            return Placement(traceID: execution.derivedTrace, rule: .derived)
        }
        return placement(ofGroup: execution, in: trace)
    }

    /// Sees to it that the execution's span is exported once nothing has arrived for the quiet time.
    func makeSpanDue(_ execution: Execution, now: UInt64) {
        guard settings.executionSpan != .none, !execution.spanIsDue else { return }
        execution.spanIsDue = true
        spanDeadlines.insert(execution, deadline: dueTime(execution, now: now))
    }

    /// Exports the span again, soon: its place or its links have changed.
    func exportSpanAgain(_ execution: Execution) {
        // With `joined`, an execution that was not may have been quiet without a span.
        let wasLeftOut = settings.executionSpan == .joined && execution.spanCount > 0 && !execution.spanIsDue
        guard execution.exportedSpan != nil || wasLeftOut else { return }
        execution.spanIsDue = true
        execution.spanIsUrgent = true
        mark(execution)
        spanDeadlines.insert(execution, deadline: 0)
    }

    /// An execution whose end was told still waits as long as spans are held: its last spans come seconds later.
    private func dueTime(_ execution: Execution, now: UInt64) -> UInt64 {
        if execution.spanIsUrgent { return now }
        let wait = execution.hasEnded ? min(settings.hold, settings.quiet) : settings.quiet
        return execution.lastSeen &+ wait
    }

    /// Exports the span if the quiet time has passed since the last arrival; waits on if not.
    func exportSpanIfQuiet(_ execution: Execution, now: UInt64) {
        guard execution.spanIsDue, executions[execution.id] === execution else { return }
        let due = dueTime(execution, now: now)
        guard due <= now else {
            spanDeadlines.insert(execution, deadline: due)
            return
        }
        if settings.asksAboutExecutions, !execution.hasEnded || execution.wentOn, !execution.isAskedForState,
            !execution.spanIsUrgent
        {
            execution.isAskedForState = true
            act(.askAbout(execution: execution.id))
            spanDeadlines.insert(execution, deadline: now &+ min(settings.hold, settings.quiet))
            return
        }
        exportSpan(execution, now: now)
    }

    private func exportSpan(_ execution: Execution, now: UInt64) {
        guard execution.spanCount > 0 else {
            execution.spanIsDue = false
            return
        }
        guard execution.traces.allSatisfy({ trace in !trace.held.contains { $0.execution === execution } }) else {
            spanDeadlines.insert(execution, deadline: now &+ max(settings.hold / 4, 1_000_000))
            return
        }
        execution.spanIsDue = false
        execution.spanIsUrgent = false
        execution.isAskedForState = false
        let place = home(of: execution)
        guard hasSpan(execution, place) else { return }
        let links = links(of: execution, at: place)
        let parent = parent(of: execution, at: place)
        let exported = ExportedExecutionSpan(
            traceID: place.traceID, parent: parent, end: execution.end, links: links.count, state: execution.state)
        if let before = execution.exportedSpan {
            guard before != exported, settings.late != .ignore else { return }
            if settings.late == .link, before.links == exported.links { return }
        }
        act(.executionSpan(makeSpan(of: execution)))
        counters.executionSpans += 1
        execution.exportedSpan = exported
        mark(execution)
    }

    /// The span as it is now.
    func makeSpan(of execution: Execution) -> ExecutionSpan {
        let place = home(of: execution)
        let event = event(of: execution)
        return ExecutionSpan(
            executionID: execution.id, tenant: execution.tenant, namespace: execution.namespace, flow: execution.flow,
            traceID: place.traceID, spanID: execution.spanID, parentSpanID: parent(of: execution, at: place),
            start: execution.start, end: execution.end, state: execution.state, hasErrors: execution.errorCount > 0,
            rule: place.rule, eventID: event?.key.id ?? "", eventSource: event?.key.source ?? "",
            eventType: event?.type ?? "", links: links(of: execution, at: place),
            amended: execution.exportedSpan != nil, owner: execution.lastRecord)
    }

    /// The SERVER span or the task that started it; else the event's publisher or context.
    private func parent(of execution: Execution, at place: Placement) -> SpanID {
        if let entry = execution.entryParent, !entry.isZero { return entry }
        if let context = place.context { return context.spanID }
        if let starter = execution.startedBy, home(of: starter).traceID == place.traceID { return starter.spanID }
        return .none
    }

    /// Links to what belongs to the execution but lies in another trace.
    private func links(of execution: Execution, at place: Placement) -> [AddedLink] {
        var links = execution.calls.map { AddedLink(traceID: $0.traceID, spanID: $0.spanID, reason: "call") }
        if let event = execution.event {
            for other in event.executions.prefix(linksOfExecutionSpan + 1)
            where other !== execution && other.spanCount > 0 {
                links.append(
                    AddedLink(traceID: home(of: other).traceID, spanID: other.spanID, reason: "redelivery"))
            }
        }
        for piece in execution.evidence where piece.kind == .triggeredBy || piece.kind == .triggers {
            guard let other = executions[piece.value], other.spanCount > 0 else { continue }
            links.append(AddedLink(traceID: home(of: other).traceID, spanID: other.spanID, reason: "started_by"))
        }
        if let context = execution.binding?.target, context.traceID != place.traceID {
            links.append(AddedLink(traceID: context.traceID, spanID: context.spanID, reason: "event_context"))
        }
        return Array(links.prefix(linksOfExecutionSpan))
    }

    /// The event of an execution: the claimed one; for a native execution, which carries no event id, the event of its
    /// trace, if there is one or if only one happened shortly before. This is for answers; nothing is moved by it.
    func event(of execution: Execution) -> EventState? {
        if let event = execution.event { return event }
        guard let trace = execution.nativeTrace else { return nil }
        let candidates = eventsByTrace[trace.id] ?? []
        if candidates.count == 1 { return candidates[0] }
        // Kestra's executor takes a delivery up within a second; a busy one needs a few.
        let justBefore = candidates.filter {
            $0.time <= execution.start && execution.start - $0.time < 3_000_000_000
        }
        return justBefore.count == 1 ? justBefore[0] : nil
    }
}
