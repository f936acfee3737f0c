/// Why a request was not taken in, and how that is said over gRPC and over HTTP: the one table of it (rules G-2 to G-13
/// and H-4 to H-14). Each message is for the person who runs the sender.
package enum ExportFailure: Error, Equatable, Sendable {
    /// The body is not what its type says. Sending it again is useless.
    case invalidData(String)
    /// The body is above the limit, as sent or inflated. Sending it again is useless.
    case tooLarge(String)
    /// This receiver has no room now; the sender should wait, in nanoseconds.
    case overloaded(String, retryAfter: UInt64)
    /// This receiver cannot do it now, for instance while it stops; a delay in nanoseconds if one can be told.
    case unavailable(String, retryAfter: UInt64?)
    /// The content type is none that is served.
    case unsupportedMediaType(String)
    /// The content or message encoding is none that is understood.
    case unsupportedEncoding(String)
    /// Credentials are missing or wrong.
    case unauthenticated(String)
    /// The credentials do not allow it.
    case permissionDenied(String)
    /// There is nothing under this path or method name.
    case notFound(String)
    /// The path takes other HTTP methods.
    case methodNotAllowed(String)
    /// The sender's own deadline passed.
    case deadlineExceeded(String)
    /// A fault of this program.
    case internalError(String)

    package var message: String {
        switch self {
        case .invalidData(let text), .tooLarge(let text), .overloaded(let text, _), .unavailable(let text, _),
            .unsupportedMediaType(let text), .unsupportedEncoding(let text), .unauthenticated(let text),
            .permissionDenied(let text), .notFound(let text), .methodNotAllowed(let text),
            .deadlineExceeded(let text), .internalError(let text):
            text
        }
    }

    package var code: GRPCCode {
        switch self {
        case .invalidData, .unsupportedMediaType: .invalidArgument
        case .tooLarge, .overloaded: .resourceExhausted
        case .unavailable: .unavailable
        case .unsupportedEncoding, .notFound, .methodNotAllowed: .unimplemented
        case .unauthenticated: .unauthenticated
        case .permissionDenied: .permissionDenied
        case .deadlineExceeded: .deadlineExceeded
        case .internalError: .internal
        }
    }

    package var grpcCode: Int { code.rawValue }

    package var httpStatus: Int {
        switch self {
        case .tooLarge: 413
        case .unsupportedMediaType: 415
        case .unsupportedEncoding: 400
        case .methodNotAllowed: 405
        default: code.httpStatus
        }
    }

    /// How long the sender should wait, in nanoseconds.
    package var retryDelay: UInt64? {
        switch self {
        case .overloaded(_, let delay): delay
        case .unavailable(_, let delay): delay
        default: nil
        }
    }

    /// The value of `Retry-After`: whole seconds, rounded up, at least one.
    package var retryAfterSeconds: UInt64? {
        retryDelay.map { max(1, $0 / 1_000_000_000 + ($0 % 1_000_000_000 == 0 ? 0 : 1)) }
    }

    package var isRetryable: Bool { code.isRetryable(hasRetryInfo: retryDelay != nil) }

    /// `google.rpc.Status` in protobuf: the body over HTTP, `grpc-status-details-bin` over gRPC. It has RetryInfo if
    /// there is a delay and BadRequest for invalid data.
    package var statusBytes: [UInt8] {
        var status: [UInt8] = []
        ProtobufFields.append(integer: UInt64(grpcCode), number: 1, to: &status)
        ProtobufFields.append(text: message, number: 2, to: &status)
        if let retryDelay {
            var retryInfo: [UInt8] = []
            ProtobufFields.append(
                message: ProtobufDuration(nanoseconds: retryDelay).protobuf, number: 1, to: &retryInfo)
            Self.append(detail: RetryInfo.typeURL, retryInfo, to: &status)
        } else if case .invalidData = self {
            var violation: [UInt8] = []
            ProtobufFields.append(text: "body", number: 1, to: &violation)
            ProtobufFields.append(text: message, number: 2, to: &violation)
            var badRequest: [UInt8] = []
            ProtobufFields.append(message: violation, number: 1, to: &badRequest)
            Self.append(detail: "type.googleapis.com/google.rpc.BadRequest", badRequest, to: &status)
        }
        return status
    }

    /// `google.rpc.Status` in proto3 JSON, the body over HTTP if the request was JSON.
    package var statusJSON: [UInt8] {
        // The bytes are ours, so that they cannot fail to be read.
        (try? OTLPJSON.decode(protobuf: statusBytes, message: .status)) ?? Array("{}".utf8)
    }

    private static func append(detail typeURL: String, _ value: [UInt8], to status: inout [UInt8]) {
        var any: [UInt8] = []
        ProtobufFields.append(text: typeURL, number: 1, to: &any)
        ProtobufFields.append(message: value, number: 2, to: &any)
        ProtobufFields.append(message: any, number: 3, to: &status)
    }
}

extension ExportFailure {
    /// What a JSON body's mistake is to its sender.
    package init(_ error: OTLPJSONError) { self = .invalidData(error.description) }
}
