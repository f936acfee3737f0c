import OTLP

/// One thing that the correlator remembers, in the form in which it is stored.
package struct StoredState: Sendable {
    package enum Kind: Int, Sendable, CaseIterable {
        /// In the order in which they must be restored: executions name events, traces name executions.
        case event = 1
        case execution = 2
        case trace = 3
    }

    package var kind: Kind
    package var key: [UInt8]
    /// Unix nanoseconds of the last arrival, to list and to expire by.
    package var time: UInt64
    package var body: [UInt8]

    package init(kind: Kind, key: [UInt8], time: UInt64, body: [UInt8]) {
        self.kind = kind
        self.key = key
        self.time = time
        self.body = body
    }
}

/// The format of stored bodies; state of another format is not restored but learned from the journal again.
private let formatVersion: UInt64 = 2

extension Correlator {
    func mark(_ execution: Execution) {
        guard !execution.isDirty else { return }
        execution.isDirty = true
        dirtyExecutions.append(execution)
    }

    func mark(_ event: EventState) {
        guard !event.isDirty else { return }
        event.isDirty = true
        dirtyEvents.append(event)
    }

    func mark(_ trace: TraceState) {
        guard !trace.isDirty else { return }
        trace.isDirty = true
        dirtyTraces.append(trace)
    }

    /// What has changed since the last call. Stored together with `lastRecord`, it makes a start cheap; without it
    /// everything is learned from the journal again.
    package func takeChangedState() -> [StoredState] {
        var changed: [StoredState] = []
        changed.reserveCapacity(dirtyEvents.count + dirtyExecutions.count + dirtyTraces.count)
        for event in dirtyEvents {
            event.isDirty = false
            changed.append(
                StoredState(kind: .event, key: event.key.bytes, time: event.lastSeen, body: encode(event)))
        }
        for execution in dirtyExecutions {
            execution.isDirty = false
            changed.append(
                StoredState(
                    kind: .execution, key: Array(execution.id.utf8), time: execution.lastSeen, body: encode(execution)))
        }
        for trace in dirtyTraces {
            trace.isDirty = false
            changed.append(
                StoredState(kind: .trace, key: Array(trace.id.hex.utf8), time: trace.lastSeen, body: encode(trace)))
        }
        dirtyEvents.removeAll(keepingCapacity: true)
        dirtyExecutions.removeAll(keepingCapacity: true)
        dirtyTraces.removeAll(keepingCapacity: true)
        return changed
    }

