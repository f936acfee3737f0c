/// An HTTP proxy, with what it wants to know of its users. No message shows the password.
package struct ProxyEndpoint: Sendable, Hashable, CustomStringConvertible {
    /// A host name or an IP address, without brackets.
    package var host: String
    package var port: Int
    /// nil if the proxy takes everybody.
    package var credentials: Credentials?

    package struct Credentials: Sendable, Hashable {
        package var username: String
        package var password: String

        package init(username: String, password: String) {
            self.username = username
            self.password = password
        }
    }

    package var description: String { RemoteEndpoint(scheme: .http, host: host, port: port, path: "").description }

    /// Reads `[http://][NAME[:PASSWORD]@]HOST[:PORT]`, name and password percent-encoded. The port defaults to 80.
    package static func parse(_ text: String) throws(Mistake) -> ProxyEndpoint {
        var rest = text[...]
        if let mark = text.firstRange(of: "://") {
            guard text[..<mark.lowerBound].lowercased() == "http" else {
                throw Mistake("only proxies that are spoken to in HTTP are known: write http://HOST:PORT")
            }
            rest = text[mark.upperBound...]
        }
        if rest.hasSuffix("/") { rest.removeLast() }
        var credentials: Credentials?
        if let at = rest.lastIndex(of: "@") {
            let user = rest[..<at]
            let name = user.prefix { $0 != ":" }
            guard let username = percentDecoded(String(name)), !username.contains(":"),
                let password = percentDecoded(String(user.dropFirst(name.count + 1)))
            else { throw Mistake("the user name and the password before @ must be percent-encoded") }
            credentials = Credentials(username: username, password: password)
            rest = rest[at...].dropFirst()
        }
        guard !rest.contains("/") else { throw Mistake("a proxy has no path: write http://HOST:PORT") }
        let server = try RemoteEndpoint.parse(String(rest), defaultPort: 80)
        return ProxyEndpoint(host: server.host, port: server.port, credentials: credentials)
    }
}
