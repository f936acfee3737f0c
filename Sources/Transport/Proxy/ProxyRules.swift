/// Which proxy an endpoint is reached through, as the variables `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` say it to most
/// programs. There is no standard; the rules are those of Go's libraries, which collectors and Kubernetes' tools follow.
package struct ProxyRules: Sendable {
    /// For HTTP/1.1 without TLS.
    private let plain: ClientProxy?
    /// For everything that needs a tunnel.
    private let tunnel: ClientProxy?
    private let exemptions: [Exemption]

    /// - Parameter exempt: the entries of `NO_PROXY`: `*`, a name, which stands for the names below it too, a name after a
    ///   dot, which stands only for those, an address, or a network such as `10.0.0.0/8`. Names and addresses may have a
    ///   port. What is none of these exempts nothing.
    package init(plain: ClientProxy?, tunnel: ClientProxy?, exempt: [String]) {
        self.plain = plain
        self.tunnel = tunnel
        exemptions = exempt.compactMap(Exemption.init)
    }

    /// The proxy for an endpoint; nil to connect directly, as to this machine itself always.
    package func proxy(for endpoint: ClientEndpoint) -> ClientProxy? {
        guard let proxy = endpoint.needsTunnel ? tunnel : plain else { return nil }
        let host = endpoint.host.lowercased()
        let address = SocketAddress(host: host, port: endpoint.port)?.bytes
        if host == "localhost" || address?.count == 4 && address?.first == 127 || address == Self.loopback { return nil }
        return exemptions.contains { $0.covers(host: host, address: address, port: endpoint.port) } ? nil : proxy
    }

    /// ::1
    private static let loopback = [UInt8](repeating: 0, count: 15) + [1]

    private enum Exemption {
        case everything
        /// Names in lower case, without a dot in front.
        case name(String, withItself: Bool, port: Int?)
        /// The first `length` bits of an address.
        case network([UInt8], length: Int, port: Int?)

        init?(_ text: String) {
            let text = text.lowercased()
            if text == "*" {
                self = .everything
                return
            }
            let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            if parts.count == 2 {
                guard let bytes = SocketAddress(host: parts[0], port: 0)?.bytes, let length = Int(parts[1]),
                    (0...bytes.count * 8).contains(length)
                else { return nil }
                self = .network(bytes, length: length, port: nil)
            } else if let bytes = SocketAddress(host: text, port: 0)?.bytes {
                self = .network(bytes, length: bytes.count * 8, port: nil)
            } else {
                let (host, digits) = ClientEndpoint.split(text[...])
                let port = digits.flatMap { Int($0) }
                guard digits == nil || port != nil else { return nil }
                if let bytes = SocketAddress(host: String(host), port: 0)?.bytes {
                    self = .network(bytes, length: bytes.count * 8, port: port)
                } else {
                    let name = host.hasPrefix("*.") ? host.dropFirst(2) : host.hasPrefix(".") ? host.dropFirst() : host
                    guard !name.isEmpty else { return nil }
                    self = .name(String(name), withItself: name.utf8.count == host.utf8.count, port: port)
                }
            }
        }

        func covers(host: String, address: [UInt8]?, port: Int) -> Bool {
            switch self {
            case .everything:
                return true
            case .name(let name, let withItself, let only):
                guard only == nil || only == port else { return false }
                return host == name ? withItself : host.hasSuffix("." + name)
            case .network(let network, let length, let only):
                guard let address, address.count == network.count, only == nil || only == port else { return false }
                return (0..<length).allSatisfy { bit in
                    (address[bit / 8] ^ network[bit / 8]) & (0x80 >> (bit % 8)) == 0
                }
            }
        }
    }
}
