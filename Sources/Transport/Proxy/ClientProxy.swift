/// An HTTP proxy between a client and its endpoint. TLS and gRPC go through a tunnel (RFC 9110, 9.3.6); plain HTTP/1.1 is
/// given to the proxy with the whole URL (RFC 9112, 3.2.2).
package struct ClientProxy: Sendable, Hashable {
    /// A name or an address, without brackets.
    package var host: String
    package var port: Int
    /// The value of `proxy-authorization`; nil for none.
    package var authorization: String?

    package init(host: String, port: Int, authorization: String? = nil) {
        self.host = host
        self.port = port
        self.authorization = authorization
    }

    /// What to do if a proxy asks for credentials (407).
    package static let credentialsHint =
        "give proxy_url, HTTP_PROXY or HTTPS_PROXY a user name and a password, http://NAME:PASSWORD@HOST:PORT"

    /// Without the secret.
    var name: String { hostAndPort(host, port) }
}
