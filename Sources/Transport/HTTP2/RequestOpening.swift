import Glibc

/// What a request's header list says, and what of it is refused whatever the handler thinks of it. Shared by the requests of
/// a connection that have the same.
final class RequestOpening {
    /// The content type of a gRPC call, as sent and as answered.
    enum GRPCType {
        case plain
        case proto
    }

    /// An answer before the body.
    struct Refusal {
        let response: Response
        /// Of a gRPC call too: what a proxy on the way is to see.
        let httpStatus: Int
    }

    let head: RequestHead
    /// nil for plain HTTP.
    let grpc: GRPCType?
    let refusal: Refusal?
    /// `grpc-timeout`, nanoseconds.
    let timeout: UInt64?
    let contentLength: Int?

    /// - Parameters:
    ///   - list: the header list as it came.
    ///   - previous: that of the connection's previous request. Senders repeat most of it, so that its strings need not be
    ///     made again.
    init(_ list: HeaderBlock, previous: RequestOpening?, peer: String, listener: String, targetLimit: Int) {
        var head = RequestHead(
            method: "", target: "", wireProtocol: .http2, headers: [], peer: peer, listener: listener)
        let known = previous?.head
        var authority = ""
        head.headers.reserveCapacity(list.count)
        list.forEach { name, value in
            guard name.first == UInt8(ascii: ":") else {
                let index = head.headers.count
                let field = known.flatMap { index < $0.headers.count ? $0.headers[index] : nil }
                head.headers.append(HeaderField(Self.text(name, or: field?.name), Self.text(value, or: field?.value)))
                return
            }
            switch String(decoding: name, as: UTF8.self) {
            case ":method": head.method = String(decoding: value, as: UTF8.self)
            case ":path": head.target = Self.text(value, or: known?.target)
            case ":authority": authority = String(decoding: value, as: UTF8.self)
            default: break
            }
        }
        if !authority.isEmpty, head.header("host") == nil { head.headers.append(HeaderField("host", authority)) }
        let contentType = head.header("content-type") ?? ""
        let isPlain = contentType == "application/grpc" || contentType.hasPrefix("application/grpc;")
        let isProto = contentType == "application/grpc+proto" || contentType.hasPrefix("application/grpc+proto;")
        grpc =
            if contentType == "application/grpc+proto" {
                .proto
            } else if isPlain || contentType.hasPrefix("application/grpc+") {
                .plain
            } else {
                nil
            }
        if grpc != nil { head.wireProtocol = .grpc }
        let timeoutText = grpc == nil ? nil : head.header("grpc-timeout")
        timeout = timeoutText.flatMap { GRPCText.timeout($0) }
        contentLength = head.header("content-length").flatMap { Int($0) }
        refusal =
            if head.target.utf8.count > targetLimit {
                Refusal(response: .http(414), httpStatus: 414)
            } else if head.target.utf8.first != UInt8(ascii: "/"), head.target != "*" {
                Refusal(response: .http(400), httpStatus: 400)
            } else if grpc == nil {
                nil
            } else if head.method != "POST" {
                Self.refusal(405, "gRPC needs the method POST, not \(head.method)")
            } else if !isPlain, !isProto {
                Self.refusal(415, "the content type is not application/grpc or +proto")
            } else if timeoutText != nil, timeout == nil {
                Self.refusal(200, "grpc-timeout is malformed")
            } else {
                nil
            }
        self.head = head
    }

    private static func refusal(_ httpStatus: Int, _ message: String) -> Refusal {
        Refusal(response: .grpc(GRPCStatus(code: 13, message: message)), httpStatus: httpStatus)
    }

    /// The bytes as a text: the known one if that has the same.
    ///
    /// Safe: memcmp is given two buffers of the same, checked length.
    private static func text(_ bytes: UnsafeBufferPointer<UInt8>, or known: String?) -> String {
        if let known, known.utf8.count == bytes.count {
            let isSame = known.utf8.withContiguousStorageIfAvailable {
                guard let own = $0.baseAddress, let other = bytes.baseAddress else { return bytes.isEmpty }
                return memcmp(own, other, bytes.count) == 0
            }
            if isSame == true { return known }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
