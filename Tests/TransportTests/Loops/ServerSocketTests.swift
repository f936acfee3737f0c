import Foundation
import Synchronization
import Testing

@testable import Transport

@Suite struct ServerSocketTests {
    @Test("HTTP/1.1, HTTP/2 and gRPC requests come back over one port", arguments: ["127.0.0.1", "localhost"])
    func protocols(host: String) throws {
        let fixture = try Fixture(loops: 2, host: host)
        for wireProtocol in [WireProtocol.http1, .http2, .grpc] {
            let client = fixture.client(wireProtocol, host: host)
            for path in ["/echo", "/later"] {
                let response = try client.send(ClientRequest(target: path, body: Array("hello".utf8))).wait().get()
                #expect(response.status == 200)
                #expect(String(decoding: response.body, as: UTF8.self) == "hello")
                #expect(response.grpcStatus?.code == (wireProtocol == .grpc ? 0 : nil))
            }
            client.close()
        }
        #expect(fixture.server.counters.requests == 6)
        #expect(fixture.server.counters.connections == 3)
        try eventually { fixture.server.connectionCount == 0 }
    }

    @Test(
        "200 parallel requests, answered by the loop and by another thread", arguments: [WireProtocol.http1, .grpc],
        [1, 4])
    func parallel(wireProtocol: WireProtocol, connections: Int) throws {
        let fixture = try Fixture(loops: 2)
        let client = fixture.client(wireProtocol, connections: connections)
        let answers = (0..<200).map { number in
            client.send(
                ClientRequest(target: number % 2 == 0 ? "/echo" : "/later", body: Array("\(number)".utf8)))
        }
        for (number, answer) in answers.enumerated() {
            #expect(try answer.wait().get().body == Array("\(number)".utf8))
        }
        #expect(fixture.server.counters.requests == 200)
        #expect(client.counters.open <= connections)
        #expect(client.counters.waiting == 0)
        #expect(client.counters.requests == 200)
    }

    @Test("pipelined requests are answered in order, also when the first answer comes last")
    func pipelined() throws {
        let fixture = try Fixture()
        let socket = try RawSocket(port: fixture.port)
        var text = "POST /held HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nheld"
        for number in 10..<18 { text += "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n<\(number)" }
        text += "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        socket.write(text)
        try eventually { fixture.handler.heldCount == 1 }
        fixture.handler.release()
        let answer = String(decoding: socket.readToEnd(), as: UTF8.self)
        #expect(answer.components(separatedBy: "HTTP/1.1 200").count == 11)
        var rest = answer[...]
        for body in ["held"] + (10..<18).map({ "<\($0)" }) {
            let found = try #require(rest.firstRange(of: body))
            rest = rest[found.upperBound...]
        }
    }

    @Test("a client that closes its side after the request still gets the answer")
    func halfClose() throws {
        let fixture = try Fixture()
        let socket = try RawSocket(port: fixture.port)
        socket.write("POST /held HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok")
        socket.closeWriting()
        try eventually { fixture.handler.heldCount == 1 }
        fixture.handler.release()
        #expect(String(decoding: socket.readToEnd(), as: UTF8.self).hasSuffix("\r\n\r\nok"))
        try eventually { fixture.server.connectionCount == 0 }
    }

    @Test("an answer after the peer has gone does nothing")
    func lateAnswer() throws {
        let fixture = try Fixture()
        do {
            let socket = try RawSocket(port: fixture.port)
            // Unread answers make closing a reset, which ends the connection at once.
            socket.write("GET /echo HTTP/1.1\r\nHost: x\r\n\r\nGET /held HTTP/1.1\r\nHost: x\r\n\r\n")
            try eventually { fixture.handler.heldCount == 1 }
        }
        fixture.handler.release()
        try eventually { fixture.server.connectionCount == 0 }
        let client = fixture.client(.http1)
        #expect(try client.send(ClientRequest(target: "/echo")).wait().get().status == 200)
    }

