/// The client's side of an HTTP/1.1 connection: one request in flight.
final class HTTP1Client: ClientMachine {
    private enum State {
        case idle
        /// In the head of the answer.
        case head
        case sized(remaining: Int)
        case chunked(ChunkedDecoder)
        /// The body ends with the connection.
        case untilClose
        case finished
    }

    private struct InFlight {
        var id: UInt64
        var isHead: Bool
        var timeout: UInt64
        var deadline: UInt64
    }

    /// What is taken of an answer's head: enough for every server, little enough for a pool of connections.
    private static let headerBytes = 65_536
    private static let headerCount = 256
    private static let startLineBytes = 4_096

    private let authority: String
    private let proxy: ClientProxy?
    private let responseLimit: Int
    private var state = State.idle
    private var inFlight: InFlight?
    private var head = HTTP1Head(startLine: true)
    private var response = ClientResponse(status: 0)
    private var body = BodyBuffer()
    private var keepsAlive = true
    private var output: [UInt8] = []
    /// The body of the request that follows `output`: it leaves as it came, without a copy.
    private var outgoing: [UInt8] = []
    /// A body up to this size is written together with the head.
    private static let smallBody = 16_384
    private var outcomes: [(id: UInt64, result: Result<ClientResponse, ClientError>)] = []

    /// - Parameter proxy: what the other side is, if not the server itself.
    init(authority: String, proxy: ClientProxy? = nil, responseLimit: Int) {
        self.authority = authority
        self.proxy = proxy
        self.responseLimit = responseLimit
    }

    var capacity: Int {
        if case .idle = state { return 1 }
        return 0
    }

    var hasOutput: Bool { !output.isEmpty || !outgoing.isEmpty }

    var isFinished: Bool {
        if case .finished = state { return true }
        return false
    }

    var deadline: UInt64? { inFlight?.deadline }

    func start(_ request: ClientRequest, id: UInt64, now: UInt64) {
        guard case .idle = state else {
            return outcomes.append((id, .failure(.closed("the connection takes no request"))))
        }
        guard request.method.utf8.allSatisfy(\.isTokenByte),
            request.target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }), !request.target.isEmpty,
            request.headers.allSatisfy({ !$0.name.isEmpty && $0.name.utf8.allSatisfy(\.isTokenByte) })
        else {
            return outcomes.append((id, .failure(.protocolViolation("the request can't be written as HTTP/1.1"))))
        }
        HTTP1Writer.appendHead(of: request, authority: authority, proxy: proxy, to: &output)
        if request.body.count <= Self.smallBody {
            output.append(contentsOf: request.body)
        } else {
            outgoing = request.body
        }
        inFlight = InFlight(
            id: id, isHead: request.method == "HEAD", timeout: request.timeout, deadline: later(now, request.timeout))
        state = .head
    }

    func receive(_ bytes: UnsafeRawBufferPointer, now: UInt64) {
        var input = bytes
        do throws(HTTP1Fault) {
            while !input.isEmpty {
                switch state {
                case .finished:
                    return
                case .idle:
                    // An answer nobody asked for, such as a 408 before the peer closes.
                    return finish()
                case .head:
                    try takeHead(&input)
                case .sized(let remaining):
                    let length = min(remaining, input.count)
                    body.append(UnsafeRawBufferPointer(rebasing: input.prefix(length)))
                    input = UnsafeRawBufferPointer(rebasing: input.dropFirst(length))
                    state = .sized(remaining: remaining - length)
                    if remaining == length { complete() }
                case .chunked(var decoder):
                    let event = try decoder.next(&input)
                    state = .chunked(decoder)
                    switch event {
                    case .needsInput:
                        break
                    case .data(let chunk):
                        guard keep(chunk) else { return }
                    case .end:
                        response.trailers = decoder.trailers
                        complete()
                    }
                case .untilClose:
                    guard keep(input) else { return }
                    input = UnsafeRawBufferPointer(rebasing: input[input.count...])
                }
            }
        } catch {
            end(.failure(.protocolViolation(error.message)))
        }
    }

    private func takeHead(_ input: inout UnsafeRawBufferPointer) throws(HTTP1Fault) {
        // Other protocols show at their first byte; no need to wait for a line of theirs.
        guard !head.isEmpty || input.first == UInt8(ascii: "H") else {
            throw HTTP1Fault(400, "the peer speaks no HTTP")
        }
        guard try head.take(&input, startLineLimit: Self.startLineBytes, fieldLimit: Self.headerBytes) else { return }
        let line = try HTTP1StatusLine(head)
        let status = line.status
        let fields = try HTTP1Fields(
            head.bytes, from: head.startLineEnd, byteLimit: Self.headerBytes, countLimit: Self.headerCount)
        head.reset()
        guard status != 101 else { throw HTTP1Fault(400, "the answer switches protocols unasked") }
        // Interim answers come before the real one.
        guard status >= 200 else { return }
        response = ClientResponse(status: status, headers: fields.fields)
        keepsAlive = line.isVersion10 ? fields.keepAlive && !fields.close : !fields.close
        if inFlight?.isHead ?? false || status == 204 || status == 304 {
            complete()
        } else if fields.isChunked {
            state = .chunked(ChunkedDecoder(byteLimit: Self.headerBytes, countLimit: Self.headerCount))
        } else if let length = fields.contentLength {
            guard length <= responseLimit else { return end(.failure(.responseTooLarge(limit: responseLimit))) }
            body.expect(length)
            if length == 0 { complete() } else { state = .sized(remaining: length) }
        } else {
            keepsAlive = false
            state = .untilClose
        }
    }

    /// Returns false if the answer has become too large and the connection is given up.
    private func keep(_ chunk: UnsafeRawBufferPointer) -> Bool {
        guard chunk.count <= responseLimit - body.count else {
            end(.failure(.responseTooLarge(limit: responseLimit)))
            return false
        }
        body.append(chunk)
        return true
    }

    private func complete() {
        response.body = body.take()
        let result = response
        response = ClientResponse(status: 0)
        // An answer before the whole request has left leaves a connection in an unknown state.
        if keepsAlive, !hasOutput {
            if let inFlight { outcomes.append((inFlight.id, .success(result))) }
            inFlight = nil
            state = .idle
        } else {
            end(.success(result))
        }
    }

    /// The request in flight ends with `result`, and the connection with it.
    private func end(_ result: Result<ClientResponse, ClientError>) {
        if let inFlight { outcomes.append((inFlight.id, result)) }
        inFlight = nil
        finish()
    }

    private func finish() {
        state = .finished
        output = []
        outgoing = []
        body = BodyBuffer()
    }

    func receiveEnd(now: UInt64) {
        switch state {
        case .untilClose: complete()
        case .finished: break
        default: end(.failure(.closed("the peer closed the connection before its answer was complete")))
        }
    }

    func nextOutcome() -> (id: UInt64, result: Result<ClientResponse, ClientError>)? {
        outcomes.isEmpty ? nil : outcomes.removeFirst()
    }

    func takeOutput(into target: inout [UInt8]) {
        guard output.isEmpty, target.isEmpty else { return hand(&output, to: &target) }
        target = outgoing
        outgoing = []
    }

    func tick(now: UInt64) {
        guard let inFlight, now >= inFlight.deadline else { return }
        end(.failure(.timedOut(after: inFlight.timeout)))
    }

    func fail(_ error: ClientError) {
        end(.failure(error))
    }
}
