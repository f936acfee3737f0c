/// TLS over another stream. Confined to its loop's thread.
///
/// The owner is asked for nothing during the handshake; what it writes then waits, which is little: a server has
/// nothing to say before it was asked, and a client is told when the handshake is done.
final class TLSStream: ByteStream, ByteStreamOwner {
    /// So much may a peer make this side send by itself, without reading it.
    private static let unreadLimit = 64 << 10

    var owner: (any ByteStreamOwner)?
    private let loop: EventLoop
    private let stream: any ByteStream
    private let session: TLSSession
    /// Called once: nil when the handshake is done, or why it failed. Dropped if the stream is closed before.
    private var handshaken: ((String?) -> Void)?
    private var waiting: [UInt8] = []
    private var endsAfterHandshake = false
    /// Bytes that this side sent by itself since the peer last took all.
    private var unasked = 0
    private var sawBytes = false
    private var isClosed = false

    /// - Parameter handshaken: called once, from the loop or from within `begin`: with nil when the handshake is done,
    ///   else with why it failed.
    init(
        over stream: any ByteStream, session: TLSSession, loop: EventLoop, handshaken: @escaping (String?) -> Void
    ) {
        self.stream = stream
        self.session = session
        self.loop = loop
        self.handshaken = handshaken
        stream.owner = self
    }

    /// Sends what the handshake begins with and reads on. For a client.
    func begin() {
        guard flush() else { return broke("the connection broke while sending") }
        stream.startReading()
    }

    // MARK: The stream below

    func streamDidRead(_ bytes: UnsafeRawBufferPointer) {
        guard !isClosed else { return }
        sawBytes = true
        let isHandshake = session.phase == .handshake
        // Taken out of the loop while it is in use; the owner may write meanwhile.
        var plain = loop.takePlain()
        session.receive(bytes, into: &plain)
        defer { loop.putBack(plain: plain) }
        if !isHandshake {
            unasked += session.outputCount
            guard unasked <= Self.unreadLimit else { return broke("the peer asks for much and reads nothing") }
        }
        guard flush() else { return broke("the connection broke while sending") }
        if stream.queuedBytes == 0 { unasked = 0 }
        if isHandshake, !finishHandshake() { return }
        if !plain.isEmpty { plain.withUnsafeBytes { owner?.streamDidRead($0) } }
        guard !isClosed else { return }
        switch session.phase {
        case .failed(let reason): broke(reason)
        case .ended: end()
        case .handshake, .open: break
        }
    }

    /// Whether the connection goes on, with the handshake behind it.
    private func finishHandshake() -> Bool {
        switch session.phase {
        case .handshake: return false
        case .failed(let reason):
            broke(reason)
            return false
        case .open, .ended: break
        }
        let told = handshaken
        handshaken = nil
        let early = waiting
        waiting = []
        if !early.isEmpty, !write(early) {
            broke("the connection broke while sending")
            return false
        }
        if endsAfterHandshake { finishWriting() }
        told?(nil)
        return !isClosed
    }

    func streamDidEnd() {
        guard !isClosed, session.phase != .ended else { return }
        // A request has come whole or not: its length tells. And a port that was only tried is no failure.
        if session.isServer, session.phase == .open || !sawBytes { return end() }
        session.receiveEnd()
        if case .failed(let reason) = session.phase { broke(reason) }
    }

    func streamDidDrain() {
        unasked = 0
        guard session.phase != .handshake else { return }
        owner?.streamDidDrain()
    }

    func streamDidFail(_ reason: String) {
        broke(reason, prefix: "")
    }

    func streamDidClose() {
        isClosed = true
        handshaken = nil
        let owner = self.owner
        self.owner = nil
        owner?.streamDidClose()
    }

    private func end() {
        stream.stopReading()
        owner?.streamDidEnd()
    }

    private func broke(_ reason: String, prefix: String = "TLS: ") {
        guard !isClosed else { return }
        stream.stopReading()
        if let told = handshaken {
            handshaken = nil
            told(reason)
        }
        owner?.streamDidFail(prefix + reason)
    }

    private func flush() -> Bool {
        guard session.outputCount > 0 else { return true }
        return stream.write(session.takeOutput())
    }

    // MARK: For the owner

    var queuedBytes: Int { stream.queuedBytes + waiting.count }

    func startReading() {
        guard session.phase == .handshake || session.phase == .open else { return }
        stream.startReading()
    }

    func stopReading() {
        // The handshake is this stream's own affair.
        guard session.phase != .handshake else { return }
        stream.stopReading()
    }

    func write(_ bytes: borrowing [UInt8]) -> Bool {
        guard !isClosed else { return false }
        if session.phase == .handshake {
            bytes.withUnsafeBytes { waiting.append(contentsOf: $0) }
            return true
        }
        return bytes.withUnsafeBytes { session.send($0) } && flush()
    }

    func finishWriting() {
        guard !isClosed else { return }
        if session.phase == .handshake, !waiting.isEmpty {
            endsAfterHandshake = true
            return
        }
        session.sendEnd()
        _ = flush()
        stream.finishWriting()
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        // Closed by its owner amid the handshake, for the time is up.
        if let told = handshaken {
            handshaken = nil
            // A client closes an attempt because it has made up its mind.
            if session.isServer, sawBytes { told("the handshake was given up") }
        } else if stream.queuedBytes == 0 {
            session.sendEnd()
            _ = flush()
        }
        stream.close()
    }
}