    @Test("8 MiB go there and back", arguments: [WireProtocol.http1, .http2, .grpc])
    func largeBodies(wireProtocol: WireProtocol) throws {
        let fixture = try Fixture()
        let client = fixture.client(wireProtocol)
        // No two pieces are the same, so that a swapped or repeated one shows.
        let body = (0..<128).flatMap { piece in [UInt8(piece)] + [UInt8](repeating: UInt8(piece ^ 0x55), count: 65_535)
        }
        for _ in 0..<3 {
            let response = try client.send(ClientRequest(target: "/echo", body: body, timeout: 60_000_000_000)).wait(
                seconds: 60
            ).get()
            #expect(response.body == body)
        }
        #expect(fixture.server.counters.bytesIn > 3 * body.count)
        #expect(fixture.server.counters.bytesOut > 3 * body.count)
    }

    @Test("a refused body does not cost the peer the answer")
    func refusedBody() throws {
        let fixture = try Fixture(handler: EchoHandler(limit: 1_000))
        for target in ["/forbidden", "/echo"] {
            let socket = try RawSocket(port: fixture.port)
            socket.write("POST \(target) HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n")
            socket.write([UInt8](repeating: 65, count: 500_000))
            let answer = socket.read { String(decoding: $0, as: UTF8.self).contains("\r\n\r\n") }
            #expect(String(decoding: answer, as: UTF8.self).hasPrefix("HTTP/1.1 4"))
        }
    }

