import OTLP

/// One thing that the correlator remembers, in the form in which it is stored.
package struct StoredState: Sendable {
    package enum Kind: Int, Sendable, CaseIterable {
        case event = 1
        case execution = 2
        case trace = 3
    }

    package var kind: Kind
    /// Its number among everything that was ever stored, from 1: where it replaces what was stored of the same before.
    package var id: UInt64
    /// Unix nanoseconds of the last arrival: what is restored first.
    package var time: UInt64
    /// Empty if it was forgotten.
    package var body: [UInt8]

    package init(kind: Kind, id: UInt64, time: UInt64, body: [UInt8]) {
        self.kind = kind
        self.id = id
        self.time = time
        self.body = body
    }
}

/// The format of stored bodies; state of another format is not restored but learned from the journal again.
private let formatVersion: UInt64 = 5

extension Correlator {
    func mark(_ execution: Execution) {
        guard !execution.isDirty, !isRestoring else { return }
        execution.isDirty = true
        dirtyExecutions.append(execution)
    }

    func mark(_ event: EventState) {
        guard !event.isDirty, !isRestoring else { return }
        event.isDirty = true
        dirtyEvents.append(event)
    }

    func mark(_ trace: TraceState) {
        guard !trace.isDirty, !isRestoring else { return }
        trace.isDirty = true
        dirtyTraces.append(trace)
    }

    /// What has changed since the last call. Stored together with `lastRecord`, it makes a start cheap; without it
    /// everything is learned from the journal again.
    package func takeChangedState() -> [StoredState] {
        var changed = changedOutOfMemory
        changedOutOfMemory = []
        changed.reserveCapacity(changed.count + dirtyEvents.count + dirtyExecutions.count + dirtyTraces.count)
        for event in dirtyEvents where event.isDirty {
            event.isDirty = false
            changed.append(stored(event))
        }
        for execution in dirtyExecutions where execution.isDirty {
            execution.isDirty = false
            let all = executions[ExactText(execution.id)].map(namesakes) ?? []
            for other in all { other.isDirty = false }
            if !all.isEmpty { changed.append(stored(all)) }
        }
        for trace in dirtyTraces where trace.isDirty {
            trace.isDirty = false
            changed.append(stored(trace))
        }
        dirtyEvents.removeAll(keepingCapacity: true)
        dirtyExecutions.removeAll(keepingCapacity: true)
        dirtyTraces.removeAll(keepingCapacity: true)
        return changed
    }

    func stored(_ event: EventState) -> StoredState {
        StoredState(kind: .event, id: numbered(&event.storedID), time: event.lastSeen, body: encode(event))
    }

    /// Executions of one id are stored together, since what tells them apart may become known later.
    func stored(_ all: [Execution]) -> StoredState {
        var encoder = StateEncoder()
        encoder.put(formatVersion)
        encoder.put(all) { $0.put(raw: self.encode($1)) }
        var id = all.lazy.map(\.storedID).first { $0 != 0 } ?? 0
        for execution in all { execution.storedID = numbered(&id) }
        return StoredState(kind: .execution, id: id, time: all.map(\.lastSeen).max() ?? 0, body: encoder.bytes)
    }

    func stored(_ trace: TraceState) -> StoredState {
        StoredState(kind: .trace, id: numbered(&trace.storedID), time: trace.lastSeen, body: encode(trace))
    }

    /// Lets go of what was stored of something, if anything was.
    func forgetStored(_ kind: StoredState.Kind, _ id: UInt64) {
        if id != 0 { changedOutOfMemory.append(StoredState(kind: kind, id: id, time: 0, body: [])) }
    }

    /// Something has another number if it was spilled before all of it was restored, or if it came again when it could not
    /// be read back from the spill store.
    private func note(_ kind: StoredState.Kind, storedAs id: UInt64, in storedID: inout UInt64) {
        if storedID != id { forgetStored(kind, storedID) }
        storedID = id
    }

    /// The number under which something is stored, given now if it has none.
    private func numbered(_ storedID: inout UInt64) -> UInt64 {
        if storedID == 0 {
            lastStoredID += 1
            storedID = lastStoredID
        }
        return storedID
    }

