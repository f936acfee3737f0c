import OTLP

// What has been quiet for long leaves memory for the spill store, and comes back when it is asked for. Everything here
// asks through these functions; only who lets go of something looks at the maps themselves.
extension Correlator {
    func knownTrace(_ id: TraceID) -> TraceState? {
        if let known = traces[id] { return known }
        return recall(.trace(id)) ? traces[id] : nil
    }

    func knownEvent(_ key: EventKey) -> EventState? {
        if let known = events[key] { return known }
        return recall(.eventName(key.nameless)) ? events[key] : nil
    }

    func knownName(_ nameless: EventKey) -> EventName? {
        if let known = eventNames[nameless] { return known }
        return recall(.eventName(nameless)) ? eventNames[nameless] : nil
    }

    /// The first of the executions of an id.
    func knownExecution(_ key: ExactText) -> Execution? {
        if let known = executions[key] { return known }
        return recall(.execution(key)) ? executions[key] : nil
    }

    /// The events whose traceparent, publisher or home lies in a trace.
    func events(in trace: TraceID) -> [EventState] {
        recall(.naming(trace))
        return eventsByTrace[trace] ?? []
    }

    /// The units that were given a context of a trace, other than by an event.
    func units(naming trace: TraceID) -> [JoinUnit] {
        recall(.naming(trace))
        return unitsByTrace[trace] ?? []
    }

    /// The original traces with spans under a unified trace id other than their own.
    func tracesMoved(to unified: TraceID) -> [TraceID] {
        recall(.naming(unified))
        return movedTraces[unified]?.sorted() ?? []
    }

    func events(sharing key: WeakKey) -> [EventState] {
        recall(.weak(key))
        return eventsByWeakKey[key] ?? []
    }

    /// How many executions, events and traces are in memory.
    package var unitsInMemory: Int { executionCount + events.count + traces.count }

    // MARK: Out of memory

    /// Spills what has been quiet longest until what is in memory is within its limit.
    func spillBeyondLimit(now: UInt64) {
        guard spillStore != nil, unitsInMemory > settings.memoryLimit, now >= nextSpill else { return }
        // What waits or is due can't leave. If there is nothing else, there will not be for a while.
        var failures = 0
        while unitsInMemory > settings.memoryLimit, failures < 48 {
            if !spillQuietest() { failures += 1 }
        }
        if failures == 48 { nextSpill = now &+ 1_000_000_000 }
        guard spilledSinceSweep > settings.memoryLimit / 4 else { return }
        spilledSinceSweep = 0
        quietExecutions.drop { $0.isForgotten }
        quietEvents.drop { self.events[$0.key] !== $0 }
        quietTraces.drop { self.traces[$0.id] !== $0 }
    }

    /// Spills one cluster. Each kind has its turn, since not each cluster holds all three.
    private func spillQuietest() -> Bool {
        spillTurn = (spillTurn + 1) % 3
        switch spillTurn {
        case 0:
            while let execution = quietExecutions.takeQuiet(seen: \.lastSeen) {
                if execution.isForgotten { continue }
                if spill(from: { $0.add(execution) }) { return true }
                quietExecutions.insert(execution, seen: execution.lastSeen)
                return false
            }
        case 1:
            while let event = quietEvents.takeQuiet(seen: \.lastSeen) {
                if events[event.key] !== event { continue }
                if spill(from: { $0.add(event) }) { return true }
                quietEvents.insert(event, seen: event.lastSeen)
                return false
            }
        default:
            while let trace = quietTraces.takeQuiet(seen: \.lastSeen) {
                if traces[trace.id] !== trace { continue }
                if spill(from: { $0.add(trace) }) { return true }
                quietTraces.insert(trace, seen: trace.lastSeen)
                return false
            }
        }
        return false
    }

    private func spill(from start: (inout Cluster) -> Void) -> Bool {
        let limit = min(256, settings.relationLimit, settings.tracesOfExecutionLimit)
        guard let spillStore, let cluster = Cluster(limit: limit, in: self, start: start) else { return false }
        let id = spilled.makeID()
        let digests = digests(of: cluster)
        let states = states(of: cluster)
        guard spillStore.put(encode(states, digests: digests, counts: cluster.counts), id: id) else {
            counters.spillFailures += 1
            return false
        }
        let cut = spilled.insert(id, digests: digests, counts: cluster.counts, limit: settings.relationLimit)
        counters.relationsCut += UInt64(cut)
        counters.spilledClusters += 1
        // What has changed since it was last stored is stored as it is now.
        for state in states where state.isChanged { changedOutOfMemory.append(state.state) }
        for execution in cluster.executions {
            execution.isDirty = false
            remove(execution)
        }
        for trace in cluster.traces {
            trace.isDirty = false
            remove(trace)
        }
        for event in cluster.events {
            event.isDirty = false
            remove(event)
        }
        spilledSinceSweep += cluster.executions.count + cluster.events.count + cluster.traces.count
        return true
    }

