import OTLP

// Finding and making what is remembered, and letting go of it.
extension Correlator {
    /// The execution that a span is of, made if it is new. What the span tells of its tenant is learned.
    func execution(_ id: String, tenant: String, owner: String, now: UInt64) -> Execution {
        let key = ExactText(id)
        guard let first = knownExecution(key) else {
            let execution = make(id, now: now)
            execution.tenant = tenant
            execution.owner = owner
            executions[key] = execution
            return execution
        }
        // Who knows nothing of tenants mostly meets the one execution that there is.
        var candidate: Execution? = first
        var fitting: Execution?
        while let current = candidate {
            if current.fits(tenant: tenant, owner: owner) {
                let isExact = current.tenant.isExactly(tenant) && current.owner.isExactly(owner)
                if fitting == nil || isExact { fitting = current }
                if isExact { break }
            }
            candidate = current.namesake
        }
        if let fitting {
            learn(tenant: tenant, owner: owner, of: fitting)
            return fitting
        }
        let execution = make(id, now: now)
        execution.tenant = tenant
        execution.owner = owner
        execution.namesake = first.namesake
        first.namesake = execution
        execution.isNamesake = true
        for known in namesakes(of: first) {
            known.forgetDerivedIDs()
            touch(known)
        }
        return execution
    }

    private func learn(tenant: String, owner: String, of execution: Execution) {
        if execution.tenant.isEmpty, !tenant.isEmpty {
            execution.tenant = tenant
            mark(execution)
            touch(execution)
        }
        if execution.owner.isEmpty, !owner.isEmpty {
            execution.owner = owner
            execution.forgetDerivedIDs()
            for position in execution.claims.indices { refuseIfForeign(&execution.claims[position], of: execution) }
            mark(execution)
            touch(execution)
        }
    }

    /// The executions that somebody may mean who names an id and perhaps a tenant: all that fit, one at least.
    func executionsNamed(_ id: String, tenant: String = "", owner: String, now: UInt64) -> [Execution] {
        let known = executionsOf(id)
        var fitting = known.filter { $0.fits(tenant: tenant, owner: owner) }
        // Those whose tenant is known to be the one that is named are meant rather than those of which none is known.
        let exact = fitting.filter {
            !tenant.isEmpty && $0.tenant.isExactly(tenant) || !owner.isEmpty && $0.owner.isExactly(owner)
        }
        if !exact.isEmpty { fitting = exact }
        if fitting.isEmpty {
            if !known.isEmpty { counters.tenantRefusals += 1 }
            return [execution(id, tenant: tenant, owner: owner, now: now)]
        }
        if fitting.count == 1 { learn(tenant: tenant, owner: owner, of: fitting[0]) } else { counters.ambiguousEvents += 1 }
        return fitting
    }

    /// An execution and the others of its id.
    func namesakes(of first: Execution) -> [Execution] {
        var all: [Execution] = []
        var next: Execution? = first
        while let current = next {
            all.append(current)
            next = current.namesake
        }
        return all
    }

    /// All executions of an id.
    func executionsOf(_ id: String) -> [Execution] { knownExecution(ExactText(id)).map(namesakes) ?? [] }

    private func make(_ id: String, now: UInt64) -> Execution {
        let execution = Execution(id: id)
        execution.lastSeen = now
        executionCount += 1
        quietExecutions.insert(execution, seen: now)
        mark(execution)
        return execution
    }

    func traceState(_ id: TraceID, now: UInt64) -> TraceState {
        if let known = knownTrace(id) { return known }
        let trace = TraceState(id: id, now: now)
        // Spans of it that told nothing about a follower may have left already.
        if settings.late != .link, passedTraces.mayContain(id) {
            trace.rest.targets = [id]
            lookAgain(at: trace.rest)
        }
        trace.home = homeTraces[id] ?? .none
        trace.owner = traceOwners[id] ?? ""
        traces[id] = trace
        quietTraces.insert(trace, seen: now)
        mark(trace)
        return trace
    }

