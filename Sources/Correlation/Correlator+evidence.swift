package import OTLP

extension Correlator {
    /// Takes a CloudEvent in, as told by `POST /v1/cloudevents`.
    ///
    /// - Parameter tenant: the tenant that the sender's credential stands for; it outweighs the event's own.
    package func receive(_ cloudEvent: CloudEvent, record: UInt64, tenant: String? = nil, now: UInt64) {
        lastRecord = max(lastRecord, record)
        let key = EventKey(tenant: tenant ?? cloudEvent.tenantID ?? "", source: cloudEvent.source, id: cloudEvent.id)
        if let event = event(for: key, now: now) {
            event.type = cloudEvent.type
            if let subject = cloudEvent.subject { event.subject = subject }
            if let time = cloudEvent.time { event.time = time }
            if let context = cloudEvent.context.map(TraceContext.init) { place(event, at: context) }
            event.lastSeen = now
            mark(event)
            event.executions.forEach(touch)
            for id in cloudEvent.claimedExecutions(keys: settings.claimedExecutionPaths).prefix(16) {
                let execution = execution(id, now: now)
                note(.claimedByEvent, key.id, from: "CloudEvent \(key.source)", on: execution, now: now)
                add(Claim(basis: .eventData, event: event), to: execution)
            }
        }
        settle(now: now)
        releaseDependents(now: now)
        forgetBeyondLimits()
    }

    /// Takes a binding call in, as told by `POST /v1/bindings`.
    ///
    /// - Parameter tenant: the tenant that the sender's credential stands for; it outweighs the call's own.
    package func receive(_ call: BindingCall, record: UInt64, tenant: String? = nil, now: UInt64) {
        lastRecord = max(lastRecord, record)
        let execution = execution(call.executionID, now: now)
        let from = call.origin == .flow ? "POST /v1/bindings" : "forwarded to Kestra"
        if let tenant = call.tenant, execution.tenant.isEmpty { execution.tenant = tenant }
        let context = call.traceparent.map(TraceContext.init)
        if let named = call.event {
            let key = EventKey(tenant: tenant ?? named.tenantID ?? "", source: named.source, id: named.id)
            if let event = event(for: key, now: now) {
                if event.type.isEmpty, let type = named.type {
                    event.type = type
                    mark(event)
                }
                if event.context == nil, let context { place(event, at: context) }
                note(.bindingEvent, key.id, from: from, on: execution, now: now)
                add(Claim(basis: .bindingEvent, event: event), to: execution)
            }
        }
        if let context {
            note(.bindingContext, context.text, from: from, on: execution, now: now)
            add(Claim(basis: .bindingContext, context: context), to: execution)
        }
        if let parent = call.parentExecutionID {
            start(execution, by: self.execution(parent, now: now), from: from, now: now)
        }
        if let state = call.state, state != execution.state {
            execution.state = state
            execution.stateAt = now
            // Due anew, since an end shortens the wait.
            execution.spanIsDue = false
            makeSpanDue(execution, now: now)
        }
        mark(execution)
        settle(now: now)
        releaseDependents(now: now)
        forgetBeyondLimits()
    }

    /// The execution of an id, made if it is new.
    func execution(_ id: String, now: UInt64) -> Execution {
        if let known = executions[id] { return known }
        let execution = Execution(id: id)
        execution.lastSeen = now
        executions[id] = execution
        mark(execution)
        return execution
    }

    func traceState(_ id: TraceID, now: UInt64) -> TraceState {
        if let known = traces[id] { return known }
        let trace = TraceState(id: id, now: now)
        // Spans of it that told nothing about Kestra may have left already.
        if settings.late != .link, passedTraces.mayContain(id) {
            trace.released.append(ReleasedGroup(execution: nil, target: id))
        }
        traces[id] = trace
        mark(trace)
        return trace
    }

    /// The event of a name, made if it is new.
    ///
    /// A name without tenant means the one event of that source and id, whatever its tenant; if there are several it
    /// means none of them, since guessing could show one tenant the other's spans.
    func event(for key: EventKey, now: UInt64) -> EventState? {
        if let known = events[key] { return known }
        let name = EventKey(tenant: "", source: key.source, id: key.id)
        let namesakes = eventsByName[name] ?? []
        if key.tenant.isEmpty, let only = namesakes.first {
            guard namesakes.count == 1 else {
                counters.ambiguousEvents += 1
                return nil
            }
            return only
        }
        let event = EventState(key: key, now: now)
        events[key] = event
        mark(event)
        if let nameless = namesakes.first(where: { $0.key.tenant.isEmpty }) {
            adopt(nameless, into: event)
        } else if namesakes.count < settings.relationLimit {
            eventsByName[name, default: []].append(event)
        } else {
            counters.relationsCut += 1
        }
        return event
    }

    /// What was learned of an event before its tenant was known belongs to the event with the tenant.
    private func adopt(_ nameless: EventState, into event: EventState) {
        event.type = nameless.type
        event.subject = nameless.subject
        event.time = nameless.time
        event.context = nameless.context
        event.publisher = nameless.publisher
        event.isPublisherProducer = nameless.isPublisherProducer
        event.firstSeen = nameless.firstSeen
        event.executions = nameless.executions
        for execution in event.executions {
            for position in execution.claims.indices where execution.claims[position].event === nameless {
                execution.claims[position].event = event
            }
            mark(execution)
        }
        for context in [event.context, event.publisher].compactMap({ $0 }) {
            eventsByTrace[context.traceID] = (eventsByTrace[context.traceID] ?? []).filter { $0 !== nameless } + [event]
        }
        events[nameless.key] = nil
        eventsByName[EventKey(tenant: "", source: event.key.source, id: event.key.id)] = [event]
    }

