/// The first line of a request (RFC 9112, 3).
struct HTTP1RequestLine {
    var method: String
    /// In origin form, or `*`.
    var target: String
    var isVersion10: Bool

    /// Parses the start line of a complete head.
    init(_ head: HTTP1Head, targetLimit: Int) throws(HTTP1Fault) {
        let line = head.bytes[0..<max(0, head.startLineEnd - 2)]
        let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, parts[0].allSatisfy(\.isTokenByte), !parts[1].isEmpty else {
            throw HTTP1Fault(400, "the request line is malformed")
        }
        isVersion10 = try Self.isVersion10(parts[2])
        guard parts[1].count <= targetLimit else {
            throw HTTP1Fault(414, "the request target has more than \(targetLimit) bytes")
        }
        guard parts[1].allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw HTTP1Fault(400, "the request target has a forbidden character")
        }
        method = String(decoding: parts[0], as: UTF8.self)
        target = try Self.originForm(String(decoding: parts[1], as: UTF8.self), method: method)
    }

    /// Any 1.x with x > 0 is understood as 1.1 (RFC 9110, 2.5).
    private static func isVersion10(_ version: ArraySlice<UInt8>) throws(HTTP1Fault) -> Bool {
        let bytes = Array(version)
        guard bytes.count == 8, bytes.starts(with: "HTTP/".utf8), bytes[5] &- 48 < 10, bytes[6] == UInt8(ascii: "."),
            bytes[7] &- 48 < 10
        else { throw HTTP1Fault(400, "the request line is malformed") }
        guard bytes[5] == UInt8(ascii: "1") else { throw HTTP1Fault(505, "only HTTP/1.1 and HTTP/2 are served") }
        return bytes[7] == UInt8(ascii: "0")
    }

    /// The absolute form, which every server must accept, without scheme and authority.
    private static func originForm(_ target: String, method: String) throws(HTTP1Fault) -> String {
        if target.utf8.first == UInt8(ascii: "/") || target == "*" && method == "OPTIONS" { return target }
        let scheme = target.prefix(8).lowercased()
        let start = scheme.hasPrefix("http://") ? 7 : scheme == "https://" ? 8 : 0
        guard start > 0 else { throw HTTP1Fault(400, "the request target is neither a path nor an http URL") }
        let rest = target.dropFirst(start)
        guard let path = rest.firstIndex(where: { $0 == "/" || $0 == "?" }) else { return "/" }
        return rest[path] == "?" ? "/" + rest[path...] : String(rest[path...])
    }
}
