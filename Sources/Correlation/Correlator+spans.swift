import OTLP

extension Correlator {
    /// Takes a batch of spans in. Each of its spans leaves by exactly one release, now or later.
    package func receive(_ batch: SpanBatch, now: UInt64) {
        lastRecord = max(lastRecord, batch.record)
        arriving = batch.record
        let executions = learn(from: batch, now: now)
        settle(now: now)
        dispatch(batch, executions: executions, now: now)
        arriving = nil
        askAbout(executions)
        releaseDependents(now: now)
        forgetBeyondLimits(now: now)
    }

    /// Reads what the batch tells about traces, executions and events; returns the execution of each entry of
    /// `index.executions`.
    private func learn(from batch: SpanBatch, now: UInt64) -> [Execution] {
        let index = batch.index
        let tenants = batch.tenant == nil ? toldTenants(in: batch) : [:]
        let found = index.executions.indices.map { position in
            execution(of: index.executions[position], in: batch, tenant: tenants[Int32(position)], now: now)
        }
        let isTold =
            !found.isEmpty || !index.evidence.isEmpty || !index.resourceEvidence.isEmpty
            || index.scopes.contains { $0.role == .follower || $0.role == .home && settings.hasOtherFollowers }
        guard isTold || batch.tenant != nil else { return found }

        var cached: TraceState?
        var lastHome = TraceID(high: 0, low: 0)
        var lastOwned = lastHome
        let tellsOfHomes = settings.hasOtherFollowers
        // Of scopes of others most spans tell nothing: they are looked at no closer.
        var mayPass = false
        // Of Kestra's most spans tell what the one before them told.
        var mayRepeat = false
        var lastScope: Int32 = -1
        var lastTask: Int32 = -1
        var lastTaskTrace = lastHome
        for position in index.spans.indices {
            if lastScope != index.spans[position].scope {
                lastScope = index.spans[position].scope
                let scope = index.scopes[Int(lastScope)]
                mayPass =
                    batch.tenant == nil && index.resourceEvidence.isEmpty && scope.role != .follower
                    && !(scope.role == .home && tellsOfHomes)
                mayRepeat = index.resourceEvidence.isEmpty && scope.origin == .kestra
            }
            if mayPass, index.spans[position].execution < 0, index.spans[position].evidence.isEmpty,
                case .none = index.spans[position].kestra
            {
                continue
            }
            if mayRepeat, lastTask >= 0, index.spans[position].execution == lastTask, index.spans[position].evidence.isEmpty,
                lastTaskTrace.isSame(as: index.spans[position].traceID), let cached, cached.id.isSame(as: lastTaskTrace)
            {
                switch index.spans[position].kestra {
                case .executor, .worker:
                    learnFromTask(
                        index.spans[position], of: found[Int(lastTask)], in: cached, isNeighbour: true,
                        record: batch.record, now: now)
                    continue
                case .none, .server: break
                }
            }
            let span = index.spans[position]
            let scope = index.scopes[Int(span.scope)]
            let facts =
                OriginFacts.areTold(by: span, in: batch, settings: settings)
                ? OriginFacts(batch, span, settings: settings) : nil
            var owner = batch.tenant ?? facts?.tenant ?? ""
            if let told = facts?.tenant, let tenant = batch.tenant, !told.isExactly(tenant) { counters.tenantRefusals += 1 }
            if owner.isEmpty, span.execution >= 0 { owner = found[Int(span.execution)].owner }
            if !owner.isEmpty, !lastOwned.isSame(as: span.traceID) {
                lastOwned = span.traceID
                note(owner, of: span.traceID)
            }
            let isOfFollower = scope.role == .follower && scope.origin != .kestra
            guard span.execution >= 0 || span.kestra.rawValue != 0 || isOfFollower else {
                if scope.role == .home, tellsOfHomes,
                    !lastHome.isSame(as: span.traceID) || span.parentSpanID.isZero
                {
                    lastHome = span.traceID
                    noteHome(span.traceID, isRoot: span.parentSpanID.isZero)
                }
                if let facts { learnFromHome(span, facts, role: scope.role, owner: owner, record: batch.record, now: now) }
                continue
            }
            let trace: TraceState
            if let last = cached, last.id.isSame(as: span.traceID) {
                trace = last
            } else {
                trace = traceState(span.traceID, now: now)
                cached = trace
            }
            trace.lastSeen = now
            trace.hasSpans = true
            if trace.owner.isEmpty, !owner.isEmpty {
                trace.owner = owner
                touch(trace)
            }
            if isOfFollower, !trace.isFollower {
                trace.isFollower = true
                trace.tellExecutions()
                touch(trace)
            }
            if isOfFollower, span.parentSpanID.isZero, !trace.hasFollowerRoot {
                trace.hasFollowerRoot = true
                tellNativity(of: trace)
            }
            if case .server = span.kestra {
                learnFromServer(span, facts, in: trace, owner: owner, record: batch.record, now: now)
            }
            if span.execution >= 0 {
                learnFromTask(
                    span, of: found[Int(span.execution)], in: trace,
                    isNeighbour: lastTask == span.execution && lastTaskTrace.isSame(as: span.traceID),
                    record: batch.record, now: now)
                (lastTask, lastTaskTrace) = (span.execution, span.traceID)
            }
            if let facts, span.kestra != .server {
                let unit = span.execution >= 0 ? found[Int(span.execution)] : trace
                learnFromFollower(span, facts, unit: unit, owner: owner, record: batch.record, now: now)
            }
        }
        return found
    }

