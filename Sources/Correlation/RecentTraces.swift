package import OTLP

/// Whether a trace id was seen lately: two bitmaps that take turns, so that it forgets by itself and never grows.
/// It may say yes to an id that was not seen, never no to one that was within the last turn.
package struct RecentTraces: Sendable {
    /// 2^20 bits each: 100,000 traces a turn give one false yes in ten, which costs a look into the journal.
    private var current = [UInt64](repeating: 0, count: 1 << 14)
    private var previous = [UInt64](repeating: 0, count: 1 << 14)

    package init() {}

    package mutating func insert(_ trace: TraceID) {
        let (word, bit) = place(trace)
        current[word] |= bit
    }

    package func mayContain(_ trace: TraceID) -> Bool {
        let (word, bit) = place(trace)
        return (current[word] | previous[word]) & bit != 0
    }

    /// Ends a turn: what was seen before the last one is forgotten.
    package mutating func turn() {
        swap(&current, &previous)
        for word in current.indices { current[word] = 0 }
    }

    /// Says yes to everything until two turns have passed: what was seen before a restart is not known.
    package mutating func forgetNothing() {
        for word in current.indices { current[word] = .max }
    }

    private func place(_ trace: TraceID) -> (word: Int, bit: UInt64) {
        let mixed = (trace.high ^ trace.low &* 0x9E37_79B9_7F4A_7C15) &* 0xD6E8_FEB8_6659_FD93
        return (Int(mixed >> 50), 1 << (mixed >> 44 & 63))
    }
}
