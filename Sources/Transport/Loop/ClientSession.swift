/// Drives one connection of a client: connects, then feeds its machine. Confined to its loop's thread.
final class ClientSession: ByteStreamOwner, BatchParticipant {
    private enum State {
        /// Looking up the name, or trying its addresses.
        case connecting
        case open
        case closed
    }

    /// The least time for one of several addresses.
    private static let leastAttempt: UInt64 = 250_000_000

    private unowned let pool: ClientPool
    private let loop: EventLoop
    private let connectDeadline: UInt64
    private var state = State.connecting
    private var stream: (any ByteStream)?
    private var machine: ClientConnection?
    private var timer: LoopTimer?
    private var untried: ArraySlice<SocketAddress> = []
    private var connectFailure = "no address"
    /// `connectFailure` is about the handshake, not about connecting.
    private(set) var failedInTLS = false
    private var calls: [UInt64: ClientCall] = [:]
    private var nextID: UInt64 = 0
    private var idleSince: UInt64
    private var isPumping = false
    private var awaitsBatchEnd = false
    /// Whether a request was started, or could have been for a long time.
    private var wasUsed = false
    private var lastReceived: UInt64 = 0
    /// A request timed out without a byte from the peer: perhaps it is gone without a word, so nothing new is started.
    private var isSuspect = false
    private(set) var needsAddresses = true

    init(pool: ClientPool) {
        self.pool = pool
        loop = pool.loop
        let now = EventLoop.now()
        idleSince = now
        connectDeadline = EventLoop.deadline(after: pool.connectTimeout)
        timer = LoopTimer(loop: loop) { [unowned self] in timerFired() }
        timer?.arm(at: connectDeadline)
    }

    var isConnecting: Bool { state == .connecting }
    var inFlight: Int { calls.count }

    /// How many more requests may be started now.
    var capacity: Int {
        guard state == .open, !isSuspect, let machine, !machine.isFinished else { return 0 }
        return machine.capacity
    }

    // MARK: Connecting

    func connect(to addresses: [SocketAddress]) {
        guard state == .connecting else { return }
        needsAddresses = false
        untried = addresses[...]
        tryNext()
    }

    func lookupFailed(_ error: TransportError) {
        guard state == .connecting else { return }
        connectFailure = error.message
        giveUp()
    }

    private func tryNext() {
        while state == .connecting, let address = untried.popFirst() {
            do throws(TransportError) {
                let stream = try TCPStream(loop: loop)
                self.stream = stream
                // A stream that was given up closes without a word: its owner is set when it is connected.
                let code = stream.connect(to: address) { [weak self] code in
                    self?.didConnect(stream, address, code)
                }
                guard code == 0 else {
                    stream.close()
                    connectFailure = "\(address): \(TransportError.text(uv: code))"
                    continue
                }
                let now = EventLoop.now()
                let left = connectDeadline > now ? connectDeadline - now : 0
                timer?.arm(at: now + max(left / UInt64(untried.count + 1), min(left, Self.leastAttempt)))
                return
            } catch {
                connectFailure = error.message
            }
        }
        giveUp()
    }

    private func didConnect(_ stream: TCPStream, _ address: SocketAddress, _ code: Int32) {
        guard state == .connecting, stream === self.stream else { return }
        guard code == 0 else {
            return attemptFailed(stream, "\(address): \(TransportError.text(uv: code))")
        }
        let endpoint = pool.endpoint
        guard let proxy = endpoint.proxy, endpoint.needsTunnel else { return secure(stream, address) }
        let target = hostAndPort(endpoint.host, endpoint.port)
        // The timer of the attempt holds for the tunnel too.
        let tunnel = ProxyTunnel(over: stream, handshake: TunnelHandshake(to: target, through: proxy)) {
            [weak self] failure in
            guard let self, state == .connecting, stream === self.stream else { return }
            if let failure { attemptFailed(stream, "\(address): \(failure)") } else { secure(stream, address) }
        }
        tunnel.begin()
    }

    /// Goes on with TLS, if the endpoint has it.
    private func secure(_ stream: TCPStream, _ address: SocketAddress) {
        guard pool.endpoint.tls else { return didOpen(stream) }
        let endpoint = pool.endpoint
        guard let context = pool.tls,
            let session = TLSSession(context, host: endpoint.host, offers: endpoint.wireProtocol.offers)
        else { return attemptFailed(stream, "\(address): no TLS connection to this name can be made", inTLS: true) }
        // The timer of the attempt holds for the handshake too.
        let secured = TLSStream(over: stream, session: session, loop: loop) { [weak self] failure in
            self?.didShakeHands(address, failure)
        }
        self.stream = secured
        secured.begin()
    }

    private func didShakeHands(_ address: SocketAddress, _ failure: String?) {
        guard state == .connecting, let stream else { return }
        if let failure { attemptFailed(stream, "\(address): \(failure)", inTLS: true) } else { didOpen(stream) }
    }

    private func attemptFailed(_ stream: any ByteStream, _ reason: String, inTLS: Bool = false) {
        connectFailure = reason
        failedInTLS = inTLS
        if inTLS { pool.meters.tlsFailures.add(1) }
        stream.close()
        tryNext()
    }

