import Synchronization

/// What a server or a client has done so far, and what it holds now.
package struct TransportCounters: Sendable, Hashable {
    /// Connections accepted and served, or made.
    package var connections = 0
    /// Connections closed at once because the limit was reached; of a client: attempts to connect that failed.
    package var refused = 0
    /// Connections that are open now.
    package var open = 0
    /// Accepting failed and paused, for want of file descriptors or memory.
    package var acceptFailures = 0
    /// TLS handshakes that failed or were given up; a connection that brought no byte is none.
    package var tlsFailures = 0
    /// Requests handed to handlers, or started on a connection.
    package var requests = 0
    /// Requests of a client that wait for a connection now.
    package var waiting = 0
    package var bytesIn = 0
    package var bytesOut = 0
    /// Connections of a server that were given up because their peers misused them.
    package var faults: [ConnectionFault: Int] = [:]

    static func + (a: TransportCounters, b: TransportCounters) -> TransportCounters {
        TransportCounters(
            connections: a.connections + b.connections, refused: a.refused + b.refused, open: a.open + b.open,
            acceptFailures: a.acceptFailures + b.acceptFailures, tlsFailures: a.tlsFailures + b.tlsFailures,
            requests: a.requests + b.requests, waiting: a.waiting + b.waiting, bytesIn: a.bytesIn + b.bytesIn,
            bytesOut: a.bytesOut + b.bytesOut, faults: a.faults.merging(b.faults, uniquingKeysWith: +))
    }
}

/// The counters of one loop, written by its thread and read by any.
final class TransportMeters: Sendable {
    let connections = Atomic(0)
    let refused = Atomic(0)
    let open = Atomic(0)
    let acceptFailures = Atomic(0)
    let tlsFailures = Atomic(0)
    let requests = Atomic(0)
    let waiting = Atomic(0)
    let bytesIn = Atomic(0)
    let bytesOut = Atomic(0)
    private let malformed = Atomic(0)
    private let slow = Atomic(0)
    private let flood = Atomic(0)

    var counters: TransportCounters {
        TransportCounters(
            connections: connections.load(ordering: .relaxed), refused: refused.load(ordering: .relaxed),
            open: open.load(ordering: .relaxed), acceptFailures: acceptFailures.load(ordering: .relaxed),
            tlsFailures: tlsFailures.load(ordering: .relaxed), requests: requests.load(ordering: .relaxed),
            waiting: waiting.load(ordering: .relaxed), bytesIn: bytesIn.load(ordering: .relaxed),
            bytesOut: bytesOut.load(ordering: .relaxed),
            faults: [
                .malformed: malformed.load(ordering: .relaxed), .slow: slow.load(ordering: .relaxed),
                .flood: flood.load(ordering: .relaxed),
            ])
    }

    func note(_ fault: ConnectionFault) {
        switch fault {
        case .malformed: malformed.add(1)
        case .slow: slow.add(1)
        case .flood: flood.add(1)
        }
    }
}

extension Atomic where Value == Int {
    func add(_ amount: Int) {
        wrappingAdd(amount, ordering: .relaxed)
    }
}
