import Correlation
import OTLP
import QueryAPI
import Testing

@testable import Bridge

@Suite struct VisibilityTests {
    private let correlator = Correlator(settings: .defaults)
    private let acme = Viewer(tenant: "ws-acme")
    private let everybody = Viewer(tenant: nil)

    /// One span of each execution in one trace, the last without any.
    private func batch(record: UInt64, executions: [String], tenant: String?) throws -> SpanBatch {
        let spans = (executions + [""]).enumerated().map { position, execution in
            BuiltSpan(
                traceID: TraceID(high: 1, low: 2), spanID: SpanID(raw: record * 100 + UInt64(position)),
                parentSpanID: SpanID(raw: 4), name: "x", kind: 1, start: 5, end: 9,
                attributes: execution.isEmpty ? [] : [("kestra.executionId", .string(execution))])
        }
        let payload = SpanBuilder.request(
            resource: [("service.name", "kestra")], scope: "kestra", version: "1", spans: spans)
        return SpanBatch(record: record, payload: payload, index: try SpanIndex(payload: payload), tenant: tenant)
    }

    private func bind(_ execution: String, to event: String, tenant: String) {
        correlator.receive(
            BindingCall(executionID: execution, event: .init(id: event, source: "s", type: "t")), record: 9,
            tenant: tenant, now: 1)
    }

    @Test("in one trace, a tenant sees the spans of its token, and of others' only those of its executions")
    func spans() throws {
        bind("own", to: "evt-1", tenant: "ws-acme")
        bind("foreign", to: "evt-1", tenant: "ws-beta")
        let executions = ["own", "foreign", "nobody"]
        for (tenant, seen) in [("ws-acme", 4), ("ws-beta", 0), (nil, 2)] as [(String?, Int)] {
            let batch = try batch(record: tenant == nil ? 1 : 2, executions: executions, tenant: tenant)
            correlator.receive(batch, now: 2)
            let edits = correlator.unify(batch).edits
            #expect(acme.view(edits, of: batch, in: correlator).count == seen)
            #expect(everybody.view(edits, of: batch, in: correlator).count == 4)
            // Its token has sent spans of the execution that nobody else named.
            if tenant == nil { #expect(acme.view(edits, of: batch, in: correlator).map(\.span) == [0, 2]) }
        }
    }

    @Test("an execution is whose event started it, or whose execution; an event shows the executions of its tenant")
    func executions() throws {
        bind("own", to: "evt-1", tenant: "ws-acme")
        correlator.receive(BindingCall(executionID: "sub", parentExecutionID: "own"), record: 9, now: 1)
        bind("foreign", to: "evt-1", tenant: "ws-beta")
        correlator.receive(BindingCall(executionID: "nobody"), record: 9, now: 1)
        func isSeen(_ id: String, _ viewer: Viewer) throws -> Bool {
            viewer.mayView(try #require(correlator.execution(id: id)), in: correlator)
        }
        #expect(try ["own", "sub", "foreign", "nobody"].map { try isSeen($0, acme) } == [true, true, false, false])
        #expect(try ["own", "sub", "foreign", "nobody"].allSatisfy { try isSeen($0, everybody) })
        let seen = correlator.events(id: "evt-1", source: nil, tenant: nil).compactMap { acme.view($0, in: correlator) }
        #expect(seen.map(\.key.tenant) == ["ws-acme"])
        #expect(Set(seen.flatMap(\.executions).map(\.id)).isSubset(of: ["own", "sub"]))
    }

    @Test("an explanation shows no names of other tenants and no executions of theirs")
    func explanations() throws {
        bind("own", to: "evt-1", tenant: "ws-acme")
        bind("foreign", to: "evt-1", tenant: "ws-beta")
        let own = try #require(correlator.execution(id: "own"))
        func verdict(_ kind: Evidence.Kind, _ value: String, _ outcome: Verdict.Outcome) -> Verdict {
            Verdict(
                kind: kind, rule: kind.rule, value: value, from: "x", seenAt: 1, target: TraceID(high: 1, low: 2),
                outcome: outcome)
        }
        let whole = JoinExplanation(
            execution: own,
            verdicts: [
                verdict(.bindingEvent, "evt-1", .won),
                verdict(.eventOnServer, "evt-2", .tenantDiffers(own: "ws-acme", other: "ws-beta")),
                verdict(.triggers, "foreign", .informs), verdict(.triggeredBy, "own", .informs),
            ])
        let viewed = try #require(acme.view(whole, in: correlator))
        #expect(viewed.verdicts.map(\.kind) == [.bindingEvent, .eventOnServer, .triggeredBy])
        #expect(viewed.verdicts[1].outcome == .tenantDiffers(own: "ws-acme", other: "") && viewed.verdicts[1].target == nil)
        #expect(viewed.verdicts[0] == whole.verdicts[0])
        #expect(everybody.view(whole, in: correlator)?.verdicts == whole.verdicts)
        var foreign = whole
        foreign.execution = try #require(correlator.execution(id: "foreign"))
        #expect(acme.view(foreign, in: correlator) == nil)
    }
}