    /// Takes stored state back in, before the first input; kinds must come in their order. Returns false for state
    /// that cannot be read.
    package func restore(kind: StoredState.Kind, body: [UInt8], now: UInt64) -> Bool {
        var decoder = StateDecoder(body)
        do {
            guard try decoder.number() == formatVersion else { return false }
            switch kind {
            case .event: try restoreEvent(&decoder, now: now)
            case .execution: try restoreExecution(&decoder, now: now)
            case .trace: try restoreTrace(&decoder, now: now)
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
        encoder.put(event.publisher) { $0.put($1) }
        encoder.put(event.isPublisherProducer)
        encoder.put(event.firstSeen)
        encoder.put(event.lastSeen)
        return encoder.bytes
    }

    private func restoreEvent(_ decoder: inout StateDecoder, now: UInt64) throws(StateDamaged) {
        let key = try decoder.eventKey()
        let event = EventState(key: key, now: now)
        event.type = try decoder.text()
        event.subject = try decoder.text()
        event.time = try decoder.number()
        event.context = try decoder.optional { (d) throws(StateDamaged) in try d.context() }
        event.publisher = try decoder.optional { (d) throws(StateDamaged) in try d.context() }
        event.isPublisherProducer = try decoder.flag()
        event.firstSeen = try decoder.number()
        event.lastSeen = try decoder.number()
        let name = EventKey(tenant: "", source: key.source, id: key.id)
        let namesakes = eventsByName[name] ?? []
        // Stored before its tenant was known; the event with the tenant has taken everything over.
        if key.tenant.isEmpty, namesakes.contains(where: { !$0.key.tenant.isEmpty }) { return }
        if let nameless = namesakes.first(where: { $0.key.tenant.isEmpty }) { forget(nameless) }
        events[key] = event
        eventsByName[name, default: []].append(event)
        for context in [event.context, event.publisher].compactMap({ $0 }) {
            if eventsByTrace[context.traceID]?.contains(where: { $0 === event }) != true {
                eventsByTrace[context.traceID, default: []].append(event)
            }
        }
    }

    private func encode(_ execution: Execution) -> [UInt8] {
        var encoder = StateEncoder()
        encoder.put(formatVersion)
        for text in [execution.id, execution.tenant, execution.namespace, execution.flow, execution.state] {
            encoder.put(text)
        }
        encoder.put(execution.entryParent) { $0.put($1.raw) }
        encoder.put(execution.isFragmented)
        encoder.put(execution.claims) { encoder, claim in
            encoder.put(UInt64(claim.basis.rawValue))
            encoder.put(claim.event) { $0.put($1.key) }
            encoder.put(claim.context) { $0.put($1) }
        }
        encoder.put(execution.startedBy) { $0.put($1.id) }
        encoder.put(execution.evidence) { encoder, evidence in
            encoder.put(UInt64(evidence.kind.rawValue))
            encoder.put(evidence.value)
            encoder.put(evidence.seenAt)
            encoder.put(evidence.from)
        }
        encoder.put(execution.calls) { $0.put($1) }
        for number in [
            execution.start, execution.end, execution.firstSeen, execution.lastSeen, execution.lastRecord,
            UInt64(execution.spanCount), UInt64(execution.errorCount),
        ] {
            encoder.put(number)
        }
        encoder.put(execution.exportedSpan) { encoder, span in
            encoder.put(span.traceID)
            encoder.put(span.parent.raw)
            encoder.put(span.end)
            encoder.put(UInt64(span.links))
            encoder.put(span.state)
        }
        encoder.put(execution.spanIsDue)
        encoder.put(execution.stateAt)
        return encoder.bytes
    }

    private func restoreExecution(_ decoder: inout StateDecoder, now: UInt64) throws(StateDamaged) {
        let execution = execution(try decoder.text(), now: now)
        execution.tenant = try decoder.text()
        execution.namespace = try decoder.text()
        execution.flow = try decoder.text()
        execution.state = try decoder.text()
        execution.entryParent = try decoder.optional { (d) throws(StateDamaged) in SpanID(raw: try d.number()) }
        execution.isFragmented = try decoder.flag()
        let claims = try decoder.list { (d) throws(StateDamaged) in
            (
                try d.number(), try d.optional { (d) throws(StateDamaged) in try d.eventKey() },
                try d.optional { (d) throws(StateDamaged) in try d.context() }
            )
        }
        for (basis, key, context) in claims {
            guard let basis = UInt8(exactly: basis).flatMap(Claim.Basis.init) else { throw StateDamaged() }
            let event = key.flatMap { events[$0] }
            execution.claims.append(Claim(basis: basis, event: event, context: context))
            if let event, !event.executions.contains(where: { $0 === execution }) { event.executions.append(execution) }
        }
        if let starter = try decoder.optional({ (d) throws(StateDamaged) in try d.text() }) {
            let starter = self.execution(starter, now: now)
            if !starter.descends(from: execution) { execution.startedBy = starter }
        }
        execution.evidence = try decoder.list { (d) throws(StateDamaged) in
            guard let kind = UInt8(exactly: try d.number()).flatMap(Evidence.Kind.init) else { throw StateDamaged() }
            return Evidence(kind: kind, value: try d.text(), seenAt: try d.number(), from: try d.text())
        }
        execution.calls = try decoder.list { (d) throws(StateDamaged) in try d.context() }
        execution.start = try decoder.number()
        execution.end = try decoder.number()
        execution.firstSeen = try decoder.number()
        execution.lastSeen = try decoder.number()
        execution.lastRecord = try decoder.number()
        // Damaged counts must leave room for counting on.
        execution.spanCount = Int(UInt32(clamping: try decoder.number()))
        execution.errorCount = Int(UInt32(clamping: try decoder.number()))
        execution.exportedSpan = try decoder.optional { (d) throws(StateDamaged) in
            ExportedExecutionSpan(
                traceID: try d.traceID(), parent: SpanID(raw: try d.number()), end: try d.number(),
                links: Int(clamping: try d.number()), state: try d.text())
        }
        let spanIsDue = try decoder.flag()
        execution.stateAt = try decoder.number()
        if spanIsDue { makeSpanDue(execution, now: now) }
    }

    private func encode(_ trace: TraceState) -> [UInt8] {
        var encoder = StateEncoder()
        encoder.put(formatVersion)
        encoder.put(trace.id)
        encoder.put(trace.firstSeen)
        encoder.put(trace.lastSeen)
        encoder.put(trace.servers) { encoder, server in
            encoder.put(server.id.raw)
            encoder.put(server.parent.raw)
            encoder.put(server.event) { $0.put($1) }
            encoder.put(server.context) { $0.put($1) }
            encoder.put(server.called) { $0.put($1) }
        }
        encoder.put(trace.fragmentOwner) { $0.put($1.id) }
        encoder.put(trace.executions) { $0.put($1.id) }
        encoder.put(trace.starters) { encoder, starter in
            encoder.put(starter.span.raw)
            encoder.put(starter.execution.id)
        }
        encoder.put(trace.released) { encoder, group in
            encoder.put(group.execution) { $0.put($1.id) }
            encoder.put(group.target)
        }
        return encoder.bytes
    }

    private func restoreTrace(_ decoder: inout StateDecoder, now: UInt64) throws(StateDamaged) {
        let id = try decoder.traceID()
        let trace = TraceState(id: id, now: try decoder.number())
        trace.lastSeen = try decoder.number()
        trace.servers = try decoder.list { (d) throws(StateDamaged) in
            ServerSpan(
                id: SpanID(raw: try d.number()), parent: SpanID(raw: try d.number()),
                event: try d.optional { (d) throws(StateDamaged) in try d.eventKey() },
                context: try d.optional { (d) throws(StateDamaged) in try d.context() },
                called: try d.optional { (d) throws(StateDamaged) in try d.text() })
        }
        trace.hasRootServer = trace.servers.contains { $0.parent.isZero }
        trace.hasCalledServer = trace.servers.contains { !$0.parent.isZero }
        if let owner = try decoder.optional({ (d) throws(StateDamaged) in try d.text() }) {
            trace.fragmentOwner = execution(owner, now: now)
        }
        for name in try decoder.list({ (d) throws(StateDamaged) in try d.text() }) {
            let execution = execution(name, now: now)
            trace.executions.append(execution)
            execution.traces.append(trace)
        }
        let starters = try decoder.list { (d) throws(StateDamaged) in (try d.number(), try d.text()) }
        trace.starters = starters.map { (SpanID(raw: $0.0), execution($0.1, now: now)) }
        let released = try decoder.list { (d) throws(StateDamaged) in
            (try d.optional { (d) throws(StateDamaged) in try d.text() }, try d.traceID())
        }
        for (name, target) in released {
            trace.released.append(ReleasedGroup(execution: name.map { execution($0, now: now) }, target: target))
            if target != id, movedTraces[target]?.contains(id) != true {
                movedTraces[target, default: []].append(id)
            }
        }
        traces[id] = trace
        trace.tellExecutions()
    }
}

extension EventKey {
    var bytes: [UInt8] {
        var encoder = StateEncoder()
        encoder.put(self)
        return encoder.bytes
    }
}

extension StateEncoder {
    mutating func put(_ key: EventKey) {
        put(key.tenant)
        put(key.source)
        put(key.id)
    }

    mutating func put(_ id: TraceID) {
        put(id.high)
        put(id.low)
    }

    mutating func put(_ context: TraceContext) {
        put(context.traceID)
        put(context.spanID.raw)
    }
}

extension StateDecoder {
    mutating func eventKey() throws(StateDamaged) -> EventKey {
        EventKey(tenant: try text(), source: try text(), id: try text())
    }

    mutating func traceID() throws(StateDamaged) -> TraceID {
        TraceID(high: try number(), low: try number())
    }

    mutating func context() throws(StateDamaged) -> TraceContext {
        TraceContext(traceID: try traceID(), spanID: SpanID(raw: try number()))
    }
}
