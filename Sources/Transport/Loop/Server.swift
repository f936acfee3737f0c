import Synchronization

/// Listens on any number of addresses and serves HTTP/1.1, HTTP/2 and unary gRPC on all of them. Connections are spread
/// over the loops by the kernel; each stays on its loop.
package final class Server: Sendable {
    private let shards: [ServerShard]
    private let slots: ConnectionSlots

    /// - Parameters:
    ///   - limits: what one connection may cost.
    ///   - connectionLimit: connections open at once over all loops and addresses; more are closed as soon as they are
    ///     accepted, and counted.
    package init(loops: [EventLoop], limits: ServerLimits, connectionLimit: Int) {
        precondition(!loops.isEmpty, "a server needs a loop")
        let slots = ConnectionSlots(limit: connectionLimit)
        self.slots = slots
        shards = loops.map { ServerShard(loop: $0, limits: limits, slots: slots) }
    }

    /// Opens an address. Connections are accepted as soon as the loops run; those that come before wait.
    ///
    /// - Parameters:
    ///   - name: what requests say of the listener they came by.
    ///   - host: an address, a name (all of its addresses are opened), or nothing for all addresses.
    ///   - port: 0 lets the kernel choose.
    ///   - tls: a server's context; nil for plain text. A peer without TLS is then cut off.
    /// - Returns: the port.
    /// - Throws: the address cannot be opened; the message names it and the reason.
    package func listen(
        name: String, host: String, port: Int, handler: any RequestHandler, tls: TLSContext? = nil
    ) throws(TransportError) -> Int {
        let (sockets, port) = try ListeningSocket.open(host: host, port: port, count: shards.count)
        for (shard, sockets) in zip(shards, sockets) {
            let isAccepted = shard.loop.enqueue { shard.listen(on: sockets, name: name, handler: handler, tls: tls) }
            if !isAccepted { ListeningSocket.close(sockets) }
        }
        return port
    }

    /// Closes the listening sockets, after accepting what already waits. Open connections go on.
    package func stopAccepting() {
        for shard in shards {
            shard.loop.enqueue { shard.stopAccepting() }
        }
    }

    /// Stops accepting, tells every peer, finishes the requests in flight and closes; what is left at the deadline is
    /// cut.
    ///
    /// - Parameters:
    ///   - deadline: on the clock of `EventLoop.now()`.
    ///   - completion: called once, on one of the loops (or here, if they have all stopped), when all is closed.
    package func shutdown(deadline: UInt64, completion: @escaping @Sendable () -> Void) {
        let left = Countdown(shards.count, completion)
        for shard in shards {
            let isAccepted = shard.loop.enqueue { shard.shutdown(deadline: deadline) { left.countDown() } }
            if !isAccepted { left.countDown() }
        }
    }

    /// Connections open now.
    package var connectionCount: Int { slots.count }

    /// The sum over all loops. From any thread.
    package var counters: TransportCounters {
        shards.reduce(TransportCounters()) { $0 + $1.meters.counters }
    }
}

/// Calls its closure when as many parts as were announced have finished.
private final class Countdown: Sendable {
    private let left: Atomic<Int>
    private let completion: @Sendable () -> Void

    init(_ count: Int, _ completion: @escaping @Sendable () -> Void) {
        left = Atomic(count)
        self.completion = completion
    }

    func countDown() {
        if left.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 { completion() }
    }
}
