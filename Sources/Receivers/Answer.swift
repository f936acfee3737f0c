import OTLP
import Transport

/// Outcomes as answers in the request's own protocol and encoding (OTLP rules G-4 to G-12, H-3, H-6 to H-12).
enum Answer {
    static func success(_ signal: Signal, rejected: Int, to head: RequestHead) -> Response {
        let partial =
            rejected == 0
            ? nil
            : PartialSuccess(
                signal: signal, rejected: Int64(rejected),
                message: "\(rejected) spans were left out: their trace or span ids are missing, all zero or of the "
                    + "wrong length.")
        if head.wireProtocol == .grpc {
            return .grpc(GRPCStatus(code: 0), message: partial?.protobuf ?? [])
        }
        if head.isJSON {
            return .http(200, headers: [json], body: partial?.json ?? Array("{}".utf8))
        }
        return .http(200, headers: [protobuf], body: partial?.protobuf ?? [])
    }

    static func of(_ failure: ExportFailure, to head: RequestHead) -> Response {
        if head.wireProtocol == .grpc {
            var answer = Response.grpc(
                GRPCStatus(
                    code: failure.grpcCode, message: failure.message, details: failure.hasDetails ? failure.statusBytes : []))
            if case .unsupportedEncoding = failure {
                answer.headers = [HeaderField("grpc-accept-encoding", "identity,gzip,zstd,deflate")]
            }
            return answer
        }
        var headers = [head.isProtobuf ? protobuf : json]
        if let seconds = failure.retryAfterSeconds { headers.append(HeaderField("retry-after", "\(seconds)")) }
        if failure.httpStatus == 401 { headers.append(HeaderField("www-authenticate", "Bearer")) }
        if failure.httpStatus == 405 { headers.append(HeaderField("allow", "POST")) }
        return .http(
            failure.httpStatus, headers: headers, body: head.isProtobuf ? failure.statusBytes : failure.statusJSON)
    }

    /// An answer of the API in its own form, `application/problem+json` (RFC 9457).
    static func problem(_ status: Int, _ title: String, _ detail: String) -> Response {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("title")
        writer.string(title)
        writer.key("status")
        writer.integer(status)
        writer.key("detail")
        writer.string(detail)
        writer.endObject()
        return .http(status, headers: [HeaderField("content-type", "application/problem+json")], body: writer.bytes)
    }

    private static let json = HeaderField("content-type", "application/json")
    private static let protobuf = HeaderField("content-type", "application/x-protobuf")
}

extension ExportFailure {
    /// Whether its `google.rpc.Status` says more than code and message.
    fileprivate var hasDetails: Bool {
        if case .invalidData = self { true } else { retryDelay != nil }
    }
}
