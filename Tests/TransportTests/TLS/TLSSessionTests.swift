import Testing

@testable import Transport

/// A client and a server, joined in memory.
private final class Pair {
    let client: TLSSession
    let server: TLSSession
    var toClient: [UInt8] = []
    var toServer: [UInt8] = []
    /// Changes what is on its way: (is to the server, bytes).
    var tamper: (Bool, inout [UInt8]) -> Void = { _, _ in }

    init(_ client: TLSContext, _ server: TLSContext, host: String = "localhost", offers: [String] = ["h2"]) throws {
        self.client = try #require(TLSSession(client, host: host, offers: offers))
        self.server = try #require(TLSSession(server))
    }

    /// Carries bytes to and fro, `step` at a time, until neither side has any.
    func carry(step: Int = .max) {
        while client.outputCount > 0 || server.outputCount > 0 {
            var bytes = client.takeOutput()
            tamper(true, &bytes)
            feed(server, bytes, step, into: &toServer)
            bytes = server.takeOutput()
            tamper(false, &bytes)
            feed(client, bytes, step, into: &toClient)
        }
    }

    private func feed(_ session: TLSSession, _ bytes: [UInt8], _ step: Int, into plain: inout [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            rest.prefix(step).withUnsafeBytes { session.receive($0, into: &plain) }
            rest = rest.dropFirst(step)
        }
    }

    func send(_ bytes: [UInt8], from session: TLSSession) -> Bool {
        bytes.withUnsafeBytes { session.send($0) }
    }
}

private func reason(_ session: TLSSession) -> String {
    if case .failed(let reason) = session.phase { reason } else { "\(session.phase)" }
}

@Suite struct TLSSessionTests {
    let files: TestCertificates

    init() throws { files = try TestCertificates.shared.get() }

    @Test("bytes come through in every split, and the end too", arguments: [1, 2, 3, 5, 64, 1_000, 16_405, Int.max])
    func splits(step: Int) throws {
        let pair = try Pair(files.client(), files.server())
        pair.carry(step: step)
        #expect(pair.client.phase == .open && pair.server.phase == .open)
        #expect(pair.client.applicationProtocol == "h2" && pair.server.applicationProtocol == "h2")
        let question = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        #expect(pair.send(question, from: pair.client))
        pair.carry(step: step)
        #expect(pair.toServer == question)
        #expect(pair.send(question.reversed(), from: pair.server))
        pair.server.sendEnd()
        pair.carry(step: step)
        #expect(pair.toClient == question.reversed() && pair.client.phase == .ended)
        // The other direction is still open.
        #expect(pair.send([1, 2, 3], from: pair.client))
        pair.client.sendEnd()
        pair.carry(step: step)
        #expect(pair.toServer.count == 40_003 && pair.server.phase == .ended)
        pair.server.receiveEnd()
        #expect(pair.server.phase == .ended && !pair.send([1], from: pair.server))
    }

    @Test(
        "names are checked",
        arguments: [
            ("server", "localhost", nil, true), ("server", "LOCALHOST", nil, true), ("server", "127.0.0.1", nil, true),
            ("server", "localhost.", nil, true), ("server", "elsewhere.test", nil, false),
            ("server", "127.0.0.2", nil, false), ("server", "::1", nil, false), ("elsewhere", "localhost", nil, false),
            ("elsewhere", "127.0.0.1", nil, false), ("elsewhere", "127.0.0.1", "elsewhere.test", true),
            ("server", "localhost", "elsewhere.test", false),
        ] as [(String, String, String?, Bool)])
    func names(certificate: String, host: String, override: String?, isTaken: Bool) throws {
        let pair = try Pair(files.client(serverName: override), files.server(certificate), host: host)
        pair.carry()
        #expect((pair.client.phase == .open) == isTaken)
        guard !isTaken else { return }
        #expect(reason(pair.client).contains("mismatch"), "\(reason(pair.client))")
        #expect(reason(pair.server).contains("alert"), "\(reason(pair.server))")
        let unchecked = try Pair(files.client(skipsVerification: true), files.server(certificate), host: host)
        unchecked.carry()
        #expect(unchecked.client.phase == .open && unchecked.server.phase == .open)
    }

    @Test("expired certificates and unknown authorities are refused")
    func refused() throws {
        for (certificate, trusts, words) in [
            ("expired", "ca", "expired"), ("of-other", "ca", "issuer"), ("server", "other-ca", "issuer"),
            ("server", nil, "issuer"),
        ] as [(String, String?, String)] {
            let pair = try Pair(files.client(trusts: trusts), files.server(certificate))
            pair.carry()
            #expect(reason(pair.client).contains(words), "\(certificate): \(reason(pair.client))")
            #expect(!pair.send([1], from: pair.client))
        }
    }

    @Test("a certificate that is itself listed as authority is trusted")
    func pinned() throws {
        let pair = try Pair(files.client(trusts: "server"), files.server())
        pair.carry()
        #expect(pair.client.phase == .open)
    }

    @Test("mutual TLS lets in who has a certificate of the authority")
    func mutual() throws {
        for (shows, words) in [("client", nil), (nil, "did not return"), ("other-client", "verify failed")]
            as [(String?, String?)]
        {
            let pair = try Pair(files.client(shows: shows), files.server(clients: "ca"))
            pair.carry()
            if let words {
                #expect(reason(pair.server).contains(words), "\(reason(pair.server))")
                #expect(reason(pair.client).contains("alert"), "\(reason(pair.client))")
            } else {
                #expect(pair.server.phase == .open && pair.send([1], from: pair.client))
                pair.carry()
                #expect(pair.toServer == [1])
            }
        }
        // Who is not asked need not show one.
        let pair = try Pair(files.client(shows: "client"), files.server())
        pair.carry()
        #expect(pair.server.phase == .open)
    }