    /// The event or the key's value of a name, made if it is new.
    func event(for key: EventKey, now: UInt64) -> EventState {
        if let known = knownEvent(key) { return known }
        let nameless = key.nameless
        let name: EventName
        if let known = knownName(nameless) {
            name = known
        } else {
            name = EventName()
            eventNames[nameless] = name
        }
        let event = EventState(key: key, name: name, joinKey: settings.joinKey(of: key), now: now)
        if key.tenant.isEmpty {
            name.nameless = event
        } else if name.tenanted.count < settings.relationLimit {
            name.tenanted.append(event)
            // What was said without a tenant may mean another event now, or none.
            for told in [name.nameless, name.tenanted.first].compactMap({ $0 }) {
                told.executions.forEach(touch)
                told.traces.forEach(touch)
            }
        } else {
            counters.relationsCut += 1
        }
        events[key] = event
        quietEvents.insert(event, seen: now)
        mark(event)
        return event
    }

    /// Learns the traceparent that an event carries. What the event itself says counts more than what others say that it
    /// carries, among equals the smaller, so that the order of arrival does not matter.
    func place(_ event: EventState, at context: TraceContext, isOwn: Bool = false) {
        if let known = event.context {
            guard isOwn == event.isContextOwn ? context < known : isOwn else { return }
        }
        let before = event.context
        event.context = context
        event.isContextOwn = isOwn
        if let before { unindex(event, from: before.traceID) }
        index(event, under: context.traceID)
        takeKeysHome(of: event)
    }

    /// Learns a span that names the event as its own. A PRODUCER span counts more than others, among equals the smaller,
    /// so that the order of arrival does not matter.
    func publish(_ event: EventState, by home: Home, isProducer: Bool) {
        if let known = event.publisher {
            guard isProducer == event.isPublisherProducer ? home.context < known.context : isProducer else { return }
        }
        let before = event.publisher
        event.publisher = home
        event.isPublisherProducer = isProducer
        if let before { unindex(event, from: before.context.traceID) }
        index(event, under: home.context.traceID)
        takeKeysHome(of: event)
    }

    /// Learns a span of a home that carries a key. Of each trace the earliest counts.
    func keep(_ home: Home, for key: EventState) {
        func precedes(_ a: Home, _ b: Home) -> Bool { (a.start, a.context) < (b.start, b.context) }
        if let position = key.homes.firstIndex(where: { $0.context.traceID == home.context.traceID }) {
            guard precedes(home, key.homes[position]) else { return }
            key.homes.remove(at: position)
        }
        let position = key.homes.firstIndex { precedes(home, $0) } ?? key.homes.count
        guard position < settings.relationLimit else {
            counters.relationsCut += 1
            return
        }
        key.homes.insert(home, at: position)
        if key.homes.count > settings.relationLimit {
            counters.relationsCut += 1
            let cut = key.homes.removeLast()
            unindex(key, from: cut.context.traceID)
        }
        index(key, under: home.context.traceID)
    }

    /// Keys in an event's data are at home where the event is.
    func takeKeysHome(of event: EventState) {
        guard !event.carriedKeys.isEmpty, let home = event.publisher ?? event.context.map({ Home(context: $0) }) else {
            return
        }
        for key in event.carriedKeys {
            keep(
                Home(context: home.context, start: event.time, execution: home.execution),
                for: self.event(for: key, now: event.lastSeen))
        }
    }

    /// Lets the event no longer be found by a trace that it does not name any more.
    private func unindex(_ event: EventState, from trace: TraceID) {
        guard !event.contexts.contains(where: { $0.traceID == trace }) else { return }
        eventsByTrace[trace]?.removeAll { $0 === event }
        if eventsByTrace[trace]?.isEmpty == true { eventsByTrace[trace] = nil }
    }

    /// Lets the event be found by a trace, and looks again at what it moves.
    private func index(_ event: EventState, under trace: TraceID) {
        add(event, to: &eventsByTrace[trace, default: []])
        mark(event)
        touchFollowers(of: event)
    }

    func add(_ event: EventState, to list: inout [EventState]) {
        guard !list.contains(where: { $0 === event }) else { return }
        if list.count < settings.relationLimit { list.append(event) } else { counters.relationsCut += 1 }
    }

    /// The event and, if it is the only one of its name, what was said about it without a tenant.
    private func meant(by event: EventState) -> [EventState] {
        guard event.name.tenanted.count == 1, let nameless = event.name.nameless else { return [event] }
        return [event.name.tenanted[0], nameless]
    }

