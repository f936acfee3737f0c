/// The server's side of an HTTP/1.1 (or 1.0) connection.
///
/// Requests may be pipelined: up to `limits.pipelined` are handed out before the first is answered, answers go out in
/// the order of the requests, and what comes beyond that is kept unparsed while `wantsRead` is false.
final class HTTP1Server: ServerMachine {
    private enum State {
        /// Between requests, or in a head.
        case head
        /// In a body of which this many bytes are missing.
        case sized(remaining: Int)
        case chunked(ChunkedDecoder)
        /// No further request is taken; what comes is thrown away.
        case closing
    }

    /// A request that is not answered on the wire yet.
    private struct Pending {
        var stream: Int32
        var isHead: Bool
        var close: Bool
        var saysKeepAlive: Bool
        var response: Response?
    }

    /// How long what a peer still sends is thrown away after an answer that ends the connection, so that the answer is
    /// not lost to a TCP reset.
    private static let lingerTime: UInt64 = 1_000_000_000

    private let limits: ServerLimits
    private let handler: any RequestHandler
    private let peer: String
    private let listener: String

    private var state = State.head
    private var head = HTTP1Head(startLine: true)
    /// The request whose body is being read.
    private var current: RequestHead?
    private var currentPending = Pending(stream: 0, isHead: false, close: false, saysKeepAlive: false)
    private var bodyLimit = 0
    private var body = BodyBuffer()
    /// Set while the body is of a refused request: how many bytes of it may still be thrown away.
    private var discardBudget: Int?
    private var continueIsDue = false

    private var pending: [Pending] = []
    private var ready: [(stream: Int32, request: Request)] = []
    private var lastStream: Int32 = 0
    /// Received, but beyond the pipelining limit.
    private var stash: [UInt8] = []
    private var output: [UInt8] = []

    private var peerEnded = false
    private var isShuttingDown = false
    private(set) var isFinished = false
    private var lingerUntil: UInt64?
    private var lastActivity: UInt64
    private var pace: BodyPace
    private var headStart: UInt64?
    private var isFirstRequest = true
    /// Since when output has been waiting to be taken.
    private var outputSince: UInt64?

    init(limits: ServerLimits, handler: any RequestHandler, peer: String, listener: String, now: UInt64) {
        self.limits = limits
        self.handler = handler
        self.peer = peer
        self.listener = listener
        lastActivity = now
        pace = BodyPace(now: now)
    }

    var hasOutput: Bool { !output.isEmpty }
    private(set) var fault: ConnectionFault?

    var activeRequests: Int { pending.count + (current != nil && discardBudget == nil ? 1 : 0) }
    private var isBlocked: Bool { pending.count >= limits.pipelined }

    var wantsRead: Bool {
        if case .closing = state, discardBudget ?? 0 < 0 { return false }
        return !isFinished && !peerEnded && stash.isEmpty && !isBlocked && output.count <= limits.outputHighWater
    }

    // MARK: Input

    func receive(_ bytes: UnsafeRawBufferPointer, now: UInt64) {
        guard !isFinished, !bytes.isEmpty else { return }
        lastActivity = now
        pace.moved(bytes.count, least: limits.leastBodyBytes, now: now)
        if stash.isEmpty {
            let rest = process(bytes, now: now)
            stash.append(contentsOf: rest)
        } else {
            stash.append(contentsOf: bytes)
        }
        settle(now: now)
    }

    func receiveEnd(now: UInt64) {
        guard !isFinished else { return }
        peerEnded = true
        // What was cut off can't be completed; what is complete will still be answered.
        if stash.isEmpty {
            state = .closing
            current = nil
        }
        if pending.isEmpty || lingerUntil != nil { finish() }
    }

    /// Takes as much of `input` as it may and returns the rest.
    private func process(_ bytes: UnsafeRawBufferPointer, now: UInt64) -> UnsafeRawBufferPointer {
        var input = bytes
        do throws(HTTP1Fault) {
            while !input.isEmpty, !isFinished {
                switch state {
                case .closing:
                    discard(input.count)
                    return UnsafeRawBufferPointer(rebasing: input[input.count...])
                case .head:
                    guard !isBlocked else { return input }
                    try takeHead(&input, now: now)
                case .sized(let remaining):
                    let length = min(remaining, input.count)
                    let chunk = UnsafeRawBufferPointer(rebasing: input.prefix(length))
                    input = UnsafeRawBufferPointer(rebasing: input.dropFirst(length))
                    take(chunk, now: now)
                    if case .sized = state {
                        state = .sized(remaining: remaining - length)
                        if remaining == length { endBody(now: now) }
                    }
                case .chunked(var decoder):
                    let event = try decoder.next(&input)
                    state = .chunked(decoder)
                    switch event {
                    case .needsInput: break
                    case .data(let chunk): takeChunked(chunk, now: now)
                    case .end: endBody(now: now)
                    }
                }
            }
        } catch {
            fail(error, now: now)
        }
        return UnsafeRawBufferPointer(rebasing: input[input.count...])
    }

