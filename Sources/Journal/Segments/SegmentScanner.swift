/// Reads a segment's records in order. A damaged record is stepped over by searching for the segment's salt, which
/// begins the next one. Belongs to one thread.
struct SegmentScanner {
    /// One intact record; the bytes are valid during the visit.
    struct Visit {
        let head: RecordHead
        let offset: Int
        let keys: UnsafeRawBufferPointer
        let tenant: UnsafeRawBufferPointer
        let payload: UnsafeRawBufferPointer
    }

    /// What a scan found out.
    struct Summary {
        /// The offset after the last intact record.
        var end: Int
        /// The id after the last intact record's.
        var next: UInt64
        /// Ids missing between intact records.
        var damaged = 0
        /// Intact records.
        var intact = 0
    }

    private var window: FileWindow
    private let salt: UInt64
    private var summary: Summary
    private let bound: UInt64

    /// - Parameters:
    ///   - from: where to begin, with the id expected there.
    ///   - bound: records from this id on are not this segment's (they failed to be written, or come later).
    init(window: FileWindow, salt: UInt64, from: (offset: Int, id: UInt64), bound: UInt64) {
        self.window = window
        self.salt = salt
        self.bound = bound
        summary = Summary(end: from.offset, next: from.id)
    }

    /// Visits all intact records until the body says "no more" by false.
    mutating func scan(_ body: (Visit) throws -> Bool) throws -> Summary {
        var offset = summary.end
        while offset + RecordHead.bytes <= window.size {
            if let (end, more) = try visit(offset, body) {
                offset = end
                if !more { break }
            } else if let found = try window.find(salt, from: offset + 1) {
                offset = found
            } else {
                break
            }
        }
        return summary
    }

    /// How many bytes after the last intact record are not zero padding: the torn tail.
    mutating func tornBytes() throws -> Int { try window.endOfData(from: summary.end) - summary.end }

    private mutating func visit(
        _ offset: Int, _ body: (Visit) throws -> Bool
    ) throws -> (end: Int, more: Bool)? {
        guard let head = try window.bytes(at: offset, count: RecordHead.bytes, { RecordHead($0) }) else { return nil }
        // An id may be ahead only by as many damaged records as fit in between.
        guard head.salt == salt, head.id >= summary.next, head.id < bound,
            head.id - summary.next <= UInt64((offset - summary.end) / RecordHead.bytes)
        else { return nil }
        let count = RecordHead.bytes + head.contentBytes
        let outcome = try window.bytes(at: offset, count: count) { bytes -> Bool? in
            let content = bytes.part(RecordHead.bytes..<count)
            guard RecordHead.isIntact(head: bytes.part(0..<RecordHead.bytes), content: content) else { return nil }
            let keysEnd = 8 * Int(head.keyCount)
            let tenantEnd = keysEnd + Int(head.tenantBytes)
            return try body(
                Visit(
                    head: head, offset: offset, keys: content.part(0..<keysEnd),
                    tenant: content.part(keysEnd..<tenantEnd), payload: content.part(tenantEnd..<content.count)))
        }
        guard let more = outcome.flatMap({ $0 }) else { return nil }
        summary.damaged += Int(head.id - summary.next)
        summary.intact += 1
        summary.next = head.id + 1
        summary.end = offset + count
        return (summary.end, more)
    }
}
