import Correlation
import OTLP
import Timeline

// From what the correlator judged to sentences for a person.

extension Explanation {
    /// - Parameter asksKestra: whether `enrichment.kestra_api` is configured.
    init(_ explanation: JoinExplanation, asksKestra: Bool) {
        let execution = explanation.execution
        let winner = explanation.verdicts.first { $0.outcome == .won }
        let isJoined = execution.rule != .own && execution.rule != .derived
        var notes: [String] = []
        if isJoined, winner == nil {
            notes.append(
                "No evidence of its own decided: it goes with the other executions of its trace, about which evidence agrees.")
        }
        if !isJoined, winner != nil {
            notes.append(
                "Its spans had left before the evidence came, and correlation.late says that they stay; they are linked.")
        }
        if execution.isHeld { notes.append("Its latest spans still wait for evidence (correlation.hold).") }
        if execution.spanCount == 0 { notes.append("No span of it was seen yet.") }
        self.init(
            executionID: execution.id, tenant: execution.tenant, namespace: execution.namespace, flow: execution.flow,
            event: execution.event.map { EventName(tenant: $0.tenant, source: $0.source, id: $0.id) },
            traces: execution.originalTraces,
            placement: Placement(traceID: execution.traceID, rule: execution.rule.name), isJoined: isJoined,
            summary: explanation.summary(winner),
            evidence: explanation.verdicts.map { verdict in
                Seen(
                    item: EvidenceItem(
                        kind: verdict.kind.name, value: verdict.value, seenAt: verdict.seenAt, from: verdict.from),
                    rule: verdict.rule?.name ?? "", traceID: verdict.target, outcome: Outcome(verdict.outcome),
                    why: verdict.sentence)
            },
            missing: isJoined || winner != nil ? [] : explanation.missing(asksKestra: asksKestra), notes: notes)
    }
}

extension Explanation.Outcome {
    init(_ outcome: Correlation.Verdict.Outcome) {
        self =
            switch outcome {
            case .won: .won
            case .agrees: .agrees
            case .weaker: .weaker
            case .noTraceKnown: .noTraceKnown
            case .tenantDiffers: .tenantDiffers
            case .ambiguous: .ambiguous
            case .contradictory: .contradictory
            case .staysInCallersTrace: .staysInCallersTrace
            case .circle: .circle
            case .informs: .informs
            }
    }
}

extension JoinRule {
    /// What decides by this rule, in words.
    fileprivate var words: String {
        switch self {
        case .native: "the traceparent header"
        case .claimed: "a claim that names the execution"
        case .event: "an event's id on both sides"
        case .key: "a key that both sides carry"
        case .context: "a traceparent that was passed on as data"
        case .taskRun: "the id of the message or task that it works on"
        case .startedBy: "the execution that started it"
        default: "rule \(name)"
        }
    }
}

extension Correlation.Verdict {
    /// What the piece of evidence says, as a clause.
    fileprivate var clause: String {
        switch kind {
        case .header: "the caller's traceparent header reached Kestra"
        case .noHeader: "Kestra's SERVER span is a root, so no traceparent header reached it"
        case .bindingEvent: "a binding call names event '\(value)'"
        case .bindingContext: "a binding call gives a traceparent"
        case .claimedByEvent: "the data of event '\(value)' names the execution"
        case .claimedBySpan: "a span of another system names the execution"
        case .eventOnServer: "the call that started it carries event '\(value)'"
        case .contextOnServer: "the query of the call that started it carries a traceparent"
        case .startedBy: "execution \(value) started it"
        case .call: "a call to the execution (resume, kill, restart or replay) lies in trace \(value)"
        case .reportedEvent: "Kestra's record names event '\(value)'"
        case .reportedContext: "Kestra's record carries a traceparent"
        case .reportedState: "Kestra's record says that its state is \(value)"
        case .triggeredBy: "the end of execution \(value) triggered it"
        case .triggers: "its end triggered execution \(value)"
        case .eventOnSpan: "one of its spans carries event '\(value)'"
        case .keyOnSpan: "one of its spans or log records carries \(value)"
        case .contextOnSpan: "one of its spans carries a traceparent as an attribute"
        case .taskRunOnSpan: "one of its spans works on \(value)"
        case .weakKey: "one of its spans carries \(value), a key of strength link"
        case .pairedCall: "a call of another system fits by path and time"
        }
    }

