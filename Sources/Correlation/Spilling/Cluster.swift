/// Everything that refers to each other: executions, the traces that their spans arrived in, the events that these belong
/// to, and so on. It is spilled and read back as a whole, so that no reference leads out of it.
struct Cluster {
    private(set) var executions: [Execution] = []
    private(set) var events: [EventState] = []
    private(set) var traces: [TraceState] = []
    private var members: Set<ObjectIdentifier> = []

    var counts: SpillIndex.Counts {
        .init(executions: executions.count, events: events.count, traces: traces.count)
    }

    /// What belongs to whatever `start` adds; nil if that is too much, or if something of it must stay in memory.
    ///
    /// - Parameter limit: how many members it may have. It must not be above the limits of relations: who is in a relation
    ///   that was cut must not be spilled without the other.
    init?(limit: Int, in correlator: Correlator, start: (inout Cluster) -> Void) {
        start(&self)
        var looked = (executions: 0, events: 0, traces: 0)
        while members.count <= limit {
            if looked.executions < executions.count {
                guard addNeighbours(of: executions[looked.executions], limit, in: correlator) else { return nil }
                looked.executions += 1
            } else if looked.traces < traces.count {
                guard addNeighbours(of: traces[looked.traces], limit, in: correlator) else { return nil }
                looked.traces += 1
            } else if looked.events < events.count {
                guard addNeighbours(of: events[looked.events], limit) else { return nil }
                looked.events += 1
            } else {
                return
            }
        }
        return nil
    }

    mutating func add(_ execution: Execution) {
        if members.insert(ObjectIdentifier(execution)).inserted { executions.append(execution) }
    }

    mutating func add(_ event: EventState) {
        if members.insert(ObjectIdentifier(event)).inserted { events.append(event) }
    }

    mutating func add(_ trace: TraceState) {
        if members.insert(ObjectIdentifier(trace)).inserted { traces.append(trace) }
    }

    private mutating func addNeighbours(of execution: Execution, _ limit: Int, in correlator: Correlator) -> Bool {
        guard !execution.spanIsDue, !execution.isForgotten, execution.groups.count < limit, execution.started.count < limit
        else { return false }
        for group in execution.groups {
            guard group.held.isEmpty else { return false }
            add(group.trace)
        }
        if let starter = execution.startedBy { add(starter) }
        for other in execution.started { add(other) }
        if execution.hasNamesakes { correlator.executionsOf(execution.id).forEach { add($0) } }
        for event in execution.claims.compactMap(\.event) { add(event) }
        return true
    }

    private mutating func addNeighbours(of trace: TraceState, _ limit: Int, in correlator: Correlator) -> Bool {
        guard !trace.isHolding, trace.groups.count < limit, trace.starters.count < limit else { return false }
        for execution in trace.groups.compactMap(\.execution) + trace.starters.map(\.execution) { add(execution) }
        if let owner = trace.fragmentOwner { add(owner) }
        for event in trace.claims.compactMap(\.event) { add(event) }
        let published = correlator.eventsByTrace[trace.id] ?? []
        // Their homes name executions of this trace.
        for event in published where event.allHomes.contains(where: { $0.execution != nil }) { add(event) }
        return published.count < correlator.settings.relationLimit
    }

    private mutating func addNeighbours(of event: EventState, _ limit: Int) -> Bool {
        let name = event.name
        guard event.executions.count < limit, event.traces.count < limit, name.tenanted.count < limit else { return false }
        for execution in event.executions + event.allHomes.compactMap(\.execution) { add(execution) }
        for trace in event.traces { add(trace) }
        for other in name.tenanted { add(other) }
        if let nameless = name.nameless { add(nameless) }
        return true
    }
}
