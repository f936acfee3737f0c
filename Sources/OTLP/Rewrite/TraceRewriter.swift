/// Writes requests with the spans of a batch as they leave: under other trace ids and parents, with attributes that say
/// so, and with secrets masked.
package enum TraceRewriter {
    /// A request with exactly the spans that the edits name, in payload order. Resources, scopes, schema URLs and
    /// unknown fields are kept; resources and scopes without a chosen span are left out.
    ///
    /// `payload` must be the bytes that `index` was made from. Edits are in ascending order of their spans; one that is
    /// out of order or names no span is ignored. The result has exactly the capacity it needs.
    package static func rewrite(
        payload: [UInt8], index: SpanIndex, edits: [SpanEdit], links: [AddedLink]
    ) -> [UInt8] {
        do {
            var plan = RewritePlan(index: index, edits: edits, links: links)
            try plan.read(payload)
            var output = RewriteOutput(payload: payload, index: index, capacity: plan.byteCount)
            for piece in plan.pieces {
                switch piece {
                case .copy(let range): output.copy(range.indices)
                case .header(let tag, let count): output.header(tag, Int(count))
                case .span(let edit, let count): try output.span(edits[Int(edit)], Int(count), links)
                }
            }
            return output.bytes
        } catch {
            // The index was made from these bytes, and making it read every field that is read here.
            assertionFailure("the payload is not the one that was indexed: \(error)")
            return []
        }
    }

    /// The whole batch with nothing changed: the payload itself, unless secrets must be masked or invalid spans left out.
    package static func forward(payload: [UInt8], index: SpanIndex) -> [UInt8] {
        guard index.rejectedSpans == 0 else {
            let edits = index.spans.enumerated().map { SpanEdit(unchanged: $1, at: $0) }
            return rewrite(payload: payload, index: index, edits: edits, links: [])
        }
        guard !index.redactions.isEmpty else { return payload }
        var output = payload
        for range in index.redactions {
            for position in range.indices.clamped(to: output.indices) { output[position] = UInt8(ascii: "*") }
        }
        return output
    }
}