    /// Takes stored state back in, before the first input and after `lastStoredID` was set, the longest quiet first. Returns
    /// false for state that cannot be read.
    package func restore(_ state: StoredState, now: UInt64) -> Bool {
        (isRestoring, isCatchingUp) = (true, true)
        defer {
            (isRestoring, isCatchingUp) = (false, false)
            forgetBeyondLimits(now: now)
        }
        return takeBack(state, now: now)
    }

    func takeBack(_ state: StoredState, now: UInt64) -> Bool {
        var decoder = StateDecoder(state.body)
        do {
            guard try decoder.number() == formatVersion else { return false }
            switch state.kind {
            case .event: note(.event, storedAs: state.id, in: &(try restoreEvent(&decoder, now: now)).storedID)
            case .execution:
                for execution in try decoder.list({ (d) throws(StateDamaged) in try self.restoreExecution(&d, now: now) }) {
                    note(.execution, storedAs: state.id, in: &execution.storedID)
                }
            case .trace: note(.trace, storedAs: state.id, in: &(try restoreTrace(&decoder, now: now)).storedID)
            }
            return true
        } catch {
            return false
        }
    }

    private func encode(_ event: EventState) -> [UInt8] {
        var encoder = StateEncoder()
        encoder.put(formatVersion)
        encoder.put(event.key)
        encoder.put(event.type)
        encoder.put(event.subject)
        encoder.put(event.time)
        encoder.put(event.context) { $0.put($1) }
        encoder.put(event.isContextOwn)
        encoder.put(event.publisher) { $0.put($1) }
        encoder.put(event.isPublisherProducer)
        encoder.put(event.homes) { $0.put($1) }
        encoder.put(event.carriedKeys) { $0.put($1) }
        encoder.put(event.runID)
        encoder.put(event.correlationID)
        encoder.put(time: event.firstSeen)
        encoder.put(time: event.lastSeen)
        return encoder.bytes
    }

    private func restoreEvent(_ decoder: inout StateDecoder, now: UInt64) throws(StateDamaged) -> EventState {
        let key = try decoder.eventKey()
        let (type, subject, time) = (try decoder.text(), try decoder.text(), try decoder.number())
        let event = event(for: key, now: now)
        (event.type, event.subject, event.time) = (type, subject, time)
        event.context = try decoder.optional { (d) throws(StateDamaged) in try d.context() }
        event.isContextOwn = try decoder.flag()
        event.publisher = try decoder.optional { (d) throws(StateDamaged) in try self.home(&d, now: now) }
        event.isPublisherProducer = try decoder.flag()
        event.homes = try decoder.list { (d) throws(StateDamaged) in try self.home(&d, now: now) }
        event.carriedKeys = try decoder.list { (d) throws(StateDamaged) in try d.eventKey() }
        event.runID = try decoder.text()
        event.correlationID = try decoder.text()
        event.firstSeen = try decoder.time()
        event.lastSeen = try decoder.time()
        for context in event.contexts { add(event, to: &eventsByTrace[context.traceID, default: []]) }
        for key in event.weakKeys { add(event, to: &eventsByWeakKey[key, default: []]) }
        return event
    }

    private func home(_ decoder: inout StateDecoder, now: UInt64) throws(StateDamaged) -> Home {
        let (context, start) = (try decoder.context(), try decoder.time())
        let name = try decoder.optional { (d) throws(StateDamaged) in try d.executionName() }
        return Home(context: context, start: start, execution: name.map { self.execution($0, now: now) })
    }

    private func execution(_ name: ExecutionName, now: UInt64) -> Execution {
        execution(name.id, tenant: name.tenant, owner: name.owner, now: now)
    }

