package import OTLP

/// Where spans of a group belong.
struct Placement {
    var traceID: TraceID
    var rule: JoinRule
    /// The context that the execution hangs under, if the trace is one that evidence names.
    var context: TraceContext?

    /// Whether evidence decided it, so that there is nothing to wait for.
    var isDecided: Bool { rule <= .context }
}

extension Correlator {
    /// Where spans of `execution` that arrived in `trace` belong, as far as is known now.
    func placement(of execution: Execution, in trace: TraceState, depth: Int = 0) -> Placement {
        if trace.isNative == true { return Placement(traceID: trace.id, rule: .native) }
        if let native = execution.nativeTrace { return Placement(traceID: native.id, rule: .native) }
        if let claim = execution.binding, let context = claim.target {
            return Placement(traceID: context.traceID, rule: claim.basis.rule, context: context)
        }
        if depth < 8, let starter = execution.startedBy,
            let place = starter.traces.first(where: { $0 === trace }) ?? starter.traces.first
        {
            var followed = placement(of: starter, in: place, depth: depth + 1)
            followed.context = nil
            return followed
        }
        if execution.isFragmented { return Placement(traceID: execution.derivedTrace, rule: .derived) }
        if depth < 8, let owner = trace.fragmentOwner, owner !== execution {
            return placement(of: owner, in: trace, depth: depth + 1)
        }
        if let joined = commonPlacement(in: trace) { return joined }
        if execution.traces.count <= 1 { return Placement(traceID: trace.id, rule: .own) }
        return Placement(traceID: execution.derivedTrace, rule: .derived)
    }

    /// Where spans without an execution belong: with the executions below them, or with the whole trace.
    func placement(ofServer server: SpanID?, in trace: TraceState) -> Placement {
        if trace.isNative != false { return Placement(traceID: trace.id, rule: .own) }
        if let owner = trace.fragmentOwner { return placement(of: owner, in: trace) }
        if let server {
            let below = trace.executions.lazy.filter { $0.entryParent == server }.map { self.placement(of: $0, in: trace) }
            if let decided = below.filter({ $0.isDecided }).min(by: { $0.traceID < $1.traceID }) { return decided }
            if let any = below.first { return any }
        }
        return commonPlacement(in: trace) ?? Placement(traceID: trace.id, rule: .own)
    }

    /// The one place that evidence names for executions of this trace; nil if it names none or several.
    private func commonPlacement(in trace: TraceState) -> Placement? {
        var common: Placement?
        for execution in trace.executions {
            guard let claim = execution.binding, let context = claim.target else { continue }
            if let common, common.traceID != context.traceID { return nil }
            common = Placement(traceID: context.traceID, rule: claim.basis.rule, context: context)
        }
        return common
    }

    /// The placement of a group of a trace.
    ///
    /// With `late: link` a group that has left stays where it left to.
    func placement(ofGroup group: Execution?, in trace: TraceState) -> Placement {
        if settings.late == .link, let left = trace.released.first(where: { $0.execution === group }) {
            return Placement(traceID: left.target, rule: .own)
        }
        guard let group else {
            return placement(ofServer: trace.servers.first { $0.parent.isZero }?.id, in: trace)
        }
        return placement(of: group, in: trace)
    }

    /// Whether a group may leave now.
    func mayLeave(_ placement: Placement, in trace: TraceState, deadline: UInt64, now: UInt64) -> Bool {
        if now >= deadline || isReplaying { return true }
        switch trace.isNative {
        case true: return true
        case false: return placement.isDecided
        case nil: return placement.rule == .native
        }
    }

    /// When a group leaves in any case: the hold counts from the execution's first span.
    func deadline(of group: Execution?, in trace: TraceState) -> UInt64 {
        (group?.firstSeen ?? trace.firstSeen) &+ settings.hold
    }

    /// Under which trace id things that belong to a trace leave: logs and exemplars follow their spans.
    package func target(of trace: TraceID, execution: String?) -> TraceID {
        guard let state = traces[trace] else { return trace }
        let named = execution.flatMap { executions[$0] }
        let group = named.flatMap { candidate in state.executions.contains { $0 === candidate } ? candidate : nil }
        return placement(ofGroup: group ?? (state.executions.count == 1 ? state.executions[0] : nil), in: state).traceID
    }
}
