import Synchronization

/// The part of a server that lives on one loop: its listening sockets and its sessions.
///
/// Unchecked Sendable: confined to its loop's thread, but for the constants and the meters.
final class ServerShard: @unchecked Sendable {
    let loop: EventLoop
    let limits: ServerLimits
    let meters = TransportMeters()
    private let slots: ConnectionSlots
    private var listeners: [Listener] = []
    private var sessions: [ObjectIdentifier: ServerSession] = [:]
    private var shutdownTimer: LoopTimer?
    private var afterLast: [@Sendable () -> Void] = []
    private var isShuttingDown = false

    init(loop: EventLoop, limits: ServerLimits, slots: ConnectionSlots) {
        self.loop = loop
        self.limits = limits
        self.slots = slots
    }

    /// Owns `sockets` from here on.
    func listen(on sockets: [Int32], name: String, handler: any RequestHandler, tls: TLSContext?) {
        // The hook and the listeners keep this shard alive until it is shut down or the loop stops.
        loop.atStop(of: self) { self.closeAll() }
        for socket in sockets {
            // Only a stopping loop refuses.
            let listener = try? Listener(
                loop: loop, socket: socket,
                accepted: { self.open($0, peer: $1, name: name, handler: handler, tls: tls) },
                failed: { [meters] in meters.acceptFailures.add(1) })
            guard let listener else { continue }
            if isShuttingDown { listener.loopStops() } else { listeners.append(listener) }
        }
    }

    private func open(
        _ socket: Int32, peer: SocketAddress, name: String, handler: any RequestHandler, tls: TLSContext?
    ) {
        guard slots.take() else {
            meters.refused.add(1)
            ListeningSocket.refuse(socket)
            return
        }
        guard let socketStream = TCPStream.accepted(socket, loop: loop) else { return slots.release() }
        var stream: any ByteStream = socketStream
        if let tls {
            guard let session = TLSSession(tls) else {
                meters.tlsFailures.add(1)
                socketStream.close()
                return slots.release()
            }
            stream = TLSStream(over: socketStream, session: session, loop: loop) { [meters] failure in
                if failure != nil { meters.tlsFailures.add(1) }
            }
        }
        meters.connections.add(1)
        meters.open.add(1)
        let session = ServerSession(
            shard: self, stream: stream, handler: handler, peer: peer.description, listener: name)
        sessions[ObjectIdentifier(session)] = session
        if isShuttingDown { session.beginShutdown() }
    }

    func sessionDidClose(_ session: ServerSession) {
        guard sessions.removeValue(forKey: ObjectIdentifier(session)) != nil else { return }
        slots.release()
        meters.open.add(-1)
        reportIfEmpty()
    }

    func stopAccepting() {
        for listener in listeners { listener.stop() }
        listeners = []
    }

    /// - Parameter completion: called when no session is left, on the loop.
    func shutdown(deadline: UInt64, completion: @escaping @Sendable () -> Void) {
        afterLast.append(completion)
        stopAccepting()
        isShuttingDown = true
        let timer = shutdownTimer ?? LoopTimer(loop: loop) { self.closeAll() }
        shutdownTimer = timer
        timer.arm(noLaterThan: deadline)
        for session in Array(sessions.values) { session.beginShutdown() }
        reportIfEmpty()
    }

    private func closeAll() {
        isShuttingDown = true
        for listener in listeners { listener.loopStops() }
        listeners = []
        for session in Array(sessions.values) { session.close() }
        reportIfEmpty()
    }

    private func reportIfEmpty() {
        guard isShuttingDown, sessions.isEmpty else { return }
        shutdownTimer?.invalidate()
        shutdownTimer = nil
        loop.removeStopHook(of: self)
        let completions = afterLast
        afterLast = []
        for completion in completions { completion() }
    }
}

/// The connections that a server may have open, over all of its loops.
final class ConnectionSlots: Sendable {
    private let limit: Int
    private let taken = Atomic(0)

    init(limit: Int) {
        self.limit = limit
    }

    var count: Int { taken.load(ordering: .relaxed) }

    /// False if all are taken.
    func take() -> Bool {
        if taken.wrappingAdd(1, ordering: .relaxed).newValue <= limit { return true }
        release()
        return false
    }

    func release() {
        taken.wrappingSubtract(1, ordering: .relaxed)
    }
}
