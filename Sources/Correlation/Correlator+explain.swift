package import OTLP

extension Correlator {
    /// Why executions of this id are where they are: several if several tenants have the id, none if nobody named it.
    ///
    /// - Parameter tenant: leaves out executions of which another tenant is known.
    package func explain(execution id: String, tenant: String?) -> [JoinExplanation] {
        guard let execution = executions[id],
            tenant.map({ execution.tenant.isEmpty || execution.tenant.isExactly($0) }) ?? true
        else { return [] }
        return [explain(execution)].compactMap { $0 }
    }

    /// The same for every execution of which spans arrived in a trace or belong to it, by id.
    package func explain(trace id: TraceID) -> [JoinExplanation] {
        var found: [String: Execution] = [:]
        for original in originalTraces(of: id) {
            for execution in traces[original]?.executions ?? []
            where original == id || home(of: execution).traceID == id {
                found[execution.id] = execution
            }
        }
        return found.values.sorted { $0.id < $1.id }.compactMap(explain)
    }

    private func explain(_ execution: Execution) -> JoinExplanation? {
        guard let snapshot = self.execution(id: execution.id) else { return nil }
        let verdicts = execution.evidence.map { verdict(on: $0, of: execution, placedIn: snapshot.traceID) }
        let order = verdicts.indices.sorted { a, b in
            let (one, other) = (verdicts[a], verdicts[b])
            return (one.rule?.rawValue ?? .max, rank(one), one.kind.rawValue, a)
                < (other.rule?.rawValue ?? .max, rank(other), other.kind.rawValue, b)
        }
        return JoinExplanation(execution: snapshot, verdicts: order.map { verdicts[$0] })
    }

    /// Within a rule what decided comes first.
    private func rank(_ verdict: Verdict) -> Int { verdict.outcome == .won ? 0 : 1 }

    private func verdict(on piece: Evidence, of execution: Execution, placedIn place: TraceID) -> Verdict {
        var target: TraceID?
        let outcome: Verdict.Outcome
        let native = execution.nativeTrace?.id
        let winner = native == nil ? execution.binding : nil
        switch piece.kind {
        case .header:
            // Every trace that was continued stays what it is.
            target = TraceID(hex: String(piece.value.prefix(32)))
            outcome = .won
        case .startedBy:
            target = execution.startedBy.map { home(of: $0).traceID }
            outcome = fate(of: target, isWinner: winner == nil, native, winner, place)
        case let kind where kind.rule != nil:
            let claim = execution.claims.first { $0.isBehind(piece) }
            target = claim?.target?.traceID
            let isWinner = claim.map { winner?.isSame(as: $0) ?? false } ?? false
            outcome = fate(of: target, isWinner: isWinner, native, winner, place)
        default:
            outcome = .informs
        }
        return Verdict(
            kind: piece.kind, rule: piece.kind.rule, value: piece.value, from: piece.from, seenAt: piece.seenAt,
            target: target, outcome: outcome)
    }

    private func fate(
        of target: TraceID?, isWinner: Bool, _ native: TraceID?, _ winner: Claim?, _ place: TraceID
    ) -> Verdict.Outcome {
        guard let target else { return .noTraceKnown }
        if let native { return target == native ? .agrees : .staysInCallersTrace(native) }
        if isWinner { return .won }
        guard let winner else { return .noTraceKnown }
        return target == winner.target?.traceID ? .agrees : .weaker(than: winner.basis.rule)
    }
}

extension Claim {
    fileprivate func isSame(as other: Claim) -> Bool {
        basis == other.basis && event === other.event && context == other.context
    }

    /// Whether a piece of evidence is what it was made from.
    fileprivate func isBehind(_ piece: Evidence) -> Bool {
        let isOfKind =
            switch basis {
            case .bindingEvent: piece.kind == .bindingEvent
            case .span: piece.kind == .claimedBySpan
            case .eventData: piece.kind == .claimedByEvent
            case .eventOnServer: piece.kind == .eventOnServer
            case .bindingContext: piece.kind == .bindingContext
            case .contextOnServer: piece.kind == .contextOnServer
            case .reportedEvent: piece.kind == .reportedEvent
            case .reportedContext: piece.kind == .reportedContext
            }
        guard isOfKind else { return false }
        if let event { return event.key.id.isExactly(piece.value) }
        return context.map { piece.value == $0.text || piece.value == $0.traceID.hex } ?? false
    }
}
