package import OTLP

// What is told beside spans: events, binding calls, log records.
extension Correlator {
    /// Takes a CloudEvent in, as told by `POST /v1/cloudevents`.
    ///
    /// - Parameter tenant: the tenant that the sender's credential stands for; it outweighs the event's own.
    package func receive(_ cloudEvent: CloudEvent, record: UInt64, tenant: String? = nil, now: UInt64) {
        lastRecord = max(lastRecord, record)
        let key = EventKey(tenant: tenant ?? cloudEvent.tenantID ?? "", source: cloudEvent.source, id: cloudEvent.id)
        let event = event(for: key, now: now)
        let told = {
            (event.type, event.subject, event.time, event.runID, event.correlationID, event.carriedKeys.count)
        }
        let before = told()
        event.type = cloudEvent.type
        if let subject = cloudEvent.subject { event.subject = subject }
        if let time = cloudEvent.time { event.time = time }
        learnWeakKeys(run: cloudEvent.runID, correlation: cloudEvent.correlationID, of: event)
        event.lastSeen = now
        mark(event)
        learnKeys(in: cloudEvent, of: event, now: now)
        if let context = cloudEvent.context.map(TraceContext.init) { place(event, at: context, isOwn: true) }
        takeKeysHome(of: event)
        // What is only told again changes nothing for those that it started, of which there may be many.
        if before != told() || isCatchingUp { touchFollowers(of: event) }
        for id in cloudEvent.claimedExecutions(keys: settings.claimedExecutionPaths).prefix(16) {
            for execution in executionsNamed(id, owner: key.tenant, now: now) {
                note(.claimedByEvent, .text(key.id), from: .event(source: key.source), on: execution, now: now)
                add(Claim(basis: .eventData, event: event), to: execution, record: record)
            }
        }
        finish(now: now)
    }

    /// Values of configured keys in the event's data: where the event is, they are at home.
    private func learnKeys(in cloudEvent: CloudEvent, of event: EventState, now: UInt64) {
        for rule in settings.joinKeys where !rule.dataPaths.isEmpty {
            for value in cloudEvent.texts(at: rule.dataPaths).prefix(16) {
                let name = EventKey(tenant: event.key.tenant, key: rule, value: value)
                if event.carriedKeys.count < 64, !event.carriedKeys.contains(name) { event.carriedKeys.append(name) }
            }
        }
    }

    private func learnWeakKeys(run: String?, correlation: String?, of event: EventState) {
        for key in event.weakKeys { eventsByWeakKey[key]?.removeAll { $0 === event } }
        if let run { event.runID = run }
        if let correlation { event.correlationID = correlation }
        for key in event.weakKeys {
            var known = events(sharing: key)
            guard !known.contains(where: { $0 === event }) else { continue }
            // Links name a few others; more of one run need not be known from here.
            guard known.count < 2 * linksOfExecutionSpan else {
                counters.relationsCut += 1
                continue
            }
            known.forEach { $0.executions.forEach(exportSpanAgain) }
            known.append(event)
            eventsByWeakKey[key] = known
        }
    }

    /// Takes a binding call in, as told by `POST /v1/bindings`.
    ///
    /// - Parameter tenant: the tenant that the sender's credential stands for; it outweighs the call's own.
    package func receive(_ call: BindingCall, record: UInt64, tenant: String? = nil, now: UInt64) {
        lastRecord = max(lastRecord, record)
        let owner = tenant ?? ""
        let named = executionsNamed(call.executionID, tenant: call.tenant ?? "", owner: owner, now: now)
        for execution in named {
            learn(call, of: execution, owner: owner, record: record, now: now)
            // Which of several has come into that state is not known.
            if named.count == 1, let state = call.state { learn(state, of: execution, now: now) }
        }
        finish(now: now)
    }

    private func learn(_ call: BindingCall, of execution: Execution, owner: String, record: UInt64, now: UInt64) {
        let from = call.origin == .flow ? Evidence.Origin.bindingCall : .forwarding
        let isNameless = owner.isEmpty && (call.tenant ?? "").isEmpty
        let context = call.traceparent.map(TraceContext.init)
        if let named = call.event {
            let tenant = owner.isEmpty ? named.tenantID ?? "" : owner
            let event = event(for: EventKey(tenant: tenant, source: named.source, id: named.id), now: now)
            event.lastSeen = now
            if event.type.isEmpty, let type = named.type {
                event.type = type
                mark(event)
            }
            if let context { place(event, at: context) }
            note(.bindingEvent, .text(named.id), from: from, on: execution, now: now)
            if case .ambiguous = event.name.meaning(of: event, for: execution.owner) { counters.ambiguousEvents += 1 }
            var claim = Claim(basis: .bindingEvent, event: event)
            claim.isNameless = isNameless
            add(claim, to: execution, record: record)
        }
        if let context {
            note(.bindingContext, .context(context), from: from, on: execution, now: now)
            var claim = Claim(basis: .bindingContext, context: context)
            claim.isNameless = isNameless
            add(claim, to: execution, record: record)
        }
        if let parent = call.parentExecutionID {
            let starters = executionsNamed(parent, tenant: execution.tenant, owner: execution.owner, now: now)
            if starters.count == 1 { start(execution, by: starters[0], from: from, now: now) }
        }
        mark(execution)
    }