    /// The tenants that attributes of executions' spans or of their resources name, by position in `index.executions`.
    private func toldTenants(in batch: SpanBatch) -> [Int32: String] {
        let index = batch.index
        var tenants: [Int32: String] = [:]
        for entry in index.evidence where entry.key == .tenant {
            let execution = index.spans[Int(entry.owner)].execution
            if execution >= 0, tenants[execution] == nil { tenants[execution] = entry.text(in: batch.payload) }
        }
        for entry in index.resourceEvidence where entry.key == .tenant {
            for span in index.spans
            where span.execution >= 0 && index.scopes[Int(span.scope)].resource == entry.owner
                && tenants[span.execution] == nil
            {
                tenants[span.execution] = entry.text(in: batch.payload)
            }
        }
        return tenants
    }

    private func execution(
        of entry: ExecutionEntry, in batch: SpanBatch, tenant told: String?, now: UInt64
    ) -> Execution {
        let namespace = batch.text(entry.namespace)
        let tenant = batch.text(entry.tenant)
        let owner = batch.tenant ?? told ?? mappedTenant(kestra: tenant, namespace: namespace)
        let execution = execution(entry.id(in: batch.payload), tenant: tenant, owner: owner, now: now)
        // A record that is read again after a restart has been counted.
        execution.isCounting = batch.record > execution.lastRecord
        // It is read again because it, or the execution's span that is owed to it, was not delivered.
        if !execution.isCounting, !isReplaying { execution.exportedSpan = nil }
        execution.lastRecord = max(execution.lastRecord, batch.record)
        if execution.namespace.isEmpty { execution.namespace = namespace }
        if execution.flow.isEmpty { execution.flow = batch.text(entry.flow) }
        return execution
    }

    /// The tenant that the configuration gives to Kestra's tenant or namespace; empty if none.
    func mappedTenant(kestra: String, namespace: String) -> String {
        if let mapped = settings.kestraTenants.first(where: { $0.kestra.isExactly(kestra) }) { return mapped.tenant }
        let fitting = settings.namespaceTenants.first {
            $0.pattern.hasSuffix("*")
                ? namespace.utf8.starts(with: $0.pattern.utf8.dropLast()) : $0.pattern.isExactly(namespace)
        }
        return fitting?.tenant ?? ""
    }

    // MARK: Followers

