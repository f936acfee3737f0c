import Wire

/// Numbers the executions of one batch, each once, without making strings.
struct ExecutionInterner {
    private(set) var entries: [ExecutionEntry] = []
    /// An open-addressing table of indices into `entries`; -1 is free. At most half full.
    private var table: [Int32] = []
    /// Spans of one execution are mostly neighbours.
    private var last: Int32 = -1

    /// How many tenants one execution id can have in a batch; in good faith it is one.
    private static let tenantLimit = 8

    /// The number of the execution that a span names. Two executions of one id are the same unless both tenants are
    /// known and differ: a forged id of another tenant joins nothing. Returns -1, no execution, for the tenants of one id
    /// beyond `tenantLimit`, so that a flood of tenants costs no time.
    mutating func intern(_ span: KestraAttributes, in reader: borrowing WireReader) -> Int32 {
        if last >= 0, complete(Int(last), span, reader) { return last }
        if table.isEmpty {
            table = Array(repeating: -1, count: 128)
            entries.reserveCapacity(64)
        } else if entries.count >= table.count / 2 {
            grow(reader)
        }
        let mask = table.count &- 1
        var position = Self.hash(span.execution, reader) & mask
        var others = 0
        while true {
            let number = table[position]
            if number < 0 { break }
            if complete(Int(number), span, reader) {
                last = number
                return number
            }
            if Self.areEqual(entries[Int(number)].id.indices, span.execution, reader) {
                others &+= 1
                if others >= Self.tenantLimit { return -1 }
            }
            position = (position &+ 1) & mask
        }
        last = Int32(truncatingIfNeeded: entries.count)
        table[position] = last
        entries.append(
            ExecutionEntry(
                id: ByteRange(span.execution), namespace: ByteRange(span.namespace), flow: ByteRange(span.flow),
                tenant: ByteRange(span.tenant), form: span.executionForm))
        return last
    }

    /// If the entry is the span's execution, adds what the entry does not know yet and says so.
    @inline(always)
    private mutating func complete(_ number: Int, _ span: KestraAttributes, _ reader: borrowing WireReader) -> Bool {
        let entry = entries[number]
        guard Self.areEqual(entry.id.indices, span.execution, reader), entry.form == span.executionForm,
            entry.tenant.isEmpty || span.tenant.isEmpty
                || Self.areEqual(entry.tenant.indices, span.tenant, reader)
        else { return false }
        if entry.tenant.isEmpty { entries[number].tenant = ByteRange(span.tenant) }
        if entry.namespace.isEmpty { entries[number].namespace = ByteRange(span.namespace) }
        if entry.flow.isEmpty { entries[number].flow = ByteRange(span.flow) }
        return true
    }

    private mutating func grow(_ reader: borrowing WireReader) {
        table = Array(repeating: -1, count: table.count * 2)
        let mask = table.count - 1
        for (number, entry) in entries.enumerated() {
            var position = Self.hash(entry.id.indices, reader) & mask
            while table[position] >= 0 { position = (position + 1) & mask }
            table[position] = Int32(truncatingIfNeeded: number)
        }
    }

    /// Seeded by the process, so that nobody can send ids that all meet in one place.
    private static func hash(_ id: Range<Int>, _ reader: borrowing WireReader) -> Int {
        var hasher = Hasher()
        var position = id.lowerBound
        while id.upperBound &- position > 8 {
            hasher.combine(reader.littleEndianWord(at: position))
            position &+= 8
        }
        // The last word may overlap the one before.
        hasher.combine(
            id.count >= 8
                ? reader.littleEndianWord(at: id.upperBound &- 8)
                : reader.partialWord(at: id.lowerBound, count: id.count))
        return hasher.finalize()
    }

    @inline(always)
    private static func areEqual(_ a: Range<Int>, _ b: Range<Int>, _ reader: borrowing WireReader) -> Bool {
        let count = a.count
        guard count == b.count else { return false }
        guard count >= 8 else {
            return reader.partialWord(at: a.lowerBound, count: count)
                == reader.partialWord(at: b.lowerBound, count: count)
        }
        var offset = 0
        while offset &+ 8 < count {
            if reader.littleEndianWord(at: a.lowerBound &+ offset)
                != reader.littleEndianWord(at: b.lowerBound &+ offset)
            {
                return false
            }
            offset &+= 8
        }
        return reader.littleEndianWord(at: a.upperBound &- 8) == reader.littleEndianWord(at: b.upperBound &- 8)
    }
}
