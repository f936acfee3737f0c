package import OTLP

extension Correlator {
    /// Where spans of `execution` that arrived in `trace` belong, as far as is known now.
    func placement(of execution: Execution, in trace: TraceState, _ walk: inout Walk) -> Placement {
        if let native = trace.isNative == true ? trace : execution.nativeTrace {
            if let moved = detachedPlacement(of: execution, from: native, &walk) { return moved }
            var place = placement(ofWhole: native, &walk)
            place.rule = .native
            return place
        }
        if let bound = binding(of: execution, &walk) { return bound }
        if let starter = starter(of: execution), let place = starter.group(in: trace) ?? starter.firstGroup,
            walk.enter(derivedWay(of: execution))
        {
            var followed = placement(of: starter, in: place.trace, &walk)
            followed.context = nil
            if !walk.leave() { return followed }
        }
        if execution.isFragmented { return Placement(traceID: execution.derivedTrace, rule: .derived) }
        if let owner = trace.fragmentOwner, owner !== execution { return placement(of: owner, in: trace, &walk) }
        if let joined = common(in: trace, &walk) { return joined }
        if execution.groups.count <= 1 { return Placement(traceID: trace.id, rule: .own) }
        return Placement(traceID: execution.derivedTrace, rule: .derived)
    }

    /// What stands for an execution on a way from starter to starter: no trace has this id but its own.
    private func derivedWay(of execution: Execution) -> TraceID { execution.derivedTrace }

    /// The execution that started it, unless that leads back to itself.
    func starter(of execution: Execution) -> Execution? {
        var ancestor = execution.startedBy
        for _ in 0..<Walk.limit {
            guard let current = ancestor else { return execution.startedBy }
            if current === execution { return nil }
            ancestor = current.startedBy
        }
        return execution.startedBy
    }

    /// With `detached_delivery: move` the trace of a delivery goes where its event is, if that is elsewhere.
    private func detachedPlacement(of execution: Execution, from native: TraceState, _ walk: inout Walk) -> Placement? {
        guard settings.detachedDelivery == .move, let bound = binding(of: execution, &walk), bound.rule <= .event,
            bound.traceID != native.id
        else { return nil }
        return bound
    }

    /// Where a trace is as a whole: elsewhere only if its own spans tell so.
    private func placement(ofWhole trace: TraceState, _ walk: inout Walk) -> Placement {
        if !trace.isHome, let bound = binding(of: trace, &walk) { return bound }
        return Placement(traceID: trace.id, rule: .own)
    }

    /// Where a SERVER span belongs, or else the spans of a trace that are of no execution: with the executions below
    /// them, or with the whole trace.
    func placement(ofServer server: SpanID?, orRestOf trace: TraceState, _ walk: inout Walk) -> Placement {
        if trace.isNative == true, settings.detachedDelivery == .move, let moved = common(in: trace, &walk) {
            return moved
        }
        let whole = placement(ofWhole: trace, &walk)
        if whole.rule != .own || trace.isNative == true || trace.isHome { return whole }
        if trace.isNative == nil, !trace.isFollower { return whole }
        if let owner = trace.fragmentOwner { return placement(of: owner, in: trace, &walk) }
        if let server = server ?? trace.servers.first(where: { $0.parent.isZero })?.id {
            var any: Placement?
            var decided: Placement?
            for group in trace.groups {
                guard let execution = group.execution, execution.entryParent == server else { continue }
                let place = placement(of: execution, in: trace, &walk)
                if place.isDecided, decided.map({ place.traceID < $0.traceID }) ?? true { decided = place }
                if any.map({ place.traceID < $0.traceID }) ?? true { any = place }
            }
            if let found = decided ?? any { return found }
        }
        return common(in: trace, &walk) ?? placement(ofStartedIn: trace, &walk) ?? whole
    }

    /// Where the executions of a trace went that others started; nil if there are none, or if they went apart. That does
    /// not let the trace's other spans leave: evidence may still name their parent.
    private func placement(ofStartedIn trace: TraceState, _ walk: inout Walk) -> Placement? {
        var found: Placement?
        for group in trace.groups {
            guard let execution = group.execution, execution.startedBy != nil else { continue }
            let place = placement(of: execution, in: trace, &walk)
            if let known = found, known.traceID != place.traceID { return nil }
            found = Placement(traceID: place.traceID, rule: .derived)
        }
        return found
    }

    /// The one place that evidence names for executions of this trace; nil if it names none or several.
    func common(in trace: TraceState, _ walk: inout Walk) -> Placement? {
        if let known = trace.common { return known.placement }
        var found: Placement?
        var isOne = true
        for group in trace.groups {
            guard let execution = group.execution, let bound = binding(of: execution, &walk) else { continue }
            guard let known = found else {
                found = bound
                continue
            }
            guard known.traceID == bound.traceID else {
                isOne = false
                break
            }
            if (bound.rule, bound.context ?? .none) < (known.rule, known.context ?? .none) { found = bound }
        }
        if !isOne { found = nil }
        if !walk.hasMetCircle { trace.common = CommonPlace(placement: found) }
        return found
    }

    /// The placement of a group.
    ///
    /// With `late: link` a group that has left stays where it left to.
    func placement(of group: Group) -> Placement {
        if settings.late == .link, let left = group.targets.first { return Placement(traceID: left, rule: .own) }
        var walk = Walk()
        _ = walk.enter(group.trace.id)
        let place =
            group.execution.map { placement(of: $0, in: group.trace, &walk) }
            ?? placement(ofServer: nil, orRestOf: group.trace, &walk)
        let isOnCircle = walk.leave()
        if isOnCircle, !group.isOnCircle { counters.circles += 1 }
        if isOnCircle != group.isOnCircle { group.isOnCircle = isOnCircle }
        return isOnCircle ? ownPlacement(of: group) : place
    }

    /// Where a group is that evidence leads round in a circle.
    private func ownPlacement(of group: Group) -> Placement {
        guard let execution = group.execution, execution.groups.count > 1 || execution.isFragmented else {
            return Placement(traceID: group.trace.id, rule: .own)
        }
        return Placement(traceID: execution.derivedTrace, rule: .derived)
    }

    /// Where a SERVER span of a trace belongs.
    func placement(ofServer server: SpanID, in trace: TraceState) -> Placement {
        var walk = Walk()
        _ = walk.enter(trace.id)
        let place = placement(ofServer: server, orRestOf: trace, &walk)
        return walk.leave() ? Placement(traceID: trace.id, rule: .own) : place
    }

    /// Whether a group may leave now.
    func mayLeave(_ placement: Placement, _ group: Group, deadline: UInt64, now: UInt64) -> Bool {
        if now >= deadline || isReplaying || group.trace.isHome { return true }
        // What has left stays where it is.
        if settings.late == .link, !group.targets.isEmpty { return true }
        switch group.trace.isNative {
        case true: return true
        case false: return placement.isDecided
        case nil: return group.trace.isFollower ? placement.isDecided : placement.rule == .native
        }
    }

    /// Under which trace id things that belong to a trace leave: logs and exemplars follow their spans.
    package func target(of trace: TraceID, execution: String?) -> TraceID {
        guard let state = knownTrace(trace) else { return trace }
        let named = execution.flatMap { id in state.groups.first { $0.execution?.id.isExactly(id) ?? false } }
        return placement(of: named ?? (state.groups.count == 1 ? state.groups[0] : state.rest)).traceID
    }
}
