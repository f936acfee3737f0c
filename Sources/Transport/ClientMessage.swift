/// A request to send.
package struct ClientRequest: Sendable {
    /// The HTTP method; gRPC always sends POST.
    package var method: String
    /// Path and query.
    package var target: String
    /// Further header fields, names in lower case. The machine itself adds `host`, `content-length`, and for gRPC
    /// `te` and `content-type`.
    package var headers: [HeaderField]
    /// For gRPC the message without its five-byte prefix.
    package var body: [UInt8]
    /// The gRPC compressed flag; `grpc-encoding` must then be among the headers.
    package var grpcCompressed: Bool
    /// From the start of the request to the end of its answer, in nanoseconds.
    package var timeout: UInt64

    package init(
        method: String = "POST", target: String, headers: [HeaderField] = [], body: [UInt8] = [],
        grpcCompressed: Bool = false, timeout: UInt64 = 10_000_000_000
    ) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.grpcCompressed = grpcCompressed
        self.timeout = timeout
    }
}

/// A whole answer.
package struct ClientResponse: Sendable {
    /// The HTTP status.
    package var status: Int
    /// Names are lower case.
    package var headers: [HeaderField]
    /// What came after the body.
    package var trailers: [HeaderField]
    /// For gRPC the message without its prefix, still compressed if `grpcCompressed`.
    package var body: [UInt8]
    /// The flag of the gRPC prefix.
    package var grpcCompressed: Bool
    /// The outcome of a gRPC call, deduced from the HTTP status if the peer sent none; nil for HTTP.
    package var grpcStatus: GRPCStatus?

    package init(
        status: Int, headers: [HeaderField] = [], trailers: [HeaderField] = [], body: [UInt8] = [],
        grpcCompressed: Bool = false, grpcStatus: GRPCStatus? = nil
    ) {
        self.status = status
        self.headers = headers
        self.trailers = trailers
        self.body = body
        self.grpcCompressed = grpcCompressed
        self.grpcStatus = grpcStatus
    }

    /// The first value of a header field; `name` must be lower case.
    package func header(_ name: String) -> String? {
        headers.first { $0.name == name }?.value
    }
}

/// Why there is no answer.
package enum ClientError: Error, Sendable, Hashable {
    /// No connection could be made.
    case connect(String)
    /// The connection was lost, or the peer declined the request, before the answer was whole: may be retried.
    case closed(String)
    /// Nanoseconds allowed.
    case timedOut(after: UInt64)
    /// The peer broke the rules of its protocol.
    case protocolViolation(String)
    /// Bytes allowed.
    case responseTooLarge(limit: Int)
    /// The TLS handshake failed or TLS is not available.
    case tls(String)
}
