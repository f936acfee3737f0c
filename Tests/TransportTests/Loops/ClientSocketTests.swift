import Foundation
import Testing

@testable import Transport

@Suite struct ClientSocketTests {
    @Test("a connection is kept and used again")
    func keepAlive() throws {
        let fixture = try Fixture()
        for wireProtocol in [WireProtocol.http1, .grpc] {
            let client = fixture.client(wireProtocol, connections: 3)
            for _ in 0..<20 { _ = try client.send(ClientRequest(target: "/echo")).wait().get() }
            #expect(client.counters.connections == 1)
        }
    }

    @Test("the client connects again after the server was restarted", arguments: [WireProtocol.http1, .grpc])
    func restart(wireProtocol: WireProtocol) throws {
        var first: Fixture? = try Fixture()
        let port = try #require(first?.port)
        let loop = try EventLoop(name: "restart")
        loop.start()
        defer { loop.stop() }
        let client = Client(
            loop: loop, endpoint: ClientEndpoint(host: "127.0.0.1", port: port, wireProtocol: wireProtocol),
            connections: 2,
            responseLimit: 1_000)
        #expect(try client.send(ClientRequest(target: "/echo")).wait().get().status == 200)
        let done = Waiter<Void>()
        first?.server.shutdown(deadline: EventLoop.deadline(after: 5_000_000_000)) { done.set(()) }
        try done.wait()
        first = nil
        try eventually { client.counters.open == 0 }
        let failed = try client.send(ClientRequest(target: "/echo")).wait()
        guard case .failure(.connect(let message)) = failed else {
            Issue.record("expected a failure to connect, got \(failed)")
            return
        }
        #expect(message.contains("127.0.0.1:\(port)") && message.contains("connection refused"))
        #expect(client.counters.refused == 1)
        let second = try Fixture(port: port)
        #expect(try client.send(ClientRequest(target: "/echo")).wait().get().status == 200)
        #expect(second.server.counters.requests == 1)
    }

    @Test(
        "a request times out in flight and while it waits, and the next one works",
        arguments: [WireProtocol.http1, .grpc])
    func timeouts(wireProtocol: WireProtocol) throws {
        var limits = ServerLimits.defaults
        limits.concurrentStreams = 1
        let fixture = try Fixture(limits: limits)
        let client = fixture.client(wireProtocol)
        _ = try client.send(ClientRequest(target: "/echo")).wait().get()
        let inFlight = client.send(ClientRequest(target: "/never", timeout: 60_000_000))
        let waits = client.send(ClientRequest(target: "/echo", timeout: 20_000_000))
        #expect(throws: ClientError.timedOut(after: 20_000_000)) { try waits.wait().get() }
        switch try inFlight.wait() {
        case .failure(let error): #expect(error == .timedOut(after: 60_000_000))
        // The server knows a gRPC call's deadline and may be the first to say so.
        case .success(let response): #expect(response.grpcStatus?.code == 4)
        }
        #expect(try client.send(ClientRequest(target: "/echo")).wait().get().status == 200)
        #expect(client.counters.waiting == 0)
    }

    @Test("a peer that accepts and says nothing costs each request its own time-out only")
    func silentPeer() throws {
        let listening = try ListeningSocket.open(host: "127.0.0.1", port: 0, count: 1)
        defer { ListeningSocket.close(listening.sockets[0]) }
        let loop = try EventLoop(name: "silent")
        loop.start()
        defer { loop.stop() }
        for wireProtocol in [WireProtocol.http1, .grpc] {
            let client = Client(
                loop: loop,
                endpoint: ClientEndpoint(host: "127.0.0.1", port: listening.port, wireProtocol: wireProtocol),
                connections: 1, responseLimit: 1_000)
            let first = client.send(ClientRequest(target: "/", timeout: 1_000_000_000))
            try eventually { client.counters.open == 1 }
            let second = client.send(ClientRequest(target: "/", timeout: 30_000_000))
            #expect(throws: ClientError.timedOut(after: 30_000_000)) { try second.wait().get() }
            #expect(throws: ClientError.timedOut(after: 1_000_000_000)) { try first.wait().get() }
            // Nothing is started again on a connection that never answered.
            try eventually { client.counters.open == 0 }
        }
    }

    @Test("a connection that breaks fails its own requests and no others")
    func brokenConnection() throws {
        let fixture = try Fixture()
        let listening = try ListeningSocket.open(host: "127.0.0.1", port: 0, count: 1)
        defer { ListeningSocket.close(listening.sockets[0]) }
        let socket = listening.sockets[0][0]
        let client = Client(
            loop: fixture.clientLoop,
            endpoint: ClientEndpoint(host: "127.0.0.1", port: listening.port, wireProtocol: .http1), connections: 2,
            responseLimit: 1_000)
        let answers = (0..<3).map { _ in client.send(ClientRequest(target: "/")) }
        let first = accept(socket)
        let second = accept(socket)
        close(first)
        try eventually { answers.prefix(2).contains { (try? $0.wait(seconds: 0.001)) != nil } }
        // The third request takes a new connection; the other connection goes on.
        let third = accept(socket)
        for connection in [second, third] {
            let answer = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
            #expect(send(connection, answer, answer.utf8.count, 0) == answer.utf8.count)
        }
        let results = try answers.map { try $0.wait() }
        #expect(results.count { (try? $0.get())?.status == 204 } == 2)
        for case .failure(let error) in results {
            guard case .closed = error else {
                Issue.record("unexpected \(error)")
                continue
            }
        }
        for connection in [second, third] { close(connection) }
    }

