import CNghttp2

/// The client's side of an HTTP/2 connection with prior knowledge: unary gRPC calls, or plain requests.
final class HTTP2Client: HTTP2Session, ClientMachine {
    /// Requests in flight at once, if the peer allows more or sets no limit.
    private static let concurrency = 128
    /// Bytes of all header and trailer fields of an answer, counted as HTTP/2 does.
    private static let headerBytes = 65_536

    private let isGRPC: Bool
    private let authority: String
    private let scheme: String
    private let responseLimit: Int
    private var streams: [Int32: HTTP2ClientStream] = [:]
    private var outcomes: [(id: UInt64, result: Result<ClientResponse, ClientError>)] = []
    private var isGoingAway = false
    private var hasReceived = false
    /// Not later than the earliest deadline in flight.
    private var nextCheck = UInt64.max

    init(isGRPC: Bool, authority: String, scheme: String, responseLimit: Int, now: UInt64) {
        self.isGRPC = isGRPC
        self.authority = authority
        self.scheme = scheme
        self.responseLimit = responseLimit
        super.init(isServer: false, now: now) { options in
            nghttp2_option_set_max_continuations(options, 8)
            nghttp2_option_set_max_outbound_ack(options, 1_000)
            nghttp2_option_set_no_closed_streams(options, 1)
        }
        let settings = [
            nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue),
                value: UInt32(min(max(65_535, responseLimit), 1 << 20))),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue), value: UInt32(Self.headerBytes)),
        ]
        nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count)
        nghttp2_session_set_local_window_size(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, 4 << 20)
    }

    // MARK: Driver

    var capacity: Int {
        guard failure == nil, !isGoingAway, nghttp2_session_check_request_allowed(session) != 0 else { return 0 }
        let allowed = nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
        return max(0, min(Int(allowed), Self.concurrency) - streams.count)
    }

    var hasOutput: Bool { hasPendingOutput }

    var isFinished: Bool {
        guard streams.isEmpty else { return false }
        return isGoingAway && nghttp2_session_want_write(session) == 0 || isOver
            || nghttp2_session_check_request_allowed(session) == 0
    }

    var deadline: UInt64? { nextCheck == .max ? nil : nextCheck }

    func start(_ request: ClientRequest, id: UInt64, now: UInt64) {
        setClock(now)
        guard capacity > 0 else {
            return outcomes.append((id, .failure(.closed("the connection takes no request"))))
        }
        let stream = HTTP2ClientStream(id: id, timeout: request.timeout, now: now)
        headers.removeAll()
        headers.add(":method", isGRPC ? "POST" : request.method)
        headers.add(":scheme", scheme)
        headers.add(":path", request.target)
        headers.add(":authority", authority)
        if isGRPC {
            headers.add("te", "trailers")
            headers.add("content-type", "application/grpc")
            if !request.headers.contains(where: { $0.name == "grpc-timeout" }) {
                headers.add("grpc-timeout", GRPCText.timeoutValue(request.timeout))
            }
            stream.outgoing = OutgoingBody(request.body, grpcPrefix: true, compressed: request.grpcCompressed)
        } else if !request.body.isEmpty || request.method != "GET" && request.method != "HEAD" {
            headers.add("content-length", String(request.body.count))
            if !request.body.isEmpty { stream.outgoing = OutgoingBody(request.body) }
        }
        for field in request.headers where !isOwn(field.name) { headers.add(field.name, field.value) }
        var provider = nghttp2_data_provider(
            source: nghttp2_data_source(ptr: nil), read_callback: Self.bodySource)
        let hasBody = stream.outgoing != nil
        let streamID = headers.withFields { fields, count in
            // Safe: nghttp2 copies the fields and the provider.
            withUnsafePointer(to: &provider) {
                nghttp2_submit_request(session, nil, fields, count, hasBody ? $0 : nil, nil)
            }
        }
        guard streamID > 0 else {
            return outcomes.append((id, .failure(.closed("no stream can be opened"))))
        }
        streams[streamID] = stream
        nextCheck = min(nextCheck, stream.deadline)
    }

    private func isOwn(_ name: String) -> Bool {
        switch name {
        case "te", "host", "content-length", "connection", "transfer-encoding", "keep-alive", "upgrade": true
        case "content-type": isGRPC
        default: name.hasPrefix(":")
        }
    }

    func receive(_ bytes: UnsafeRawBufferPointer, now: UInt64) {
        // The usual sign of a wrong port; to nghttp2 it would be a frame of absurd length.
        if !hasReceived, bytes.starts(with: "HTTP/".utf8) {
            return fail(.protocolViolation("the peer speaks HTTP/1.1, not HTTP/2: is this the port for gRPC?"))
        }
        hasReceived = true
        feed(bytes, now: now)
        settle()
    }

    func receiveEnd(now: UInt64) {
        setClock(now)
        fail(.closed("the peer closed the connection before its answer was complete"))
    }

    func nextOutcome() -> (id: UInt64, result: Result<ClientResponse, ClientError>)? {
        outcomes.isEmpty ? nil : outcomes.removeFirst()
    }

    func takeOutput(into output: inout [UInt8]) {
        collectOutput(into: &output)
        settle()
    }

    /// Nothing in flight may outlive the session.
    private func settle() {
        if let failure {
            endAll(.protocolViolation("HTTP/2: \(failure)"))
        } else if !streams.isEmpty, isOver {
            endAll(.closed("the HTTP/2 session ended" + (complaint.isEmpty ? "" : ": \(complaint)")))
        }
    }

    func fail(_ error: ClientError) {
        fail("the connection was given up")
        endAll(error)
    }

    private func endAll(_ error: ClientError) {
        let ended = streams.values
        streams.removeAll()
        nextCheck = .max
        for stream in ended { outcomes.append((stream.id, .failure(error))) }
    }

    func tick(now: UInt64) {
        setClock(now)
        guard now >= nextCheck else { return }
        for (streamID, stream) in streams where now >= stream.deadline {
            end(streamID, .failure(.timedOut(after: stream.timeout)), reset: NGHTTP2_CANCEL)
        }
        nextCheck = streams.values.reduce(UInt64.max) { min($0, $1.deadline) }
    }

    private func end(
        _ streamID: Int32, _ result: Result<ClientResponse, ClientError>, reset: nghttp2_error_code? = nil
    ) {
        guard let stream = streams.removeValue(forKey: streamID) else { return }
        outcomes.append((stream.id, result))
        if streams.isEmpty { nextCheck = .max }
        if let reset {
            nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), streamID, reset.rawValue)
        }
    }

    // MARK: Request bodies

    override func outgoing(_ id: Int32) -> (remaining: Int, trailers: Bool, isOpen: Bool)? {
        streams[id]?.outgoing.map { ($0.remaining, false, false) }
    }

    override func moveBody(_ id: Int32, _ length: Int, to output: inout [UInt8]) {
        if let stream = streams[id] {
            stream.outgoing?.move(length, to: &output)
        } else {
            // The frame's header is out already; its length has to be kept.
            output.append(contentsOf: repeatElement(0, count: length))
        }
    }

    override func headersNotSent(_ id: Int32) {
        end(id, .failure(.closed("the peer takes no further requests on this connection")))
    }

    // MARK: Answers

    override func headersBegan(_ id: Int32, isFirst: Bool) {
        guard let stream = streams[id] else { return }
        stream.fields = []
        stream.status = 0
    }

    override func header(
        _ id: Int32, name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        guard let stream = streams[id] else { return true }
        stream.fieldBytes += name.count + value.count + 32
        guard stream.fieldBytes <= Self.headerBytes else {
            stream.error = .protocolViolation("the answer's header list is larger than \(Self.headerBytes) bytes")
            return false
        }
        let text = String(decoding: value, as: UTF8.self)
        if name.first == UInt8(ascii: ":") {
            stream.status = Int(text) ?? 0
        } else {
            stream.fields.append(HeaderField(String(decoding: name, as: UTF8.self), text))
        }
        return true
    }

    override func headersEnded(_ id: Int32, isFirst: Bool) {
        guard let stream = streams[id] else { return }
        let fields = stream.fields
        stream.fields = []
        if stream.response.status != 0 {
            stream.response.trailers = fields
        } else if stream.status >= 200 {
            stream.response.status = stream.status
            stream.response.headers = fields
        }
    }

    override func data(_ id: Int32, _ chunk: UnsafeRawBufferPointer) {
        guard let stream = streams[id] else { return }
        var input = chunk
        // The body of an error answer, such as a proxy's page, is no message.
        let isMessage = isGRPC && stream.response.status == 200
        if isMessage, !stream.prefix.isComplete {
            stream.prefix.take(&input)
            if stream.prefix.isComplete {
                guard stream.prefix.length <= responseLimit else { return giveUp(id) }
                stream.body.expect(stream.prefix.length)
            }
        }
        guard input.count <= responseLimit - stream.body.count else { return giveUp(id) }
        if isMessage, input.count > stream.prefix.length - stream.body.count {
            return end(
                id, .failure(.protocolViolation("more than one message in the answer to a unary call")),
                reset: NGHTTP2_CANCEL)
        }
        stream.body.append(input)
    }

    private func giveUp(_ id: Int32) {
        end(id, .failure(.responseTooLarge(limit: responseLimit)), reset: NGHTTP2_CANCEL)
    }

    override func streamEnded(_ id: Int32) {
        guard let stream = streams[id] else { return }
        // An answer may come before the request is sent whole; the rest is of no use to anybody then.
        let isSending = (stream.outgoing?.remaining ?? 0) > 0
        end(id, outcome(of: stream), reset: isSending ? NGHTTP2_CANCEL : nil)
    }

    private func outcome(of stream: HTTP2ClientStream) -> Result<ClientResponse, ClientError> {
        var response = stream.response
        guard response.status != 0 else { return .failure(.protocolViolation("an answer without a status")) }
        if isGRPC {
            // A trailers-only answer has its outcome in the head.
            let status =
                GRPCStatus(fields: response.trailers) ?? GRPCStatus(fields: response.headers)
                ?? .deduced(fromHTTP: response.status)
            if status.code == 0, !stream.prefix.isComplete || stream.body.count < stream.prefix.length {
                return .failure(.protocolViolation("grpc-status 0 without a complete message"))
            }
            response.grpcStatus = status
            response.grpcCompressed = stream.prefix.isCompressed
        }
        response.body = stream.body.take()
        return .success(response)
    }

    override func streamClosed(_ id: Int32, code: UInt32) {
        guard let stream = streams[id] else { return }
        if let error = stream.error { return end(id, .failure(error)) }
        if code == NGHTTP2_REFUSED_STREAM.rawValue {
            // Also what nghttp2 reports for streams above the last one of a GOAWAY.
            return end(id, .failure(.closed("the peer refused the stream unprocessed")))
        }
        guard isGRPC else { return end(id, .failure(.closed("the peer reset the stream (error \(code))"))) }
        let status =
            switch nghttp2_error_code(code) {
            case NGHTTP2_CANCEL: 1
            case NGHTTP2_ENHANCE_YOUR_CALM: 8
            default: 13
            }
        var response = stream.response
        response.grpcStatus = GRPCStatus(code: status, message: "the peer reset the stream (HTTP/2 error \(code))")
        end(id, .success(response))
    }

    override func goawayReceived() {
        isGoingAway = true
    }
}