    private func encode(_ execution: Execution) -> [UInt8] {
        var encoder = StateEncoder()
        encoder.put(execution.name)
        for text in [execution.namespace, execution.flow, execution.state] { encoder.put(text) }
        encoder.put(execution.entryParent) { $0.put($1) }
        encoder.put(execution.isFragmented)
        encode(what: execution, to: &encoder)
        encoder.put(execution.startedBy) { $0.put($1.name) }
        encoder.put(execution.calls) { $0.put($1) }
        encoder.put(time: execution.start)
        encoder.put(time: execution.end)
        encoder.put(time: execution.firstSeen)
        encoder.put(time: execution.lastSeen)
        encoder.put(execution.lastRecord)
        encoder.put(UInt64(execution.spanCount))
        encoder.put(UInt64(execution.errorCount))
        encoder.put(execution.exportedSpan) { encoder, span in
            encoder.put(span.traceID)
            encoder.put(span.parent)
            encoder.put(time: span.start)
            encoder.put(time: span.end)
            encoder.put(span.state)
            encoder.put(span.hasErrors)
            encoder.put(span.event)
            encoder.put(span.links) { encoder, link in
                encoder.put(link.traceID)
                encoder.put(link.spanID)
                encoder.put(link.reason)
            }
        }
        encoder.put(execution.exportedDelivery) { $0.put($1) }
        encoder.put(execution.spanIsDue)
        encoder.put(time: execution.stateAt)
        encoder.put(execution.isAskedFor)
        return encoder.bytes
    }

    /// What is known about any unit.
    private func encode(what unit: JoinUnit, to encoder: inout StateEncoder) {
        encoder.put(unit.owner)
        encoder.put(unit.lastEvidence)
        encoder.put(UInt64(unit.replacedClaims))
        encoder.put(unit.claims) { encoder, claim in
            encoder.put(UInt64(claim.basis.rawValue))
            encoder.put(claim.event) { $0.put($1.key) }
            encoder.put(claim.context) { $0.put($1) }
            encoder.put(time: claim.start)
            encoder.put(claim.span)
            encoder.put(claim.isNameless)
            encoder.put(claim.isRefused)
        }
        encoder.put(unit.evidence) { encoder, evidence in
            encoder.put(UInt64(evidence.kind.rawValue))
            encoder.put(evidence.value)
            encoder.put(time: evidence.seenAt)
            encoder.put(evidence.origin)
        }
    }

    private func restore(what unit: JoinUnit, from decoder: inout StateDecoder, now: UInt64) throws(StateDamaged) {
        unit.owner = try decoder.text()
        unit.lastEvidence = try decoder.number()
        unit.replacedClaims = Int(clamping: try decoder.number())
        unit.claims = try decoder.list { (d) throws(StateDamaged) in
            guard let basis = UInt8(exactly: try d.number()).flatMap(Claim.Basis.init) else { throw StateDamaged() }
            var claim = Claim(basis: basis)
            claim.event = try d.optional { (d) throws(StateDamaged) in self.event(for: try d.eventKey(), now: now) }
            claim.context = try d.optional { (d) throws(StateDamaged) in try d.context() }
            claim.start = try d.time()
            claim.span = try d.spanID()
            claim.isNameless = try d.flag()
            claim.isRefused = try d.flag()
            return claim
        }
        unit.evidence = try decoder.list { (d) throws(StateDamaged) in
            guard let kind = UInt8(exactly: try d.number()).flatMap(Evidence.Kind.init) else { throw StateDamaged() }
            return Evidence(
                kind: kind, value: try d.evidenceValue(), seenAt: try d.time(), origin: try d.evidenceOrigin())
        }
        relateClaims(of: unit)
    }