    private func learn(_ state: String, of execution: Execution, now: UInt64) {
        guard state != execution.state else { return }
        execution.state = state
        execution.stateAt = now
        // Due anew, since an end shortens the wait.
        execution.spanIsDue = false
        makeSpanDue(execution, now: now)
        mark(execution)
    }

    /// Takes a request of logs in: what its records say about their traces, and that it names them. It leaves by
    /// `releaseDependent`, at once unless spans of one of the traces wait.
    package func receive(logs index: LogIndex, payload: [UInt8], record: UInt64, tenant: String? = nil, now: UInt64) {
        for entry in index.records where entry.traceIDOffset > 0 {
            if entry.role == .follower, entry.origin != .kestra {
                // It may be the first that tells of the trace: then it waits as the trace's spans will.
                let trace = traceState(entry.traceID, now: now)
                trace.isFollower = true
                trace.lastSeen = now
            }
            learn(entry, index, payload, record: record, tenant: tenant, now: now)
        }
        settle(now: now)
        receiveDependent(record: record, traces: index.records.lazy.filter { $0.traceIDOffset > 0 }.map(\.traceID), now: now)
        forgetBeyondLimits(now: now)
    }

    /// Keys on a log record say of the span that it names what they would say on the span.
    private func learn(
        _ entry: LogEntry, _ index: LogIndex, _ payload: [UInt8], record: UInt64, tenant: String?, now: UInt64
    ) {
        var owner = tenant ?? ""
        var keys: [(joinKey: Int, value: String)] = []
        let resource = index.resourceEvidence.filter { $0.owner == entry.resource }
        for evidence in resource + entry.evidence.map({ index.evidence[Int($0)] })
        where evidence.value.count <= OriginFacts.longestValue {
            let value = evidence.text(in: payload)
            guard !value.isEmpty else { continue }
            if evidence.key == .joinKey { keys.append((Int(evidence.rule), value)) }
            if evidence.key == .tenant, tenant == nil { owner = value }
        }
        let context = TraceContext(traceID: entry.traceID, spanID: entry.spanID)
        for key in keys where settings.joinKeys.indices.contains(key.joinKey) {
            let rule = settings.joinKeys[key.joinKey]
            guard rule.kind == .business, rule.isRead(from: entry.origin) else { continue }
            let name = EventKey(tenant: owner, key: rule, value: key.value)
            if entry.role == .home {
                keep(Home(context: context, start: entry.time), for: event(for: name, now: now))
            } else if entry.role == .follower {
                let id = entry.execution(in: payload)
                let unit: JoinUnit =
                    id.isEmpty
                    ? traceState(entry.traceID, now: now)
                    : execution(id, tenant: "", owner: owner, now: now)
                let fact = SpanFact(basis: rule.strength == .link ? .weakKey : .key, event: name, start: entry.time)
                apply(fact, from: .logRecord, span: entry.spanID, to: unit, record: record, now: now)
            }
        }
    }

    /// After every input that is not spans.
    func finish(now: UInt64) {
        settle(now: now)
        releaseDependents(now: now)
        forgetBeyondLimits(now: now)
    }
}

/// An id that several events share, which only links them.
struct WeakKey: Hashable {
    enum Kind { case run, correlation }

    var kind: Kind
    var tenant: String
    var id: String

    /// Why a link by it is made.
    var reason: String { kind == .run ? "run" : "correlation" }
}

extension EventState {
    /// Ids of runs are only unique within a tenant, and correlation ids are the client's: without a tenant neither means
    /// anything.
    var weakKeys: [WeakKey] {
        guard !key.tenant.isEmpty else { return [] }
        var keys: [WeakKey] = []
        if !runID.isEmpty { keys.append(WeakKey(kind: .run, tenant: key.tenant, id: runID)) }
        if !correlationID.isEmpty { keys.append(WeakKey(kind: .correlation, tenant: key.tenant, id: correlationID)) }
        return keys
    }
}
