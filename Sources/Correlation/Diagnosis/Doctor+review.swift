import OTLP

extension Doctor {
    // MARK: Calls

    func judgeCalls(now: UInt64) {
        pairCalls(now: now)
        // A full sample is incomplete: what looks apart may belong to a call that was left out.
        clients.removeAll { now &- $0.seenAt >= 3 * Self.settling }
        roots.removeAll { now &- $0.seenAt >= 4 * Self.settling }
        judgeParents(now: now)
    }

    private func pairCalls(now: UInt64) {
        let isComplete =
            clients.count < Self.sampleLimit && roots.count < Self.sampleLimit && natives.count < Self.sampleLimit
        var open: [KestraCall] = []
        for client in clients {
            if let native = natives.firstIndex(where: { $0.call.parent == client.span && $0.call.trace == client.trace }) {
                natives[native].isParentKnown = true
                compareClocks(caller: (client.span, client.start, client.end), native, now: now)
                calls.add(now: now)
                continue
            }
            guard now &- client.seenAt >= Self.settling, isComplete,
                let root = roots.firstIndex(where: { Self.isSameCall(client, $0) })
            else {
                open.append(client)
                continue
            }
            roots[root].isApart = true
            let server = roots[root]
            add(.tracesApart, now: now) {
                FindingEvidence(
                    "the caller's span \(client.span.hex) lies in trace \(client.trace.hex), Kestra's span of the same call "
                        + "is the root of another", traceID: server.trace, spanID: server.span, seenAt: now)
            }
        }
        clients = open
    }

    /// Whether a call that began in one trace is the one that Kestra took in as the root of another.
    private static func isSameCall(_ client: KestraCall, _ server: KestraCall) -> Bool {
        let slack = 500_000_000 as UInt64
        return !server.isApart && server.path == client.path && server.trace != client.trace
            && server.start &+ slack >= client.start && server.start <= client.end &+ slack
    }

    private func judgeParents(now: UInt64) {
        let trusted = canTrustTables
        natives.removeAll { native in
            guard now &- native.call.seenAt >= Self.missing else { return false }
            if native.isParentKnown || spanIDs.contains(native.call.parent.raw) {
                knownParents.add(now: now)
            } else if trusted {
                add(.parentsMissing, now: now) {
                    FindingEvidence(
                        "parent \(native.call.parent.hex) of Kestra's span was never seen", traceID: native.call.trace,
                        spanID: native.call.span, seenAt: native.call.seenAt)
                }
            }
            return true
        }
        wanted = Array(repeating: 0, count: wanted.count)
        for native in natives where !native.isParentKnown { want(native.call.parent) }
    }

    /// A call cannot be taken in before it is made, nor after it was answered.
    func compareClocks(caller: (span: SpanID, start: UInt64, end: UInt64), _ position: Int, now: UInt64) {
        guard !natives[position].isCompared else { return }
        natives[position].isCompared = true
        let server = natives[position].call
        let isEarly = server.start &+ Self.skewLimit < caller.start
        let isLate = server.start > caller.end &+ Self.skewLimit
        guard isEarly || isLate else {
            comparedClocks.add(now: now)
            return
        }
        let by = isEarly ? caller.start &- server.start : server.start &- caller.end
        add(.clockSkew, now: now) {
            FindingEvidence(
                isEarly
                    ? "Kestra's span starts \(by / 1_000_000) ms before the call that caused it (span \(caller.span.hex))"
                    : "Kestra's span starts \(by / 1_000_000) ms after its caller had the answer (span \(caller.span.hex))",
                traceID: server.trace, spanID: server.span, seenAt: now)
        }
    }

    // MARK: Executions

    func judgeExecutions(_ correlator: Correlator, now: UInt64) {
        executions.removeAll { entry in
            guard now &- entry.seenAt >= 2 * Self.settling else { return false }
            guard let execution = correlator.execution(id: entry.id), !execution.isHeld else {
                return now &- entry.seenAt >= Tally.window
            }
            judge(execution, now: now)
            return true
        }
        bindings.removeAll { entry in
            guard now &- entry.seenAt >= Self.missing else { return false }
            if let execution = correlator.execution(id: entry.id), execution.spanCount == 0 {
                add(.executionSpansMissing, now: now) {
                    FindingEvidence(
                        "a binding told of the execution, no span of it came", executionID: entry.id,
                        seenAt: entry.seenAt)
                }
            }
            return true
        }
    }

    private func judge(_ execution: ExecutionSnapshot, now: UInt64) {
        switch execution.rule {
        // Started by Kestra's own scheduler or triggers: there is nothing to join it to.
        case .derived: return
        case .own:
            // Without the span that took a call in, nothing says that there was a call.
            guard execution.evidence.contains(where: { $0.kind == .noHeader }),
                !roots.contains(where: { $0.isApart && execution.originalTraces.contains($0.trace) })
            else { return }
            let named = execution.evidence.first { $0.kind == .eventOnServer || $0.kind == .bindingEvent }
            add(.executionsUnjoined, now: now) {
                FindingEvidence(
                    named.map { "names event \($0.value.text), of which neither a span nor a traceparent was seen" }
                        ?? "came without traceparent header, and nothing else tells where it belongs",
                    traceID: execution.traceID, executionID: execution.id, eventID: named?.value.text,
                    seenAt: execution.firstSeen)
            }
        default: joined.add(now: now)
        }
    }

    // MARK: Events

    func judgeEvents(now: UInt64) {
        let trusted = canTrustTables
        events.removeAll { event in
            if traceIDs.contains(event.context.traceID.low) {
                knownEventTraces.add(now: now)
                return true
            }
            guard now &- event.seenAt >= Self.missing else { return false }
            if trusted {
                add(.eventTraceUnknown, now: now) {
                    FindingEvidence(
                        "the event's traceparent \(event.context.text) names a trace of which no span came",
                        traceID: event.context.traceID, eventID: event.id, seenAt: event.seenAt)
                }
            }
            return true
        }
    }

    // MARK: Counters of others

    func compare(_ next: DoctorFacts, now: UInt64) {
        defer { facts = next }
        let conflicts = grown(next.ambiguousEvents, facts.ambiguousEvents) + grown(next.tenantRefusals, facts.tenantRefusals)
        add(.tenantConflicts, conflicts, now: now) {
            FindingEvidence(
                "\(next.ambiguousEvents) ambiguous events, \(next.tenantRefusals) refusals since the start", seenAt: now)
        }
        let misplaced = grown(next.misplacedRequests, facts.misplacedRequests)
        add(.wrongPort, misplaced, now: now) {
            FindingEvidence("\(next.misplacedRequests) requests since the start", seenAt: now)
        }
        guard let lookups = next.lookups else { return }
        let before = facts.lookups ?? DoctorFacts.Lookups()
        lookupsFound.add(grown(lookups.found, before.found), now: now)
        let failed = grown(lookups.unavailable, before.unavailable) + grown(lookups.unusable, before.unusable)
        add(.kestraAPIFailing, failed, now: now) {
            FindingEvidence(lookups.lastFailure.isEmpty ? "no answer" : lookups.lastFailure, seenAt: now)
        }
    }

    private func grown(_ value: UInt64, _ before: UInt64) -> Int { Int(clamping: value > before ? value - before : 0) }
}
