import Wire

/// Finds out what the pieces of a rewritten request are and how long each message becomes, before anything is written.
struct RewritePlan {
    enum Piece {
        /// Bytes of the payload as they are.
        case copy(ByteRange)
        /// Tag and length of a message whose pieces follow.
        case header(tag: UInt32, count: UInt32)
        /// A span that changes: the index of its edit and the length of its new body.
        case span(edit: Int32, count: UInt32)
    }

    private(set) var pieces: [Piece] = []
    private(set) var byteCount = 0
    private let index: SpanIndex
    private let edits: [SpanEdit]
    private let links: [AddedLink]
    private let names = RewriteVocabulary.shared
    /// The next edit that is not planned yet.
    private var next = 0

    init(index: SpanIndex, edits: [SpanEdit], links: [AddedLink]) {
        self.index = index
        self.edits = edits
        self.links = links
    }

    mutating func read(_ payload: [UInt8]) throws(WireError) {
        pieces.reserveCapacity(edits.count + 4 * (index.scopes.count + index.resources.count) + 4)
        skipInvalidEdits(after: -1)
        var request = WireReader(payload.span.bytes)
        while !request.isAtEnd {
            let start = request.position
            let tag = try request.tag()
            guard tag == 10 else {
                try request.skip(tag)
                copy(from: start, to: request.position)
                continue
            }
            let body = try request.message()
            guard let scope = scopeOfNext else { continue }
            let resource = scope.resource
            guard index.resources[Int(resource)].body.start == UInt32(truncatingIfNeeded: body.position) else {
                continue
            }
            try readResource(body, resource)
        }
    }

    /// The scope of the next edit's span.
    private var scopeOfNext: ScopeEntry? {
        next < edits.count ? index.scopes[Int(index.spans[Int(edits[next].span)].scope)] : nil
    }

    private mutating func readResource(_ body: consuming WireReader, _ resource: Int32) throws(WireError) {
        var body = body
        let mark = open(10)
        while !body.isAtEnd {
            let start = body.position
            let tag = try body.tag()
            guard tag == 18 else {
                try body.skip(tag)
                copy(from: start, to: body.position)
                continue
            }
            let spans = try body.message()
            guard let scope = scopeOfNext, scope.body.start == UInt32(truncatingIfNeeded: spans.position) else {
                continue
            }
            try readScope(spans)
        }
        close(mark)
    }

    private mutating func readScope(_ body: consuming WireReader) throws(WireError) {
        var body = body
        let mark = open(18)
        while !body.isAtEnd {
            let start = body.position
            let tag = try body.tag()
            try body.skip(tag)
            guard tag == 18 else {
                copy(from: start, to: body.position)
                continue
            }
            guard next < edits.count,
                index.spans[Int(edits[next].span)].field.start == UInt32(truncatingIfNeeded: start)
            else { continue }
            try plan(next, from: start, to: body.position, in: body)
            skipInvalidEdits(after: edits[next].span)
        }
        close(mark)
    }

    private mutating func plan(
        _ position: Int, from start: Int, to end: Int, in reader: borrowing WireReader
    ) throws(WireError) {
        let edit = edits[position]
        let span = index.spans[Int(edit.span)]
        let change = SpanChange(edit, span, links)
        guard change.isAny else { return copy(from: start, to: end) }
        let count = span.body.count + change.addedBytes(names, links) - (try change.removedBytes(of: span, in: reader))
        pieces.append(
            .span(edit: Int32(truncatingIfNeeded: position), count: UInt32(truncatingIfNeeded: count)))
        byteCount += 1 + WireWriter.size(ofDelimited: count)
    }

    /// Moves to the next edit that names a span behind the given one.
    private mutating func skipInvalidEdits(after span: Int32) {
        if span >= 0 { next += 1 }
        while next < edits.count, edits[next].span <= span || Int(edits[next].span) >= index.spans.count { next += 1 }
    }
}

// MARK: - Pieces

extension RewritePlan {
    private mutating func copy(from start: Int, to end: Int) {
        byteCount += end - start
        let (start, end) = (UInt32(truncatingIfNeeded: start), UInt32(truncatingIfNeeded: end))
        if case .copy(let range)? = pieces.last, range.end == start {
            pieces[pieces.count - 1] = .copy(ByteRange(range.start, end))
        } else {
            pieces.append(.copy(ByteRange(start, end)))
        }
    }

    /// Begins a message; its length is known when it is closed.
    private mutating func open(_ tag: UInt32) -> (piece: Int, tag: UInt32, start: Int) {
        pieces.append(.header(tag: tag, count: 0))
        return (pieces.count - 1, tag, byteCount)
    }

    private mutating func close(_ mark: (piece: Int, tag: UInt32, start: Int)) {
        let count = byteCount - mark.start
        pieces[mark.piece] = .header(tag: mark.tag, count: UInt32(truncatingIfNeeded: count))
        byteCount += WireWriter.size(ofVarint: UInt64(mark.tag)) + WireWriter.size(ofVarint: UInt64(count))
    }
}