    /// What an event started, also if it was named without its tenant.
    func executions(of event: EventState) -> [Execution] {
        let told = meant(by: event)
        if told.count == 1 { return told[0].executions }
        var found: [Execution] = []
        for execution in told.flatMap(\.executions) where !found.contains(where: { $0 === execution }) {
            found.append(execution)
        }
        return found
    }

    func touchFollowers(of event: EventState) {
        for told in meant(by: event) {
            for execution in told.executions {
                touch(execution)
                if settings.late == .link { exportSpanAgain(execution) }
            }
            told.traces.forEach(touch)
        }
    }

    // MARK: Claims

    /// Takes a claim in. `record` is the one that tells it.
    func add(_ claim: Claim, to unit: JoinUnit, record: UInt64) {
        let isRead = record <= unit.lastEvidence
        if !isRead { evidenced.append(unit) }
        if let known = unit.claims.firstIndex(where: { $0.repeats(claim) }) {
            // It is read again because what it moved was not delivered: it moves it again.
            if isRead { amendAgain(unit) }
            sharpen(&unit.claims[known], with: claim, of: unit)
            return
        }
        var claim = claim
        refuseIfForeign(&claim, of: unit)
        if unit.claims.count >= settings.evidenceLimit {
            // Which are kept must not depend on the order in which they came.
            guard let weakest = unit.claims.indices.max(by: { unit.claims[$0].precedes(unit.claims[$1]) }),
                claim.precedes(unit.claims[weakest]), unit.replacedClaims < settings.evidenceLimit
            else {
                counters.relationsCut += 1
                return
            }
            // Whoever sends ever stronger claims does not move it for ever.
            unit.replacedClaims += 1
            unit.claims.remove(at: weakest)
        }
        unit.claims.append(claim)
        if let event = claim.event {
            relate(unit, to: event)
        } else if let context = claim.context {
            index(unit, under: context.traceID)
        }
        if let execution = unit as? Execution {
            mark(execution)
            if settings.late == .link { exportSpanAgain(execution) }
            touch(execution)
        } else if let trace = unit as? TraceState {
            touch(trace)
        }
    }

    /// The earliest span that says so counts.
    private func sharpen(_ known: inout Claim, with claim: Claim, of unit: JoinUnit) {
        guard claim.start < known.start || claim.span < known.span else { return }
        known.start = min(known.start, claim.start)
        known.span = min(known.span, claim.span)
        touch(unit: unit)
    }

    /// Whether it leads to another tenant: then it never leads anywhere.
    func refuseIfForeign(_ claim: inout Claim, of unit: JoinUnit) {
        guard !claim.isRefused, !unit.owner.isEmpty else { return }
        if let context = claim.context {
            guard let owner = traceOwners[context.traceID], !owner.isExactly(unit.owner) else { return }
            claim.isRefused = true
            counters.tenantRefusals += 1
        } else if let event = claim.event, case .tenantDiffers = event.name.meaning(of: event, for: unit.owner) {
            counters.tenantRefusals += 1
        }
    }

    /// Learns whose a trace is.
    func note(_ owner: String, of trace: TraceID) {
        let known = traceOwners[trace]
        guard known == nil || known?.isExactly(owner) == false else { return }
        // Several: then it is nobody's in particular, and joins with none whose tenant is known.
        traceOwners[trace] = known == nil ? owner : ""
        for unit in units(naming: trace) {
            for position in unit.claims.indices { refuseIfForeign(&unit.claims[position], of: unit) }
            touch(unit: unit)
        }
    }

    /// Lets what the claims of a restored unit name find it again.
    func relateClaims(of unit: JoinUnit) {
        for claim in unit.claims {
            if let event = claim.event {
                relate(unit, to: event)
            } else if let context = claim.context {
                index(unit, under: context.traceID)
            }
        }
    }

    private func relate(_ unit: JoinUnit, to event: EventState) {
        if let trace = unit as? TraceState {
            guard !event.traces.contains(where: { $0 === trace }) else { return }
            guard event.traces.count < settings.relationLimit else {
                counters.relationsCut += 1
                return
            }
            event.traces.append(trace)
        } else if let execution = unit as? Execution {
            guard !event.executions.contains(where: { $0 === execution }) else { return }
            guard event.executions.count < settings.relationLimit else {
                counters.relationsCut += 1
                return
            }
            event.executions.append(execution)
            // The spans of the earlier executions get a link to this one, as long as they have room for links.
            if event.joinKey == nil, event.executions.count <= linksOfExecutionSpan {
                executions(of: event).forEach(exportSpanAgain)
            }
        }
        mark(event)
    }

