/// One header or trailer field. Names are lower case.
package struct HeaderField: Sendable, Hashable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// How a request reached the server, or how the client must send one.
package enum WireProtocol: Sendable, Hashable {
    case http1
    case http2
    /// Unary gRPC over HTTP/2.
    case grpc
}

/// What is known of a request before its body.
package struct RequestHead: Sendable {
    package var method: String
    /// The request target as sent: path and, after `?`, the query.
    package var target: String
    package var wireProtocol: WireProtocol
    package var headers: [HeaderField]
    /// The peer's address and port, for messages to people.
    package var peer: String
    /// The name that the listener was opened with (`grpc`, `http`, `api`).
    package var listener: String
    /// The tenant that the sender's credential stands for; nil if it stands for none. Set by whoever checked it.
    package var tenant: String?

    package init(
        method: String, target: String, wireProtocol: WireProtocol, headers: [HeaderField], peer: String,
        listener: String
    ) {
        self.method = method
        self.target = target
        self.wireProtocol = wireProtocol
        self.headers = headers
        self.peer = peer
        self.listener = listener
    }

    /// The first value of a field; `name` must be lower case.
    package func header(_ name: String) -> String? {
        headers.first { $0.name == name }?.value
    }

    /// The target without its query.
    package var path: Substring {
        Substring(target.utf8.prefix(pathCount))
    }

    /// Whether the path is this one.
    package func isAt(_ path: String) -> Bool {
        // Mostly there is no query, and whole texts are compared in one piece.
        target == path || target.utf8.count > path.utf8.count && self.path == path
    }

    /// The query without its question mark; empty if there is none.
    package var query: Substring {
        Substring(target.utf8.dropFirst(pathCount + 1))
    }

    /// The path's bytes. Looked for in memory: by characters it takes a hundred times as long.
    private var pathCount: Int {
        let bytes = target.utf8.span
        return bytes.indices.first { bytes[$0] == UInt8(ascii: "?") } ?? bytes.count
    }
}

/// A whole request.
package struct Request: Sendable {
    package var head: RequestHead
    /// For gRPC the message without its five-byte prefix; still compressed if it came compressed.
    package var body: [UInt8]
    /// The gRPC compressed flag; false for HTTP, whose `content-encoding` header tells.
    package var grpcCompressed: Bool

    package init(head: RequestHead, body: [UInt8], grpcCompressed: Bool) {
        self.head = head
        self.body = body
        self.grpcCompressed = grpcCompressed
    }
}

/// A gRPC outcome. Codes are those of the gRPC specification (0 OK … 16 UNAUTHENTICATED).
package struct GRPCStatus: Sendable, Hashable {
    package var code: Int
    /// Not yet percent-encoded.
    package var message: String
    /// A serialized `google.rpc.Status` for `grpc-status-details-bin`; empty for none.
    package var details: [UInt8]

    package init(code: Int, message: String = "", details: [UInt8] = []) {
        self.code = code
        self.message = message
        self.details = details
    }
}

/// An answer. For gRPC requests only `grpc` and `body` are used (a body is sent only with code 0); for HTTP only
/// `status`, `headers` and `body`.
package struct Response: Sendable {
    package var status: Int
    package var headers: [HeaderField]
    package var body: [UInt8]
    package var grpc: GRPCStatus
    /// For a gRPC call with a stream of answers: it stays open after this one, and these end it when the server stops.
    package var farewell: Farewell?

    /// The last message of a stream of answers, and its outcome.
    package struct Farewell: Sendable {
        package var message: [UInt8]
        package var status: GRPCStatus

        package init(message: [UInt8], status: GRPCStatus) {
            self.message = message
            self.status = status
        }
    }

    /// An HTTP answer; a gRPC peer would be told the nearest code (OTLP table H-14 read backwards).
    package static func http(_ status: Int, headers: [HeaderField] = [], body: [UInt8] = []) -> Response {
        Response(
            status: status, headers: headers, body: body,
            grpc: GRPCStatus(code: status < 300 ? 0 : status == 404 ? 12 : status == 503 ? 14 : 13))
    }

    /// A gRPC answer.
    package static func grpc(_ status: GRPCStatus, message: [UInt8] = []) -> Response {
        Response(status: 200, headers: [], body: message, grpc: status)
    }
}

/// What a handler says when it has seen only the head of a request.
package enum Admission: Sendable {
    /// Read the body, which may have at most this many bytes as sent.
    case accept(bodyLimit: Int)
    /// Answer at once; the body is discarded.
    case refuse(Response)
}

/// Serves requests. Both methods are called on the event loop that owns the connection and must not block.
package protocol RequestHandler: AnyObject, Sendable {
    /// Decides from the head whether the body is worth reading.
    func admit(_ head: RequestHead) -> Admission
    /// The body was larger than `limit` (as sent): the answer to give. Nothing of the body was kept.
    func bodyTooLarge(_ head: RequestHead, limit: Int) -> Response
    /// Serves a whole request. `responder` may be kept and used later, from any thread, once.
    func handle(_ request: Request, responder: Responder)
}
