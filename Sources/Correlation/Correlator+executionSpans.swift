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
        guard let group = execution.nativeTrace.flatMap({ execution.group(in: $0) }) ?? execution.firstGroup else {
            return Placement(traceID: execution.derivedTrace, rule: .derived)
        }
        return placement(of: group)
    }

    /// Sees to it that the execution's span is exported once nothing has arrived for the quiet time.
    func makeSpanDue(_ execution: Execution, now: UInt64) {
        guard !execution.spanIsDue, settings.executionSpan != .none else { return }
        execution.spanIsDue = true
        spanDeadlines.insert(execution, deadline: dueTime(execution, now: now))
    }

    /// Exports the span again, soon: its place or its links have changed.
    func exportSpanAgain(_ execution: Execution) {
        if isRestoring { return }
        // With `joined`, an execution that was not may have been quiet without a span.
        let wasLeftOut = settings.executionSpan == .joined && execution.spanCount > 0 && !execution.spanIsDue
        guard execution.exportedSpan != nil || wasLeftOut else { return }
        execution.spanIsDue = true
        execution.spanIsUrgent = true
        if isCatchingUp { execution.exportedSpanIsUncertain = true }
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
        guard execution.spanIsDue, !execution.isForgotten else { return }
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
        guard execution.groups.allSatisfy({ $0.held.isEmpty }) else {
            spanDeadlines.insert(execution, deadline: now &+ max(settings.hold / 4, 1_000_000))
            return
        }
        execution.spanIsDue = false
        execution.spanIsUrgent = false
        execution.isAskedForState = false
        let place = home(of: execution)
        guard hasSpan(execution, place) else { return }
        let span = makeSpan(of: execution)
        let exported = ExportedExecutionSpan(
            traceID: span.traceID, parent: span.parentSpanID, start: span.start, end: span.end, state: span.state,
            hasErrors: span.hasErrors, event: span.eventID, links: span.links)
        if let before = execution.exportedSpan {
            if settings.late == .ignore { return }
            let isTold = settings.late == .link ? before.links == exported.links : before == exported
            if isTold, !execution.exportedSpanIsUncertain { return }
        }
        execution.exportedSpanIsUncertain = false
        act(.executionSpan(span))
        counters.executionSpans += 1
        execution.exportedSpan = exported
        mark(execution)
        exportDelivery(of: execution, at: place)
    }

    /// If an event was delivered in another trace than its own, that one gets a span that leads here: the other end of
    /// the link from the execution's span.
    private func exportDelivery(of execution: Execution, at place: Placement) {
        guard settings.executionSpan != .none, place.rule == .native, let context = detachedContext(of: execution, at: place),
            execution.exportedDelivery != context.traceID
        else { return }
        let event = event(of: execution)
        let begin = event.map { $0.time == 0 ? execution.start : min($0.time, execution.start) } ?? execution.start
        act(
            .deliverySpan(
                DeliverySpan(
                    context: context,
                    spanID: DerivedIDs.deliverySpan(tenant: execution.tenant, execution: execution.id), start: begin,
                    end: execution.start, eventID: event?.key.id ?? "", eventSource: event?.key.source ?? "",
                    eventType: event?.type ?? "",
                    link: AddedLink(traceID: place.traceID, spanID: execution.spanID, reason: "delivery"),
                    amended: execution.exportedDelivery != nil, owner: execution.lastRecord, ownerTenant: execution.owner)))
        execution.exportedDelivery = context.traceID
    }

    /// The context of the event that a native execution was started by, if that lies in another trace.
    private func detachedContext(of execution: Execution, at place: Placement) -> TraceContext? {
        var walk = Walk()
        guard let bound = binding(of: execution, &walk), bound.traceID != place.traceID, let context = bound.context else {
            return nil
        }
        return TraceContext(traceID: bound.traceID, spanID: context.spanID)
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
            amended: execution.exportedSpan != nil, owner: max(execution.lastRecord, execution.lastEvidence),
            ownerTenant: owner(of: execution))
    }

    /// The tenant of an execution: its own, else that of its event.
    func owner(of execution: Execution) -> String {
        execution.owner.isEmpty ? event(of: execution)?.key.tenant ?? "" : execution.owner
    }

    /// The SERVER span or the task that started it; else the event's publisher or context.
    private func parent(of execution: Execution, at place: Placement) -> SpanID {
        if let entry = execution.entryParent, !entry.isZero { return entry }
        if let context = place.context { return context.spanID }
        if let starter = starter(of: execution), home(of: starter).traceID == place.traceID { return starter.spanID }
        return .none
    }

    /// Links to what belongs to the execution but lies in another trace.
    private func links(of execution: Execution, at place: Placement) -> [AddedLink] {
        var links = execution.calls.map { AddedLink(traceID: $0.traceID, spanID: $0.spanID, reason: "call") }
        func add(_ other: Execution, _ reason: String) {
            guard other !== execution, other.spanCount > 0, links.count <= linksOfExecutionSpan else { return }
            links.append(AddedLink(traceID: home(of: other).traceID, spanID: other.spanID, reason: reason))
        }
        let event = claimedEvent(of: execution)
        if let event {
            for other in executions(of: event).sorted(by: { $0.name < $1.name }).prefix(linksOfExecutionSpan + 1) {
                add(other, "redelivery")
            }
        }
        for piece in execution.evidence where piece.kind == .triggeredBy || piece.kind == .triggers {
            for other in executionsOf(piece.value.text) where other.fits(tenant: execution.tenant, owner: execution.owner) {
                add(other, "started_by")
            }
        }
        if let context = detachedContext(of: execution, at: place) {
            links.append(AddedLink(traceID: context.traceID, spanID: context.spanID, reason: "event_context"))
        }
        for linked in linkedHomes(of: execution) {
            links.append(
                AddedLink(traceID: linked.home.context.traceID, spanID: linked.home.context.spanID, reason: "key"))
        }
        if let caller = pairedCaller(of: execution), caller.traceID != place.traceID {
            links.append(AddedLink(traceID: caller.traceID, spanID: caller.spanID, reason: "http_pairing"))
        }
        for key in event?.weakKeys ?? [] {
            for other in events(sharing: key) where other !== event {
                other.executions.forEach { add($0, key.reason) }
            }
        }
        return Array(links.prefix(linksOfExecutionSpan))
    }

    /// Exports the spans again that link to this execution's: it is elsewhere now, or has its first span, which counts only
    /// as long as the others have room for links.
    func exportSpansLinking(to execution: Execution, isNew: Bool = false) {
        let ofEvent = claimedEvent(of: execution).map(executions) ?? []
        let hasRoom = !isNew || ofEvent.count <= linksOfExecutionSpan
        var found = hasRoom ? Array(ofEvent.prefix(linksOfExecutionSpan + 1)) : []
        for piece in execution.evidence where piece.kind == .triggeredBy || piece.kind == .triggers {
            found += executionsOf(piece.value.text)
        }
        for linked in found where linked !== execution { exportSpanAgain(linked) }
    }

    /// The call that has probably started an execution that was called without a context.
    private func pairedCaller(of execution: Execution) -> TraceContext? {
        guard settings.pairsCalls, let entry = execution.entryParent, let trace = execution.firstGroup?.trace,
            let server = trace.servers.first(where: { $0.id == entry }), server.parent.isZero, let path = server.path
        else { return nil }
        let context = TraceContext(traceID: trace.id, spanID: server.id)
        return calls.caller(
            of: .init(path: path, context: context, owner: execution.owner, start: server.start, end: server.end))
    }

    /// The event that claims name.
    func claimedEvent(of execution: Execution) -> EventState? {
        var best: (claim: Claim, event: EventState)?
        for claim in execution.claims where claim.event?.joinKey == nil {
            guard let named = claim.event, !(claim.isNameless && execution.hasNamesakes),
                case .event(let meant, _) = named.name.meaning(of: named, for: execution.owner)
            else { continue }
            guard let known = best else {
                best = (claim, meant)
                continue
            }
            let isStronger =
                claim.basis != known.claim.basis ? claim.basis < known.claim.basis : meant.key < known.event.key
            if isStronger { best = (claim, meant) }
        }
        return best?.event
    }

    /// The event of an execution: the claimed one; for a native execution, which carries no event id, the event of its
    /// trace, if there is one or if only one happened shortly before. This is for answers; nothing is moved by it.
    func event(of execution: Execution) -> EventState? {
        if let event = claimedEvent(of: execution) { return event }
        guard let trace = execution.nativeTrace else { return nil }
        let candidates = events(in: trace.id).filter { event in
            event.joinKey == nil
                && (execution.owner.isEmpty || event.key.tenant.isEmpty || event.key.tenant.isExactly(execution.owner))
        }
        if candidates.count == 1 { return candidates[0] }
        // Kestra's executor takes a delivery up within a second; a busy one needs a few.
        let justBefore = candidates.filter {
            $0.time <= execution.start && execution.start - $0.time < 3_000_000_000
        }
        return justBefore.count == 1 ? justBefore[0] : nil
    }
}