    /// Waits for a connection on a non-blocking socket.
    private func accept(_ socket: Int32) -> Int32 {
        var event = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        poll(&event, 1, 20_000)
        return Glibc.accept(socket, nil, nil)
    }

    @Test("idle connections are closed")
    func idle() throws {
        let fixture = try Fixture()
        for wireProtocol in [WireProtocol.http1, .grpc] {
            let client = fixture.client(wireProtocol, idle: 20_000_000)
            _ = try client.send(ClientRequest(target: "/echo")).wait().get()
            try eventually { client.counters.open == 0 && fixture.server.connectionCount == 0 }
        }
    }

    @Test("close fails what waits and what is in flight, and refuses what comes")
    func closing() throws {
        let fixture = try Fixture()
        let client = fixture.client(.http1)
        let inFlight = client.send(ClientRequest(target: "/held"))
        let waits = client.send(ClientRequest(target: "/echo"))
        try eventually { fixture.handler.heldCount == 1 }
        client.close()
        for answer in [inFlight, waits] {
            #expect(throws: ClientError.closed("the client was closed")) { try answer.wait().get() }
        }
        #expect(throws: ClientError.closed("the client is closed")) {
            try client.send(ClientRequest(target: "/echo")).wait().get()
        }
        // For the server this was half a connection, with a request to answer.
        fixture.handler.release()
        try eventually { fixture.server.connectionCount == 0 }
    }

    @Test("a completion may send the next request")
    func sendsFromCompletion() throws {
        let fixture = try Fixture()
        let client = fixture.client(.grpc)
        let done = Waiter<Int>()
        @Sendable func next(_ number: Int) {
            client.send(ClientRequest(target: "/echo")) { result in
                if case .failure = result { return done.set(-1) }
                number == 0 ? done.set(0) : next(number - 1)
            }
        }
        next(100)
        #expect(try done.wait() == 0)
    }

    @Test("an unknown name fails the request")
    func unknownName() throws {
        let loop = try EventLoop(name: "lookup")
        loop.start()
        defer { loop.stop() }
        let endpoint = ClientEndpoint(host: "no.such.host.invalid", port: 1, wireProtocol: .http1)
        let client = Client(loop: loop, endpoint: endpoint, connections: 2, responseLimit: 1)
        for answer in (0..<3).map({ _ in client.send(ClientRequest(target: "/")) }) {
            guard case .failure(.connect(let message)) = try answer.wait() else {
                Issue.record("expected a failure to connect")
                continue
            }
            #expect(message.contains("no.such.host.invalid"))
        }
    }

    @Test("waiting calls come out in order, ended ones are skipped and swept")
    func queue() {
        var queue = CallQueue()
        let calls = (0..<1_000).map { number in ClientCall(ClientRequest(target: "/\(number)")) { _ in } }
        for call in calls { queue.append(call) }
        for (number, call) in calls.enumerated() where number % 10 != 0 {
            call.finish(.failure(.closed("ended")))
            queue.didEnd()
        }
        #expect(queue.count == 100)
        for number in 0..<90 {
            #expect(queue.popFirst() === calls[number * 10])
        }
        #expect(queue.count == 10)
        #expect(queue.removeAll().map { $0.request?.target } == (90..<100).map { "/\($0 * 10)" })
        #expect(queue.popFirst() == nil)
    }

    @Test(
        "URLs become endpoints",
        arguments: [
            ("http://host/a/b?c=d", WireProtocol.http1, "host", 80, false, "host", "/a/b?c=d"),
            ("https://host:8443", .http1, "host", 8_443, true, "host:8443", ""),
            ("HTTPS://host", .http1, "host", 443, true, "host", ""),
            ("http://[::1]:99/x", .http1, "::1", 99, false, "[::1]:99", "/x"),
            ("host:4000", .grpc, "host", 4_000, false, "host:4000", ""),
            ("host", .grpc, "host", 4_317, false, "host", ""),
        ])
    func urls(
        url: String, wireProtocol: WireProtocol, host: String, port: Int, tls: Bool, authority: String, path: String
    ) throws {
        let (endpoint, found) = try ClientEndpoint.parse(url: url, wireProtocol: wireProtocol)
        #expect(
            endpoint
                == ClientEndpoint(host: host, port: port, tls: tls, wireProtocol: wireProtocol, authority: authority))
        #expect(found == path)
    }

    @Test(
        "malformed URLs are refused",
        arguments: [
            "host:1", "ftp://host", "http://", "http://:80", "http://host:", "http://host:0", "http://host:65536",
            "http://host:+1",
            "http://u:p@host", "http://[::1", "http://[::1]x", "http://a b", "http://host/#f", "http://a:1:2", "",
        ])
    func badURLs(url: String) {
        #expect(throws: TransportError.self) { try ClientEndpoint.parse(url: url, wireProtocol: .http1) }
    }
}
