import OTLP
import Testing

@testable import Bridge

@Suite struct MadeSpansTests {
    private func span(_ id: UInt64) -> BuiltSpan {
        BuiltSpan(
            traceID: TraceID(high: 1, low: id), spanID: SpanID(raw: id), parentSpanID: .none, name: "n", kind: 5, start: 1,
            end: 2)
    }

    @Test("Spans that the relay makes are one request, each with its owner, until there are too many")
    func gathering() throws {
        var made = MadeSpans()
        #expect(made.isEmpty && made.split() == nil)
        var count: UInt64 = 0
        while !made.isFull {
            count += 1
            made.append(span(count), owner: 100 + count)
        }
        #expect(count == 64)
        let parts = try #require(made.split())
        let taken = made.take()
        #expect(made.isEmpty && taken.owners == (1...count).map { 100 + $0 })
        let index = try SpanIndex(payload: taken.encoded(resource: [("service.name", "spanbridge")]))
        #expect(index.spans.map(\.spanID.raw) == Array(1...count) && index.scopes.count == 1)
        #expect(parts.map(\.owners) == taken.owners.map { [$0] } && parts.allSatisfy { $0.split() == nil })
        let part = try SpanIndex(payload: parts[1].encoded(resource: [("service.name", "spanbridge")]))
        #expect(part.spans.map(\.spanID.raw) == [2])
    }
}
