import Wire

/// Attribute names with what they mean, in the form in which an index looks them up: one small hash table, compared by
/// words.
struct NameTable: Sendable {
    /// What an attribute name means to an index.
    struct Meaning {
        /// What it is evidence of, or nil.
        var evidence: EvidenceKey?
        var role = Role.none
        /// Whether webhook keys in its values are masked on export.
        var isRedacted = false
        /// For `joinKey` the position in `AttributeKeys.joinKeys`, for `originValue` that of the value.
        var rule: UInt8 = 0
        /// A number below `NameTable.count`, different for every meaning.
        var ordinal: UInt16 = 0
        /// One more than the position in `NameTable.more` of another meaning of the same name; 0 if there is none.
        var next: UInt16 = 0

        /// Whether an integer is a value of it as much as a text.
        var takesIntegers: Bool { evidence == .joinKey || evidence == .tenant || role == .configuredExecutionID }
    }

    /// The attributes that Kestra puts on spans and log records, and what is read like them.
    enum Role: UInt8 {
        case none, executionID, logExecutionID, namespace, flow, tenant, taskRun, source
        /// One of `AttributeKeys.executionAttributes`.
        case configuredExecutionID
        /// A resource attribute that an `OriginRule` asks for.
        case originValue
    }

    /// One meaning of one name.
    struct Entry {
        var name: [UInt8]
        var meaning: Meaning

        init(_ name: [UInt8], _ meaning: Meaning) {
            self.name = name
            self.meaning = meaning
        }
    }

    private struct Slot {
        var first: UInt64 = 0
        var last: UInt64 = 0
        /// 0 in a free slot.
        var length: UInt32 = 0
        /// Where the name lies in `names`.
        var offset: UInt32 = 0
        var meaning = Meaning()
    }

    private var slots: [Slot] = []
    /// A bit for each length and last byte of a name: most names that mean nothing are told from these alone.
    private var shapes: SIMD4<UInt64> = .zero
    private let shift: UInt64
    private var names: [UInt8] = []
    /// Further meanings of names that have several; see `Meaning.next`.
    private var more: [Meaning] = []
    /// How many meanings there are.
    let count: Int
    /// The length of the shortest name; 0 without names.
    let shortestName: Int

    /// A name may come several times; empty names and those of more than 65,535 bytes are left out.
    init(_ entries: [Entry]) {
        var heads: [Entry] = []
        var ordinal: UInt16 = 0
        for entry in entries where !entry.name.isEmpty && entry.name.count <= Int(UInt16.max) && ordinal < .max {
            let name = entry.name
            var meaning = entry.meaning
            meaning.ordinal = ordinal
            meaning.next = 0
            guard let head = heads.firstIndex(where: { $0.name == name }) else {
                heads.append(Entry(name, meaning))
                ordinal += 1
                continue
            }
            if meaning.isRedacted { heads[head].meaning.isRedacted = true }
            meaning.isRedacted = false
            guard meaning.evidence != nil || meaning.role != .none else { continue }
            // Redaction alone leaves room for a meaning.
            if heads[head].meaning.evidence == nil, heads[head].meaning.role == .none {
                heads[head].meaning.evidence = meaning.evidence
                heads[head].meaning.role = meaning.role
                heads[head].meaning.rule = meaning.rule
                continue
            }
            // Inserted right behind the first: the order does not matter.
            meaning.next = heads[head].meaning.next
            more.append(meaning)
            heads[head].meaning.next = UInt16(more.count)
            ordinal += 1
        }
        count = Int(ordinal)
        shortestName = heads.map(\.name.count).min() ?? 0

        // A quarter full at most, so that a name that means nothing rarely meets another.
        var bits: UInt64 = 6
        while 1 << bits < heads.count * 4 { bits += 1 }
        shift = 64 - bits
        guard !heads.isEmpty else { return }
        slots = Array(repeating: Slot(), count: 1 << bits)
        for head in heads {
            let name = head.name
            var slot = Slot(length: UInt32(name.count), offset: UInt32(names.count), meaning: head.meaning)
            let reader = WireReader(name.span.bytes)
            (slot.first, slot.last) = Self.words(of: 0..<name.count, in: reader)
            names += name
            let shape = Self.shape(name.count, name[name.count - 1])
            shapes[shape / 64] |= 1 << UInt64(shape % 64)
            var position = Self.hash(slot.first, slot.last, slot.length, shift)
            while slots[position].length != 0 { position = (position + 1) & (slots.count - 1) }
            slots[position] = slot
        }
    }

    /// A table without names must not be asked for a meaning.
    var isEmpty: Bool { count == 0 }

    /// The first and the last eight bytes, which tell all names of up to 16 bytes apart.
    @inline(always)
    private static func words(of name: Range<Int>, in reader: borrowing WireReader) -> (UInt64, UInt64) {
        guard name.count >= 8 else {
            let word = reader.partialWord(at: name.lowerBound, count: name.count)
            return (word, word)
        }
        return (
            reader.littleEndianWord(at: name.lowerBound), reader.littleEndianWord(at: name.upperBound &- 8)
        )
    }

    /// From 0 to 255.
    @inline(always)
    private static func shape(_ length: Int, _ last: UInt8) -> Int { (length &* 37 &+ Int(last)) & 255 }

    @inline(always)
    private static func hash(_ first: UInt64, _ last: UInt64, _ length: UInt32, _ shift: UInt64) -> Int {
        let mixed = (first &+ UInt64(length)) &* 0x9E37_79B9_7F4A_7C15 ^ last
        return Int(truncatingIfNeeded: (mixed &* 0xD6E8_FEB8_6659_FD93) &>> shift)
    }

    /// What the attribute name at `name` means first, or nil.
    @inline(always)
    func meaning(of name: Range<Int>, in reader: borrowing WireReader) -> Meaning? {
        guard !name.isEmpty else { return nil }
        let shape = Self.shape(name.count, reader.byte(at: name.upperBound &- 1))
        guard shapes[shape &>> 6] &>> UInt64(shape & 63) & 1 == 1 else { return nil }
        let (first, last) = Self.words(of: name, in: reader)
        let length = UInt32(truncatingIfNeeded: name.count)
        var position = Self.hash(first, last, length, shift)
        while true {
            let slot = slots[position]
            if slot.length == 0 { return nil }
            if slot.first == first, slot.last == last, slot.length == length, isEqual(slot, name, reader) {
                return slot.meaning
            }
            position = (position &+ 1) & (slots.count &- 1)
        }
    }

    /// What the name that has a meaning means too, or nil.
    func meaning(after meaning: Meaning) -> Meaning? {
        meaning.next == 0 ? nil : more[Int(meaning.next) - 1]
    }

    /// Compares what the first and the last word do not cover.
    @inline(always)
    private func isEqual(_ slot: Slot, _ name: Range<Int>, _ reader: borrowing WireReader) -> Bool {
        guard name.count > 16 else { return true }
        for position in 8..<(name.count &- 8)
        where reader.byte(at: name.lowerBound &+ position) != names[Int(slot.offset) &+ position] {
            return false
        }
        return true
    }
}
