import Synchronization

/// A number that only grows. Any thread may add.
package final class Counter: MetricInstrument {
    private let total = Atomic<UInt64>(0)

    package init() {}

    /// Adds `amount`; a negative amount is ignored, for a counter that falls looks like a restart to Prometheus.
    package func add(_ amount: Int = 1) {
        guard amount > 0 else { return }
        total.wrappingAdd(UInt64(amount), ordering: .relaxed)
    }

    /// The sum of all additions.
    package var count: UInt64 { total.load(ordering: .relaxed) }

    package var value: MetricValue { .integer(count) }
}