    private func didOpen(_ stream: any ByteStream) {
        let now = EventLoop.now()
        state = .open
        stream.owner = self
        let endpoint = pool.endpoint
        machine = ClientConnection(
            wireProtocol: endpoint.wireProtocol, authority: endpoint.authority, scheme: endpoint.scheme,
            proxy: endpoint.needsTunnel ? nil : endpoint.proxy, responseLimit: pool.responseLimit, now: now)
        idleSince = now
        failedInTLS = false
        timer?.disarm()
        stream.startReading()
        pool.sessionDidOpen(self)
        pump()
    }

    private func giveUp() {
        guard state == .connecting else { return }
        end()
        pool.sessionDidClose(self, wasOpen: false, connectFailure: connectFailure)
    }

    // MARK: Requests

    /// Starts a call; only with capacity. What is written goes out at the end of the batch.
    func start(_ call: ClientCall) {
        let now = EventLoop.now()
        guard let machine, let request = call.takeRequest(now: now) else { return }
        wasUsed = true
        nextID += 1
        calls[nextID] = call
        call.started = now
        machine.start(request, id: nextID, now: now)
        guard !isPumping, !awaitsBatchEnd else { return }
        awaitsBatchEnd = true
        loop.atEndOfBatch(self)
    }

    func batchEnded() {
        awaitsBatchEnd = false
        pump()
    }

    // MARK: The stream

    func streamDidRead(_ bytes: UnsafeRawBufferPointer) {
        guard state == .open else { return }
        pool.meters.bytesIn.add(bytes.count)
        lastReceived = EventLoop.now()
        machine?.receive(bytes, now: lastReceived)
        pump()
    }

    func streamDidEnd() {
        guard state == .open else { return }
        machine?.receiveEnd(now: EventLoop.now())
        pump()
        // Half a connection is of no use to a client.
        close(.closed("the peer closed the connection"))
    }

    func streamDidDrain() {
        pump()
    }

    func streamDidFail(_ reason: String) {
        close(.closed("the connection broke: \(reason)"))
    }

    func streamDidClose() {
        close(.closed("the connection was closed"))
    }

    // MARK: The machine

    /// Writes what the machine has, tells outcomes, lets the pool start more, until nothing is left to do.
    private func pump() {
        guard state == .open, !isPumping, let machine else { return }
        isPumping = true
        var isBusy = true
        while isBusy, state == .open {
            flush(machine)
            isBusy = false
            // A completion may send again, on this very session.
            while let (id, result) = machine.nextOutcome() {
                isBusy = true
                finish(id, result)
            }
            if isBusy, state == .open { pool.dispatch() }
        }
        isPumping = false
        guard state == .open else { return }
        if machine.isFinished, stream?.queuedBytes == 0, !machine.hasOutput {
            return close(.closed("the peer closed the connection"))
        }
        if isSuspect, calls.isEmpty { return close(.closed("the peer does not answer")) }
        armTimer(machine)
    }

    private func finish(_ id: UInt64, _ result: Result<ClientResponse, ClientError>) {
        guard let call = calls.removeValue(forKey: id) else { return }
        if calls.isEmpty { idleSince = EventLoop.now() }
        if case .failure(.timedOut) = result, lastReceived <= call.started { isSuspect = true }
        call.finish(result)
    }

    private func flush(_ machine: ClientConnection) {
        guard let stream else { return }
        while state == .open, stream.queuedBytes == 0, machine.hasOutput {
            machine.takeOutput(into: &loop.output)
            guard !loop.output.isEmpty else { return }
            pool.meters.bytesOut.add(loop.output.count)
            let isWritten = stream.write(loop.output)
            loop.clearOutput()
            guard isWritten else { return close(.closed("the connection broke while sending")) }
        }
    }

    private func armTimer(_ machine: ClientConnection) {
        var deadline = machine.deadline ?? .max
        if calls.isEmpty { deadline = min(deadline, idleDeadline) }
        if deadline != .max { timer?.arm(noLaterThan: deadline) }
    }

    private var idleDeadline: UInt64 {
        let (sum, overflow) = idleSince.addingReportingOverflow(pool.idleTimeout)
        return overflow ? .max : sum
    }

    private func timerFired() {
        let now = EventLoop.now()
        switch state {
        case .connecting:
            connectFailure =
                stream == nil
                ? "the look-up of the name took longer than \(pool.connectTimeout / 1_000_000) ms"
                : "no answer within \(pool.connectTimeout / 1_000_000) ms"
            stream?.close()
            if now < connectDeadline { tryNext() } else { giveUp() }
        case .open:
            if calls.isEmpty, idleDeadline <= now {
                wasUsed = true
                return close(.closed("the connection was idle"))
            }
            if let deadline = machine?.deadline, deadline <= now { machine?.tick(now: now) }
            pump()
        case .closed:
            break
        }
    }

    // MARK: The end

    /// Fails what is in flight and closes.
    func close(_ error: ClientError) {
        switch state {
        case .closed:
            return
        case .connecting:
            end()
            pool.sessionDidClose(self, wasOpen: false, connectFailure: nil)
        case .open:
            end()
            machine?.fail(error)
            while let (id, result) = machine?.nextOutcome() { finish(id, result) }
            // Whatever the machine does not know of.
            for id in Array(calls.keys) { finish(id, .failure(error)) }
            pool.sessionDidClose(
                self, wasOpen: true, connectFailure: wasUsed ? nil : "the connection was closed before any request")
        }
    }

    private func end() {
        state = .closed
        timer?.invalidate()
        timer = nil
        stream?.close()
    }
}

extension WireProtocol {
    /// What a client offers by ALPN (RFC 7301).
    fileprivate var offers: [String] { self == .http1 ? ["http/1.1"] : ["h2"] }
}
