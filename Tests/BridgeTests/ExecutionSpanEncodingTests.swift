import Correlation
import OTLP
import Testing

@testable import Bridge

@Suite struct ExecutionSpanEncodingTests {
    private func detail(
        state: String = "", hasErrors: Bool = false, amended: Bool = false, owner: String = "",
        tenants: TenantExport = .sha256
    ) throws -> SpanDetail {
        // Made by a correlator: an execution of which one span has come.
        var attributes: [(String, BuiltSpan.Value)] = []
        for (name, value) in [("executionId", "e1"), ("namespace", "shop"), ("flowId", "flow"), ("tenantId", "main")] {
            attributes.append(("kestra.\(name)", .string(value)))
        }
        let payload = SpanBuilder.request(
            resource: [("service.name", "kestra")], scope: "kestra", version: "1",
            spans: [
                BuiltSpan(
                    traceID: TraceID(high: 1, low: 2), spanID: SpanID(raw: 3), parentSpanID: SpanID(raw: 4),
                    name: "EXECUTOR - x", kind: 1, start: 5, end: 9, attributes: attributes)
            ])
        let correlator = Correlator(settings: .defaults)
        correlator.receive(SpanBatch(record: 1, payload: payload, index: try SpanIndex(payload: payload)), now: 1)
        correlator.receive(
            BindingCall(executionID: "e1", event: .init(id: "evt-1", source: "s", type: "t")), record: 2, now: 1)
        var span = try #require(correlator.executionSpan(id: "e1"))
        (span.state, span.hasErrors, span.amended, span.ownerTenant) = (state, hasErrors, amended, owner)
        var made = MadeSpans()
        made.append(span.built(tenants: tenants), owner: 2)
        let encoded = made.encoded(resource: [("service.name", "spanbridge")])
        let index = try SpanIndex(payload: encoded)
        #expect(
            index.spans.count == 1 && index.spans[0].spanID == span.spanID && index.spans[0].traceID == span.traceID)
        return try SpanDetail(payload: encoded, index: index, span: 0)
    }

    @Test("it is a CONSUMER span named after its flow that tells what is known")
    func attributes() throws {
        let detail = try detail(amended: true)
        #expect(detail.name == "shop.flow" && detail.kind == 5 && detail.start == 5 && detail.end == 9)
        let attributes = Dictionary(uniqueKeysWithValues: detail.attributes.map { ($0.name, $0.value) })
        #expect(attributes["kestra.executionId"] == .string("e1") && attributes["kestra.tenantId"] == .string("main"))
        #expect(
            attributes["cloudevents.event_id"] == .string("evt-1")
                && attributes["cloudevents.event_type"] == .string("t"))
        #expect(attributes["spanbridge.amended"] == .bool(true) && attributes["kestra.state"] == nil)
    }

    @Test(
        "its tenant is told as configured, and not if it is unknown",
        arguments: [
            ("ws-acme", TenantExport.sha256, "22c2b70b2078b4eedea59e94bbf52eaeff73aa6ea1615019e7696594d18d2b59"),
            ("ws-acme", .plain, "ws-acme"), ("ws-acme", .none, nil), ("", .sha256, nil), ("", .plain, nil),
        ] as [(String, TenantExport, String?)])
    func tenant(owner: String, tenants: TenantExport, told: String?) throws {
        let attributes = try detail(owner: owner, tenants: tenants).attributes
        #expect(attributes.filter { $0.name == "tenant.id" }.map(\.value) == (told.map { [.string($0)] } ?? []))
        #expect(attributes.contains { $0.name == "kestra.tenantId" && $0.value == .string("main") })
    }

    @Test(
        "its status is Kestra's state, else an ERROR on a span, never OK for lack of errors",
        arguments: [
            ("SUCCESS", true, 1), ("WARNING", false, 1), ("FAILED", false, 2), ("KILLED", false, 2),
            ("RUNNING", false, 0),
            ("", false, 0), ("", true, 2),
        ])
    func status(state: String, hasErrors: Bool, code: UInt8) throws {
        #expect(try detail(state: state, hasErrors: hasErrors).statusCode == code)
    }
}