    @Test("ALPN chooses h2 first and refuses what is unknown")
    func protocols() throws {
        for (offers, chosen) in [
            (["h2"], "h2"), (["http/1.1"], "http/1.1"), (["http/1.1", "h2"], "h2"), (["x", "http/1.1"], "http/1.1"),
            ([], nil),
        ] as [([String], String?)] {
            let pair = try Pair(files.client(), files.server(), offers: offers)
            pair.carry()
            #expect(pair.client.applicationProtocol == chosen && pair.server.applicationProtocol == chosen)
            #expect(pair.server.phase == .open)
        }
        let pair = try Pair(files.client(), files.server(), offers: ["x"])
        pair.carry()
        #expect(reason(pair.client).contains("alert") && reason(pair.server).contains("application protocol"))
    }

    @Test("plain text and old versions are refused in words")
    func plainText() throws {
        for (text, words) in [
            ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "http request"), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""),
            ("\u{16}\u{3}\u{1}\0\u{5}hello", ""),
        ] {
            let server = try #require(TLSSession(try files.server()))
            var plain: [UInt8] = []
            Array(text.utf8).withUnsafeBytes { server.receive($0, into: &plain) }
            #expect(reason(server).contains(words) && server.phase != .handshake && plain.isEmpty, "\(reason(server))")
        }
        let old = try #require(TLSSession(try files.server()))
        // A hello that offers TLS 1.1 only, from a record header of the same version.
        var plain: [UInt8] = []
        let body: [UInt8] = [3, 2] + [UInt8](repeating: 7, count: 32) + [0, 0, 2, 0xC0, 0x13, 1, 0]
        let hello: [UInt8] = [22, 3, 1, 0, UInt8(body.count + 4), 1, 0, 0, UInt8(body.count)] + body
        hello.withUnsafeBytes { old.receive($0, into: &plain) }
        #expect(reason(old).contains("unsupported protocol"), "\(reason(old))")
    }

    @Test("whatever is cut off or changed on the way, nothing wrong is read and nothing traps")
    func damage() throws {
        let (clientContext, serverContext) = (try files.client(), try files.server())
        let text = Array("a secret".utf8)
        func run(_ tamper: @escaping (Int, inout [UInt8]) -> Void) throws -> (Pair, [Int]) {
            let pair = try Pair(clientContext, serverContext)
            var sizes: [Int] = []
            pair.tamper = { _, bytes in
                guard !bytes.isEmpty else { return }
                sizes.append(bytes.count)
                tamper(sizes.count - 1, &bytes)
            }
            pair.carry()
            _ = pair.send(text, from: pair.client)
            _ = pair.send(text, from: pair.server)
            pair.carry()
            return (pair, sizes)
        }
        let (whole, sizes) = try run { _, _ in }
        #expect(whole.toServer == text && whole.toClient == text && sizes.count >= 4)
        for (flight, size) in sizes.enumerated() {
            for place in stride(from: 0, to: size, by: size > 200 ? 7 : 1) {
                let (flipped, _) = try run { if $0 == flight, place < $1.count { $1[place] ^= 1 << (place & 7) } }
                #expect([[], text].contains(flipped.toServer) && [[], text].contains(flipped.toClient))
                let (cut, _) = try run { if $0 == flight { $1.removeLast(max(0, $1.count - place)) } }
                #expect([[], text].contains(cut.toServer) && [[], text].contains(cut.toClient))
                cut.server.receiveEnd()
                cut.client.receiveEnd()
                #expect(cut.server.phase != .handshake && cut.client.phase != .open)
            }
        }
    }

    @Test("files that are not usable are named")
    func badFiles() throws {
        func failure(_ certificate: String, _ key: String, _ authorities: String? = nil) -> TLSContextError? {
            do throws(TLSContextError) {
                _ = try TLSContext.server(
                    TLSContext.ServerFiles(certificate: certificate, key: key, clientAuthorities: authorities))
                return nil
            } catch { return error }
        }
        let (good, key) = (files.path("server"), files.key("server"))
        let cases: [(TLSContextError?, TLSContextError.Part, String, String)] = [
            (failure("/no/such", key), .certificate, "/no/such", "No such file"),
            (failure(good, "/no/such"), .key, "/no/such", "No such file"),
            (failure(files.path("garbage"), key), .certificate, files.path("garbage"), "no PEM certificate"),
            (failure(good, files.path("garbage")), .key, files.path("garbage"), "no PEM key"),
            (failure(good, files.key("client")), .key, files.key("client"), "does not belong"),
            (failure(good, files.key("rsa")), .key, files.key("rsa"), "does not belong"),
            (failure(good, files.key("locked")), .key, files.key("locked"), "passphrase"),
            (failure(good, key, "/no/such"), .authorities, "/no/such", "No such file"),
            (failure(good, key, files.path("garbage")), .authorities, files.path("garbage"), "no PEM certificates"),
            (failure(good, key, files.directory), .authorities, files.directory, ""),
        ]
        for (failure, part, file, words) in cases {
            #expect(failure?.part == part && failure?.file == file)
            #expect(failure?.reason.contains(words) == true, "\(failure?.description ?? "none")")
        }
        #expect(failure(good, key, files.path("ca")) == nil)
        #expect(throws: TLSContextError.self) { try files.client(trusts: "garbage") }
        #expect(throws: TLSContextError.self) { try files.client(shows: "no-such") }
    }
}
