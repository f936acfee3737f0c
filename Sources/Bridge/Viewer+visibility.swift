import Correlation
import OTLP
import QueryAPI

// What a viewer may see of what the correlator and the journal know. Whoever's credential stands for a tenant sees what is
// known to be that tenant's; what nobody is known to own is for credentials without tenant.

extension Correlator {
    /// How many executions are followed upwards to find one whose tenant is known.
    private static let ancestorLimit = 16

    /// The tenant whose execution it is: its event's, else that of the execution that started it; empty if unknown.
    func tenant(of execution: ExecutionSnapshot) -> String {
        var current = execution
        for _ in 0..<Self.ancestorLimit {
            if let tenant = current.event?.tenant, !tenant.isEmpty { return tenant }
            guard let parent = current.startedBy.flatMap({ self.execution(id: $0) }) else { break }
            current = parent
        }
        return ""
    }
}

extension Viewer {
    func mayView(_ execution: ExecutionSnapshot, in correlator: Correlator) -> Bool {
        tenant == nil || mayView(tenant: correlator.tenant(of: execution))
    }

    /// The event with the executions that may be shown; nil if it may not be shown itself.
    func view(_ event: EventSnapshot, in correlator: Correlator) -> EventSnapshot? {
        guard tenant != nil else { return event }
        guard mayView(tenant: event.key.tenant) else { return nil }
        var viewed = event
        viewed.executions = event.executions.filter { mayView($0, in: correlator) }
        let shown = Set(viewed.executions.map(\.traceID))
        let hidden = Set(event.executions.map(\.traceID)).subtracting(shown)
        viewed.traces.removeAll(where: hidden.contains)
        return viewed
    }

    /// The explanation without other tenants' names and things; nil if the execution may not be shown.
    func view(_ explanation: JoinExplanation, in correlator: Correlator) -> JoinExplanation? {
        guard tenant != nil else { return explanation }
        guard mayView(explanation.execution, in: correlator) else { return nil }
        var viewed = explanation
        viewed.verdicts = explanation.verdicts.compactMap { verdict in
            switch (verdict.kind, verdict.outcome) {
            case (.startedBy, _), (.triggeredBy, _), (.triggers, _):
                // The value is another execution's id.
                let isShown = correlator.execution(id: verdict.value).map { mayView($0, in: correlator) } ?? false
                return isShown ? verdict : nil
            case (_, .tenantDiffers(let own, _)):
                var viewed = verdict
                viewed.target = nil
                viewed.outcome = .tenantDiffers(own: own, other: "")
                return viewed
            default: return verdict
            }
        }
        return viewed
    }

    /// Those of a stored batch's spans that may be shown: of a tenant's credential, or else of an execution that may be.
    func view(_ edits: [SpanEdit], of batch: SpanBatch, in correlator: Correlator) -> [SpanEdit] {
        guard tenant != nil else { return edits }
        if let sender = batch.tenant { return mayView(tenant: sender) ? edits : [] }
        let isShown = batch.index.executions.map { entry in
            correlator.execution(id: entry.id(in: batch.payload)).map { mayView($0, in: correlator) } ?? false
        }
        return edits.filter { edit in
            let execution = batch.index.spans[Int(edit.span)].execution
            return execution >= 0 && isShown[Int(execution)]
        }
    }
}
