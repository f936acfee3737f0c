/// Which fingerprints were stored within the window, newest record each, bounded by a count. Belongs to the journal's
/// thread. A fingerprint only says where to look: the caller compares the bytes.
struct Deduplication {
    private struct Stored {
        let fingerprint: UInt64
        let id: UInt64
        let time: UInt64
    }

    private let window: UInt64
    private let limit: Int
    /// In the order of ids, from `head` on.
    private var order: [Stored] = []
    private var head = 0
    private var newest: [UInt64: UInt64] = [:]

    init(window: UInt64, limit: Int) {
        self.window = window
        self.limit = limit
    }

    var isOn: Bool { window > 0 }
    var count: Int { order.count - head }

    /// The record that may hold the same bytes.
    func candidate(_ fingerprint: UInt64) -> RecordID? {
        fingerprint == 0 ? nil : newest[fingerprint].map { RecordID(raw: $0) }
    }

    /// True if a record of this time still counts; clocks may step back.
    func isWithinWindow(_ time: UInt64, now: UInt64) -> Bool { (time > now ? time - now : now - time) <= window }

    mutating func insert(_ fingerprint: UInt64, id: UInt64, time: UInt64) {
        guard isOn, fingerprint != 0 else { return }
        order.append(Stored(fingerprint: fingerprint, id: id, time: time))
        newest[fingerprint] = id
        while head < order.count, count > limit || (order[head].time < time && time - order[head].time > window) {
            let old = order[head]
            if newest[old.fingerprint] == old.id { newest[old.fingerprint] = nil }
            head += 1
        }
        if head > 1024, head * 2 > order.count {
            order.removeFirst(head)
            head = 0
        }
    }
}
