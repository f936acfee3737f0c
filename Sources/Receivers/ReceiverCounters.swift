package import OTLP
import Synchronization

/// What a receiver has taken in and refused, by signal; written on event loops, read from anywhere.
package final class ReceiverCounters: Sendable {
    /// Of one signal.
    package struct Values: Sendable {
        package var requests: UInt64 = 0
        package var accepted: UInt64 = 0
        /// Spans with invalid ids, answered with a partial success.
        package var rejected: UInt64 = 0
        /// Requests answered with an error.
        package var refused: UInt64 = 0
        package var bytes: UInt64 = 0
    }

    private let values = Mutex<[Signal: Values]>([:])

    private let misplaced = Atomic<UInt64>(0)

    package init() {}

    /// gRPC requests on the listener `http`, and others on the listener `grpc`. They are served like all.
    package var misplacedRequests: UInt64 { misplaced.load(ordering: .relaxed) }

    package func noteMisplaced() { misplaced.add(1, ordering: .relaxed) }

    package func note(_ signal: Signal, _ change: (inout Values) -> Void) {
        values.withLock { change(&$0[signal, default: Values()]) }
    }

    package func read(_ signal: Signal) -> Values {
        values.withLock { $0[signal] ?? Values() }
    }
}
