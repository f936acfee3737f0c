import Testing

@testable import Transport

@Suite("HTTP proxies")
struct ProxyTests {
    private let proxy = ClientProxy(host: "p", port: 3128, authorization: "Basic dTpw")

    /// Feeds an answer in pieces; returns whether the tunnel opened, and what came through it.
    private func open(_ pieces: [ArraySlice<UInt8>]) throws(TransportError) -> (isOpen: Bool, rest: [UInt8]) {
        var handshake = TunnelHandshake(to: "[::1]:4317", through: proxy)
        var isOpen = false
        var rest: [UInt8] = []
        for piece in pieces {
            let bytes = Array(piece)
            if isOpen {
                rest += bytes
                continue
            }
            let result = bytes.withUnsafeBytes { bytes -> Result<[UInt8], TransportError> in
                var input = bytes
                do throws(TransportError) {
                    isOpen = try handshake.receive(&input)
                    return .success(Array(input))
                } catch {
                    return .failure(error)
                }
            }
            rest += try result.get()
        }
        return (isOpen, rest)
    }

    @Test("a tunnel is asked for by authority, with credentials if there are any")
    func request() {
        let handshake = TunnelHandshake(to: "host:4317", through: proxy)
        #expect(
            String(decoding: handshake.request, as: UTF8.self)
                == "CONNECT host:4317 HTTP/1.1\r\nhost: host:4317\r\nproxy-authorization: Basic dTpw\r\n\r\n")
        let open = TunnelHandshake(to: "host:4317", through: ClientProxy(host: "p", port: 1))
        #expect(String(decoding: open.request, as: UTF8.self) == "CONNECT host:4317 HTTP/1.1\r\nhost: host:4317\r\n\r\n")
    }

    @Test("an answer in every split opens the tunnel, and what follows it is kept")
    func splits() throws {
        for answer in [
            "HTTP/1.1 200 Connection established\r\n\r\n", "HTTP/1.0 200\r\nProxy-agent: x\r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 100 Wait\r\n\r\nHTTP/1.1 204 x\r\n\r\n",
        ] {
            let bytes = Array((answer + "PRI *\0").utf8)
            for split in 0...bytes.count {
                let (isOpen, rest) = try open([bytes[..<split], bytes[split...]])
                #expect(isOpen && rest == Array("PRI *\0".utf8), "\(answer) split at \(split)")
            }
            let (isOpen, rest) = try open(bytes.indices.map { bytes[$0...$0] })
            #expect(isOpen && rest == Array("PRI *\0".utf8))
            for length in 0..<answer.utf8.count { #expect(try open([bytes[..<length]]).isOpen == false) }
        }
    }

    @Test("what is no consent opens no tunnel, and says what to do")
    func refusals() {
        for (answer, words) in [
            ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407 to CONNECT [::1]:4317: give proxy_url,"),
            ("HTTP/1.1 403 Filtered\r\nContent-Length: 2\r\n\r\nno", "403 to CONNECT [::1]:4317: allow it"),
            ("HTTP/1.1 101 Switching\r\n\r\n", "101"), ("SSH-2.0-OpenSSH_9\r\nx\r\n\r\n", "malformed"),
            ("HTTP/1.1 200 OK\n\n", "carriage return"),
            ("HTTP/1.1 " + String(repeating: "2", count: 5_000), "4096"),
            ("HTTP/1.1 200 OK\r\nA: " + String(repeating: "b", count: 20_000), "16384"),
        ] {
            let error = #expect(throws: TransportError.self) { try open([Array(answer.utf8)[...]]) }
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "") for \(words)")
        }
    }

    @Test("no flipped byte of an answer traps")
    func flips() {
        let answer = Array("HTTP/1.1 200 OK\r\nA: b\r\n\r\n".utf8)
        for index in answer.indices {
            for bit in 0..<8 {
                var flipped = answer
                flipped[index] ^= 1 << bit
                _ = try? open([flipped[...]])
            }
        }
    }

    @Test("a proxy for plain HTTP/1.1 gets the whole URL and the credentials")
    func absoluteForm() {
        let client = HTTP1Client(authority: "host:1", proxy: proxy, responseLimit: 100)
        client.start(ClientRequest(target: "/v1/traces?a", body: [65]), id: 1, now: 0)
        var output: [UInt8] = []
        client.takeOutput(into: &output)
        #expect(
            String(decoding: output, as: UTF8.self) == "POST http://host:1/v1/traces?a HTTP/1.1\r\nhost: host:1\r\n"
                + "proxy-authorization: Basic dTpw\r\ncontent-length: 1\r\n\r\nA")
    }

    @Test("HTTPS_PROXY is for what needs a tunnel, HTTP_PROXY for the rest, this machine for neither")
    func rules() {
        let other = ClientProxy(host: "q", port: 1)
        let rules = ProxyRules(plain: proxy, tunnel: other, exempt: [])
        func chosen(_ host: String, tls: Bool = false, _ wireProtocol: WireProtocol = .http1) -> ClientProxy? {
            rules.proxy(for: ClientEndpoint(host: host, port: 4317, tls: tls, wireProtocol: wireProtocol))
        }
        #expect(chosen("a.example") == proxy)
        #expect(chosen("a.example", tls: true) == other && chosen("a.example", .grpc) == other)
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "::1"] { #expect(chosen(host, .grpc) == nil) }
        for host in ["128.0.0.1", "::2", "0.0.0.1", "localhost.example"] { #expect(chosen(host) == proxy, "\(host)") }
        #expect(
            ProxyRules(plain: nil, tunnel: other, exempt: []).proxy(
                for: ClientEndpoint(host: "a", port: 1, wireProtocol: .http1)) == nil)
    }

    @Test(
        "NO_PROXY knows names, what is below them, addresses, networks and ports",
        arguments: [
            ("*", ["a", "10.0.0.1"], []),
            ("a.b", ["a.b", "A.B", "x.a.b"], ["xa.b", "a.b.c", "b"]), (".a.b", ["x.a.b"], ["a.b"]),
            ("*.a.b", ["x.a.b"], ["a.b"]), ("A.B:4317", ["a.b", "x.a.b"], []), ("a.b:4318", [], ["a.b"]),
            ("10.1.2.3", ["10.1.2.3"], ["10.1.2.4", "x.10.1.2.3"]), ("10.1.2.3:4318", [], ["10.1.2.3"]),
            ("10.1.0.0/15", ["10.0.0.0", "10.1.255.255"], ["10.2.0.0", "::a01:0", "a"]), ("0.0.0.0/0", ["9.9.9.9"], ["::2"]),
            ("fd00::/8", ["fd12::1"], ["fe00::1", "253.0.0.1"]), ("[fd00::1]:4317", ["fd00::1"], ["fd00::2"]),
            ("fd00::1", ["fd00::1"], ["fd00::2"]), ("10.0.0.0/33", [], ["10.0.0.0"]), ("10.0.0.0/-1", [], ["10.0.0.0"]),
            ("/8", [], ["a"]), (".", [], ["a."]), ("", [], ["a"]), ("a:x", [], ["a"]), ("[::1", [], ["a"]),
        ])
    func exemptions(entry: String, exempt: [String], not: [String]) {
        let rules = ProxyRules(plain: proxy, tunnel: nil, exempt: [entry])
        func isDirect(_ host: String) -> Bool {
            rules.proxy(for: ClientEndpoint(host: host, port: 4317, wireProtocol: .http1)) == nil
        }
        for host in exempt { #expect(isDirect(host), "\(host)") }
        for host in not { #expect(!isDirect(host), "\(host)") }
    }
}
