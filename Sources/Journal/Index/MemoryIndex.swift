/// The index of a segment that is still written, or waits for its index file: where each record begins, and which records
/// a key leads to. Open addressing over 16-byte slots with chains of 8-byte links, oldest first.
struct MemoryIndex {
    /// A record's place in its segment; 0 stands for a damaged record.
    private(set) var offsets: [UInt32] = []
    private(set) var pairCount = 0

    private struct Slot {
        var key: UInt64 = 0
        /// Indexes into `links` plus one; 0 marks a free slot.
        var first: UInt32 = 0
        var last: UInt32 = 0
    }

    private struct Link {
        var ordinal: UInt32
        /// Index into `links` plus one; 0 ends the chain.
        var next: UInt32 = 0
    }

    private var slots: [Slot] = []
    private var used = 0
    private var links: [Link] = []
    /// Keys come from strangers: an odd factor that they do not know scatters them.
    private let secret: UInt64

    init(secret: UInt64) { self.secret = secret | 1 }

    /// Adds the next record; `offset` 0 if it is damaged.
    mutating func append(offset: UInt32, keys: some Sequence<UInt64>) {
        let ordinal = UInt32(truncatingIfNeeded: offsets.count)
        offsets.append(offset)
        for key in keys { insert(key, ordinal) }
    }

    /// Calls the body with the ordinals of a key's records from `from` on, ascending, until it says "no more" by false.
    func forEach(_ key: UInt64, from: Int, _ body: (Int) -> Bool) {
        guard !slots.isEmpty else { return }
        var link = slots[slot(of: key)].first
        while link != 0 {
            let entry = links[Int(link) - 1]
            if Int(entry.ordinal) >= from, !body(Int(entry.ordinal)) { return }
            link = entry.next
        }
    }

    /// All pairs, sorted by key and then by record.
    func sortedPairs() -> [(key: UInt64, ordinal: UInt32)] {
        var pairs: [(key: UInt64, ordinal: UInt32)] = []
        pairs.reserveCapacity(pairCount)
        for slot in slots.filter({ $0.first != 0 }).sorted(by: { $0.key < $1.key }) {
            var link = slot.first
            while link != 0 {
                pairs.append((slot.key, links[Int(link) - 1].ordinal))
                link = links[Int(link) - 1].next
            }
        }
        return pairs
    }

    private mutating func insert(_ key: UInt64, _ ordinal: UInt32) {
        if (used + 1) * 10 > slots.count * 7 { grow() }
        let at = slot(of: key)
        if slots[at].first == 0 {
            used += 1
            slots[at].key = key
        } else if links[Int(slots[at].last) - 1].ordinal == ordinal {
            return
        }
        links.append(Link(ordinal: ordinal))
        pairCount += 1
        let link = UInt32(truncatingIfNeeded: links.count)
        if slots[at].first == 0 {
            slots[at].first = link
        } else {
            links[Int(slots[at].last) - 1].next = link
        }
        slots[at].last = link
    }

    /// The key's slot, or the free one where it belongs.
    private func slot(of key: UInt64) -> Int {
        let mask = slots.count - 1
        // The product's top bits depend on all bits of the key.
        var at = Int(truncatingIfNeeded: (key &* secret) >> UInt64(slots.count.leadingZeroBitCount + 1))
        while slots[at].first != 0, slots[at].key != key { at = (at + 1) & mask }
        return at
    }

    private mutating func grow() {
        let old = slots
        slots = [Slot](repeating: Slot(), count: max(1024, old.count * 2))
        for slot in old where slot.first != 0 { slots[self.slot(of: slot.key)] = slot }
    }
}
