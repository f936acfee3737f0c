/// Where a listener binds: an address and a port.
package struct ListenEndpoint: Sendable, Hashable, CustomStringConvertible {
    /// A host name or an IP address, without brackets.
    package var host: String
    /// 0 asks the system for a free port.
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    package var description: String { "\(bracketed(host)):\(port)" }

    /// Reads `HOST:PORT` or `[IPV6]:PORT`. `localhost` is taken as 127.0.0.1, no host as every address.
    package static func parse(_ text: String) throws(Mistake) -> ListenEndpoint {
        guard !text.contains("://") else {
            throw Mistake(
                "expected HOST:PORT such as 127.0.0.1:4317; leave out the scheme, every port speaks gRPC and HTTP")
        }
        let (host, port) = try splitAuthority(text)
        guard let port else { throw Mistake("the port is missing: write \(excerpt(text)):4317, for example") }
        let address =
            switch host {
            case "": "0.0.0.0"
            case "localhost": "127.0.0.1"
            default: host
            }
        return ListenEndpoint(host: address, port: port)
    }

    /// Whether both cannot be open at once.
    package func conflicts(with other: ListenEndpoint) -> Bool {
        let everywhere: Set = ["0.0.0.0", "::"]
        return port != 0 && port == other.port
            && (host == other.host || everywhere.contains(host) || everywhere.contains(other.host))
    }
}

/// Where requests are sent: scheme, host, port and path.
package struct RemoteEndpoint: Sendable, Hashable, CustomStringConvertible {
    package enum Scheme: String, Sendable {
        case http
        case https
    }

    /// nil if the text named none: `HOST:PORT`.
    package var scheme: Scheme?
    /// A host name or an IP address, without brackets.
    package var host: String
    package var port: Int
    /// Begins with `/` unless it is empty; never ends with `/` unless that was all.
    package var path: String

    package init(scheme: Scheme?, host: String, port: Int, path: String) {
        self.scheme = scheme
        self.host = host
        self.port = port
        self.path = path
    }

    /// As a URL; a missing scheme is shown as http.
    package var description: String { "\((scheme ?? .http).rawValue)://\(bracketed(host)):\(port)\(path)" }

    /// Reads `HOST:PORT`, `[IPV6]:PORT` or `http(s)://HOST[:PORT][/PATH]`. Without a port, `defaultPort` holds if given,
    /// else the scheme's.
    package static func parse(_ text: String, defaultPort: Int? = nil) throws(Mistake) -> RemoteEndpoint {
        var rest = Substring(text)
        var scheme: Scheme?
        if let mark = text.firstRange(of: "://") {
            let name = text[..<mark.lowerBound].lowercased()
            guard let known = Scheme(rawValue: name) else {
                throw Mistake("\"\(excerpt(name))\" is no scheme for OTLP: use http://HOST:PORT or https://HOST:PORT")
            }
            scheme = known
            rest = text[mark.upperBound...]
        }
        // Not shown in the message: it is a password.
        guard !rest.prefix(while: { $0 != "/" }).contains("@") else {
            throw Mistake("the endpoint holds a user name or password; put them into an authorization header")
        }
        guard !rest.contains("?"), !rest.contains("#") else {
            throw Mistake("an endpoint takes no query and no fragment")
        }
        let authority = rest.prefix { $0 != "/" }
        var path = String(rest.dropFirst(authority.count))
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        guard path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Mistake("the endpoint's path holds a blank or a character that must be percent-encoded")
        }
        let (host, written) = try splitAuthority(String(authority))
        guard !host.isEmpty else { throw Mistake("the endpoint names no host: write http://HOST:PORT") }
        let known =
            switch scheme {
            case .http: defaultPort ?? 80
            case .https: defaultPort ?? 443
            case nil: defaultPort
            }
        guard let port = written ?? known else {
            throw Mistake("the port is missing: write \(excerpt(text)):PORT, or a URL such as http://\(excerpt(text))")
        }
        guard port > 0 else { throw Mistake("port 0 can be listened on, but nothing can be sent to it") }
        return RemoteEndpoint(scheme: scheme, host: host, port: port, path: path)
    }

    /// The endpoint with a path joined on by exactly one `/`.
    package func appending(path more: String) -> RemoteEndpoint {
        var joined = self
        joined.path = (path == "/" ? "" : path) + "/" + more
        return joined
    }
}

/// Where events are posted to. Whoever knows the path of a Kestra webhook can start its flow: it is a secret, and no
/// message shows it.
package struct WebhookEndpoint: Sendable, Hashable, CustomStringConvertible {
    /// With a scheme and without a path.
    package var server: RemoteEndpoint
    /// Path and query as written.
    package var target: String

    /// The URL without its path.
    package var description: String { "\(server)/…" }

    /// Reads `http(s)://HOST[:PORT]/PATH[?QUERY]`.
    package static func parse(_ text: String) throws(Mistake) -> WebhookEndpoint {
        guard let mark = text.firstRange(of: "://") else {
            throw Mistake("expected the whole URL of a webhook: http://HOST:PORT/api/v1/TENANT/executions/webhook/NAMESPACE/FLOW/KEY")
        }
        let authority = text[mark.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let server = try RemoteEndpoint.parse(String(text[..<authority.endIndex]))
        let target = text[authority.endIndex...]
        guard target.utf8.count > 1, target.hasPrefix("/") else {
            throw Mistake("the URL has no path: write all of it, up to the webhook's key")
        }
        guard !target.contains("{"), !target.contains("}") else {
            throw Mistake("the URL's path holds a placeholder in braces: write namespace, flow and key themselves")
        }
        guard !target.contains("#") else { throw Mistake("a URL to send to has no fragment") }
        guard target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Mistake("the URL's path holds a blank or a character that must be percent-encoded")
        }
        return WebhookEndpoint(server: server, target: String(target))
    }
}

private func bracketed(_ host: String) -> String {
    host.contains(":") ? "[\(host)]" : host
}

/// Splits `HOST:PORT`, `HOST` or `[IPV6]:PORT`.
private func splitAuthority(_ text: String) throws(Mistake) -> (host: String, port: Int?) {
    var host = Substring(text)
    var port: Substring?
    if text.hasPrefix("[") {
        guard let end = text.firstIndex(of: "]") else { throw Mistake("\"\(excerpt(text))\" has no closing bracket") }
        host = text[text.index(after: text.startIndex)..<end]
        let rest = text[text.index(after: end)...]
        guard rest.isEmpty || rest.hasPrefix(":") else {
            throw Mistake("expected [ADDRESS]:PORT, found \"\(excerpt(text))\"")
        }
        port = rest.isEmpty ? nil : rest.dropFirst()
        guard host.contains(":"),
            host.utf8.allSatisfy({ isHostByte($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "%") })
        else { throw Mistake("\"\(excerpt(String(host)))\" is no IPv6 address") }
    } else {
        if let colon = text.lastIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        guard !host.contains(":") else { throw Mistake("write an IPv6 address in brackets: [::1]:4317") }
        guard host.utf8.allSatisfy(isHostByte) else {
            throw Mistake("\"\(excerpt(String(host)))\" is no host name: expected HOST:PORT")
        }
    }
    guard let port else { return (String(host), nil) }
    guard let number = Int(port), (0...65535).contains(number), port.first?.isNumber == true else {
        throw Mistake("\"\(excerpt(String(port)))\" is no port: expected a number up to 65535")
    }
    return (String(host), number)
}

private func isHostByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
        true
    default: false
    }
}