    private func restoreExecution(_ decoder: inout StateDecoder, now: UInt64) throws(StateDamaged) -> Execution {
        let execution = execution(try decoder.executionName(), now: now)
        execution.namespace = try decoder.text()
        execution.flow = try decoder.text()
        execution.state = try decoder.text()
        execution.entryParent = try decoder.optional { (d) throws(StateDamaged) in try d.spanID() }
        execution.isFragmented = try decoder.flag()
        try restore(what: execution, from: &decoder, now: now)
        if let name = try decoder.optional({ (d) throws(StateDamaged) in try d.executionName() }) {
            let starter = self.execution(name, now: now)
            execution.startedBy = starter
            if starter.started.count < settings.relationLimit, !starter.started.contains(where: { $0 === execution }) {
                starter.started.append(execution)
            }
        }
        execution.calls = try decoder.list { (d) throws(StateDamaged) in try d.context() }
        execution.start = try decoder.time()
        execution.end = try decoder.time()
        execution.firstSeen = try decoder.time()
        execution.lastSeen = try decoder.time()
        execution.lastRecord = try decoder.number()
        // Damaged counts must leave room for counting on.
        execution.spanCount = Int(UInt32(clamping: try decoder.number()))
        execution.errorCount = Int(UInt32(clamping: try decoder.number()))
        execution.exportedSpan = try decoder.optional { (d) throws(StateDamaged) in
            ExportedExecutionSpan(
                traceID: try d.traceID(), parent: try d.spanID(), start: try d.time(),
                end: try d.time(), state: try d.text(), hasErrors: try d.flag(), event: try d.text(),
                links: try d.list { (d) throws(StateDamaged) in
                    AddedLink(traceID: try d.traceID(), spanID: try d.spanID(), reason: try d.text())
                })
        }
        execution.exportedDelivery = try decoder.optional { (d) throws(StateDamaged) in try d.traceID() }
        let spanIsDue = try decoder.flag()
        execution.stateAt = try decoder.time()
        execution.isAskedFor = try decoder.flag()
        if spanIsDue {
            makeSpanDue(execution, now: now)
            execution.exportedSpanIsUncertain = isCatchingUp
        }
        return execution
    }

    private func encode(_ trace: TraceState) -> [UInt8] {
        var encoder = StateEncoder()
        encoder.put(formatVersion)
        encoder.put(trace.id)
        encoder.put(time: trace.firstSeen)
        encoder.put(time: trace.lastSeen)
        encoder.put(UInt64(trace.home.rawValue))
        encoder.put(trace.hasFollowerRoot)
        encoder.put(trace.isFollower)
        encoder.put(trace.hasSpans)
        encode(what: trace, to: &encoder)
        encoder.put(trace.servers) { encoder, server in
            encoder.put(server.id)
            encoder.put(server.parent)
            encoder.put(server.facts) { encoder, fact in
                encoder.put(UInt64(fact.basis.rawValue))
                encoder.put(fact.event) { $0.put($1) }
                encoder.put(fact.context) { $0.put($1) }
                encoder.put(time: fact.start)
            }
            encoder.put(server.called) { $0.put($1) }
            encoder.put(server.path) { $0.put($1) }
            encoder.put(time: server.start)
            encoder.put(time: server.end)
        }
        encoder.put(trace.fragmentOwner) { $0.put($1.name) }
        encoder.put(trace.groups) { encoder, group in
            encoder.put(group.execution?.name ?? ExecutionName(id: ""))
            encoder.put(group.targets) { $0.put($1) }
        }
        encoder.put(trace.rest.targets) { $0.put($1) }
        encoder.put(UInt64(trace.rest.links))
        encoder.put(trace.rest.orphans)
        encoder.put(trace.starters) { encoder, starter in
            encoder.put(starter.span)
            encoder.put(starter.execution.name)
        }
        return encoder.bytes
    }

