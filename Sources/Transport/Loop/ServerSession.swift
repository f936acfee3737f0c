/// Drives the machine of one accepted connection: bytes, answers and time go in, requests and bytes come out.
///
/// Unchecked Sendable: confined to its loop's thread. Responders of other threads hold a reference and nothing else;
/// they hop to the loop to use it, and find a closed session if the connection has gone meanwhile.
final class ServerSession: ByteStreamOwner, BatchParticipant, @unchecked Sendable {
    private enum State {
        case open
        /// All is said; what the peer still sends is thrown away until it closes too, for a while. Closing at once
        /// while bytes arrive would reset the connection and could take the answer from the peer.
        case lingering(discardable: Int)
        case closed
    }

    /// How long a peer may take to close its side of a finished connection.
    private static let linger: UInt64 = 1_000_000_000

    private let shard: ServerShard
    private let loop: EventLoop
    private let limits: ServerLimits
    private let handler: any RequestHandler
    private let stream: any ByteStream
    private let machine: ServerConnection
    private var timer: LoopTimer?
    private var state = State.open
    private var sawEnd = false
    private var isPumping = false
    private var awaitsBatchEnd = false
    /// The machine is at work and may be asking the handler: an answer that comes now is put off.
    private var isDriving = false
    private var putOff: [(Response, Int32)] = []

    init(shard: ServerShard, stream: any ByteStream, handler: any RequestHandler, peer: String, listener: String) {
        self.shard = shard
        self.stream = stream
        self.handler = handler
        loop = shard.loop
        limits = shard.limits
        machine = ServerConnection(
            limits: shard.limits, handler: handler, peer: peer, listener: listener, now: EventLoop.now())
        timer = LoopTimer(loop: loop) { [unowned self] in timerFired() }
        stream.owner = self
        pump()
    }

    private var isOpen: Bool {
        if case .open = state { true } else { false }
    }

    // MARK: The stream

    func streamDidRead(_ bytes: UnsafeRawBufferPointer) {
        shard.meters.bytesIn.add(bytes.count)
        switch state {
        case .open:
            drive { $0.receive(bytes, now: EventLoop.now()) }
            pump()
        case .lingering(let discardable):
            guard bytes.count < discardable else { return close() }
            state = .lingering(discardable: discardable - bytes.count)
        case .closed:
            break
        }
    }

    func streamDidEnd() {
        sawEnd = true
        guard isOpen else { return close() }
        drive { $0.receiveEnd(now: EventLoop.now()) }
        pump()
    }

    func streamDidDrain() {
        pump()
    }

    func streamDidFail(_ reason: String) {
        close()
    }

    func streamDidClose() {
        // A stream may close by itself only when its loop stops.
        close()
        shard.sessionDidClose(self)
    }

    // MARK: Answers

    private func responder(for stream: Int32) -> Responder {
        Responder { [self] response in
            if loop.isCurrent {
                respond(response, to: stream)
            } else {
                loop.post { [self] in respond(response, to: stream) }
            }
        }
    }

    private func respond(_ response: Response, to stream: Int32) {
        guard isOpen else { return }
        guard !isDriving else { return putOff.append((response, stream)) }
        drive { $0.respond(response, to: stream, now: EventLoop.now()) }
        guard !isPumping, !awaitsBatchEnd else { return }
        awaitsBatchEnd = true
        loop.atEndOfBatch(self)
    }

    func batchEnded() {
        awaitsBatchEnd = false
        pump()
    }

    // MARK: The machine

    /// The one place that enters the machine where it may call the handler back.
    private func drive(_ body: (ServerConnection) -> Void) {
        isDriving = true
        body(machine)
        while !putOff.isEmpty {
            let (response, stream) = putOff.removeFirst()
            machine.respond(response, to: stream, now: EventLoop.now())
        }
        isDriving = false
    }

    /// Hands on requests and output, then sets reading, closing and the timer by what the machine wants.
    private func pump() {
        guard isOpen, !isPumping else { return }
        isPumping = true
        while isOpen, let (stream, request) = machine.nextRequest() {
            shard.meters.requests.add(1)
            handler.handle(request, responder: responder(for: stream))
        }
        flush()
        isPumping = false
        guard isOpen else { return }
        if machine.isFinished, !machine.hasOutput, stream.queuedBytes == 0 { return finish() }
        if machine.wantsRead, !sawEnd, !machine.isFinished, stream.queuedBytes < limits.outputHighWater {
            stream.startReading()
        } else {
            stream.stopReading()
        }
        if let deadline = machine.deadline { timer?.arm(noLaterThan: deadline) }
    }

    /// Writes the machine's output. While the kernel takes no more, the rest stays in the machine, whose limits count
    /// it.
    private func flush() {
        while isOpen, stream.queuedBytes == 0, machine.hasOutput {
            machine.takeOutput(into: &loop.output)
            guard !loop.output.isEmpty else { return }
            shard.meters.bytesOut.add(loop.output.count)
            let isWritten = stream.write(loop.output)
            loop.clearOutput()
            guard isWritten else { return close() }
        }
    }

    private func timerFired() {
        switch state {
        case .open:
            let now = EventLoop.now()
            if let deadline = machine.deadline, deadline <= now { drive { $0.tick(now: now) } }
            pump()
        case .lingering:
            close()
        case .closed:
            break
        }
    }

    // MARK: The end

    /// Finishes what is in flight and takes no new requests.
    func beginShutdown() {
        guard isOpen else { return }
        drive { $0.beginShutdown(now: EventLoop.now()) }
        pump()
    }

    private func finish() {
        // Nothing arrives after the peer's end, so closing is safe for the answer.
        guard !sawEnd else { return close() }
        state = .lingering(discardable: limits.discardBytes)
        stream.finishWriting()
        timer?.arm(at: EventLoop.deadline(after: Self.linger))
        stream.startReading()
    }

    /// Closes at once; answers that are still to come are dropped.
    func close() {
        if case .closed = state { return }
        state = .closed
        if let fault = machine.fault { shard.meters.note(fault) }
        timer?.invalidate()
        timer = nil
        stream.close()
    }
}