    private func takeHead(_ input: inout UnsafeRawBufferPointer, now: UInt64) throws(HTTP1Fault) {
        if head.isEmpty {
            headStart = now
            // TLS and other protocols show at their first byte; no need to wait for a line of theirs.
            guard let first = input.first, first.isTokenByte || first == 13 || first == 10 else {
                throw HTTP1Fault(400, "this is not HTTP")
            }
        }
        // Method, two spaces, version and line end come to less than 64 bytes more than the target.
        guard
            try head.take(
                &input, startLineLimit: limits.targetBytes + 64, fieldLimit: limits.headerBytes)
        else { return }
        let line = try HTTP1RequestLine(head, targetLimit: limits.targetBytes)
        let fields = try HTTP1Fields(
            head.bytes, from: head.startLineEnd, byteLimit: limits.headerBytes, countLimit: limits.headerCount)
        guard fields.hosts == 1 || fields.hosts == 0 && line.isVersion10 else {
            throw HTTP1Fault(400, "a request needs one host field")
        }
        guard !(line.isVersion10 && fields.isChunked) else {
            throw HTTP1Fault(400, "transfer-encoding in an HTTP/1.0 request")
        }
        head.reset()
        headStart = nil
        isFirstRequest = false
        lastStream = lastStream == .max ? 1 : lastStream + 1
        let close = fields.close || isShuttingDown || line.isVersion10 && !fields.keepAlive
        currentPending = Pending(
            stream: lastStream, isHead: line.method == "HEAD", close: close,
            saysKeepAlive: line.isVersion10 && !close)
        let request = RequestHead(
            method: line.method, target: line.target, wireProtocol: .http1, headers: fields.fields, peer: peer,
            listener: listener)
        current = request
        let expectsContinue = fields.expectsContinue && !line.isVersion10
        let length = fields.contentLength ?? 0
        state =
            fields.isChunked
            ? .chunked(ChunkedDecoder(byteLimit: limits.headerBytes, countLimit: limits.headerCount))
            : .sized(remaining: length)

        pace.restart(now: now)
        switch handler.admit(request) {
        case .refuse(let response):
            refuse(response, length: fields.isChunked ? nil : length, expectsContinue: expectsContinue, now: now)
        case .accept(let limit):
            bodyLimit = min(limit, limits.bufferedBytes)
            if length > bodyLimit {
                refuse(
                    handler.bodyTooLarge(request, limit: bodyLimit), length: length,
                    expectsContinue: expectsContinue, now: now)
            } else if length > 0 {
                body.expect(length)
            }
            if discardBudget == nil, expectsContinue, input.isEmpty, fields.isChunked || length > 0 {
                continueIsDue = true
            }
        }
        if case .sized(remaining: 0) = state { endBody(now: now) }
    }

    private func take(_ chunk: UnsafeRawBufferPointer, now: UInt64) {
        continueIsDue = false
        if discardBudget != nil { discard(chunk.count) } else { body.append(chunk) }
    }

    private func takeChunked(_ chunk: UnsafeRawBufferPointer, now: UInt64) {
        if discardBudget == nil, chunk.count > bodyLimit - body.count, let current {
            refuse(handler.bodyTooLarge(current, limit: bodyLimit), length: nil, expectsContinue: false, now: now)
        }
        take(chunk, now: now)
    }

    private func endBody(now: UInt64) {
        if discardBudget == nil, let current {
            pending.append(currentPending)
            ready.append(
                (currentPending.stream, Request(head: current, body: body.take(), grpcCompressed: false)))
        }
        discardBudget = nil
        continueIsDue = false
        current = nil
        if lingerUntil != nil { return finish() }
        state = currentPending.close ? .closing : .head
    }

    /// Answers at once and throws the body away: all of it if it is small, so that the connection stays usable.
    ///
    /// `length` is nil for a chunked body. A peer that waits for "100 Continue" may or may not send the body after
    /// another answer, so only closing is safe.
    private func refuse(_ response: Response, length: Int?, expectsContinue: Bool, now: UInt64) {
        if expectsContinue || length ?? 0 > limits.discardBytes { currentPending.close = true }
        currentPending.response = response
        pending.append(currentPending)
        currentPending.response = nil
        body = BodyBuffer()
        continueIsDue = false
        discardBudget = limits.discardBytes
        flush(now: now)
    }

    private func discard(_ count: Int) {
        let left = (discardBudget ?? limits.discardBytes) - count
        discardBudget = left
        guard left < 0 else { return }
        state = .closing
        if pending.isEmpty {
            finish()
        } else if let last = pending.indices.last {
            // The answers that are still due are sent, then the connection ends.
            pending[last].close = true
        }
    }

