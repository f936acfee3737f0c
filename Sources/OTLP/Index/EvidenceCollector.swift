import Wire

/// Collects the evidence and the redactions of one batch.
struct EvidenceCollector {
    private(set) var entries: [EvidenceEntry] = []
    private(set) var redactions: [ByteRange] = []
    /// By the ordinal of a meaning: where its newest entry is, so that the last of two equal names wins.
    private var newest: [Int32]

    init(nameCount: Int) {
        newest = Array(repeating: -1, count: nameCount)
    }

    /// Makes room for one entry an owner. If they have more, the array grows as often for a thousand owners as for two.
    mutating func expect(owners: Int) {
        entries.reserveCapacity(owners)
    }

    /// Notes an attribute of the owner whose attributes are being read. What holds no string, and no integer where one
    /// is asked for, has an empty value.
    mutating func note(
        _ key: EvidenceKey, _ attribute: AttributeReading, _ meaning: NameTable.Meaning, _ owner: Int32
    ) {
        let (range, form) = attribute.value(orInteger: meaning.takesIntegers)
        let value = ByteRange(range)
        let previous = Int(newest[Int(meaning.ordinal)])
        if previous >= 0, previous < entries.count, entries[previous].owner == owner {
            entries[previous].value = value
            entries[previous].form = form
            return
        }
        guard !value.isEmpty else { return }
        newest[Int(meaning.ordinal)] = Int32(truncatingIfNeeded: entries.count)
        entries.append(EvidenceEntry(owner: owner, key: key, rule: meaning.rule, form: form, value: value))
    }

    /// Drops the entries of an owner that turned out to be none.
    mutating func forget(from first: Int) {
        guard entries.count > first else { return }
        entries.removeLast(entries.count - first)
        for ordinal in newest.indices { newest[ordinal] = -1 }
    }

    /// Drops the entries after `first` that do not fulfil a condition; their owner must be complete.
    mutating func keep(from first: Int, where condition: (EvidenceEntry) -> Bool) {
        let kept = entries[first...].filter(condition)
        guard kept.count < entries.count - first else { return }
        forget(from: first)
        entries += kept
    }

    /// Notes which bytes of an attribute's strings must be masked, also of those in arrays and maps.
    mutating func redact(_ attribute: AttributeReading, in reader: borrowing WireReader) {
        switch attribute.kind {
        case .string: Redaction.find(in: attribute.value, of: reader, &redactions)
        // The structure and its depth were checked when the attribute was read.
        case .array: try? redactList(reader.part(attribute.value), isMap: false)
        case .map: try? redactList(reader.part(attribute.value), isMap: true)
        default: break
        }
    }

    private mutating func redactList(_ list: consuming WireReader, isMap: Bool) throws(WireError) {
        var list = list
        while !list.isAtEnd {
            let tag = try list.tag()
            guard tag == 10 else {
                try list.skip(tag)
                continue
            }
            var entry = try list.message()
            guard isMap else {
                try redactValue(entry)
                continue
            }
            while !entry.isAtEnd {
                let tag = try entry.tag()
                if tag == 18 { try redactValue(entry.message()) } else { try entry.skip(tag) }
            }
        }
    }

    private mutating func redactValue(_ value: consuming WireReader) throws(WireError) {
        var value = value
        while !value.isAtEnd {
            let tag = try value.tag()
            switch tag {
            case 10:
                let text = try value.range()
                Redaction.find(in: text, of: value, &redactions)
            case 42: try redactList(value.message(), isMap: false)
            case 50: try redactList(value.message(), isMap: true)
            default: try value.skip(tag)
            }
        }
    }
}
