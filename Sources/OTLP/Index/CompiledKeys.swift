import Wire

/// `AttributeKeys` in the form in which an index looks attribute names up: one small hash table, compared by words.
/// Made once from the configuration and shared by all threads.
package struct CompiledKeys: Sendable {
    /// What an attribute name means to an index.
    struct Meaning {
        /// What it is evidence of, or nil.
        var evidence: EvidenceKey?
        var role = Role.none
        /// Whether webhook keys in its values are masked on export.
        var isRedacted = false
        /// A number below `CompiledKeys.count`, different for every name.
        var ordinal: UInt16 = 0
    }

    /// The attributes that Kestra puts on spans and log records.
    enum Role: UInt8 {
        case none, executionID, logExecutionID, namespace, flow, tenant, taskRun, source
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

    private var slots: [Slot]
    private let shift: UInt64
    private var names: [UInt8] = []
    /// How many names there are.
    private(set) var count = 0
    private let keys: AttributeKeys

    package init(_ keys: AttributeKeys) {
        self.keys = keys
        var meanings: [(name: [UInt8], meaning: Meaning)] = []
        func change(_ name: [UInt8], _ body: (inout Meaning) -> Void) {
            guard !name.isEmpty, name.count <= Int(UInt16.max) else { return }
            let position = meanings.firstIndex { $0.name == name } ?? meanings.count
            if position == meanings.count { meanings.append((name, Meaning(ordinal: UInt16(clamping: position)))) }
            body(&meanings[position].meaning)
        }
        for (name, key) in keys.evidence { change(name) { $0.evidence = key } }
        for name in keys.redacted { change(name) { $0.isRedacted = true } }
        for (name, role) in Self.roles { change(Array(name.utf8)) { $0.role = role } }

        // A quarter full at most, so that a name that means nothing rarely meets another.
        var bits: UInt64 = 6
        while 1 << bits < meanings.count * 4 { bits += 1 }
        shift = 64 - bits
        slots = Array(repeating: Slot(), count: 1 << bits)
        count = meanings.count
        for (name, meaning) in meanings {
            var slot = Slot(length: UInt32(name.count), offset: UInt32(names.count), meaning: meaning)
            let reader = WireReader(name.span.bytes)
            (slot.first, slot.last) = Self.words(of: 0..<name.count, in: reader)
            names += name
            var position = Self.hash(slot.first, slot.last, slot.length, shift)
            while slots[position].length != 0 { position = (position + 1) & (slots.count - 1) }
            slots[position] = slot
        }
    }

    private static let roles: [(String, Role)] = [
        ("kestra.executionId", .executionID), ("executionId", .logExecutionID), ("kestra.namespace", .namespace),
        ("kestra.flowId", .flow), ("kestra.tenantId", .tenant), ("kestra.uid", .taskRun), ("kestra.source", .source),
    ]

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

    @inline(always)
    private static func hash(_ first: UInt64, _ last: UInt64, _ length: UInt32, _ shift: UInt64) -> Int {
        let mixed = (first &+ UInt64(length)) &* 0x9E37_79B9_7F4A_7C15 ^ last
        return Int(truncatingIfNeeded: (mixed &* 0xD6E8_FEB8_6659_FD93) &>> shift)
    }

    /// What the attribute name at `name` means, or nil.
    @inline(always)
    func meaning(of name: Range<Int>, in reader: borrowing WireReader) -> Meaning? {
        let (first, last) = Self.words(of: name, in: reader)
        let length = UInt32(truncatingIfNeeded: name.count)
        guard length > 0 else { return nil }
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

extension CompiledKeys {
    /// Which system the spans of a scope come from.
    func origin(scope: Range<Int>, service: Range<Int>, in reader: borrowing WireReader) -> Origin {
        func matches(_ patterns: [[UInt8]], _ range: Range<Int>) -> Bool {
            for pattern in patterns {
                let isPrefix = pattern.last == UInt8(ascii: "*")
                let fixed = isPrefix ? pattern.count - 1 : pattern.count
                guard isPrefix ? range.count >= fixed : range.count == fixed else { continue }
                var position = 0
                while position < fixed, pattern[position] == reader.byte(at: range.lowerBound + position) {
                    position += 1
                }
                // An empty name is the name of nothing, whatever the pattern.
                if position == fixed, !range.isEmpty { return true }
            }
            return false
        }
        for (position, rule) in keys.origins.enumerated()
        where matches(rule.scopes, scope) || matches(rule.services, service) {
            return Origin(rawValue: UInt8(truncatingIfNeeded: position + 1))
        }
        return .other
    }

    /// What becomes of the spans of a system.
    package func role(of origin: Origin) -> OriginRole {
        let position = Int(origin.rawValue) - 1
        return keys.origins.indices.contains(position) ? keys.origins[position].role : .bystander
    }

    /// The name of a system in the configuration and in answers.
    package func name(of origin: Origin) -> String {
        let position = Int(origin.rawValue) - 1
        return keys.origins.indices.contains(position) ? keys.origins[position].name : "other"
    }
}
