/// Counts what happened in the last ten minutes, and keeps a few examples of it.
struct Tally {
    /// How long a case counts, nanoseconds.
    static let window = minute * UInt64(slots)
    /// From how many cases on a finding needs no patience.
    static let enough = 5
    private static let minute: UInt64 = 60_000_000_000
    private static let slots = 10
    private static let exampleLimit = 3

    private var counts: [Int] = Array(repeating: 0, count: slots)
    private var newest: UInt64 = 0
    /// Unix nanoseconds of the first and the latest case of those that count, or of those that led up to them; 0 if there
    /// is none.
    private(set) var firstSeen: UInt64 = 0
    private(set) var lastSeen: UInt64 = 0
    /// The latest few, the newest last.
    private(set) var examples: [FindingEvidence] = []

    /// Notes cases; `example` is made only if it is kept, at most once a second when there are enough.
    mutating func add(_ cases: Int = 1, now: UInt64, _ example: () -> FindingEvidence? = { nil }) {
        guard cases > 0 else { return }
        turn(now)
        counts[Int(newest % UInt64(Self.slots))] &+= cases
        if firstSeen == 0 { firstSeen = now }
        if examples.count < Self.exampleLimit || now &- lastSeen >= 1_000_000_000, let example = example() {
            if examples.count == Self.exampleLimit { examples.removeFirst() }
            examples.append(example)
        }
        lastSeen = max(lastSeen, now)
    }

    /// The cases of the window that ends now.
    mutating func count(now: UInt64) -> Int {
        turn(now)
        return counts.reduce(0, &+)
    }

    /// Whether it can be believed: five cases, or one that is a minute old.
    mutating func isEstablished(now: UInt64, patience: UInt64) -> Bool {
        let count = count(now: now)
        return count >= Self.enough || count > 0 && now >= firstSeen &+ patience
    }

    private mutating func turn(_ now: UInt64) {
        let current = max(now / Self.minute, newest)
        guard current > newest else { return }
        if current - newest >= UInt64(Self.slots) {
            counts = Array(repeating: 0, count: Self.slots)
        } else {
            for minute in newest + 1...current { counts[Int(minute % UInt64(Self.slots))] = 0 }
        }
        newest = current
        guard counts.allSatisfy({ $0 == 0 }) else { return }
        (firstSeen, lastSeen) = (0, 0)
        examples.removeAll()
    }
}
