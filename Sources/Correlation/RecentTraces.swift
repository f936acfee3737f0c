package import OTLP

/// Whether a trace id was seen lately: bitmaps in two generations that take turns, so that it forgets by itself and has a
/// greatest size. It may say yes to an id that was not seen, which costs a look into the journal, never no to one that was
/// within the last turn.
package struct RecentTraces: Sendable {
    private var current = Generation()
    private var previous = Generation()

    package init() {}

    package mutating func insert(_ trace: TraceID) { current.insert(Self.hash(trace)) }

    package func mayContain(_ trace: TraceID) -> Bool {
        let hash = Self.hash(trace)
        return current.mayContain(hash) || previous.mayContain(hash)
    }

    /// Ends a turn: what was seen before the last one is forgotten.
    package mutating func turn() {
        previous = current
        current = Generation()
    }

    /// Says yes to everything until two turns have passed: what was seen before a restart is not known.
    package mutating func forgetNothing() { current.containsAll = true }

    private static func hash(_ trace: TraceID) -> UInt64 {
        (trace.high ^ trace.low &* 0x9E37_79B9_7F4A_7C15) &* 0xD6E8_FEB8_6659_FD93
    }

    /// What was seen in one turn. Begins with 128 KiB; a bitmap that is full to one part in 32 is followed by one of four
    /// times its size, up to 8 MiB: with 2 million traces one yes in nine is false, with 16 million one in three.
    private struct Generation: Sendable {
        private static let bits: [UInt64] = [20, 22, 24, 26]

        private var maps = [map(bits[0])]
        /// Bits that are set in the last map.
        private var count = 0
        var containsAll = false

        mutating func insert(_ hash: UInt64) {
            let last = maps.count - 1
            let (word, bit) = Self.place(hash, Self.bits[last])
            guard maps[last][word] & bit == 0 else { return }
            maps[last][word] |= bit
            count += 1
            guard count > maps[last].count * 2, last + 1 < Self.bits.count else { return }
            maps.append(Self.map(Self.bits[last + 1]))
            count = 0
        }

        func mayContain(_ hash: UInt64) -> Bool {
            if containsAll { return true }
            for (map, bits) in zip(maps, Self.bits) {
                let (word, bit) = Self.place(hash, bits)
                if map[word] & bit != 0 { return true }
            }
            return false
        }

        private static func map(_ bits: UInt64) -> [UInt64] { [UInt64](repeating: 0, count: 1 << Int(bits - 6)) }

        private static func place(_ hash: UInt64, _ bits: UInt64) -> (word: Int, bit: UInt64) {
            let position = hash >> (64 - bits)
            return (Int(position >> 6), 1 << (position & 63))
        }
    }
}
