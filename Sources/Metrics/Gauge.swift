import Synchronization

/// A number that goes up and down. Any thread may set it or add to it.
package final class Gauge: MetricInstrument {
    private let level = AtomicDouble()

    package init() {}

    /// Replaces the level.
    package func set(_ level: Double) {
        self.level.store(level)
    }

    /// Adds to the level; a negative amount lowers it.
    package func add(_ amount: Double) {
        level.add(amount)
    }

    /// The level now.
    package var current: Double { level.load() }

    package var value: MetricValue { .number(current) }
}

/// A `Double` that several threads add to: `Atomic` has no floating point, so its bits are exchanged.
struct AtomicDouble: ~Copyable {
    private let bits = Atomic<UInt64>(0)

    func load() -> Double {
        Double(bitPattern: bits.load(ordering: .relaxed))
    }

    func store(_ value: Double) {
        bits.store(value.bitPattern, ordering: .relaxed)
    }

    func add(_ amount: Double) {
        var seen = bits.load(ordering: .relaxed)
        while true {
            let sum = (Double(bitPattern: seen) + amount).bitPattern
            let (exchanged, original) = bits.weakCompareExchange(expected: seen, desired: sum, ordering: .relaxed)
            if exchanged { return }
            seen = original
        }
    }
}
