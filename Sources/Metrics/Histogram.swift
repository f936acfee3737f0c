import Synchronization

/// Observations counted in buckets with fixed upper bounds. Any thread may observe.
package final class Histogram: MetricInstrument {
    private final class Bucket: Sendable {
        let count = Atomic<UInt64>(0)
        let exemplar = Mutex<Exemplar?>(nil)
    }

    /// The finite upper bounds, ascending; an observation equal to a bound belongs to its bucket.
    package let bounds: [Double]
    private let buckets: [Bucket]
    private let sum = AtomicDouble()

    /// `bounds` are put in order; what is not finite and what is there twice is left out.
    package init(bounds: [Double]) {
        var ordered: [Double] = []
        for bound in bounds.sorted() where bound.isFinite && bound != ordered.last { ordered.append(bound) }
        self.bounds = ordered
        buckets = ordered.indices.map { _ in Bucket() } + [Bucket()]
    }

    /// Counts one observation. With an exemplar, it becomes its bucket's latest. NaN is ignored: it would spoil the
    /// sum for ever.
    package func observe(_ value: Double, exemplar: Exemplar? = nil) {
        guard !value.isNaN else { return }
        let bucket = buckets[index(of: value)]
        bucket.count.wrappingAdd(1, ordering: .relaxed)
        sum.add(value)
        if var exemplar {
            exemplar.value = value
            bucket.exemplar.withLock { $0 = exemplar }
        }
    }

    private func index(of value: Double) -> Int {
        var low = 0
        var high = bounds.count
        while low < high {
            let middle = (low + high) / 2
            if bounds[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Buckets, sum and exemplars. Read while others observe, the sum may be ahead of or behind the buckets by the
    /// observations under way; the count is always the buckets' total.
    package var reading: HistogramReading {
        HistogramReading(
            bounds: bounds, counts: buckets.map { $0.count.load(ordering: .relaxed) }, sum: sum.load(),
            exemplars: buckets.map { bucket in bucket.exemplar.withLock { $0 } })
    }

    package var value: MetricValue { .histogram(reading) }

    /// Bounds of latencies in seconds: 5 ms to about three hours, for executions that run long.
    package static let secondsBounds: [Double] = [
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 10_800,
    ]
}

/// A histogram as read.
package struct HistogramReading: Sendable, Hashable {
    /// The finite upper bounds, ascending.
    package var bounds: [Double]
    /// Observations of each bucket alone (not cumulative); one more than `bounds`, the last is +Inf.
    package var counts: [UInt64]
    package var sum: Double
    /// The latest of each bucket; as many as `counts`.
    package var exemplars: [Exemplar?]

    package init(bounds: [Double], counts: [UInt64], sum: Double, exemplars: [Exemplar?]) {
        self.bounds = bounds
        self.counts = counts
        self.sum = sum
        self.exemplars = exemplars
    }

    /// All observations.
    package var count: UInt64 { counts.reduce(0, &+) }
}
