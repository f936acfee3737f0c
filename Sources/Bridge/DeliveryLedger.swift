import Synchronization

/// Which records are still owed to someone: the correlator, or an exporter. After a crash everything from the oldest
/// owed record on is done again, so that what was acknowledged is delivered at least once.
package final class DeliveryLedger: Sendable {
    private struct State {
        /// Debts of the records from `base` on, by distance.
        var counts: [Int32] = []
        var base: UInt64
        /// Debts of records before `base`: an execution's span is owed to a record long delivered.
        var older: [UInt64: Int32] = [:]
    }

    private let state: Mutex<State>

    /// - Parameter first: the first record that may be owed.
    package init(first: UInt64) {
        state = Mutex(State(base: first))
    }

    /// Adds a debt to a record. Every call needs one call of `settle`.
    package func owe(_ record: UInt64) {
        state.withLock { state in
            if state.counts.isEmpty { state.base = max(state.base, record) }
            guard record >= state.base else {
                state.older[record, default: 0] += 1
                return
            }
            let position = Int(record - state.base)
            while state.counts.count <= position { state.counts.append(0) }
            state.counts[position] += 1
        }
    }

    /// Takes a debt from a record.
    package func settle(_ record: UInt64) {
        state.withLock { state in
            if record < state.base {
                guard let debts = state.older[record] else { return }
                state.older[record] = debts > 1 ? debts - 1 : nil
                return
            }
            let position = Int(record - state.base)
            guard position < state.counts.count else { return }
            state.counts[position] -= 1
            guard position == 0 else { return }
            let settled = state.counts.prefix { $0 <= 0 }.count
            state.counts.removeFirst(settled)
            state.base += UInt64(settled)
        }
    }

    /// The oldest record that is owed, or nil if none is.
    package var oldestOwed: UInt64? {
        state.withLock { state in
            state.older.keys.min() ?? (state.counts.isEmpty ? nil : state.base)
        }
    }

    /// How many records are between the oldest owed and the newest.
    package var span: Int { state.withLock { $0.counts.count } }
}
