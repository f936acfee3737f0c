import Wire

/// What an edit changes on its span, and what that means for the length of the span's body.
struct SpanChange {
    let traceID: Bool
    let parent: Bool
    /// The parent can't be patched in place: it comes, or it goes.
    let movesParent: Bool
    let hadParent: Bool
    let hasParent: Bool
    let amended: Bool
    let rule: JoinRule
    /// Indices into the list of links.
    let links: Range<Int>

    @inline(always)
    init(_ edit: SpanEdit, _ span: SpanEntry, _ links: [AddedLink]) {
        traceID = edit.traceID != span.traceID
        parent = edit.parentSpanID != span.parentSpanID
        hadParent = !span.parentSpanID.isZero
        hasParent = !edit.parentSpanID.isZero
        movesParent = parent && (!hadParent || !hasParent)
        amended = edit.amended
        rule = edit.rule
        let range = Int(edit.links.lowerBound)..<Int(edit.links.upperBound)
        self.links = range.clamped(to: links.indices)
    }

    @inline(always)
    var isAny: Bool { traceID || parent || amended || !links.isEmpty }

    /// The fields that are written behind the body as it came.
    func addedBytes(_ names: RewriteVocabulary, _ links: [AddedLink]) -> Int {
        var count = 0
        if movesParent, hasParent { count += 10 }
        if traceID { count += names.moved[Int(rule.rawValue)].count }
        if parent, hadParent { count += names.originalParent.count }
        if amended { count += names.amended.count }
        for link in self.links { count += 1 + WireWriter.size(ofDelimited: names.size(of: links[link])) }
        return count
    }

    /// The parent fields that are left out when the parent moves. There may be several, the last of which counts, or one
    /// that says "none" in so many words.
    func removedBytes(of span: SpanEntry, in reader: borrowing WireReader) throws(WireError) -> Int {
        guard movesParent else { return 0 }
        var count = 0
        var body = reader.part(span.body.indices)
        while !body.isAtEnd {
            let start = body.position
            let tag = try body.tag()
            try body.skip(tag)
            if tag == 34 { count += body.position - start }
        }
        return count
    }
}