    /// Learns the traceparent that an event carries.
    func place(_ event: EventState, at context: TraceContext) {
        guard event.context != context else { return }
        let before = event.context
        event.context = context
        unindex(event, from: before)
        index(event, under: context.traceID)
    }

    /// Learns a span that names the event as its own. A PRODUCER span counts more than others, among equals the smaller,
    /// so that the order of arrival does not matter.
    func publish(_ event: EventState, by context: TraceContext, isProducer: Bool) {
        if let known = event.publisher {
            guard isProducer == event.isPublisherProducer ? context < known : isProducer else { return }
        }
        let before = event.publisher
        event.publisher = context
        event.isPublisherProducer = isProducer
        unindex(event, from: before)
        index(event, under: context.traceID)
    }

    /// Lets the event no longer be found by a trace that it does not name any more.
    private func unindex(_ event: EventState, from context: TraceContext?) {
        guard let trace = context?.traceID, event.context?.traceID != trace, event.publisher?.traceID != trace else {
            return
        }
        eventsByTrace[trace]?.removeAll { $0 === event }
        if eventsByTrace[trace]?.isEmpty == true { eventsByTrace[trace] = nil }
    }

    /// Lets the event be found by a trace, and looks again at what it moves.
    func index(_ event: EventState, under trace: TraceID) {
        let known = eventsByTrace[trace] ?? []
        if known.count >= settings.relationLimit {
            counters.relationsCut += 1
        } else if !known.contains(where: { $0 === event }) {
            eventsByTrace[trace, default: []].append(event)
        }
        mark(event)
        for execution in event.executions {
            touch(execution)
            if settings.late == .link { exportSpanAgain(execution) }
        }
    }

    func add(_ claim: Claim, to execution: Execution) {
        let isKnown = execution.claims.contains {
            $0.basis == claim.basis && $0.event === claim.event && $0.context == claim.context
        }
        guard !isKnown, execution.claims.count < settings.evidenceLimit else { return }
        execution.claims.append(claim)
        mark(execution)
        if let event = claim.event { relate(execution, to: event) }
        if settings.late == .link { exportSpanAgain(execution) }
        touch(execution)
    }

    private func relate(_ execution: Execution, to event: EventState) {
        guard !event.executions.contains(where: { $0 === execution }) else { return }
        guard event.executions.count < settings.relationLimit else {
            counters.relationsCut += 1
            return
        }
        event.executions.append(execution)
        mark(event)
        // The spans of the earlier executions get a link to this one, as long as they have room for links.
        if event.executions.count <= linksOfExecutionSpan { event.executions.forEach(exportSpanAgain) }
    }

    func note(_ kind: Evidence.Kind, _ value: String, from: String, on execution: Execution, now: UInt64) {
        guard execution.evidence.count < settings.evidenceLimit,
            !execution.evidence.contains(where: { $0.kind == kind && $0.value == value })
        else { return }
        execution.evidence.append(Evidence(kind: kind, value: value, seenAt: now, from: from))
        mark(execution)
    }

    /// Marks a trace whose spans may belong elsewhere now.
    func touch(_ trace: TraceState) {
        if touched.last !== trace { touched.append(trace) }
        mark(trace)
    }

    func touch(_ execution: Execution) {
        execution.traces.forEach(touch)
    }

    /// Forgets what has been quiet longest once a limit is passed, a tenth of the limit at a time.
    func forgetBeyondLimits() {
        if executions.count > settings.executionLimit {
            for execution in longestQuiet(executions.values, limit: settings.executionLimit, seen: \.lastSeen) {
                guard execution.traces.allSatisfy({ $0.held.isEmpty }) else { continue }
                executions[execution.id] = nil
                for trace in execution.traces { trace.executions.removeAll { $0 === execution } }
                for claim in execution.claims { claim.event?.executions.removeAll { $0 === execution } }
                counters.forgotten += 1
            }
        }
        if events.count > settings.eventLimit {
            for event in longestQuiet(events.values, limit: settings.eventLimit, seen: \.lastSeen) {
                forget(event)
                counters.forgotten += 1
            }
        }
        if traces.count > settings.traceLimit {
            for trace in longestQuiet(traces.values, limit: settings.traceLimit, seen: \.lastSeen)
            where trace.held.isEmpty {
                traces[trace.id] = nil
                for target in trace.released.map(\.target) {
                    movedTraces[target]?.removeAll { $0 == trace.id }
                    if movedTraces[target]?.isEmpty == true { movedTraces[target] = nil }
                }
                for execution in trace.executions {
                    execution.traces.removeAll { $0 === trace }
                    execution.nativeTraces.removeAll { $0 === trace }
                }
                counters.forgotten += 1
            }
        }
    }

    func forget(_ event: EventState) {
        events[event.key] = nil
        for context in [event.context, event.publisher].compactMap({ $0 }) {
            eventsByTrace[context.traceID]?.removeAll { $0 === event }
            if eventsByTrace[context.traceID]?.isEmpty == true { eventsByTrace[context.traceID] = nil }
        }
        let name = EventKey(tenant: "", source: event.key.source, id: event.key.id)
        eventsByName[name]?.removeAll { $0 === event }
        if eventsByName[name]?.isEmpty == true { eventsByName[name] = nil }
    }

    private func longestQuiet<Value>(
        _ values: some Collection<Value>, limit: Int, seen: (Value) -> UInt64
    ) -> ArraySlice<Value> {
        values.sorted { seen($0) < seen($1) }.prefix(values.count - limit + limit / 10)
    }
}