    @Test("a peer that sends and does not read is not read on, and gets all of it later")
    func backPressure() throws {
        let fixture = try Fixture()
        let socket = try RawSocket(port: fixture.port, receiveBuffer: 4_096)
        let requests = 3
        let request = Array("GET /big HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
        for _ in 0..<requests { socket.write(request) }
        // An answer does not fit the sockets' buffers, so what is not read stays in the machine, bounded by its limits.
        try eventually { fixture.server.counters.requests >= 1 }
        let other = fixture.client(.http1)
        #expect(try other.send(ClientRequest(target: "/echo")).wait().get().status == 200)
        var total = 0
        while total < requests * EchoHandler.bigAnswer {
            let more = socket.read(1 << 20)
            if more.isEmpty { break }
            total += more.count
        }
        #expect(total >= requests * EchoHandler.bigAnswer)
    }

    @Test("reading stops while more than the high water mark waits for the peer")
    func readingStops() throws {
        var limits = ServerLimits.defaults
        limits.outputHighWater = 64 << 10
        let fixture = try Fixture(limits: limits)
        let socket = try RawSocket(port: fixture.port, receiveBuffer: 4_096)
        socket.write("GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        try eventually { fixture.server.counters.requests == 1 }
        let before = fixture.server.counters.bytesIn
        // Without back pressure all of this would be read and discarded or parsed.
        let flood = Thread {
            let body = [UInt8](repeating: 66, count: 16 << 20)
            socket.write("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.count)\r\n\r\n")
            socket.write(body)
        }
        flood.start()
        let other = fixture.client(.http1)
        for _ in 0..<50 { _ = try other.send(ClientRequest(target: "/echo")).wait() }
        #expect(fixture.server.counters.bytesIn - before < 1 << 20)
        let read = socket.read { $0.count > EchoHandler.bigAnswer + (16 << 20) }
        #expect(read.count > EchoHandler.bigAnswer + (16 << 20))
    }

    @Test("connections above the limit are closed and counted, and there is room again when one leaves")
    func connectionLimit() throws {
        let fixture = try Fixture(loops: 2, connectionLimit: 3)
        var sockets = try (0..<3).map { _ in try RawSocket(port: fixture.port) }
        try eventually { fixture.server.connectionCount == 3 }
        let extra = try RawSocket(port: fixture.port)
        #expect(extra.readToEnd().isEmpty)
        #expect(fixture.server.counters.refused == 1)
        #expect(fixture.server.connectionCount == 3)
        sockets.removeLast()
        try eventually { fixture.server.connectionCount == 2 }
        let next = try RawSocket(port: fixture.port)
        next.write("GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        #expect(String(decoding: next.readToEnd(), as: UTF8.self).hasPrefix("HTTP/1.1 200"))
    }

    @Test("an idle connection is closed, and a slow head gets its time-out")
    func deadlines() throws {
        var limits = ServerLimits.defaults
        limits.headTimeout = 30_000_000
        limits.idleTimeout = 30_000_000
        let fixture = try Fixture(limits: limits)
        let silent = try RawSocket(port: fixture.port)
        let idle = try RawSocket(port: fixture.port)
        idle.write("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
        let slow = try RawSocket(port: fixture.port)
        slow.write("GET /echo HT")
        _ = silent.readToEnd()
        #expect(String(decoding: idle.readToEnd(), as: UTF8.self).hasPrefix("HTTP/1.1 200"))
        #expect(String(decoding: slow.readToEnd(), as: UTF8.self).hasPrefix("HTTP/1.1 408"))
    }

    @Test(
        "shutdown finishes what is in flight, refuses new connections, and completes once",
        arguments: [WireProtocol.http1, .grpc])
    func drains(wireProtocol: WireProtocol) throws {
        let fixture = try Fixture(loops: 2)
        let client = fixture.client(wireProtocol)
        let idle = fixture.client(.http1)
        _ = try idle.send(ClientRequest(target: "/echo")).wait()
        let held = client.send(ClientRequest(target: "/held", body: [1, 2, 3]))
        try eventually { fixture.handler.heldCount == 1 }
        let completions = Atomic(0)
        let done = Waiter<Void>()
        fixture.server.shutdown(deadline: EventLoop.deadline(after: 20_000_000_000)) {
            completions.add(1)
            done.set(())
        }
        try eventually { (try? RawSocket(port: fixture.port)) == nil }
        #expect(completions.load(ordering: .relaxed) == 0)
        fixture.handler.release()
        #expect(try held.wait().get().body == [1, 2, 3])
        try done.wait()
        #expect(fixture.server.connectionCount == 0)
        #expect(completions.load(ordering: .relaxed) == 1)
        guard case .failure(.connect) = try client.send(ClientRequest(target: "/echo")).wait() else {
            Issue.record("a request after the shutdown was answered")
            return
        }
    }

    @Test("shutdown cuts what is left at its deadline")
    func cuts() throws {
        let fixture = try Fixture()
        let client = fixture.client(.grpc)
        let held = client.send(ClientRequest(target: "/held"))
        try eventually { fixture.handler.heldCount == 1 }
        let done = Waiter<Void>()
        fixture.server.shutdown(deadline: EventLoop.deadline(after: 20_000_000)) { done.set(()) }
        try done.wait()
        #expect(fixture.server.connectionCount == 0)
        guard case .failure(.closed) = try held.wait() else {
            Issue.record("expected the connection to be closed")
            return
        }
        fixture.handler.release()
    }

    @Test("addresses: a taken port, a bad host, a bad port, IPv6, all addresses")
    func addresses() throws {
        let loops = try (0..<2).map { try EventLoop(name: "address\($0)") }
        for loop in loops { loop.start() }
        defer { for loop in loops { loop.stop() } }
        let handler = EchoHandler()
        let server = Server(loops: loops, limits: .defaults, connectionLimit: 10)
        let port = try server.listen(name: "a", host: "127.0.0.1", port: 0, handler: handler)
        let other = Server(loops: loops, limits: .defaults, connectionLimit: 10)
        let single = Server(loops: [loops[0]], limits: .defaults, connectionLimit: 10)
        for server in [other, single] {
            let error = #expect(throws: TransportError.self) {
                try server.listen(name: "b", host: "127.0.0.1", port: port, handler: handler)
            }
            #expect(error?.message == "cannot listen on 127.0.0.1:\(port): address already in use")
        }
        #expect(throws: TransportError.self) {
            try server.listen(name: "c", host: "no.such.host.invalid", port: 0, handler: handler)
        }
        #expect(throws: TransportError.self) {
            try server.listen(name: "d", host: "127.0.0.1", port: 65_536, handler: handler)
        }
        for host in ["::1", "[::1]", "0.0.0.0", "", "*", "localhost"] {
            guard let port = try? server.listen(name: "e", host: host, port: 0, handler: handler) else {
                #expect(host.contains("::1"), "only IPv6 may be missing")
                continue
            }
            let target = host.contains(":") ? "::1" : "127.0.0.1"
            let client = Client(
                loop: loops[0], endpoint: ClientEndpoint(host: target, port: port, wireProtocol: .http1),
                connections: 1,
                responseLimit: 100)
            #expect(try client.send(ClientRequest(target: "/echo")).wait().get().status == 200)
        }
    }
}
