import Correlation
import FoundationEssentials
import OTLP
import Testing
import Timeline

@testable import Bridge

/// The sentences that explain a join.
@Suite struct ExplanationTests {
    private let here = TraceID(high: 1, low: 1)
    private let there = TraceID(high: 9, low: 9)

    private func verdict(
        _ kind: Evidence.Kind, _ outcome: Correlation.Verdict.Outcome, value: String = "evt-1", target: TraceID? = nil
    ) -> Correlation.Verdict {
        Correlation.Verdict(
            kind: kind, rule: kind.rule, value: value, from: "POST /v1/bindings", seenAt: 5, target: target,
            outcome: outcome)
    }

    private func explained(
        _ rule: JoinRule, _ verdicts: [Correlation.Verdict], spanCount: Int = 3, asksKestra: Bool = false
    ) throws -> Explanation {
        let correlator = Correlator(settings: .defaults)
        correlator.receive(BindingCall(executionID: "x"), record: 1, now: 1)
        var execution = try #require(correlator.execution(id: "x"))
        execution.rule = rule
        execution.traceID = here
        execution.spanCount = spanCount
        execution.originalTraces = [here]
        return Explanation(JoinExplanation(execution: execution, verdicts: verdicts), asksKestra: asksKestra)
    }

    @Test("each outcome is one sentence with its names and numbers",
        arguments: [
            (Correlation.Verdict.Outcome.won, "A binding call names event 'evt-1', which leads to trace 00000000000000090000000000000009."),
            (.agrees, "leads where the winner leads."),
            (.weaker(than: .native), "but the traceparent header outweighs a claim that names the execution."),
            (.weaker(than: .claimed), "but other evidence of rule claimed is trusted more."),
            (.noTraceKnown, "of which no trace is known yet: send the CloudEvent with its traceparent to POST /v1/cloudevents, or"),
            (.tenantDiffers(own: "ws-a", other: ""), "belongs to another tenant than the execution"),
            (.tenantDiffers(own: "ws-a", other: "ws-b"), "belongs to tenant 'ws-b' and the execution to tenant 'ws-a': what belongs to two tenants is never joined."),
            (.ambiguous(count: 3), "fits 3 of different tenants"),
            (.contradictory(count: 2), "leads to 2 different traces, so none of it joins."),
            (.staysInCallersTrace(TraceID(high: 1, low: 1)), "the execution stays in trace 00000000000000010000000000000001."),
            (.circle, "would lead back to the execution itself."),
        ])
    func outcomes(outcome: Correlation.Verdict.Outcome, part: String) throws {
        let sentence = verdict(.bindingEvent, outcome, target: there).sentence
        #expect(sentence.contains(part), "\(sentence)")
        #expect(sentence.hasPrefix("A binding call names event 'evt-1'") && sentence.hasSuffix("."))
        let explanation = try explained(.claimed, [verdict(.bindingEvent, outcome, target: there)])
        #expect(explanation.evidence.map(\.why) == [sentence])
    }

    @Test("what joined is told in the summary, and nothing is missing")
    func joined() throws {
        let explanation = try explained(
            .claimed, [verdict(.bindingEvent, .won, target: here), verdict(.noHeader, .informs)])
        #expect(explanation.isJoined && explanation.missing.isEmpty && explanation.notes.isEmpty)
        #expect(explanation.summary.hasPrefix("Joined by rule claimed. A binding call names event 'evt-1', which"))
        #expect(explanation.evidence[1].why.hasSuffix("reached it; rule native is out."))
        let along = try explained(.event, [])
        #expect(along.isJoined && along.notes.count == 1 && along.missing.isEmpty)
        let stays = try explained(.own, [verdict(.bindingEvent, .won, target: there)])
        #expect(!stays.isJoined && stays.missing.isEmpty && stays.notes.contains { $0.contains("correlation.late") })
    }

    @Test("what is missing depends on what was seen")
    func missing() throws {
        func names(_ verdicts: [Correlation.Verdict], asksKestra: Bool = false) throws -> [String] {
            try explained(.own, verdicts, asksKestra: asksKestra).missing.map(\.evidence)
        }
        #expect(try names([]) == ["header", "binding", "claim", "kestra_api"])
        let root = verdict(.noHeader, .informs, value: "t")
        #expect(try names([root]) == ["header", "event_on_call", "binding", "claim", "kestra_api"])
        #expect(
            try names([verdict(.eventOnServer, .noTraceKnown), root]) == ["event", "header", "binding", "claim", "kestra_api"])
        #expect(
            try names([verdict(.bindingEvent, .noTraceKnown), verdict(.reportedEvent, .noTraceKnown), root], asksKestra: true)
                == ["event", "header", "event_on_call", "claim"])
        func kestra(_ verdicts: [Correlation.Verdict], asks: Bool) throws -> String {
            try explained(.derived, verdicts, asksKestra: asks).missing.last?.how ?? ""
        }
        #expect(try kestra([], asks: false).hasPrefix("Kestra is not asked"))
        #expect(try kestra([], asks: true).contains("told nothing about it yet"))
        #expect(
            try kestra([verdict(.reportedState, .informs, value: "SUCCESS")], asks: true).hasPrefix("Kestra was asked, and"))
        #expect(try explained(.derived, [], spanCount: 0).summary.contains("no span of it was seen"))
    }

    @Test("every link leads to an anchor of the documentation")
    func links() throws {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let text = String(
            decoding: try Data(contentsOf: URL(filePath: "/\(root)/docs/set-up.md")), as: UTF8.self)
        let seen = try [explained(.own, []), explained(.own, [verdict(.noHeader, .informs), verdict(.bindingEvent, .noTraceKnown)])]
        let links = Set(seen.flatMap(\.missing).map(\.see))
        #expect(links.count == 6)
        for link in links {
            #expect(link.hasPrefix("docs/set-up.md#"))
            let anchor = String(link.dropFirst("docs/set-up.md#".count))
            let heading = "### " + anchor.split(separator: "-").joined(separator: " ")
            #expect(text.contains("<a id=\"\(anchor)\">") || text.lowercased().contains(heading + "\n"), "\(link)")
        }
        #expect(text.contains("## What makes them join\n"))
    }
}