    /// By what a cluster must be found.
    private func digests(of cluster: Cluster) -> [UInt64] {
        var keys: Set<SpillKey> = []
        func insert(claimsOf unit: JoinUnit) {
            for context in unit.claims.compactMap(\.context) { keys.insert(.naming(context.traceID)) }
        }
        for execution in cluster.executions {
            keys.insert(.execution(ExactText(execution.id)))
            insert(claimsOf: execution)
        }
        for trace in cluster.traces {
            keys.insert(.trace(trace.id))
            insert(claimsOf: trace)
            for target in (trace.groups + [trace.rest]).flatMap(\.targets) where target != trace.id {
                keys.insert(.naming(target))
            }
        }
        for event in cluster.events {
            keys.insert(.eventName(event.key.nameless))
            keys.insert(.eventID(ExactText(event.key.id)))
            for context in event.contexts { keys.insert(.naming(context.traceID)) }
            for key in event.weakKeys { keys.insert(.weak(key)) }
        }
        return Array(Set(keys.map(\.digest)))
    }

    private func states(of cluster: Cluster) -> [(state: StoredState, isChanged: Bool)] {
        var states: [(state: StoredState, isChanged: Bool)] = []
        for event in cluster.events { states.append((stored(event), event.isDirty)) }
        var ids: Set<ExactText> = []
        for execution in cluster.executions where ids.insert(ExactText(execution.id)).inserted {
            let all = executionsOf(execution.id)
            states.append((stored(all), all.contains { $0.isDirty }))
        }
        for trace in cluster.traces { states.append((stored(trace), trace.isDirty)) }
        return states
    }

    private func encode(
        _ states: [(state: StoredState, isChanged: Bool)], digests: [UInt64], counts: SpillIndex.Counts
    ) -> [UInt8] {
        var encoder = StateEncoder()
        encoder.put(digests) { $0.put($1) }
        for count in [counts.executions, counts.events, counts.traces] { encoder.put(UInt64(count)) }
        encoder.put(states) { encoder, entry in
            encoder.put(UInt64(entry.state.kind.rawValue))
            encoder.put(entry.state.id)
            encoder.put(bytes: entry.state.body)
        }
        return encoder.bytes
    }

    // MARK: Back into memory

    /// Brings back whatever a key leads to. Returns whether that may be anything.
    @discardableResult
    func recall(_ key: SpillKey) -> Bool {
        guard !spilled.isEmpty else { return false }
        let digest = key.digest
        guard spilled.cluster(of: digest) != nil else { return false }
        while let cluster = spilled.cluster(of: digest) {
            guard let body = spillStore?.take(id: cluster), let restored = takeOut(cluster, body) else {
                // What can't be read is as good as forgotten.
                spilled.remove(cluster, of: digest)
                counters.spillFailures += 1
                continue
            }
            counters.recalledClusters += 1
            let wasRestoring = isRestoring
            isRestoring = true
            for state in restored { _ = takeBack(state, now: 0) }
            isRestoring = wasRestoring
        }
        return true
    }

    /// Forgets what has been in the store longest. False if there is nothing.
    func forgetOldestSpilled() -> Bool {
        guard !spilled.isEmpty, let oldest = spillStore?.takeOldest() else { return false }
        guard let states = takeOut(oldest.id, oldest.body) else {
            counters.spillFailures += 1
            return true
        }
        counters.forgotten += UInt64(states.count)
        for state in states { forgetStored(state.kind, state.id) }
        return true
    }

    /// Takes a cluster out of the index; returns what it holds, nil if it is damaged.
    private func takeOut(_ cluster: UInt64, _ body: [UInt8]) -> [StoredState]? {
        var decoder = StateDecoder(body)
        do throws(StateDamaged) {
            let digests = try decoder.list { (d) throws(StateDamaged) in try d.number() }
            let counts = SpillIndex.Counts(
                executions: Int(clamping: try decoder.number()), events: Int(clamping: try decoder.number()),
                traces: Int(clamping: try decoder.number()))
            let states = try decoder.list { (d) throws(StateDamaged) in
                guard let kind = Int(exactly: try d.number()).flatMap(StoredState.Kind.init) else { throw StateDamaged() }
                return StoredState(kind: kind, id: try d.number(), time: 0, body: try d.body())
            }
            spilled.remove(cluster, digests: digests, counts: counts)
            return states
        } catch {
            return nil
        }
    }
}