    /// An EXECUTOR or WORKER span, or any other span with an execution id.
    ///
    /// - Parameter isNeighbour: whether the span before it was of the same execution in the same trace.
    private func learnFromTask(
        _ span: SpanEntry, of execution: Execution, in trace: TraceState, isNeighbour: Bool, record: UInt64, now: UInt64
    ) {
        if !isNeighbour, execution.group(in: trace) == nil { relate(execution, to: trace) }
        if execution.firstSeen == 0 { execution.firstSeen = now }
        execution.lastSeen = now
        if execution.isCounting {
            execution.spanCount += 1
            // Nobody links to an execution without spans.
            if execution.spanCount == 1 { exportSpansLinking(to: execution, isNew: true) }
            if span.status == 2 { execution.errorCount += 1 }
        }
        execution.start = execution.start == 0 ? span.start : min(execution.start, span.start)
        execution.end = max(execution.end, span.end)
        mark(execution)
        makeSpanDue(execution, now: now)

        if case .none = span.kestra { return }
        if span.parentSpanID.isZero {
            if !execution.isFragmented {
                execution.isFragmented = true
                execution.entryParent = SpanID.none
                touch(execution)
            }
            if trace.fragmentOwner.map({ execution.name < $0.name }) ?? true {
                trace.fragmentOwner = execution
                tellNativity(of: trace)
            }
        } else if execution.entryParent == nil, !span.startsExecutions, hangsUnderEntry(span, in: trace) {
            execution.entryParent = span.parentSpanID
            linkToEntry(execution, in: trace, record: record, now: now)
        }
        if span.startsExecutions, trace.starters.count < settings.relationLimit, !trace.starters.contains(where: { $0.span == span.spanID }) {
            trace.starters.append((span.spanID, execution))
            mark(trace)
            for group in trace.groups {
                guard let child = group.execution, child.entryParent == span.spanID else { continue }
                start(child, by: execution, from: .span(span.spanID), now: now)
            }
        }
    }

    private func relate(_ execution: Execution, to trace: TraceState) {
        let hasRoom =
            trace.groups.count < settings.relationLimit && execution.groups.count < settings.tracesOfExecutionLimit
        guard hasRoom || execution.groups.isEmpty else {
            counters.relationsCut += 1
            return
        }
        let group = Group(trace: trace, execution: execution)
        let nativeBefore = execution.nativeTrace
        execution.append(group)
        if hasRoom {
            trace.groups.append(group)
            trace.tellExecutions()
        } else {
            // One trace it needs at least, to know where its own span belongs.
            counters.relationsCut += 1
            execution.note(trace, isNative: trace.isNative == true)
        }
        // With its second trace an execution may need a derived id, and a native one takes the others along.
        if execution.groups.count == 2 || execution.nativeTrace !== nativeBefore { touch(execution) }
        if execution.groups.count == 1 { touchStarted(by: execution) }
        if execution.claims.isEmpty {
            touch(group)
            touch(trace.rest)
        } else {
            touch(group, withFollowersOf: execution)
        }
    }

    /// Whether the parent of a span of Kestra's is what its execution was entered through. Of EXECUTOR spans it always is; of
    /// WORKER spans, which Kestra 2.0 hangs under EXECUTOR spans, if it is known as something that starts executions.
    private func hangsUnderEntry(_ span: SpanEntry, in trace: TraceState) -> Bool {
        if case .executor = span.kestra { return true }
        return trace.servers.contains { $0.id == span.parentSpanID } || trace.starters.contains { $0.span == span.parentSpanID }
    }

    /// Connects an execution with the span that its spans hang under, if that was seen already.
    private func linkToEntry(_ execution: Execution, in trace: TraceState, record: UInt64, now: UInt64) {
        guard let parent = execution.entryParent else { return }
        if let server = trace.servers.first(where: { $0.id == parent }) {
            learn(server, of: execution, in: trace, record: record, now: now)
        }
        if let starter = trace.starters.first(where: { $0.span == parent }) {
            start(execution, by: starter.execution, from: .span(parent), now: now)
        }
        if let group = execution.group(in: trace) { touch(group) }
        touch(trace.rest)
    }

    /// Learns that one execution was started by another.
    func start(_ child: Execution, by parent: Execution, from: Evidence.Origin, now: UInt64) {
        guard child !== parent else { return }
        if !child.owner.isEmpty, !parent.owner.isEmpty, !child.owner.isExactly(parent.owner) {
            counters.tenantRefusals += 1
            return
        }
        note(.startedBy, .text(parent.id), from: from, on: child, now: now)
        // Of several that are said to have started it the first by name counts, so that the order of arrival does not.
        if let known = child.startedBy {
            guard parent.name < known.name else { return }
            known.started.removeAll { $0 === child }
        }
        child.startedBy = parent
        if parent.started.count < settings.relationLimit {
            parent.started.append(child)
        } else {
            counters.relationsCut += 1
        }
        if starter(of: child) == nil { counters.circles += 1 }
        touch(child)
    }

    /// Lets a trace's executions know whether it is native, and looks again at all that this moves.
    private func tellNativity(of trace: TraceState) {
        let isNative = trace.isNative == true
        touch(trace)
        for group in trace.groups {
            guard let execution = group.execution else { continue }
            let before = execution.nativeTrace
            execution.note(trace, isNative: isNative)
            // Its other traces go where the native one is.
            if execution.nativeTrace !== before { touch(execution) }
        }
    }

