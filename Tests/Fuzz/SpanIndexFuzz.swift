import OTLP

extension FuzzTarget {
    /// The index of a trace request, decoding of single spans, and rewriting.
    static let spanIndex = FuzzTarget(name: "span-index") { bytes in
        guard let index = try? SpanIndex(payload: bytes) else { return }
        for (position, span) in index.spans.enumerated() {
            require(Int(span.body.end) <= bytes.count && Int(span.traceIDOffset) + 16 <= bytes.count, "a span lies outside")
            _ = try? SpanDetail(payload: bytes, index: index, span: position)
        }
        FuzzVocabulary.check(index.evidence, owners: index.spans.count, in: bytes)
        guard let configured = try? SpanIndex(payload: bytes, keys: FuzzVocabulary.keys) else {
            fatalError("what is read without join keys cannot be read with them")
        }
        require(configured.spans.map(\.body) == index.spans.map(\.body), "join keys change the spans")
        require(configured.redactions == index.redactions, "join keys change what is masked")
        FuzzVocabulary.check(configured.evidence, owners: configured.spans.count, in: bytes)
        FuzzVocabulary.check(configured.resourceEvidence, owners: configured.resources.count, in: bytes)
        for execution in configured.executions { _ = execution.id(in: bytes) }
        _ = TraceRewriter.forward(payload: bytes, index: index)

        let links = [AddedLink(traceID: TraceID(high: 1, low: 2), spanID: SpanID(raw: 3), reason: "call")]
        let edits = index.spans.enumerated().map { position, span in
            SpanEdit(
                span: Int32(position), traceID: TraceID(high: 7, low: UInt64(position) + 1),
                parentSpanID: position % 3 == 0 ? .none : SpanID(raw: UInt64(position)), rule: .claimed,
                amended: position % 2 == 0, links: position % 5 == 0 ? 0..<1 : 0..<0)
        }
        let rewritten = TraceRewriter.rewrite(payload: bytes, index: index, edits: edits, links: links)
        guard let again = try? SpanIndex(payload: rewritten) else { fatalError("what was rewritten cannot be read") }
        require(again.rejectedSpans == 0, "what was rewritten has invalid spans")
        require(again.spans.map(\.spanID) == index.spans.map(\.spanID), "spans were lost or mixed up")
        require(again.spans.map(\.traceID) == edits.map(\.traceID), "trace ids were not rewritten")
        require(again.spans.map(\.parentSpanID) == edits.map(\.parentSpanID), "parents were not rewritten")

        let chosen = stride(from: 0, to: Int32(index.spans.count), by: 2).map(\.self)
        guard !chosen.isEmpty, index.rejectedSpans == 0 else { return }
        guard let part = RequestPart(of: bytes, index: index, spans: chosen), let read = try? SpanIndex(payload: part.payload) else {
            fatalError("no part can be made, or it cannot be read")
        }
        require(part.index.spans.map(\.body) == read.spans.map(\.body), "a part's spans lie elsewhere than its index says")
        require(
            read.scopes.filter { !$0.spans.isEmpty }.map(\.body) == part.index.scopes.map(\.body),
            "a part's scopes lie elsewhere than its index says")
    }
}