    /// What the piece says and what became of it.
    var sentence: String {
        let leads = target.map { ", which leads to trace \($0.hex)" } ?? ""
        let text =
            switch outcome {
            case .won: "\(clause)\(leads)"
            case .agrees: "\(clause), which leads where the winner leads"
            case .weaker(let stronger) where stronger == rule:
                "\(clause)\(leads), but other evidence of rule \(stronger.name) is trusted more"
            case .weaker(let stronger):
                "\(clause)\(leads), but \(stronger.words) outweighs \(rule?.words ?? "it")"
            case .noTraceKnown: "\(clause), of which no trace is known yet\(supply)"
            case .tenantDiffers(_, ""):
                "\(clause), but that belongs to another tenant than the execution: what belongs to two tenants is never joined"
            case .tenantDiffers(let own, let other):
                "\(clause), but that belongs to tenant '\(other)' and the execution to tenant '\(own)': what belongs to two tenants is never joined"
            case .ambiguous(let count):
                "\(clause), but without a tenant that fits \(count) of different tenants, so it means none of them: tell the tenant with it"
            case .contradictory(let count):
                "\(clause)\(leads), but equally strong evidence leads to \(count) different traces, so none of it joins"
            case .staysInCallersTrace(let trace):
                "\(clause)\(leads), but the traceparent header outweighs it: the execution stays in trace \(trace.hex)"
            case .circle: "\(clause), but following that would lead back to the execution itself"
            case .informs: "\(clause)\(use)"
            }
        return text.prefix(1).uppercased() + text.dropFirst() + "."
    }

    /// How the trace of what it names becomes known.
    private var supply: String {
        switch kind {
        case .bindingEvent, .claimedByEvent, .eventOnServer, .reportedEvent:
            ": send the CloudEvent with its traceparent to POST /v1/cloudevents, or put cloudevents.event_id and "
                + "cloudevents.event_source on the span that publishes it"
        default: ""
        }
    }

    /// What a piece that places nothing is good for.
    private var use: String {
        switch kind {
        case .noHeader: "; rule native is out"
        case .call, .triggeredBy, .triggers, .weakKey, .pairedCall: "; that makes a link, never a join"
        case .reportedState: "; that tells how it stands, not where it belongs"
        default: ""
        }
    }
}

extension JoinExplanation {
    fileprivate func summary(_ winner: Correlation.Verdict?) -> String {
        switch (execution.rule, winner) {
        case (_, let winner?): return "Joined by rule \(winner.rule?.name ?? execution.rule.name). \(winner.sentence)"
        case (.own, nil):
            return "Nothing joins it: it stays in the trace that its \(execution.spanCount) spans came in."
        case (.derived, nil):
            return execution.spanCount == 0
                ? "Nothing joins it, and no span of it was seen yet."
                : """
                Nothing joins it: its \(execution.spanCount) spans came in \(execution.originalTraces.count) \
                \(execution.originalTraces.count == 1 ? "trace" : "traces") and are brought together under an id made from \
                tenant and execution id.
                """
        case (let rule, nil): return "Joined by rule \(rule.name), as the other executions of its trace."
        }
    }

    /// What would join it, the best first.
    fileprivate func missing(asksKestra: Bool) -> [Explanation.Missing] {
        func saw(_ kinds: Evidence.Kind...) -> Bool { verdicts.contains { kinds.contains($0.kind) } }
        var missing: [Explanation.Missing] = []
        func add(_ evidence: String, _ anchor: String, _ how: String) {
            missing.append(.init(evidence: evidence, how: how, see: "docs/set-up.md#\(anchor)"))
        }
        if let waiting = verdicts.first(where: { $0.outcome == .noTraceKnown && $0.rule != .startedBy }) {
            add(
                "event", "the-tee",
                """
                The trace of event '\(waiting.value)' is not known: send the CloudEvent to POST /v1/cloudevents with a \
                traceparent, or let the span that publishes it carry cloudevents.event_id and cloudevents.event_source.
                """)
        }
        let isCalled = saw(.noHeader, .header)
        add(
            "header", "join-by-header",
            isCalled
                ? "No traceparent header came with the call that started it: let the caller send one, sampled (ending in -01)."
                : """
                No call that started it was seen. If a webhook or an API call did, export Kestra's SERVER spans and send a \
                sampled traceparent header with the call; a schedule or a trigger has no caller.
                """)
        if isCalled, !saw(.eventOnServer) {
            add(
                "event_on_call", "join-by-event",
                """
                The call names no event: add ?ce-id=ID&ce-source=SOURCE to its URL, or send ce-id and ce-source headers and \
                let Kestra record them; then tee the CloudEvent to POST /v1/cloudevents.
                """)
        }
        if !saw(.bindingEvent, .bindingContext) {
            add(
                "binding", "join-by-binding",
                """
                No binding came: let the flow's first task post {"executionId", "event", "traceparent"} to POST \
                /v1/bindings.
                """)
        }
        if !saw(.claimedBySpan, .claimedByEvent) {
            add(
                "claim", "join-by-claim",
                """
                Nobody names the execution: put its id, from the answer of the call, on a span of the caller \
                (kestra.execution.id) or into an event's data (executionId).
                """)
        }
        if !saw(.reportedEvent, .reportedContext) {
            add(
                "kestra_api", "join-by-kestra-api",
                !asksKestra
                    ? "Kestra is not asked: set enrichment.kestra_api, and what the flow was given as inputs, labels or body is read."
                    : saw(.reportedState)
                        ? """
                        Kestra was asked, and its record names neither an event (id and source) nor a traceparent in inputs, labels or \
                        body: pass them on, or name the inputs under enrichment.kestra_api.inputs.
                        """
                        : """
                        Kestra is asked (enrichment.kestra_api), but has told nothing about it yet: see \
                        spanbridge_kestra_api_answers_total.
                        """)
        }
        return missing
    }
}