    /// Answers a broken request after all before it were answered, and closes.
    private func fail(_ fault: HTTP1Fault, now: UInt64) {
        self.fault = self.fault ?? (fault.status == 408 ? .slow : .malformed)
        let isAnswered = discardBudget != nil
        state = .closing
        current = nil
        body = BodyBuffer()
        stash = []
        continueIsDue = false
        if isAnswered {
            // The answer to this request is given already.
            if let last = pending.indices.last { pending[last].close = true } else { finish() }
            return
        }
        lastStream = lastStream == .max ? 1 : lastStream + 1
        let response = Response.http(
            fault.status, headers: [HeaderField("content-type", "text/plain; charset=utf-8")],
            body: Array((fault.message + "\n").utf8))
        pending.append(
            Pending(stream: lastStream, isHead: false, close: true, saysKeepAlive: false, response: response))
        // The peer of a too large head is probably still sending it.
        if fault.status == 414 || fault.status == 431 { discardBudget = limits.discardBytes }
        flush(now: now)
    }

    // MARK: Output

    func nextRequest() -> (stream: Int32, request: Request)? {
        ready.isEmpty ? nil : ready.removeFirst()
    }

    func respond(_ response: Response, to stream: Int32, now: UInt64) {
        guard !isFinished,
            let index = pending.firstIndex(where: { $0.stream == stream && $0.response == nil })
        else { return }
        pending[index].response = response
        lastActivity = now
        // What comes next may not have been read until now.
        pace.restart(now: now)
        flush(now: now)
        settle(now: now)
    }

    /// Writes the answers whose turn it is.
    private func flush(now: UInt64) {
        var written = 0
        for entry in pending {
            guard let response = entry.response else { break }
            HTTP1Writer.append(
                response, isHead: entry.isHead, close: entry.close, saysKeepAlive: entry.saysKeepAlive, to: &output)
            written += 1
            if entry.close {
                pending.removeAll()
                ready.removeAll()
                if discardBudget != nil, !peerEnded {
                    lingerUntil = later(now, Self.lingerTime)
                } else {
                    finish()
                }
                break
            }
        }
        if written > 0, !pending.isEmpty { pending.removeFirst(written) }
        if peerEnded, pending.isEmpty, stash.isEmpty { finish() }
        if outputSince == nil, hasOutput { outputSince = now }
    }

    /// Parses what had to wait, says "100 Continue" when its turn has come, ends what has to end.
    private func settle(now: UInt64) {
        if !stash.isEmpty, !isBlocked, !isFinished {
            let waiting = stash
            stash = []
            let rest = waiting.withUnsafeBytes { Array(process($0, now: now)) }
            if !isFinished { stash = rest }
            if peerEnded, stash.isEmpty {
                state = .closing
                if pending.isEmpty { finish() }
            }
        }
        if continueIsDue, pending.isEmpty, !isFinished {
            continueIsDue = false
            output.append(contentsOf: "HTTP/1.1 100 Continue\r\n\r\n".utf8)
        }
        if isShuttingDown { endIfIdle() }
        if outputSince == nil, hasOutput { outputSince = now }
    }

    func takeOutput(into target: inout [UInt8]) {
        outputSince = nil
        hand(&output, to: &target)
    }

    private func finish() {
        isFinished = true
        state = .closing
        stash = []
        body = BodyBuffer()
        pending.removeAll()
        ready.removeAll()
    }

    // MARK: Shutdown and time

    func beginShutdown(now: UInt64) {
        isShuttingDown = true
        if current != nil { currentPending.close = true }
        endIfIdle()
    }

    /// While shutting down: no further request after those that have begun.
    private func endIfIdle() {
        guard case .head = state, head.isEmpty, stash.isEmpty else { return }
        if let last = pending.indices.last {
            pending[last].close = true
            state = .closing
        } else {
            finish()
        }
    }

    var deadline: UInt64? {
        if isFinished { return nil }
        var earliest = lingerUntil
        func consider(_ time: UInt64) { earliest = min(earliest ?? .max, time) }
        if let outputSince { consider(later(outputSince, limits.bodyTimeout)) }
        switch state {
        case .head:
            if let headStart {
                consider(later(headStart, limits.headTimeout))
            } else if pending.isEmpty {
                consider(later(lastActivity, isFirstRequest ? limits.headTimeout : limits.idleTimeout))
            }
        case .sized, .chunked:
            if wantsRead { consider(later(pace.since, limits.bodyTimeout)) }
        case .closing:
            break
        }
        return earliest
    }

    func tick(now: UInt64) {
        guard let deadline, now >= deadline else { return }
        if let lingerUntil, now >= lingerUntil { return finish() }
        if let outputSince, now >= later(outputSince, limits.bodyTimeout) {
            // The peer does not read; there is nobody to tell.
            output = []
            return finish()
        }
        switch state {
        case .head where headStart == nil:
            finish()
        case .head:
            fail(HTTP1Fault(408, "the request's head took longer than allowed"), now: now)
        case .sized, .chunked:
            fail(HTTP1Fault(408, "the request's body came too slowly"), now: now)
        case .closing:
            break
        }
    }
}