    private func index(_ unit: JoinUnit, under trace: TraceID) {
        guard (unit as? TraceState)?.id != trace else { return }
        var units = unitsByTrace[trace] ?? []
        guard !units.contains(where: { $0 === unit }) else { return }
        if units.count < settings.relationLimit { units.append(unit) } else { counters.relationsCut += 1 }
        unitsByTrace[trace] = units
    }

    func note(_ kind: Evidence.Kind, _ value: Evidence.Value, from: Evidence.Origin, on unit: JoinUnit, now: UInt64) {
        guard unit.evidence.count < settings.evidenceLimit,
            !unit.evidence.contains(where: { $0.kind == kind && $0.value == value })
        else { return }
        unit.evidence.append(Evidence(kind: kind, value: value, seenAt: now, origin: from))
        if let execution = unit as? Execution { mark(execution) } else if let trace = unit as? TraceState { mark(trace) }
    }

    // MARK: Touching

    /// Has a group settled.
    func lookAgain(at group: Group) {
        if group.isTouched { return }
        group.isTouched = true
        touched.append(group)
    }

    /// Marks spans that may belong elsewhere now.
    func touch(_ group: Group) {
        if isRestoring { return }
        lookAgain(at: group)
        mark(group.trace)
    }

    /// Marks all spans of a trace.
    func touch(_ trace: TraceState) {
        if isRestoring { return }
        trace.common = nil
        for group in trace.groups {
            touch(group)
            if let execution = group.execution { touchStarted(by: execution) }
        }
        touch(trace.rest)
    }

    /// Marks the spans of an execution, because of evidence about it; others of its traces may follow it.
    func touch(_ execution: Execution) {
        if isRestoring { return }
        for group in execution.groups { touch(group, withFollowersOf: execution) }
        touchStarted(by: execution)
        exportSpanAgain(execution)
    }

    /// Marks spans of an execution in one trace, and what of the trace follows it.
    func touch(_ group: Group, withFollowersOf execution: Execution) {
        let trace = group.trace
        touch(group)
        touch(trace.rest)
        let before = trace.common
        trace.common = nil
        guard trace.groups.count > 1 else { return }
        var walk = Walk()
        let after = CommonPlace(placement: common(in: trace, &walk))
        if before != after || trace.fragmentOwner === execution { touch(trace) }
    }

    /// Marks the executions that follow an execution.
    func touchStarted(by execution: Execution) {
        for child in execution.started where child.startedBy === execution {
            for group in child.groups {
                touch(group)
                touch(group.trace.rest)
            }
        }
    }

    func touch(unit: JoinUnit) {
        if let execution = unit as? Execution { touch(execution) } else if let trace = unit as? TraceState { touch(trace) }
    }

    /// Marks what depends on where a trace's spans are.
    func touchDependents(on trace: TraceID) {
        for event in events(in: trace) { touchFollowers(of: event) }
        for unit in units(naming: trace) { touch(unit: unit) }
    }

    // MARK: Forgetting

    /// Spills and then forgets what has been quiet longest once a limit is passed; what waits there leaves before.
    func forgetBeyondLimits(now: UInt64) {
        spillBeyondLimit(now: now)
        // A third of it for each kind: if all are above it together, so is one of them.
        let isCrowded = spillStore != nil && unitsInMemory > settings.memoryMaximum
        let most = isCrowded ? settings.memoryMaximum / 3 : Int.max
        while executionCount > most || sizes.executions > settings.executionLimit {
            if executionCount <= most, forgetOldestSpilled() { continue }
            guard let execution = quietExecutions.takeQuiet(seen: { $0.lastSeen }) else { break }
            letGo(execution.groups, now: now)
            forget(execution)
        }
        while events.count > most || sizes.events > settings.eventLimit {
            if events.count <= most, forgetOldestSpilled() { continue }
            guard let event = quietEvents.takeQuiet(seen: { $0.lastSeen }) else { break }
            forget(event)
        }
        while traces.count > most || sizes.traces > settings.traceLimit {
            if traces.count <= most, forgetOldestSpilled() { continue }
            guard let trace = quietTraces.takeQuiet(seen: { $0.lastSeen }) else { break }
            if trace.isHolding { letGo(trace.groups + [trace.rest], now: now) }
            forget(trace)
        }
    }