    /// A SERVER span: the sign whether the caller's context reached Kestra.
    private func learnFromServer(
        _ span: SpanEntry, _ facts: OriginFacts?, in trace: TraceState, owner: String, record: UInt64, now: UInt64
    ) {
        guard !trace.servers.contains(where: { $0.id == span.spanID }) else { return }
        var server = ServerSpan(id: span.spanID, parent: span.parentSpanID)
        if let facts {
            server.facts = self.facts(facts, of: span, owner: owner, event: .eventOnServer, context: .contextOnServer)
            server.called = facts.calledExecution
            if settings.pairsCalls, span.parentSpanID.isZero, let path = facts.path {
                let context = TraceContext(traceID: span.traceID, spanID: span.spanID)
                calls.take(.init(path: path, context: context, owner: owner, start: span.start, end: span.end))
                server.path = path
                (server.start, server.end) = (span.start, span.end)
            }
        }
        if span.parentSpanID.isZero { trace.hasRootServer = true } else { trace.hasCalledServer = true }
        if trace.servers.count < 64 { trace.servers.append(server) }
        tellNativity(of: trace)
        for group in trace.groups {
            guard let execution = group.execution, execution.entryParent == span.spanID else { continue }
            learn(server, of: execution, in: trace, record: record, now: now)
        }
        guard let called = facts?.calledExecution else { return }
        let context = TraceContext(traceID: span.traceID, spanID: span.spanID)
        for execution in executionsNamed(called, owner: owner, now: now)
        where !execution.calls.contains(context) && execution.calls.count < 16 {
            execution.calls.append(context)
            mark(execution)
            note(.call, .trace(span.traceID), from: .span(span.spanID), on: execution, now: now)
            exportSpanAgain(execution)
        }
    }

    /// What the SERVER span of an execution says about it.
    private func learn(
        _ server: ServerSpan, of execution: Execution, in trace: TraceState, record: UInt64, now: UInt64
    ) {
        let from = Evidence.Origin.span(server.id)
        if server.parent.isZero {
            note(.noHeader, .trace(trace.id), from: from, on: execution, now: now)
        } else {
            note(.header, .context(TraceContext(traceID: trace.id, spanID: server.parent)), from: from, on: execution, now: now)
        }
        for fact in server.facts {
            apply(fact, from: from, span: server.id, to: execution, record: record, now: now)
        }
    }

    /// What any other span of a follower says about its execution or its trace.
    private func learnFromFollower(
        _ span: SpanEntry, _ facts: OriginFacts, unit: JoinUnit, owner: String, record: UInt64, now: UInt64
    ) {
        let from = Evidence.Origin.span(span.spanID)
        let own = Home(
            context: TraceContext(traceID: span.traceID, spanID: span.spanID), start: span.start,
            execution: unit as? Execution)
        for fact in self.facts(facts, of: span, owner: owner, event: .eventOnSpan, context: .contextOnSpan) {
            let isSender = span.kind == 4 || span.kind == 3 && fact.basis == .taskRun
            if isSender, fact.basis == .taskRun || fact.basis == .eventOnSpan, let key = fact.event {
                // It does not work on what it sends: it is where that came from.
                let event = event(for: key, now: now)
                if event.joinKey == nil { publish(event, by: own, isProducer: true) } else { keep(own, for: event) }
            } else {
                apply(fact, from: from, span: span.spanID, to: unit, record: record, now: now)
            }
        }
    }

    // MARK: Homes and bystanders

