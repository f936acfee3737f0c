import OTLP
import Testing

@Suite struct RequestPartTests {
    @Test("A part is the request with the chosen spans, and its index what reading it gives")
    func random() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var maker = RequestMaker(seed: seed)
        var parts = 0
        for round in 0..<1_000 {
            let payload = maker.request()
            let index = try SpanIndex(payload: payload)
            let isWhole = index.rejectedSpans == 0
            let chosen = index.spans.indices.filter { _ in maker.random.chance(30) }.map(Int32.init)
            guard !chosen.isEmpty, isWhole else {
                #expect(RequestPart(of: payload, index: index, spans: chosen) == nil)
                continue
            }
            parts += 1
            let part = try #require(
                RequestPart(of: payload, index: index, spans: chosen), "seed \(seed) round \(round)")
            let edits = chosen.map { SpanEdit(unchanged: index.spans[Int($0)], at: Int($0)) }
            let rewritten = TraceRewriter.rewrite(payload: payload, index: index, edits: edits, links: [])
            #expect(Oracle.spans(part.payload) == Oracle.spans(rewritten), "seed \(seed) round \(round)")
            #expect(part.payload.capacity < part.payload.count + 64)
            let read = try SpanIndex(payload: part.payload)
            if describe(read) != describe(part.index) {
                Issue.record("seed \(seed) round \(round):\n\(describe(part.index))\n\(describe(read))")
            }
        }
        #expect(parts > 50)
    }

    @Test("Positions out of order or beyond the request make no part")
    func strangePositions() throws {
        let payload = request([TestSpan(), TestSpan()])
        let index = try SpanIndex(payload: payload)
        for positions in [[], [-1], [2], [1, 0], [0, 0], [-1, 1], [0, 1, 2]] as [[Int32]] {
            #expect(RequestPart(of: payload, index: index, spans: positions) == nil)
        }
        #expect(RequestPart(of: payload, index: index, spans: [0, 1])?.payload == payload)
    }

    @Test("Secrets are masked in it")
    func redaction() throws {
        let payload = request([
            TestSpan(attributes: [("url.query", .string("key=first"))]),
            TestSpan(attributes: [("url.query", .string("key=hush"))]),
        ])
        let part = try #require(RequestPart(of: payload, index: try SpanIndex(payload: payload), spans: [1]))
        let text = String(decoding: part.payload, as: UTF8.self)
        #expect(text.contains("key=****") && !text.contains("hush") && part.index.redactions.isEmpty)
    }

    /// What a part's index has.
    private func describe(_ index: SpanIndex) -> [String] {
        index.resources.map { "\($0.field) \($0.body)" }
            + index.scopes.map { "\($0.resource) \($0.field) \($0.body) \($0.origin) \($0.role) \($0.spans)" }
            + index.spans.map { span in
                var span = span
                (span.execution, span.evidence) = (-1, 0..<0)
                for range in [\SpanEntry.name, \.taskRun, \.source] where span[keyPath: range].isEmpty {
                    span[keyPath: range] = .none
                }
                return "\(span)"
            }
    }
}
