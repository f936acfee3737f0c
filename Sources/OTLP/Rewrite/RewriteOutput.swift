import Wire

/// Writes the pieces of a plan. Payload bytes are copied in payload order, so that the redactions are walked once.
struct RewriteOutput {
    private(set) var bytes: [UInt8] = []
    private let payload: [UInt8]
    private let index: SpanIndex
    private let names = RewriteVocabulary.shared
    private var nextRedaction = 0

    init(payload: [UInt8], index: SpanIndex, capacity: Int) {
        self.payload = payload
        self.index = index
        bytes.reserveCapacity(capacity)
    }

    mutating func header(_ tag: UInt32, _ count: Int) {
        WireWriter.header(tag, count: count, to: &bytes)
    }

    @inline(always)
    mutating func copy(_ range: Range<Int>) {
        let start = bytes.count
        WireWriter.copy(range, of: payload, to: &bytes)
        if nextRedaction < index.redactions.count {
            Redaction.mask(range, copiedTo: start, of: &bytes, index.redactions, &nextRedaction)
        }
    }

    /// A changed span whose new body has `count` bytes.
    mutating func span(_ edit: SpanEdit, _ count: Int, _ links: [AddedLink]) throws(WireError) {
        let span = index.spans[Int(edit.span)]
        let change = SpanChange(edit, span, links)
        header(18, count)
        if change.movesParent {
            try copyWithoutParent(span, edit.traceID)
            if change.hasParent {
                WireWriter.header(34, count: 8, to: &bytes)
                WireWriter.bigEndian(edit.parentSpanID.raw, to: &bytes)
            }
        } else {
            let shift = bytes.count - Int(span.body.start)
            copy(span.body.indices)
            bytes.overwrite(edit.traceID, at: Int(span.traceIDOffset) + shift)
            if change.parent {
                WireWriter.overwrite(at: Int(span.parentOffset) + shift, bigEndian: edit.parentSpanID.raw, in: &bytes)
            }
        }
        if change.traceID {
            let digits = bytes.count + names.originalTraceIDDigits
            WireWriter.copy(names.moved[Int(edit.rule.rawValue)], to: &bytes)
            overwrite(at: digits, hex: span.traceID.high)
            overwrite(at: digits + 16, hex: span.traceID.low)
        }
        if change.parent, change.hadParent {
            WireWriter.copy(names.originalParent, to: &bytes)
            overwrite(at: bytes.count - 16, hex: span.parentSpanID.raw)
        }
        if change.amended { WireWriter.copy(names.amended, to: &bytes) }
        for link in change.links { names.append(links[link], to: &bytes) }
    }

    private mutating func copyWithoutParent(_ span: SpanEntry, _ traceID: TraceID) throws(WireError) {
        let payload = payload
        var body = WireReader(payload.span.bytes, in: span.body.indices)
        var run = body.position
        let id = Int(span.traceIDOffset)
        while true {
            let start = body.position
            let isAtEnd = body.isAtEnd
            if !isAtEnd {
                let tag = try body.tag()
                try body.skip(tag)
                if tag != 34 { continue }
            }
            if run < start {
                let shift = bytes.count - run
                copy(run..<start)
                if id >= run, id < start { bytes.overwrite(traceID, at: id + shift) }
            }
            if isAtEnd { return }
            run = body.position
        }
    }

    /// Writes 16 lower-case hex digits over what is at an offset.
    @inline(always)
    private mutating func overwrite(at offset: Int, hex value: UInt64) {
        let (first, second) = value.asciiHex
        WireWriter.overwrite(at: offset, bigEndian: first, in: &bytes)
        WireWriter.overwrite(at: offset &+ 8, bigEndian: second, in: &bytes)
    }
}
