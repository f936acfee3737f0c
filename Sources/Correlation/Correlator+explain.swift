package import OTLP

extension Correlator {
    /// Why executions of this id are where they are: several if several tenants have the id, none if nobody named it.
    ///
    /// - Parameter tenant: leaves out executions of which another tenant is known.
    package func explain(execution id: String, tenant: String?) -> [JoinExplanation] {
        executionsOf(id).filter { execution in
            guard let tenant else { return true }
            return execution.owner.isEmpty ? execution.fits(tenant: tenant, owner: "") : execution.owner.isExactly(tenant)
        }
            .sorted { $0.name < $1.name }.map(explain)
    }

    /// The same for everything of which spans arrived in a trace or belong to it: executions by id, then traces of
    /// followers without executions, each named by an execution with an empty id.
    package func explain(trace id: TraceID) -> [JoinExplanation] {
        var found: [ExecutionName: Execution] = [:]
        var units: [TraceState] = []
        for original in originalTraces(of: id) {
            guard let trace = knownTrace(original) else { continue }
            for group in trace.groups {
                guard let execution = group.execution else { continue }
                if original == id || home(of: execution).traceID == id { found[execution.name] = execution }
            }
            if trace.isFollower, trace.groups.isEmpty { units.append(trace) }
        }
        return found.values.sorted { $0.name < $1.name }.map(explain) + units.map(explain)
    }

    private func explain(_ execution: Execution) -> JoinExplanation {
        JoinExplanation(execution: snapshot(execution), verdicts: verdicts(on: execution, at: home(of: execution)))
    }

    private func explain(_ trace: TraceState) -> JoinExplanation {
        let place = placement(of: trace.rest)
        let unit = ExecutionSnapshot(
            id: "", tenant: "", owner: trace.owner, namespace: "", flow: "", state: "", originalTraces: [trace.id],
            traceID: place.traceID, rule: place.rule, spanID: .none, event: nil,
            name: ExecutionName(id: ""), startedBy: nil,
            evidence: trace.evidence, start: 0, end: 0, firstSeen: trace.firstSeen, lastSeen: trace.lastSeen,
            spanCount: 0, errorCount: 0, isHeld: trace.isHolding, calls: [])
        return JoinExplanation(execution: unit, verdicts: verdicts(on: trace, at: place))
    }

    private func verdicts(on unit: JoinUnit, at place: Placement) -> [Verdict] {
        let verdicts = unit.evidence.map { verdict(on: $0, of: unit, at: place) }
        return verdicts.indices.sorted { a, b in
            let (one, other) = (verdicts[a], verdicts[b])
            return (one.rule?.rawValue ?? .max, one.outcome == .won ? 0 : 1, one.kind.rawValue, a)
                < (other.rule?.rawValue ?? .max, other.outcome == .won ? 0 : 1, other.kind.rawValue, b)
        }.map { verdicts[$0] }
    }

    private func verdict(on piece: Evidence, of unit: JoinUnit, at place: Placement) -> Verdict {
        var target: TraceID?
        var outcome = Verdict.Outcome.informs
        switch piece.kind {
        case .header:
            // Every trace that was continued stays what it is.
            target = piece.value.traceID
            outcome = .won
        case .startedBy:
            if let execution = unit as? Execution {
                target = execution.startedBy.map { home(of: $0).traceID }
                var walk = Walk()
                outcome =
                    starter(of: execution) == nil
                    ? .circle
                    : execution.nativeTrace == nil && binding(of: execution, &walk) == nil
                        ? .won : fate(of: target, rule: .startedBy, at: place)
            }
        case let kind where kind.rule != nil:
            if let claim = unit.claims.first(where: { isBehind($0, piece) }) {
                (target, outcome) = fate(of: claim, of: unit, at: place)
            }
        default: break
        }
        return Verdict(
            kind: piece.kind, rule: piece.kind.rule, value: piece.value.text, from: piece.origin.text, seenAt: piece.seenAt,
            target: target, outcome: outcome)
    }

    private func fate(of claim: Claim, of unit: JoinUnit, at place: Placement) -> (TraceID?, Verdict.Outcome) {
        switch lead(of: claim, for: unit) {
        case .noTraceKnown: return (nil, .noTraceKnown)
        case .ambiguous(let count): return (nil, .ambiguous(count: count))
        case .tenantDiffers(let other): return (nil, .tenantDiffers(own: unit.owner, other: other))
        case .home(let home):
            var walk = Walk()
            if let start = (unit as? Execution)?.firstGroup?.trace.id ?? (unit as? TraceState)?.id { _ = walk.enter(start) }
            guard let target = follow(home, &walk), !walk.hasMetCircle else { return (home.context.traceID, .circle) }
            if claim.basis == .key, place.rule != .native {
                let count = leads(of: unit, joinKey: claim.event?.joinKey)
                if count > 1 { return (target, .contradictory(count: count)) }
            }
            return (target, fate(of: target, rule: claim.basis.rule, at: place))
        }
    }

    private func fate(of target: TraceID?, rule: JoinRule, at place: Placement) -> Verdict.Outcome {
        guard let target else { return .noTraceKnown }
        if place.rule == .native { return target == place.traceID ? .agrees : .staysInCallersTrace(place.traceID) }
        if rule == place.rule { return target == place.traceID ? .won : .contradictory(count: 2) }
        return target == place.traceID ? .agrees : .weaker(than: place.rule)
    }

    /// Whether a piece of evidence is what a claim was made from.
    private func isBehind(_ claim: Claim, _ piece: Evidence) -> Bool {
        guard claim.basis.evidence == piece.kind else { return false }
        if let event = claim.event { return event.shownID(settings).isExactly(piece.value.text) }
        return claim.context.map { piece.value == .context($0) || piece.value == .trace($0.traceID) } ?? false
    }
}
