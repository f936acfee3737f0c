package import OTLP

/// Why an execution is where it is: every piece of evidence with what became of it.
package struct JoinExplanation: Sendable {
    package var execution: ExecutionSnapshot
    /// The strongest first; within a rule in the order in which claims are compared.
    package var verdicts: [Verdict]

    package init(execution: ExecutionSnapshot, verdicts: [Verdict]) {
        self.execution = execution
        self.verdicts = verdicts
    }
}

/// One piece of evidence and what became of it.
package struct Verdict: Sendable, Equatable {
    package enum Outcome: Sendable, Equatable {
        /// It decided where the execution belongs.
        case won
        /// It leads where the winner leads.
        case agrees
        /// A stronger rule decided.
        case weaker(than: JoinRule)
        /// It names an event or a key of which no home trace is known (yet).
        case noTraceKnown
        /// Both tenants are known and differ: never joined.
        case tenantDiffers(own: String, other: String)
        /// The name without a tenant fits this many things of different tenants.
        case ambiguous(count: Int)
        /// Equally strong evidence leads to this many different traces.
        case contradictory(count: Int)
        /// The trace was continued through the header, which outweighs everything.
        case staysInCallersTrace(TraceID)
        /// Following it would lead back to the execution itself.
        case circle
        /// It makes links only, or tells something else than a place.
        case informs
    }

    package var kind: Evidence.Kind
    /// The rule that it serves, or nil if it only informs.
    package var rule: JoinRule?
    package var value: String
    /// Where it was read: see `Evidence.Origin`.
    package var from: String
    /// Unix nanoseconds of its arrival.
    package var seenAt: UInt64
    /// Where it leads, if anywhere.
    package var target: TraceID?
    package var outcome: Outcome

    package init(
        kind: Evidence.Kind, rule: JoinRule?, value: String, from: String, seenAt: UInt64, target: TraceID?,
        outcome: Outcome
    ) {
        self.kind = kind
        self.rule = rule
        self.value = value
        self.from = from
        self.seenAt = seenAt
        self.target = target
        self.outcome = outcome
    }
}