    private func restoreTrace(_ decoder: inout StateDecoder, now: UInt64) throws(StateDamaged) -> TraceState {
        let id = try decoder.traceID()
        let trace = TraceState(id: id, now: try decoder.time())
        if let known = traces[id] {
            remove(known)
            trace.storedID = known.storedID
        }
        trace.lastSeen = try decoder.time()
        trace.home = UInt8(exactly: try decoder.number()).flatMap(HomeSpans.init) ?? .none
        trace.hasFollowerRoot = try decoder.flag()
        trace.isFollower = try decoder.flag()
        trace.hasSpans = try decoder.flag()
        try restore(what: trace, from: &decoder, now: now)
        trace.servers = try decoder.list { (d) throws(StateDamaged) in
            var server = ServerSpan(id: try d.spanID(), parent: try d.spanID())
            server.facts = try d.list { (d) throws(StateDamaged) in
                guard let basis = UInt8(exactly: try d.number()).flatMap(Claim.Basis.init) else { throw StateDamaged() }
                return SpanFact(
                    basis: basis, event: try d.optional { (d) throws(StateDamaged) in try d.eventKey() },
                    context: try d.optional { (d) throws(StateDamaged) in try d.context() }, start: try d.time())
            }
            server.called = try d.optional { (d) throws(StateDamaged) in try d.text() }
            server.path = try d.optional { (d) throws(StateDamaged) in try d.text() }
            (server.start, server.end) = (try d.time(), try d.time())
            return server
        }
        trace.hasRootServer = trace.servers.contains { $0.parent.isZero }
        trace.hasCalledServer = trace.servers.contains { !$0.parent.isZero }
        if let owner = try decoder.optional({ (d) throws(StateDamaged) in try d.executionName() }) {
            trace.fragmentOwner = execution(owner, now: now)
        }
        let groups = try decoder.list { (d) throws(StateDamaged) in
            (try d.executionName(), try d.list { (d) throws(StateDamaged) in try d.traceID() })
        }
        trace.rest.targets = try decoder.list { (d) throws(StateDamaged) in try d.traceID() }
        trace.rest.links = Int(clamping: try decoder.number())
        trace.rest.orphans = try decoder.number()
        let starters = try decoder.list { (d) throws(StateDamaged) in (try d.spanID(), try d.executionName()) }
        for (name, targets) in groups {
            let group = Group(trace: trace, execution: execution(name, now: now))
            group.targets = targets
            group.execution?.append(group)
            trace.groups.append(group)
        }
        trace.starters = starters.map { ($0.0, execution($0.1, now: now)) }
        for group in trace.groups + [trace.rest] {
            group.place = group.targets.first ?? id
            for target in group.targets where target != id { movedTraces[target, default: []].insert(id) }
        }
        traces[id] = trace
        quietTraces.insert(trace, seen: trace.lastSeen)
        trace.tellExecutions()
        return trace
    }
}

extension StateEncoder {
    mutating func put(_ name: ExecutionName) {
        put(name.id)
        put(name.tenant)
        put(name.owner)
    }

    mutating func put(_ home: Home) {
        put(home.context)
        put(time: home.start)
        put(home.execution) { $0.put($1.name) }
    }

    mutating func put(_ key: EventKey) {
        put(key.tenant)
        put(key.source)
        put(key.id)
    }

    mutating func put(_ context: TraceContext) {
        put(context.traceID)
        put(context.spanID)
    }
}

extension StateEncoder {
    mutating func put(_ value: Evidence.Value) {
        switch value {
        case .text(let text):
            put(0)
            put(text)
        case .trace(let id):
            put(1)
            put(id)
        case .context(let context):
            put(2)
            put(context)
        }
    }

    mutating func put(_ origin: Evidence.Origin) {
        switch origin {
        case .span(let id):
            put(0)
            put(id)
        case .logRecord: put(1)
        case .event(let source):
            put(2)
            put(source)
        case .bindingCall: put(3)
        case .forwarding: put(4)
        case .kestraAPI: put(5)
        }
    }
}

extension StateDecoder {
    mutating func evidenceValue() throws(StateDamaged) -> Evidence.Value {
        switch try number() {
        case 0: .text(try text())
        case 1: .trace(try traceID())
        case 2: .context(try context())
        default: throw StateDamaged()
        }
    }

    mutating func evidenceOrigin() throws(StateDamaged) -> Evidence.Origin {
        switch try number() {
        case 0: .span(try spanID())
        case 1: .logRecord
        case 2: .event(source: try text())
        case 3: .bindingCall
        case 4: .forwarding
        case 5: .kestraAPI
        default: throw StateDamaged()
        }
    }

    mutating func executionName() throws(StateDamaged) -> ExecutionName {
        ExecutionName(id: try text(), tenant: try text(), owner: try text())
    }

    mutating func eventKey() throws(StateDamaged) -> EventKey {
        EventKey(tenant: try text(), source: try text(), id: try text())
    }

    mutating func context() throws(StateDamaged) -> TraceContext {
        TraceContext(traceID: try traceID(), spanID: try spanID())
    }
}