    private func letGo(_ groups: [Group], now: UInt64) {
        let holding = groups.filter { !$0.held.isEmpty }
        guard !holding.isEmpty else { return }
        for group in holding {
            for position in group.held.indices { group.held[position].deadline = 0 }
            lookAgain(at: group)
        }
        settle(now: now)
    }

    private func forget(_ execution: Execution) {
        guard !execution.isForgotten else { return }
        remove(execution)
        counters.forgotten += 1
        execution.isDirty = false
        let others = executions[ExactText(execution.id)].map(namesakes) ?? []
        guard let heir = others.first else { return forgetStored(.execution, execution.storedID) }
        if heir.storedID == 0 { heir.storedID = execution.storedID }
        changedOutOfMemory.append(stored(others))
    }

    /// Takes an execution out of memory.
    func remove(_ execution: Execution) {
        let key = ExactText(execution.id)
        let all = executions[key].map(namesakes) ?? []
        let others = all.filter { $0 !== execution }
        guard others.count < all.count else { return }
        for (position, other) in others.enumerated() {
            other.isNamesake = position > 0
            other.namesake = position + 1 < others.count ? others[position + 1] : nil
        }
        executions[key] = others.first
        executionCount -= 1
        execution.isForgotten = true
        for group in execution.groups { group.trace.groups.removeAll { $0 === group } }
        for trace in Set(execution.groups.map(\.trace.id)) {
            guard let trace = traces[trace] else { continue }
            trace.starters.removeAll { $0.execution === execution }
            if trace.fragmentOwner === execution { trace.fragmentOwner = nil }
        }
        execution.forgetTraces()
        execution.startedBy?.started.removeAll { $0 === execution }
        for child in execution.started { child.startedBy = nil }
        execution.started = []
        forgetClaims(of: execution)
    }

    private func forgetClaims(of unit: JoinUnit) {
        for claim in unit.claims {
            if let event = claim.event {
                event.executions.removeAll { $0 === unit }
                event.traces.removeAll { $0 === unit }
            } else if let trace = claim.context?.traceID {
                unitsByTrace[trace]?.removeAll { $0 === unit }
                if unitsByTrace[trace]?.isEmpty == true { unitsByTrace[trace] = nil }
            }
        }
        unit.claims = []
    }

    private func forget(_ event: EventState) {
        guard events[event.key] === event else { return }
        remove(event)
        counters.forgotten += 1
        event.isDirty = false
        forgetStored(.event, event.storedID)
    }

    /// Takes an event out of memory.
    func remove(_ event: EventState) {
        events[event.key] = nil
        for trace in Set(event.contexts.map(\.traceID)) {
            eventsByTrace[trace]?.removeAll { $0 === event }
            if eventsByTrace[trace]?.isEmpty == true { eventsByTrace[trace] = nil }
        }
        for key in event.weakKeys {
            eventsByWeakKey[key]?.removeAll { $0 === event }
            if eventsByWeakKey[key]?.isEmpty == true { eventsByWeakKey[key] = nil }
        }
        if event.name.nameless === event { event.name.nameless = nil }
        event.name.tenanted.removeAll { $0 === event }
        if event.name.isEmpty { eventNames[event.key.nameless] = nil }
    }

    private func forget(_ trace: TraceState) {
        guard traces[trace.id] === trace else { return }
        remove(trace)
        counters.forgotten += 1
        trace.isDirty = false
        forgetStored(.trace, trace.storedID)
    }

    /// Takes a trace out of memory.
    func remove(_ trace: TraceState) {
        traces[trace.id] = nil
        for target in Set((trace.groups + [trace.rest]).flatMap(\.targets)) {
            movedTraces[target]?.remove(trace.id)
            if movedTraces[target]?.isEmpty == true { movedTraces[target] = nil }
        }
        for group in trace.groups {
            group.execution?.remove(group)
            group.execution?.note(trace, isNative: false)
        }
        trace.starters = []
        trace.fragmentOwner = nil
        forgetClaims(of: trace)
        trace.forgetGroups()
    }
}
