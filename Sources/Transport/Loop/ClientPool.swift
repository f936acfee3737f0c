/// The connections of a client and the calls that wait for one.
///
/// Unchecked Sendable: confined to its loop's thread, but for the constants and the meters.
final class ClientPool: @unchecked Sendable {
    /// How many requests a new HTTP/2 connection is expected to take, until its peer says otherwise.
    private static let expectedStreams = 100

    let loop: EventLoop
    let endpoint: ClientEndpoint
    let responseLimit: Int
    let connectTimeout: UInt64
    let idleTimeout: UInt64
    let tls: TLSContext?
    let meters = TransportMeters()
    private let connectionLimit: Int
    private var sessions: [ClientSession] = []
    private var waiting = CallQueue()
    private var isLookingUp = false
    private var isDispatching = false
    private var isClosed = false

    init(
        loop: EventLoop, endpoint: ClientEndpoint, connections: Int, responseLimit: Int, connectTimeout: UInt64,
        idleTimeout: UInt64, tls: TLSContext?
    ) {
        self.loop = loop
        self.endpoint = endpoint
        connectionLimit = max(1, connections)
        self.responseLimit = responseLimit
        self.connectTimeout = connectTimeout
        self.idleTimeout = idleTimeout
        self.tls = tls
    }

    func submit(_ call: ClientCall) {
        guard !isClosed else { return call.finish(.failure(.closed("the client is closed"))) }
        guard !endpoint.tls || tls != nil else {
            return call.finish(.failure(.tls("\(endpoint.authority): TLS is not available")))
        }
        // The hook keeps this pool alive until it is closed or the loop stops; sessions rely on it.
        loop.atStop(of: self) { self.close() }
        guard !isClosed else { return call.finish(.failure(.closed("the event loop stops"))) }
        waiting.append(call)
        meters.waiting.add(1)
        dispatch()
        guard !call.isDone, call.request != nil else { return }
        let timer = LoopTimer(loop: loop) { [unowned self, unowned call] in
            meters.waiting.add(-1)
            call.finish(.failure(.timedOut(after: call.timeout)))
            waiting.didEnd()
        }
        call.timer = timer
        timer.arm(at: call.deadline)
    }

    /// Gives waiting calls to connections, and opens connections for the rest.
    func dispatch() {
        guard !isDispatching, !isClosed else { return }
        isDispatching = true
        while let session = freest(), let call = waiting.popFirst() {
            meters.waiting.add(-1)
            meters.requests.add(1)
            session.start(call)
        }
        var expected = sessions.reduce(0) { $0 + ($1.isConnecting ? expectedCapacity : 0) }
        while sessions.count < connectionLimit, waiting.count > expected {
            expected += expectedCapacity
            openSession()
        }
        isDispatching = false
    }

    private var expectedCapacity: Int {
        endpoint.wireProtocol == .http1 ? 1 : Self.expectedStreams
    }

    /// The session with room that has the least to do.
    private func freest() -> ClientSession? {
        guard waiting.count > 0 else { return nil }
        return sessions.lazy.filter { $0.capacity > 0 }.min { $0.inFlight < $1.inFlight }
    }

    // MARK: Connections

    private func openSession() {
        let session = ClientSession(pool: self)
        sessions.append(session)
        if let address = SocketAddress(host: endpoint.nextHop.host, port: endpoint.nextHop.port) {
            // Later, so that a failure that shows at once does not end the session within `dispatch`.
            loop.post { [self] in connectAll(.success([address])) }
        } else if !isLookingUp {
            lookUp()
        }
    }

    /// One look-up at a time serves all sessions that wait for it, however long it takes.
    private func lookUp() {
        isLookingUp = true
        do throws(TransportError) {
            let (host, port) = endpoint.nextHop
            try NameLookup.start(loop: loop, host: host, port: port) { [self] result in
                isLookingUp = false
                connectAll(result)
            }
        } catch {
            isLookingUp = false
            loop.post { [self] in connectAll(.failure(error)) }
        }
    }

    private func connectAll(_ result: Result<[SocketAddress], TransportError>) {
        for session in sessions where session.needsAddresses {
            switch result {
            case .success(let addresses): session.connect(to: addresses)
            case .failure(let error): session.lookupFailed(error)
            }
        }
    }

    func sessionDidOpen(_ session: ClientSession) {
        meters.connections.add(1)
        meters.open.add(1)
        dispatch()
    }

    /// - Parameter connectFailure: why the session never was of use; nil if it was.
    func sessionDidClose(_ session: ClientSession, wasOpen: Bool, connectFailure: String?) {
        sessions.removeAll { $0 === session }
        if wasOpen { meters.open.add(-1) }
        guard let connectFailure else { return dispatch() }
        meters.refused.add(1)
        // The other connections serve what waits. Without any, its senders must know now, and decide when to retry:
        // nothing here connects again by itself.
        guard sessions.isEmpty else { return }
        failWaiting(
            session.failedInTLS
                ? .tls("\(endpoint.route): \(connectFailure)")
                : .connect("cannot connect to \(endpoint.route): \(connectFailure)"))
    }

    private func failWaiting(_ error: ClientError) {
        // Only the calls of now: a completion may send again.
        for call in waiting.removeAll() {
            meters.waiting.add(-1)
            call.finish(.failure(error))
        }
    }

    /// Fails everything and refuses what comes.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        loop.removeStopHook(of: self)
        for session in sessions { session.close(.closed("the client was closed")) }
        failWaiting(.closed("the client was closed"))
    }
}
