import CNghttp2
import Wire

/// One nghttp2 session, and what server and client have in common. Confined to one event loop.
///
/// nghttp2 calls back during `receive` and `takeOutput` only. In the callbacks subclasses may submit frames but never
/// receive or send. The rule of exclusive access is kept because no property is being modified while C code runs.
class HTTP2Session {
    /// Freed in `deinit`; no callback comes after.
    let session: OpaquePointer
    /// Why nothing can go on; set once.
    private(set) var failure: String?
    /// The first misuse of the connection by its peer.
    final var fault: ConnectionFault?
    /// The last complaint of nghttp2, for messages to people.
    private(set) var complaint = ""
    /// The time of the current call, for callbacks.
    private(set) var clock: UInt64
    /// The driver's buffer while output is taken.
    private var sink: [UInt8] = []
    final var headers = HeaderBlock()

    init(isServer: Bool, now: UInt64, configure: (OpaquePointer?) -> Void) {
        clock = now
        var callbacks: OpaquePointer?
        var options: OpaquePointer?
        var created: OpaquePointer?
        nghttp2_session_callbacks_new(&callbacks)
        nghttp2_option_new(&options)
        configure(options)
        Self.setCallbacks(callbacks)
        let result =
            isServer
            ? nghttp2_session_server_new2(&created, callbacks, nil, options)
            : nghttp2_session_client_new2(&created, callbacks, nil, options)
        nghttp2_option_del(options)
        nghttp2_session_callbacks_del(callbacks)
        // Only a lack of memory leads here, and that is fatal as for arrays.
        guard result == 0, let created else { fatalError("out of memory") }
        session = created
        nghttp2_session_set_user_data(session, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit {
        nghttp2_session_del(session)
    }

    // MARK: What subclasses add

    func headersBegan(_ stream: Int32, isFirst: Bool) {}
    /// Returns false to have the stream reset.
    func header(_ stream: Int32, name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) -> Bool { true }
    func headersEnded(_ stream: Int32, isFirst: Bool) {}
    func data(_ stream: Int32, _ chunk: UnsafeRawBufferPointer) {}
    /// The peer has sent all of a stream.
    func streamEnded(_ stream: Int32) {}
    func streamClosed(_ stream: Int32, code: UInt32) {}
    func goawayReceived() {}
    /// The peer has read everything up to our PING.
    func pingAnswered() {}
    /// A HEADERS frame could not be sent.
    func headersNotSent(_ stream: Int32) {}
    /// How much of the stream's body is left, and whether trailers follow it.
    func outgoing(_ stream: Int32) -> (remaining: Int, trailers: Bool, isOpen: Bool)? { nil }
    /// The last piece of a body was asked for: submit the trailers.
    func submitTrailers(_ stream: Int32) {}
    func moveBody(_ stream: Int32, _ length: Int, to output: inout [UInt8]) {}

    // MARK: Bytes

    /// Gives the session what the peer sent.
    final func feed(_ bytes: UnsafeRawBufferPointer, now: UInt64) {
        clock = now
        guard failure == nil, !bytes.isEmpty else { return }
        let result = nghttp2_session_mem_recv(
            session, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
        // Errors of a stream or of the connection are answered by nghttp2 itself; negative results are those after
        // which it must not be used (floods, a wrong preface, no memory).
        guard result < 0 else { return }
        fault = fault ?? (result == Int(NGHTTP2_ERR_FLOODED.rawValue) ? .flood : .malformed)
        fail(result)
    }

    /// nghttp2 has ended the connection with this code.
    private func goawaySent(_ code: UInt32) {
        switch code {
        case NGHTTP2_NO_ERROR.rawValue: break
        // What it says of too many resets.
        case NGHTTP2_ENHANCE_YOUR_CALM.rawValue, NGHTTP2_INTERNAL_ERROR.rawValue: fault = fault ?? .flood
        default: fault = fault ?? .malformed
        }
    }

    final func fail(_ code: Int) {
        fail(String(cString: nghttp2_strerror(Int32(truncatingIfNeeded: code))))
    }

    final func fail(_ reason: String) {
        if failure == nil { failure = reason }
    }

    final var hasPendingOutput: Bool { failure == nil && nghttp2_session_want_write(session) != 0 }

    /// Nothing more will be received or sent.
    final var isOver: Bool {
        failure != nil || nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
    }

    /// Appends all frames that may be sent.
    final func collectOutput(into output: inout [UInt8]) {
        guard failure == nil else { return }
        swap(&sink, &output)
        while true {
            var pointer: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &pointer)
            guard count > 0, let pointer else {
                if count < 0 { fail(count) }
                break
            }
            // Safe: nghttp2 lends `count` bytes until its next call.
            WireWriter.copy(UnsafeRawBufferPointer(start: pointer, count: count), to: &sink)
        }
        swap(&sink, &output)
    }

    final func setClock(_ now: UInt64) { clock = now }

    /// For `nghttp2_submit_…`: the body is asked for through `outgoing` and `moveBody`.
    static let bodySource: nghttp2_data_source_read_callback = { _, stream, _, length, flags, _, context in
        guard let owner = HTTP2Session.from(context), let body = owner.outgoing(stream), let flags else {
            return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
        // More will be said later: nghttp2 asks again when it is told so.
        if body.isOpen, body.remaining == 0 { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
        let count = min(length, body.remaining)
        flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        if count == body.remaining, !body.isOpen {
            flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
            if body.trailers {
                flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
                owner.submitTrailers(stream)
            }
        }
        return count
    }

    // MARK: Callbacks

    /// Safe: the pointer was made from an object that owns the session, so it lives while callbacks come.
    private static func from(_ context: UnsafeMutableRawPointer?) -> HTTP2Session? {
        context.map { Unmanaged<HTTP2Session>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Pointers that callbacks get are used during the callback only.
    private static func setCallbacks(_ callbacks: OpaquePointer?) {
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, context in
            if let owner = HTTP2Session.from(context), let frame {
                owner.headersBegan(frame.pointee.hd.stream_id, isFirst: HTTP2Session.isFirstHeaders(frame))
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, frame, name, nameLength, value, valueLength, _, context in
            guard let owner = HTTP2Session.from(context), let frame else { return 0 }
            let isAccepted = owner.header(
                frame.pointee.hd.stream_id, name: UnsafeBufferPointer(start: name, count: nameLength),
                value: UnsafeBufferPointer(start: value, count: valueLength))
            return isAccepted ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, context in
            guard let owner = HTTP2Session.from(context), let frame else { return 0 }
            let header = frame.pointee.hd
            switch UInt32(header.type) {
            case NGHTTP2_HEADERS.rawValue:
                owner.headersEnded(header.stream_id, isFirst: HTTP2Session.isFirstHeaders(frame))
                fallthrough
            case NGHTTP2_DATA.rawValue:
                if header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 { owner.streamEnded(header.stream_id) }
            case NGHTTP2_PING.rawValue:
                if header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 { owner.pingAnswered() }
            case NGHTTP2_GOAWAY.rawValue:
                owner.goawayReceived()
            default:
                break
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, stream, data, length, context in
            HTTP2Session.from(context)?.data(stream, UnsafeRawBufferPointer(start: data, count: length))
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, stream, code, context in
            HTTP2Session.from(context)?.streamClosed(stream, code: code)
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, context in
            if let frame, UInt32(frame.pointee.hd.type) == NGHTTP2_GOAWAY.rawValue {
                HTTP2Session.from(context)?.goawaySent(frame.pointee.goaway.error_code)
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks) { _, frame, _, context in
            if let frame, UInt32(frame.pointee.hd.type) == NGHTTP2_HEADERS.rawValue {
                HTTP2Session.from(context)?.headersNotSent(frame.pointee.hd.stream_id)
            }
            return 0
        }
        nghttp2_session_callbacks_set_error_callback2(callbacks) { _, _, message, length, context in
            let text = UnsafeRawBufferPointer(start: message, count: length)
            HTTP2Session.from(context)?.complaint = String(decoding: text, as: UTF8.self)
            return 0
        }
        nghttp2_session_callbacks_set_send_data_callback(callbacks) { _, frame, header, length, _, context in
            guard let owner = HTTP2Session.from(context), let frame, let header else {
                return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
            }
            // Nine bytes of frame header; padding is never asked for.
            WireWriter.copy(UnsafeRawBufferPointer(start: header, count: 9), to: &owner.sink)
            owner.moveBodyToSink(frame.pointee.hd.stream_id, length)
            return 0
        }
    }

    private func moveBodyToSink(_ stream: Int32, _ length: Int) {
        // Taken out, so that the subclass gets a buffer of which it is the only user.
        var output: [UInt8] = []
        swap(&output, &sink)
        moveBody(stream, length, to: &output)
        swap(&output, &sink)
    }

    /// Whether the frame opens its exchange: a request or a response, not trailers.
    private static func isFirstHeaders(_ frame: UnsafePointer<nghttp2_frame>) -> Bool {
        UInt32(frame.pointee.hd.type) == NGHTTP2_HEADERS.rawValue
            && frame.pointee.headers.cat != NGHTTP2_HCAT_HEADERS
    }
}
