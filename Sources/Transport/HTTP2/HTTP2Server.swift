import CNghttp2

/// The server's side of an HTTP/2 connection: plain requests and unary gRPC.
///
/// What nghttp2 does not limit is limited here: the header list of a request (HPACK can unpack a frame into thousands
/// of fields), bodies being assembled, what is read of a refused body, and time.
final class HTTP2Server: HTTP2Session, ServerMachine {
    /// Frames waiting to be sent from which on nothing is read.
    private static let queuedFrames = 1_024
    /// Between the two GOAWAYs, if the peer does not answer the PING between them.
    private static let shutdownNotice: UInt64 = 1_000_000_000

    private let limits: ServerLimits
    private let handler: any RequestHandler
    private let peer: String
    private let listener: String

    private var streams: [Int32: HTTP2ServerStream] = [:]
    /// The stream of the last callback: bodies come in runs.
    private var recent: HTTP2ServerStream?
    /// The header list of the request that is arriving; no other frame comes between its fields.
    private var arriving = HeaderBlock()
    /// The list of the request before and what it says: senders repeat theirs from request to request.
    private var previous: (list: HeaderBlock, opening: RequestOpening)?
    private var ready: [(stream: Int32, request: Request)] = []
    /// Bytes of bodies that are not whole yet.
    private var buffered = 0
    /// The stream whose header block is arriving, and since when.
    private var openHead: (stream: Int32, since: UInt64)?
    /// Streams to be reset after their answer has left: a RST_STREAM submitted earlier would overtake it.
    private var cuts: [Int32] = []

    private var idleSince: UInt64
    private var outputSince: UInt64?
    /// Not later than the earliest deadline of a stream.
    private var streamCheck = UInt64.max
    private var isShuttingDown = false
    /// When the second GOAWAY is due.
    private var goawayAt: UInt64?