    /// A span of another system with evidence on it: one that published an event, carries a key or names an execution.
    private func learnFromHome(
        _ span: SpanEntry, _ facts: OriginFacts, role: OriginRole, owner: String, record: UInt64, now: UInt64
    ) {
        let home = Home(context: TraceContext(traceID: span.traceID, spanID: span.spanID), start: span.start)
        if settings.pairsCalls, span.kind == 3, let path = facts.path {
            let call = CallPairing.Call(
                path: path, context: home.context, owner: owner, start: span.start, end: span.end)
            for trace in calls.make(call) {
                for group in knownTrace(trace)?.groups ?? [] { if let execution = group.execution { exportSpanAgain(execution) } }
            }
        }
        for fact in self.facts(facts, of: span, owner: owner, event: .eventOnSpan, context: .contextOnSpan) {
            guard let key = fact.event else { continue }
            switch fact.basis {
            case .eventOnSpan:
                let event = event(for: key, now: now)
                event.lastSeen = now
                if event.type.isEmpty, let type = facts.eventType {
                    event.type = type
                    mark(event)
                }
                publish(event, by: home, isProducer: span.kind == 4)
            case .key where role == .home, .weakKey where role == .home:
                keep(home, for: event(for: key, now: now))
            case .taskRun where span.kind == 4 || span.kind == 3:
                keep(home, for: event(for: key, now: now))
            default: break
            }
        }
        guard let claimed = facts.claimedExecution else { return }
        for execution in executionsNamed(claimed, owner: owner, now: now) {
            note(.claimedBySpan, .trace(span.traceID), from: .span(span.spanID), on: execution, now: now)
            var claim = Claim(basis: .span, context: home.context)
            claim.isNameless = owner.isEmpty
            add(claim, to: execution, record: record)
        }
    }

    private func noteHome(_ id: TraceID, isRoot: Bool) {
        let known = homeTraces[id]
        guard known == nil || isRoot && known != .root else { return }
        homeTraces[id] = isRoot ? .root : .some
        guard let trace = knownTrace(id) else { return }
        trace.home = isRoot ? .root : .some
        tellNativity(of: trace)
    }

    // MARK: Facts

    /// What a span says, in the form in which it is kept. `event` and `context` are what naming one of those counts as.
    func facts(
        _ facts: OriginFacts, of span: SpanEntry, owner: String, event: Claim.Basis, context: Claim.Basis
    ) -> [SpanFact] {
        var found: [SpanFact] = []
        if let id = facts.eventID, let source = facts.eventSource {
            if !owner.isEmpty, let told = facts.eventTenant, !told.isExactly(owner) { counters.tenantRefusals += 1 }
            let tenant = owner.isEmpty ? facts.eventTenant ?? "" : owner
            found.append(SpanFact(basis: event, event: EventKey(tenant: tenant, source: source, id: id), start: span.start))
        }
        if let traceparent = facts.traceparent {
            found.append(SpanFact(basis: context, context: traceparent, start: span.start))
        }
        for key in facts.keys where settings.joinKeys.indices.contains(key.joinKey) {
            let rule = settings.joinKeys[key.joinKey]
            let tenant = owner.isEmpty ? facts.eventTenant ?? "" : owner
            found.append(
                SpanFact(
                    basis: rule.kind == .taskRun ? .taskRun : rule.strength == .link ? .weakKey : .key,
                    event: EventKey(tenant: tenant, key: rule, value: key.value), start: span.start))
        }
        return found
    }

    /// Lets a fact count for a unit.
    func apply(_ fact: SpanFact, from: Evidence.Origin, span: SpanID, to unit: JoinUnit, record: UInt64, now: UInt64) {
        var claim = Claim(basis: fact.basis, context: fact.context, start: fact.start, span: span)
        if let key = fact.event {
            let event = event(for: key, now: now)
            event.lastSeen = now
            claim.event = event
            note(fact.basis.evidence, .text(event.shownID(settings)), from: from, on: unit, now: now)
            if case .ambiguous = event.name.meaning(of: event, for: unit.owner) { counters.ambiguousEvents += 1 }
        } else if let context = fact.context {
            note(fact.basis.evidence, .context(context), from: from, on: unit, now: now)
        }
        add(claim, to: unit, record: record)
    }
}

extension EventState {
    /// How evidence names it: an event by its id, a key's value as `<key>=<value>`.
    func shownID(_ settings: CorrelationSettings) -> String {
        guard let joinKey, settings.joinKeys.indices.contains(joinKey) else { return key.id }
        return "\(settings.joinKeys[joinKey].name)=\(key.id)"
    }
}

extension SpanBatch {
    /// The text of a range, as UTF-8 with replacement of what is not.
    func text(_ range: ByteRange) -> String {
        String(decoding: payload[range.indices], as: UTF8.self)
    }
}

extension TraceID {
    /// The same as `==`, which is called through a table from another module.
    @inline(always)
    func isSame(as other: TraceID) -> Bool { high == other.high && low == other.low }
}

extension TraceContext {
    /// `<trace id>-<span id>` in hex.
    package var text: String { "\(traceID.hex)-\(spanID.hex)" }

    init(_ traceparent: Traceparent) {
        self.init(traceID: traceparent.traceID, spanID: traceparent.parentID)
    }
}
