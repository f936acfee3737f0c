import Synchronization

/// How many bytes of requests may be between their sender's last byte and the correlator, over all receivers. What is
/// beyond it is refused at the door, before anything is queued.
package final class MemoryBudget: Sendable {
    package let limit: Int
    private let used = Atomic<Int>(0)
    private let refusals = Atomic<UInt64>(0)

    package init(limit: Int) { self.limit = limit }

    /// Takes bytes from the budget; false if they are not there.
    package func reserve(_ bytes: Int) -> Bool {
        let after = used.add(bytes, ordering: .relaxed).newValue
        // A single request larger than the whole budget is let in when nothing else is: it could never be served
        // otherwise.
        if after <= limit || after == bytes { return true }
        used.subtract(bytes, ordering: .relaxed)
        refusals.add(1, ordering: .relaxed)
        return false
    }

    package func release(_ bytes: Int) {
        used.subtract(bytes, ordering: .relaxed)
    }

    package var inUse: Int { used.load(ordering: .relaxed) }

    package var refused: UInt64 { refusals.load(ordering: .relaxed) }
}
