import OTLP
import Testing

@Suite struct SpanBuilderTests {
    @Test("A span that the relay makes reads back as it was given")
    func roundTrip() throws {
        let span = BuiltSpan(
            traceID: TraceID(high: 1, low: 2), spanID: SpanID(raw: 3), parentSpanID: SpanID(raw: 4), name: "ns.flow",
            kind: 5,
            start: 10, end: 20,
            attributes: [("s", .string("")), ("i", .int(-1)), ("b", .bool(false))],
            links: [AddedLink(traceID: TraceID(high: 5, low: 6), spanID: SpanID(raw: 7), reason: "call")],
            statusCode: 2,
            statusMessage: "failed", flags: 0x101)
        let payload = SpanBuilder.request(
            resource: [("service.name", "spanbridge")], scope: "spanbridge", version: "1", spans: [span, span])
        let index = try SpanIndex(payload: payload)
        #expect(index.spans.count == 2 && text(index.resources[0].serviceName, of: payload) == "spanbridge")
        #expect(text(index.scopes[0].name, of: payload) == "spanbridge")
        let detail = try SpanDetail(payload: payload, index: index, span: 1)
        #expect(
            detail.traceID == span.traceID && detail.spanID == span.spanID && detail.parentSpanID == span.parentSpanID)
        #expect(detail.name == "ns.flow" && detail.kind == 5 && detail.start == 10 && detail.end == 20)
        #expect(
            detail.attributes == [
                Attribute("s", .string("")), Attribute("i", .int(-1)), Attribute("b", .bool(false)),
            ])
        #expect(
            detail.links.count == 1 && detail.statusCode == 2 && detail.statusMessage == "failed" && detail.flags == 257
        )
        #expect(Oracle.spans(payload)?.first?.attributes == ["s=string()[]", "i=int(-1)[]", "b=bool(false)[]"])
    }
}