    init(limits: ServerLimits, handler: any RequestHandler, peer: String, listener: String, now: UInt64) {
        self.limits = limits
        self.handler = handler
        self.peer = peer
        self.listener = listener
        idleSince = now
        super.init(isServer: true, now: now) { options in
            nghttp2_option_set_no_auto_window_update(options, 1)
            nghttp2_option_set_stream_reset_rate_limit(
                options, UInt64(clamping: limits.resetBurst), UInt64(clamping: limits.resetsPerSecond))
            nghttp2_option_set_max_continuations(options, limits.continuations)
            nghttp2_option_set_max_outbound_ack(options, 1_000)
            nghttp2_option_set_max_settings(options, 32)
            nghttp2_option_set_no_closed_streams(options, 1)
        }
        let settings = [
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
                value: UInt32(clamping: limits.concurrentStreams)),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue),
                value: UInt32(min(max(0, limits.streamWindow), Int(Int32.max)))),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
                value: UInt32(clamping: limits.headerBytes)),
        ]
        nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count)
        nghttp2_session_set_local_window_size(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Int32(clamping: limits.connectionWindow))
    }

    // MARK: Driver

    var hasOutput: Bool { hasPendingOutput || failure == nil && !cuts.isEmpty }
    var isFinished: Bool { isOver }
    var activeRequests: Int { streams.count }

    var wantsRead: Bool {
        failure == nil && nghttp2_session_want_read(session) != 0
            && nghttp2_session_get_outbound_queue_size(session) <= Self.queuedFrames
    }

    func receive(_ bytes: UnsafeRawBufferPointer, now: UInt64) {
        if streams.isEmpty { idleSince = now }
        feed(bytes, now: now)
        settle()
    }

    func receiveEnd(now: UInt64) {
        setClock(now)
        abandon("the peer closed the connection")
    }

    func nextRequest() -> (stream: Int32, request: Request)? {
        while !ready.isEmpty {
            let next = ready.removeFirst()
            // Its stream may have been reset, or have timed out, meanwhile.
            if let stream = streams[next.stream], !stream.isAnswered, !stream.isCut { return next }
        }
        return nil
    }

    func respond(_ response: Response, to stream: Int32, now: UInt64) {
        setClock(now)
        guard failure == nil, let stream = streams[stream], !stream.isAnswered, !stream.isCut,
            case .complete = stream.phase
        else { return }
        answer(stream, response)
        settle()
    }

    func takeOutput(into output: inout [UInt8]) {
        outputSince = nil
        collectOutput(into: &output)
        if !cuts.isEmpty {
            for id in cuts { reset(id, NGHTTP2_NO_ERROR) }
            cuts.removeAll(keepingCapacity: true)
            collectOutput(into: &output)
        }
        settle()
    }

    private func settle() {
        if failure != nil {
            abandon("")
        } else if outputSince == nil, hasOutput {
            outputSince = clock
        }
    }

    private func abandon(_ reason: String) {
        fail(reason)
        streams.removeAll()
        recent = nil
        ready.removeAll()
        cuts.removeAll()
        buffered = 0
    }

    // MARK: Requests

    private func find(_ id: Int32) -> HTTP2ServerStream? {
        if let recent, recent.id == id { return recent }
        recent = streams[id]
        return recent
    }

    override func headersBegan(_ id: Int32, isFirst: Bool) {
        openHead = (id, clock)
        guard isFirst else { return }
        let stream = HTTP2ServerStream(id: id, now: clock)
        streams[id] = stream
        recent = stream
        streamCheck = min(streamCheck, later(clock, limits.bodyTimeout))
        arriving.removeAll()
    }

    override func header(
        _ id: Int32, name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        guard let stream = find(id) else { return true }
        stream.headerBytes += name.count + value.count + 32
        stream.headerCount += 1
        guard stream.headerBytes <= limits.headerBytes, stream.headerCount <= limits.headerCount + 4 else {
            openHead = nil
            return false
        }
        // Trailers are counted and otherwise of no interest.
        if stream.opening == nil { arriving.add(name, value) }
        return true
    }

    override func headersEnded(_ id: Int32, isFirst: Bool) {
        openHead = nil
        guard isFirst, let stream = find(id) else { return }
        stream.phase = .body
        let opening = understand()
        stream.opening = opening
        if let refusal = opening.refusal { return refuse(stream, refusal.response, httpStatus: refusal.httpStatus) }
        if let timeout = opening.timeout {
            let time = later(clock, timeout)
            stream.timeoutAt = time
            streamCheck = min(streamCheck, time)
        }
        switch handler.admit(opening.head) {
        case .refuse(let response):
            refuse(stream, response)
        case .accept(let limit):
            stream.bodyLimit = limit
            guard let length = opening.contentLength else { return }
            let framing = opening.grpc == nil ? 0 : GRPCPrefix.size
            if length - framing > limit {
                refuse(stream, handler.bodyTooLarge(opening.head, limit: limit))
            } else if opening.grpc == nil {
                stream.body.expect(length)
            }
        }
    }

    /// Reads the header list that has arrived, unless it is the same as the one before.
    private func understand() -> RequestOpening {
        if let previous, previous.list == arriving { return previous.opening }
        let opening = RequestOpening(
            arriving, previous: previous?.opening, peer: peer, listener: listener, targetLimit: limits.targetBytes)
        previous = (arriving, opening)
        return opening
    }

    override func data(_ id: Int32, _ chunk: UnsafeRawBufferPointer) {
        guard let stream = find(id), !stream.isCut else {
            // No window update for this stream: it ends. The connection's window belongs to the others too.
            nghttp2_session_consume_connection(session, chunk.count)
            return
        }
        stream.pace.moved(chunk.count, least: limits.leastBodyBytes, now: clock)
        switch stream.phase {
        case .body:
            if stream.opening?.grpc != nil { takeMessage(stream, chunk) } else { takeBody(stream, chunk) }
        case .discarding(let budget):
            if chunk.count > budget {
                stream.isCut = true
                cuts.append(id)
                nghttp2_session_consume_connection(session, chunk.count)
                return
            }
            stream.phase = .discarding(budget - chunk.count)
        case .head, .complete:
            break
        }
        nghttp2_session_consume(session, id, chunk.count)
    }

    private func takeMessage(_ stream: HTTP2ServerStream, _ chunk: UnsafeRawBufferPointer) {
        var input = chunk
        if !stream.prefix.isComplete {
            stream.prefix.take(&input)
            guard stream.prefix.isComplete else { return }
            guard stream.prefix.isValid else {
                return refuse(stream, status: 13, "the compressed flag of the message is neither 0 nor 1")
            }
            if stream.prefix.length > stream.bodyLimit, let opening = stream.opening {
                return refuse(stream, handler.bodyTooLarge(opening.head, limit: stream.bodyLimit))
            }
            stream.body.expect(stream.prefix.length)
        }
        guard input.count <= stream.prefix.length - stream.body.count else {
            return refuse(stream, status: 13, "more than one message in a unary call")
        }
        keep(stream, input)
    }

    private func takeBody(_ stream: HTTP2ServerStream, _ chunk: UnsafeRawBufferPointer) {
        if chunk.count > stream.bodyLimit - stream.body.count, let opening = stream.opening {
            return refuse(stream, handler.bodyTooLarge(opening.head, limit: stream.bodyLimit))
        }
        keep(stream, chunk)
    }

    private func keep(_ stream: HTTP2ServerStream, _ chunk: UnsafeRawBufferPointer) {
        guard chunk.count <= limits.bufferedBytes - buffered else {
            let message = "unfinished requests of this connection hold more than \(limits.bufferedBytes) bytes"
            var response = Response.http(
                503, headers: [HeaderField("content-type", "text/plain; charset=utf-8")], body: Array(message.utf8))
            response.grpc = GRPCStatus(code: 14, message: message)
            return refuse(stream, response)
        }
        buffered += chunk.count
        stream.body.append(chunk)
    }

    override func streamEnded(_ id: Int32) {
        guard let stream = find(id) else { return }
        stream.remoteEnded = true
        guard case .body = stream.phase, let opening = stream.opening else { return }
        if opening.grpc != nil, !stream.prefix.isComplete || stream.body.count < stream.prefix.length {
            return refuse(stream, status: 13, "the call ended before its message was complete")
        }
        stream.phase = .complete
        buffered -= stream.body.count
        ready.append(
            (id, Request(head: opening.head, body: stream.body.take(), grpcCompressed: stream.prefix.isCompressed)))
    }

    override func streamClosed(_ id: Int32, code: UInt32) {
        if openHead?.stream == id { openHead = nil }
        guard let stream = streams.removeValue(forKey: id) else { return }
        if recent === stream { recent = nil }
        buffered -= stream.body.count
        if streams.isEmpty { idleSince = clock }
    }

    override func pingAnswered() {
        if goawayAt != nil { sendGoaway() }
    }

    // MARK: Answers

    private func refuse(_ stream: HTTP2ServerStream, status: Int, _ message: String) {
        refuse(stream, .grpc(GRPCStatus(code: status, message: message)))
    }

    /// Answers before the request is whole. What still comes of it is read on for a while, because peers that are
    /// reset at once do not report the answer.
    private func refuse(_ stream: HTTP2ServerStream, _ response: Response, httpStatus: Int = 200) {
        buffered -= stream.body.count
        stream.body = BodyBuffer()
        stream.phase = .discarding(limits.discardBytes)
        answer(stream, response, grpcHTTPStatus: httpStatus)
    }

    private func answer(_ stream: HTTP2ServerStream, _ response: Response, grpcHTTPStatus: Int = 200) {
        stream.isAnswered = true
        stream.pace.restart(now: clock)
        streamCheck = min(streamCheck, later(clock, limits.bodyTimeout))
        headers.removeAll()
        if let grpc = stream.opening?.grpc {
            headers.add(":status", String(grpcHTTPStatus))
            headers.add("content-type", grpc == .proto ? "application/grpc+proto" : "application/grpc")
            for field in response.headers where field.name.hasPrefix("grpc-") { headers.add(field.name, field.value) }
            if response.grpc.code == 0 {
                stream.outgoing = OutgoingBody(response.body, grpcPrefix: true)
                stream.trailingStatus = response.grpc
                if isShuttingDown {
                    stream.trailingStatus = response.farewell?.status ?? response.grpc
                } else {
                    stream.farewell = response.farewell
                }
            } else {
                addStatus(response.grpc)
            }
        } else {
            headers.add(":status", String(response.status))
            for field in response.headers where !Self.isConnectionField(field.name) {
                headers.add(field.name, field.value)
            }
            let isBodyless = response.status == 204 || response.status == 304
            if !isBodyless { headers.add("content-length", String(response.body.count)) }
            if !isBodyless, !response.body.isEmpty, stream.opening?.head.method != "HEAD" {
                stream.outgoing = OutgoingBody(response.body)
            }
        }
        var provider = nghttp2_data_provider(
            source: nghttp2_data_source(ptr: nil), read_callback: Self.bodySource)
        let hasBody = stream.outgoing != nil
        let result = headers.withFields { fields, count in
            // Safe: nghttp2 copies the fields and the provider.
            withUnsafePointer(to: &provider) {
                nghttp2_submit_response(session, stream.id, fields, count, hasBody ? $0 : nil)
            }
        }
        if result != 0 { reset(stream.id, NGHTTP2_INTERNAL_ERROR) }
    }

    private func addStatus(_ status: GRPCStatus) {
        headers.add("grpc-status", String(status.code))
        if !status.message.isEmpty { headers.add("grpc-message", GRPCText.percentEncoded(status.message)) }
        if !status.details.isEmpty { headers.add("grpc-status-details-bin", GRPCText.base64(status.details)) }
    }

    override func outgoing(_ id: Int32) -> (remaining: Int, trailers: Bool, isOpen: Bool)? {
        guard let stream = streams[id], let body = stream.outgoing else { return nil }
        return (body.remaining, stream.trailingStatus != nil, stream.farewell != nil)
    }

    override func submitTrailers(_ id: Int32) {
        guard let status = streams[id]?.trailingStatus else { return }
        headers.removeAll()
        addStatus(status)
        _ = headers.withFields { fields, count in nghttp2_submit_trailer(session, id, fields, count) }
    }

    override func moveBody(_ id: Int32, _ length: Int, to output: inout [UInt8]) {
        guard let stream = streams[id] else { return }
        stream.pace.moved(length, least: limits.leastBodyBytes, now: clock)
        stream.outgoing?.move(length, to: &output)
    }

    private func reset(_ id: Int32, _ code: nghttp2_error_code) {
        streams[id]?.isCut = true
        nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, code.rawValue)
    }

    private static func isConnectionField(_ name: String) -> Bool {
        switch name {
        case "content-length", "connection", "transfer-encoding", "keep-alive", "upgrade", "proxy-connection": true
        default: false
        }
    }

    // MARK: Shutdown and time

    /// A first GOAWAY tells the peer to start nothing new but promises nothing; when the peer has seen it (it answers
    /// the PING behind it) the second one names the last stream that will be served.
    func beginShutdown(now: UInt64) {
        setClock(now)
        guard !isShuttingDown, failure == nil else { return }
        isShuttingDown = true
        goawayAt = later(now, Self.shutdownNotice)
        nghttp2_submit_shutdown_notice(session)
        nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
        for stream in streams.values { endOpen(stream) }
        settle()
    }

    /// Says the last message of a stream that was kept open.
    private func endOpen(_ stream: HTTP2ServerStream) {
        guard let farewell = stream.farewell else { return }
        stream.farewell = nil
        stream.trailingStatus = farewell.status
        // A peer that has not taken the first message gets no second.
        if stream.outgoing?.remaining == 0 { stream.outgoing = OutgoingBody(farewell.message, grpcPrefix: true) }
        stream.pace.restart(now: clock)
        streamCheck = min(streamCheck, later(clock, limits.bodyTimeout))
        nghttp2_session_resume_data(session, stream.id)
    }

    private func sendGoaway() {
        goawayAt = nil
        nghttp2_submit_goaway(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nghttp2_session_get_last_proc_stream_id(session),
            NGHTTP2_NO_ERROR.rawValue, nil, 0)
    }

    var deadline: UInt64? {
        if isOver { return nil }
        var earliest = streams.isEmpty ? later(idleSince, limits.idleTimeout) : streamCheck
        if let goawayAt { earliest = min(earliest, goawayAt) }
        if let openHead { earliest = min(earliest, later(openHead.since, limits.headTimeout)) }
        if let outputSince { earliest = min(earliest, later(outputSince, limits.bodyTimeout)) }
        return earliest
    }

    func tick(now: UInt64) {
        setClock(now)
        guard failure == nil else { return }
        if let outputSince, now >= later(outputSince, limits.bodyTimeout) {
            fault = fault ?? .slow
            return abandon("the peer does not read")
        }
        if let openHead, now >= later(openHead.since, limits.headTimeout) {
            // A header block holds up everything behind it, so it is the connection that is slow.
            self.openHead = nil
            fault = fault ?? .slow
            nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM.rawValue)
        }
        if let goawayAt, now >= goawayAt { sendGoaway() }
        if streams.isEmpty, now >= later(idleSince, limits.idleTimeout) {
            idleSince = now
            nghttp2_session_terminate_session(session, NGHTTP2_NO_ERROR.rawValue)
        }
        if now >= streamCheck { checkStreams(now: now) }
        settle()
    }

    private func checkStreams(now: UInt64) {
        for stream in streams.values {
            guard let time = stream.deadline(bodyTimeout: limits.bodyTimeout), now >= time else { continue }
            if !stream.isAnswered, let timeoutAt = stream.timeoutAt, now >= timeoutAt {
                let response = Response.grpc(GRPCStatus(code: 4, message: "the deadline of the call has passed"))
                if case .complete = stream.phase { answer(stream, response) } else { refuse(stream, response) }
            } else {
                reset(stream.id, stream.isAnswered && stream.outgoing == nil ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL)
            }
        }
        streamCheck = streams.values.reduce(UInt64.max) {
            min($0, $1.deadline(bodyTimeout: limits.bodyTimeout) ?? .max)
        }
    }
}
