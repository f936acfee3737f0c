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
            WireWriter.copy(names.originalTraceID, to: &bytes)
            appendHex(span.traceID.high)
            appendHex(span.traceID.low)
            WireWriter.copy(names.rules[Int(edit.rule.rawValue)], to: &bytes)
        }
        if change.parent, change.hadParent {
            WireWriter.copy(names.originalParent, to: &bytes)
            appendHex(span.parentSpanID.raw)
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

    /// 16 lower-case hex digits.
    private mutating func appendHex(_ value: UInt64) {
        WireWriter.bigEndian(Self.hexDigits(UInt32(truncatingIfNeeded: value >> 32)), to: &bytes)
        WireWriter.bigEndian(Self.hexDigits(UInt32(truncatingIfNeeded: value)), to: &bytes)
    }

    /// The digits of eight nibbles at once: one nibble a byte, then `0` to `9` or `a` to `f`.
    private static func hexDigits(_ value: UInt32) -> UInt64 {
        var nibbles = UInt64(value)
        nibbles = (nibbles << 16 | nibbles) & 0x0000_FFFF_0000_FFFF
        nibbles = (nibbles << 8 | nibbles) & 0x00FF_00FF_00FF_00FF
        nibbles = (nibbles << 4 | nibbles) & 0x0F0F_0F0F_0F0F_0F0F
        let letters = ((nibbles &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        return nibbles &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
    }
}
