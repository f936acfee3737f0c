/// Where a client connects to, and how it speaks there.
package struct ClientEndpoint: Sendable, Hashable {
    /// A name or an address, without brackets.
    package var host: String
    package var port: Int
    package var tls: Bool
    package var wireProtocol: WireProtocol
    /// What the `host` header or `:authority` says.
    package var authority: String
    /// What it is reached through; nil for a direct connection.
    package var proxy: ClientProxy?

    package init(host: String, port: Int, tls: Bool = false, wireProtocol: WireProtocol, authority: String? = nil) {
        self.host = host
        self.port = port
        self.tls = tls
        self.wireProtocol = wireProtocol
        self.authority = authority ?? hostAndPort(host, port)
    }

    /// Whether a proxy must only pass bytes on: it understands neither TLS nor gRPC.
    var needsTunnel: Bool { tls || wireProtocol != .http1 }
    /// Who is connected to.
    var nextHop: (host: String, port: Int) { proxy.map { ($0.host, $0.port) } ?? (host, port) }
    /// For messages.
    var route: String { proxy.map { "\(authority) through the proxy \($0.name)" } ?? authority }

    var scheme: String { tls ? "https" : "http" }

    /// Reads `http://host:port/path` or `https://…`; for gRPC also `host:port`, which is without TLS. Ports default to
    /// 80 and 443, for gRPC to 4317.
    ///
    /// - Returns: the endpoint, and path and query as written, empty if there are none.
    /// - Throws: `url` is none of these; the message says what is wrong with it.
    package static func parse(
        url: String, wireProtocol: WireProtocol
    ) throws(TransportError) -> (ClientEndpoint, path: String) {
        var rest = url[...]
        var tls = false
        if let colon = url.firstRange(of: "://") {
            switch url[..<colon.lowerBound].lowercased() {
            case "http": tls = false
            case "https": tls = true
            case let scheme: throw TransportError("\(url): the scheme \(scheme) is not http or https")
            }
            rest = url[colon.upperBound...]
        } else if wireProtocol != .grpc {
            throw TransportError("\(url): a URL begins with http:// or https://")
        }
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let path = rest[authority.endIndex...]
        guard !authority.contains("@") else {
            throw TransportError("the URL holds a user name or password: use headers for credentials")
        }
        guard !path.contains("#") else { throw TransportError("\(url): a URL to send to has no fragment") }
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else {
            throw TransportError("the URL has blanks or control characters")
        }
        let (host, digits) = split(authority)
        guard !host.isEmpty, host.first != "[" else { throw TransportError("\(url): the host is missing or malformed") }
        var port = wireProtocol == .grpc ? 4_317 : tls ? 443 : 80
        if let digits {
            guard let number = Int(digits), (1...65_535).contains(number),
                digits.utf8.allSatisfy({ (48...57).contains($0) })
            else { throw TransportError("\(url): the port \(digits) is not a number from 1 to 65535") }
            port = number
        }
        let endpoint = ClientEndpoint(
            host: String(host), port: port, tls: tls, wireProtocol: wireProtocol, authority: String(authority))
        return (endpoint, String(path))
    }

    /// Host, without brackets, and what follows its colon.
    static func split(_ authority: Substring) -> (host: Substring, port: Substring?) {
        if authority.first == "[", let end = authority.firstIndex(of: "]") {
            let host = authority[authority.index(after: authority.startIndex)..<end]
            let rest = authority[authority.index(after: end)...]
            if rest.isEmpty { return (host, nil) }
            return rest.first == ":" ? (host, rest.dropFirst()) : ("", nil)
        }
        guard let colon = authority.firstIndex(of: ":") else { return (authority, nil) }
        return (authority[..<colon], authority[authority.index(after: colon)...])
    }
}

/// `HOST:PORT` or `[IPV6]:PORT`.
func hostAndPort(_ host: String, _ port: Int) -> String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
}
