package import OTLP

/// Why an execution is where it is: the answer of `GET /api/v1/executions/{id}/explain`, and one of several in those about
/// events and traces.
package struct Explanation: Sendable, Hashable {
    /// Empty if what is explained are spans of a trace that no execution is named for.
    package var executionID: String
    package var tenant: String
    package var namespace: String
    package var flow: String
    /// The event that started it, as far as it is known.
    package var event: EventName?
    /// The traces its spans arrived in.
    package var traces: [TraceID]
    package var placement: Placement
    /// Whether evidence joined it to something; else it is where it would be without spanbridge, or under a derived id.
    package var isJoined: Bool
    /// Why, in one sentence.
    package var summary: String
    /// Everything that was seen, the strongest first.
    package var evidence: [Seen]
    /// What would join it if it is not joined, the best first.
    package var missing: [Missing]
    /// In words, for a person.
    package var notes: [String]

    /// What names an event.
    package struct EventName: Sendable, Hashable {
        /// Empty if unknown.
        package var tenant: String
        package var source: String
        package var id: String

        package init(tenant: String, source: String, id: String) {
            self.tenant = tenant
            self.source = source
            self.id = id
        }
    }

    /// Where its spans are exported.
    package struct Placement: Sendable, Hashable {
        package var traceID: TraceID
        package var rule: String

        package init(traceID: TraceID, rule: String) {
            self.traceID = traceID
            self.rule = rule
        }
    }

    /// What became of a piece of evidence, roughly.
    package enum Verdict: String, Sendable, CaseIterable {
        /// It decided the placement.
        case won
        /// Something else decided, or it leads nowhere.
        case lost
        /// It made a link or agreed, but did not decide.
        case used
    }

    /// What became of a piece of evidence, exactly.
    package enum Outcome: String, Sendable, CaseIterable {
        case won
        /// It leads where the winner leads.
        case agrees
        /// A stronger rule, or stronger evidence of its rule, decided.
        case weaker
        /// It names something of which no trace is known yet.
        case noTraceKnown = "no_trace_known"
        /// It belongs to another tenant.
        case tenantDiffers = "tenant_differs"
        /// What it names without a tenant exists under several.
        case ambiguous
        /// Equally strong evidence leads elsewhere.
        case contradictory
        /// The header outweighs everything.
        case staysInCallersTrace = "stays_in_callers_trace"
        /// It would lead back to the execution itself.
        case circle
        /// It makes a link, or tells something else than a place.
        case informs

        package var verdict: Verdict {
            switch self {
            case .won: .won
            case .agrees, .informs: .used
            default: .lost
            }
        }
    }

    /// One piece of evidence, judged.
    package struct Seen: Sendable, Hashable {
        package var item: EvidenceItem
        /// The rule it serves; empty if it only informs.
        package var rule: String
        /// Where it leads, if anywhere.
        package var traceID: TraceID?
        package var outcome: Outcome
        /// One sentence.
        package var why: String

        package init(item: EvidenceItem, rule: String, traceID: TraceID?, outcome: Outcome, why: String) {
            self.item = item
            self.rule = rule
            self.traceID = traceID
            self.outcome = outcome
            self.why = why
        }
    }

    /// Evidence that was not seen and would join it.
    package struct Missing: Sendable, Hashable {
        /// `header`, `event`, `event_on_call`, `binding`, `claim` or `kestra_api`.
        package var evidence: String
        /// What is missing and how to supply it, in words.
        package var how: String
        /// Where that is described: a file of the documentation with an anchor.
        package var see: String

        package init(evidence: String, how: String, see: String) {
            self.evidence = evidence
            self.how = how
            self.see = see
        }
    }

    package init(
        executionID: String, tenant: String, namespace: String, flow: String, event: EventName?, traces: [TraceID],
        placement: Placement, isJoined: Bool, summary: String, evidence: [Seen], missing: [Missing], notes: [String]
    ) {
        self.executionID = executionID
        self.tenant = tenant
        self.namespace = namespace
        self.flow = flow
        self.event = event
        self.traces = traces
        self.placement = placement
        self.isJoined = isJoined
        self.summary = summary
        self.evidence = evidence
        self.missing = missing
        self.notes = notes
    }
}

/// The answer of `GET /api/v1/events/{id}/explain` and `GET /api/v1/traces/{traceId}/explain`: why each execution of an
/// event or a trace is where it is.
package struct ExplanationList: Sendable, Hashable {
    /// Nil if a trace was asked about.
    package var event: TimelineEvent?
    /// The trace that was asked about, or the event's; nil if none is known.
    package var traceID: TraceID?
    package var executions: [Explanation]
    /// In words, for a person.
    package var notes: [String]

    package init(event: TimelineEvent?, traceID: TraceID?, executions: [Explanation], notes: [String]) {
        self.event = event
        self.traceID = traceID
        self.executions = executions
        self.notes = notes
    }
}
