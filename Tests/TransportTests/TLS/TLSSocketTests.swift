import COpenSSL
import Foundation
import Testing

@testable import Transport

@Suite struct TLSSocketTests {
    let files: TestCertificates

    init() throws { files = try TestCertificates.shared.get() }

    @Test(
        "requests go over TLS, small and large ones", arguments: [WireProtocol.http1, .http2, .grpc],
        ["127.0.0.1", "localhost"])
    func requests(wireProtocol: WireProtocol, host: String) throws {
        let fixture = try Fixture(loops: 2, tls: files.server())
        let client = fixture.client(wireProtocol, host: host, connections: 2, tls: try files.client())
        let body = (0..<64).flatMap { piece in [UInt8](repeating: UInt8(piece), count: 65_537) }
        for size in [0, 1, 20_000, body.count] {
            let answers = (0..<4).map { number in
                client.send(
                    ClientRequest(
                        target: number % 2 == 0 ? "/echo" : "/later", body: Array(body.prefix(size)),
                        timeout: 60_000_000_000))
            }
            for answer in answers { #expect(try answer.wait(seconds: 60).get().body == body.prefix(size)[...].map { $0 }) }
        }
        #expect(fixture.server.counters.tlsFailures == 0 && client.counters.tlsFailures == 0)
        #expect(client.counters.connections <= 2)
        client.close()
        try eventually { fixture.server.connectionCount == 0 }
        #expect(fixture.server.counters.tlsFailures == 0)
    }

    @Test("8 MiB answers reach a slow reader", arguments: [WireProtocol.http1, .http2])
    func bigAnswers(wireProtocol: WireProtocol) throws {
        let fixture = try Fixture(tls: files.server())
        let client = fixture.client(wireProtocol, tls: try files.client())
        for _ in 0..<3 {
            let answer = try client.send(ClientRequest(target: "/big", timeout: 60_000_000_000)).wait(seconds: 60).get()
            #expect(answer.body.count == EchoHandler.bigAnswer && answer.body.allSatisfy { $0 == 7 })
        }
    }

    @Test("a plain request to a TLS port is cut off and counted", arguments: [WireProtocol.http1, .grpc])
    func plainClient(wireProtocol: WireProtocol) throws {
        let fixture = try Fixture(tls: files.server())
        let client = fixture.client(wireProtocol)
        guard case .failure = try client.send(ClientRequest(target: "/echo", timeout: 15_000_000_000)).wait() else {
            Issue.record("expected no answer")
            return
        }
        try eventually { fixture.server.counters.tlsFailures > 0 && fixture.server.connectionCount == 0 }
        #expect(fixture.server.counters.requests == 0)
        let socket = try RawSocket(port: fixture.port)
        socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        _ = socket.readToEnd()
        // Others are served as before.
        let good = fixture.client(wireProtocol, tls: try files.client())
        #expect(try good.send(ClientRequest(target: "/echo")).wait().get().status == 200)
    }

    @Test("a TLS client at a plain port fails in words", arguments: [WireProtocol.http1, .grpc])
    func plainServer(wireProtocol: WireProtocol) throws {
        let fixture = try Fixture()
        let client = fixture.client(wireProtocol, tls: try files.client())
        guard case .failure(.tls(let message)) = try client.send(ClientRequest(target: "/echo")).wait() else {
            Issue.record("expected a TLS failure")
            return
        }
        #expect(message.contains("127.0.0.1:\(fixture.port)"), "\(message)")
        #expect(client.counters.tlsFailures == 1 && client.counters.refused == 1)
    }

    @Test("a peer that begins a handshake and stops is cut off after the head's time")
    func slowHandshake() throws {
        var limits = ServerLimits.defaults
        limits.headTimeout = 50_000_000
        let fixture = try Fixture(limits: limits, tls: files.server())
        let silent = try RawSocket(port: fixture.port)
        let slow = try RawSocket(port: fixture.port)
        slow.write([22, 3, 1])
        #expect(silent.readToEnd().isEmpty && slow.readToEnd().isEmpty)
        try eventually { fixture.server.connectionCount == 0 }
        #expect(fixture.server.counters.tlsFailures == 1)
        // A port that is only tried is no failure.
        do { _ = try RawSocket(port: fixture.port) }
        try eventually { fixture.server.counters.connections == 3 && fixture.server.connectionCount == 0 }
        #expect(fixture.server.counters.tlsFailures == 1)
    }

    @Test("a server that accepts and says nothing costs the connecting time only")
    func silentServer() throws {
        let listening = try ListeningSocket.open(host: "127.0.0.1", port: 0, count: 1)
        defer { ListeningSocket.close(listening.sockets[0]) }
        let loop = try EventLoop(name: "silent")
        loop.start()
        defer { loop.stop() }
        let client = Client(
            loop: loop,
            endpoint: ClientEndpoint(host: "127.0.0.1", port: listening.port, tls: true, wireProtocol: .grpc),
            connections: 1, responseLimit: 1_000, connectTimeout: 50_000_000, tls: try files.client())
        guard case .failure(.connect(let message)) = try client.send(ClientRequest(target: "/")).wait() else {
            Issue.record("expected a failure to connect")
            return
        }
        #expect(message.contains("no answer within 50 ms"))
    }

    @Test("who is not trusted gets no request")
    func untrusted() throws {
        for (certificate, host, words) in [
            ("of-other", "localhost", "issuer"), ("expired", "localhost", "expired"), ("elsewhere", "localhost", "mismatch"),
        ] {
            let fixture = try Fixture(tls: files.server(certificate))
            let client = fixture.client(.grpc, host: host, tls: try files.client())
            guard case .failure(.tls(let message)) = try client.send(ClientRequest(target: "/echo")).wait() else {
                Issue.record("expected a TLS failure")
                continue
            }
            #expect(message.contains(words), "\(message)")
            try eventually { fixture.server.counters.tlsFailures > 0 }
            #expect(fixture.server.counters.requests == 0)
        }
    }

    @Test("mutual TLS over sockets", arguments: [WireProtocol.http1, .grpc])
    func mutual(wireProtocol: WireProtocol) throws {
        let fixture = try Fixture(tls: files.server(clients: "ca"))
        let known = fixture.client(wireProtocol, tls: try files.client(shows: "client"))
        #expect(try known.send(ClientRequest(target: "/echo")).wait().get().status == 200)
        for shows in [nil, "other-client"] as [String?] {
            let stranger = fixture.client(wireProtocol, tls: try files.client(shows: shows))
            guard case .failure = try stranger.send(ClientRequest(target: "/echo")).wait() else {
                Issue.record("a stranger was served")
                continue
            }
        }
        try eventually { fixture.server.counters.tlsFailures == 2 }
        #expect(fixture.server.counters.requests == 1)
    }

    @Test("shutting down finishes the request in flight, and open connections end with notice")
    func shutdown() throws {
        let fixture = try Fixture(tls: files.server())
        let client = fixture.client(.grpc, tls: try files.client())
        let held = client.send(ClientRequest(target: "/held", body: [1]))
        try eventually { fixture.handler.heldCount == 1 }
        let done = Waiter<Void>()
        fixture.server.shutdown(deadline: EventLoop.deadline(after: 10_000_000_000)) { done.set(()) }
        fixture.handler.release()
        #expect(try held.wait().get().body == [1])
        try done.wait()
        #expect(fixture.server.counters.tlsFailures == 0)
    }

    @Test("changed files are used by new connections; unusable ones change nothing")
    func reload() throws {
        let (certificate, key) = (files.path("live-\(UUID())"), files.key("live-\(UUID())"))
        func put(_ name: String, keyOf other: String? = nil) throws {
            for (source, target) in [(files.path(name), certificate), (files.key(other ?? name), key)] {
                try Data(contentsOf: URL(filePath: source)).write(to: URL(filePath: target), options: .atomic)
            }
        }
        try put("server")
        let context = try TLSContext.server(TLSContext.ServerFiles(certificate: certificate, key: key))
        #expect(try !context.reloadIfChanged())
        let fixture = try Fixture(tls: context)
        let old = fixture.client(.http1, host: "localhost", tls: try files.client())
        #expect(try old.send(ClientRequest(target: "/echo")).wait().get().status == 200)
        try put("of-other", keyOf: "server")
        for _ in 0..<2 { #expect(throws: TLSContextError.self) { try context.reloadIfChanged() } }
        let still = fixture.client(.http1, host: "localhost", tls: try files.client())
        #expect(try still.send(ClientRequest(target: "/echo")).wait().get().status == 200)
        try put("of-other")
        #expect(try context.reloadIfChanged())
        #expect(try !context.reloadIfChanged())
        let new = fixture.client(.http1, host: "localhost", tls: try files.client(trusts: "other-ca"))
        #expect(try new.send(ClientRequest(target: "/echo")).wait().get().status == 200)
        // The connection from before goes on.
        #expect(try old.send(ClientRequest(target: "/echo")).wait().get().status == 200)
        #expect(old.counters.connections == 1)
        try FileManager.default.removeItem(atPath: certificate)
        #expect(throws: TLSContextError.self) { try context.reloadIfChanged() }
    }

    /// Takes everything and gives nothing.
    private final class Sink: ByteStream {
        var owner: (any ByteStreamOwner)?
        var queuedBytes: Int { written.count }
        var written: [UInt8] = []
        var isClosed = false
        func startReading() {}
        func stopReading() {}
        func write(_ bytes: borrowing [UInt8]) -> Bool {
            bytes.withUnsafeBytes { written += $0 }
            return true
        }
        func finishWriting() {}
        func close() { isClosed = true }
    }

    private final class Owner: ByteStreamOwner {
        var failure: String?
        func streamDidRead(_ bytes: UnsafeRawBufferPointer) {}
        func streamDidEnd() {}
        func streamDidDrain() {}
        func streamDidFail(_ reason: String) { failure = reason }
        func streamDidClose() {}
    }

    @Test("a peer that makes the server talk and reads nothing is cut off")
    func keyUpdates() throws {
        let sink = Sink()
        let owner = Owner()
        let client = try #require(TLSSession(try files.client(), host: "localhost"))
        let stream = TLSStream(
            over: sink, session: try #require(TLSSession(try files.server())), loop: try EventLoop(name: "sink"),
            handshaken: { _ in })
        stream.owner = owner
        var plain: [UInt8] = []
        for _ in 0..<3 {
            client.takeOutput().withUnsafeBytes { stream.streamDidRead($0) }
            sink.written.withUnsafeBytes { client.receive($0, into: &plain) }
            sink.written = []
        }
        #expect(client.phase == .open && owner.failure == nil)
        var rounds = 0
        while owner.failure == nil, rounds < 100_000 {
            rounds += 1
            SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED)
            _ = [UInt8(1)].withUnsafeBytes { client.send($0) }
            client.takeOutput().withUnsafeBytes { stream.streamDidRead($0) }
        }
        #expect(owner.failure?.contains("reads nothing") == true, "\(rounds): \(owner.failure ?? "none")")
    }
}
