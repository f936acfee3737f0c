import Testing

@testable import Transport

@Suite("HTTP/1.1 client")
struct HTTP1ClientTests {
    private let request = ClientRequest(target: "/v1/traces", headers: [HeaderField("a", "b")], body: [65, 66])

    private func outcome(_ answer: String, closed: Bool = false, limit: Int = 100) -> ClientDriver {
        let client = ClientDriver(.http1, responseLimit: limit)
        client.start(request, id: 7)
        client.feed(answer)
        if closed { client.end() }
        return client
    }

    @Test("A request is written with host and length, one at a time")
    func writing() {
        let client = ClientDriver(.http1)
        #expect(client.connection.capacity == 1)
        client.start(request, id: 1)
        #expect(client.connection.capacity == 0)
        #expect(
            String(decoding: client.output, as: UTF8.self)
                == "POST /v1/traces HTTP/1.1\r\nhost: host:1\r\na: b\r\ncontent-length: 2\r\n\r\nAB")
        client.start(request, id: 2)
        #expect(client.errors.count == 1)
        let bad = ClientDriver(.http1)
        bad.start(ClientRequest(target: "/ x\r\n"), id: 1)
        #expect(bad.errors.count == 1 && bad.output.isEmpty && bad.connection.capacity == 1)
    }

    @Test("Answers of every framing, in every split, and the connection is kept or not")
    func framings() {
        let answers: [(String, Bool, Int, String, Bool)] = [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", false, 200, "abc", true),
            ("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", false, 200, "", true),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nA: b\r\n\r\nHTTP/1.1 204 No\r\n\r\n", false, 204, "",
                true
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nT: 1\r\n\r\n", false,
                200, "abc", true
            ),
            ("HTTP/1.1 503 No\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx", false, 503, "x", false),
            ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", false, 200, "x", false),
            ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", false, 200, "x", true),
            ("HTTP/1.1 200 OK\r\n\r\nuntil the end", true, 200, "until the end", false),
        ]
        for (answer, closed, status, body, keeps) in answers {
            let bytes = Array(answer.utf8)
            for position in 0...bytes.count {
                let client = ClientDriver(.http1)
                client.start(request, id: 7)
                client.feed(Array(bytes[..<position]))
                client.feed(Array(bytes[position...]))
                if closed { client.end() }
                #expect(client.responses.map(\.status) == [status])
                #expect(client.responses.first?.body == Array(body.utf8))
                #expect(client.connection.isFinished == !keeps)
                #expect(client.connection.capacity == (keeps ? 1 : 0))
            }
            for count in 0..<bytes.count where !closed {
                let client = ClientDriver(.http1)
                client.start(request, id: 7)
                client.feed(Array(bytes[..<count]))
                #expect(client.outcomes.isEmpty)
                client.end()
                #expect(client.outcomes.count == 1)
            }
            for index in bytes.indices {
                var bad = bytes
                bad[index] ^= 1 << UInt8(index % 8)
                let client = ClientDriver(.http1)
                client.start(request, id: 7)
                client.feed(bad)
                client.end()
                #expect(client.outcomes.count == 1)
            }
        }
    }

    @Test("Trailers are told")
    func trailers() {
        let client = outcome("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: 1\r\n\r\n")
        #expect(client.responses.first?.trailers == [HeaderField("t", "1")])
    }

    @Test("Broken, too large, lost and late answers")
    func failures() {
        for bad in [
            "SSH-2.0-x\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 101 S\r\n\r\n", "HTTP/1.1 200 OK\r\nA\r\n\r\n",
        ] {
            let client = outcome(bad)
            guard case .protocolViolation? = client.errors.first else {
                Issue.record("\(bad)")
                continue
            }
            #expect(client.connection.isFinished)
        }
        #expect(outcome("HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n").errors == [.responseTooLarge(limit: 100)])
        #expect(
            outcome("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" + String(repeating: "a", count: 255))
                .errors
                == [.responseTooLarge(limit: 100)])
        #expect(
            outcome("HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "a", count: 101)).errors
                == [.responseTooLarge(limit: 100)])
        guard case .closed? = outcome("HTTP/1.1 200 OK\r\n", closed: true).errors.first else {
            Issue.record("not closed")
            return
        }
        let late = ClientDriver(.http1)
        late.start(ClientRequest(target: "/", timeout: 500), id: 1)
        #expect(late.connection.deadline == 1_500)
        late.advance(to: 1_499)
        #expect(late.outcomes.isEmpty)
        late.advance(to: 1_500)
        #expect(late.errors == [.timedOut(after: 500)] && late.connection.isFinished)
        let dead = ClientDriver(.http1)
        dead.start(request, id: 1)
        dead.connection.fail(.connect("no"))
        dead.drain()
        #expect(dead.errors == [.connect("no")])
    }

    @Test("An answer nobody asked for ends the connection")
    func unasked() {
        let client = outcome("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 408 x\r\n\r\n")
        #expect(client.responses.count == 1 && client.connection.isFinished)
    }

    @Test("Client and server understand each other")
    func together() {
        let server = ServerDriver()
        let client = ClientDriver(.http1)
        for id in 0..<3 {
            client.start(
                ClientRequest(target: "/\(id)", body: [UInt8](repeating: UInt8(id), count: 100_000)), id: UInt64(id))
            exchange(client, server, piece: 777)
        }
        #expect(client.responses.map(\.body.count) == [100_000, 100_000, 100_000])
        #expect(server.requests.count == 3)
    }
}

@Suite("HTTP/2 and gRPC client")
struct HTTP2ClientTests {
    /// A client with a call on stream 1, and what it sent.
    private func calling(limit: Int = 1_000) -> ClientDriver {
        let client = ClientDriver(.grpc, responseLimit: limit)
        client.start(ClientRequest(target: "/s/m", body: [1], timeout: 1_000_000_000), id: 5)
        _ = client.takeOutput()
        client.feed(Frame.settings)
        return client
    }

    private let head = Frame.headers(1, [(":status", "200"), ("content-type", "application/grpc")])

    @Test("An answer in every split")
    func splits() {
        let answer =
            head + Frame.data(1, Frame.message([7, 8], flag: 1))
            + Frame.headers(1, [("grpc-status", "0"), ("grpc-message", "a%20b")], end: true)
        for position in 0...answer.count {
            let client = calling()
            client.feed(Array(answer[..<position]))
            client.feed(Array(answer[position...]))
            #expect(client.responses.map(\.body) == [[7, 8]])
            #expect(client.responses.first?.grpcStatus == GRPCStatus(code: 0, message: "a b"))
            #expect(client.responses.first?.grpcCompressed == true)
        }
        for count in 0..<answer.count {
            let client = calling()
            client.feed(Array(answer[..<count]))
            #expect(client.outcomes.isEmpty)
            client.end()
            guard case .closed? = client.errors.first else {
                Issue.record("prefix \(count)")
                continue
            }
            #expect(client.connection.isFinished)
        }
        for index in answer.indices {
            for bit in 0..<8 {
                var bad = answer
                bad[index] ^= 1 << bit
                let client = calling()
                client.feed(bad)
                client.end()
                #expect(client.outcomes.count == 1)
            }
        }
    }

    @Test("The outcome is deduced when there is no grpc-status")
    func deduced() {
        for (http, code) in [
            (400, 13), (401, 16), (403, 7), (404, 12), (429, 14), (431, 13), (502, 14), (503, 14), (504, 14), (500, 2),
            (200, 2),
        ] {
            let client = calling()
            client.feed(Frame.headers(1, [(":status", "\(http)"), ("content-type", "text/html")]))
            client.feed(Frame.data(1, Array("<html>".utf8), end: true))
            // A page with status 200 is no message; it may be told as a violation.
            if http != 200 { #expect(client.responses.first?.grpcStatus?.code == code) }
            let bodyless = calling()
            bodyless.feed(Frame.headers(1, [(":status", "\(http)")], end: true))
            #expect(bodyless.responses.first?.grpcStatus?.code == code)
        }
    }

    @Test("R-10: resets are mapped to outcomes; a refused stream may be retried")
    func resets() {
        for (code, status) in [(8, 1), (11, 8), (2, 13), (0, 13)] {
            let client = calling()
            client.feed(Frame.reset(1, UInt32(code)))
            #expect(client.responses.first?.grpcStatus?.code == status)
        }
        let refused = calling()
        refused.feed(Frame.reset(1, 7))
        guard case .closed? = refused.errors.first else {
            Issue.record("not retryable")
            return
        }
        #expect(refused.connection.capacity > 0)
        let after = calling()
        after.feed(head + Frame.data(1, Frame.message([])) + Frame.headers(1, [("grpc-status", "0")], end: true))
        after.feed(Frame.reset(1, 0))
        #expect(after.responses.count == 1 && after.connection.capacity > 0)
    }

    @Test("GOAWAY: streams above the last are retryable, those below finish, nothing new is started")
    func goaway() {
        let client = calling()
        client.start(ClientRequest(target: "/s/m", body: [2]), id: 6)
        _ = client.takeOutput()
        client.feed(Frame.make(7, 0, 0, [0, 0, 0, 1] + [0, 0, 0, 0]))
        #expect(client.outcomes.map(\.id) == [6])
        guard case .closed? = client.errors.first else {
            Issue.record("not retryable")
            return
        }
        #expect(client.connection.capacity == 0 && !client.connection.isFinished)
        client.start(ClientRequest(target: "/s/m", body: [2]), id: 7)
        #expect(client.errors.count == 2)
        client.feed(head + Frame.data(1, Frame.message([])) + Frame.headers(1, [("grpc-status", "0")], end: true))
        #expect(client.responses.count == 1 && client.connection.isFinished)
    }

    @Test("The peer's limit of streams is kept")
    func capacity() {
        let client = ClientDriver(.grpc)
        #expect(client.connection.capacity > 0)
        client.feed(Frame.make(4, 0, 0, [0, 3, 0, 0, 0, 2]))
        #expect(client.connection.capacity == 2)
        client.start(ClientRequest(target: "/s/m"), id: 1)
        client.start(ClientRequest(target: "/s/m"), id: 2)
        #expect(client.connection.capacity == 0)
    }

    @Test("Timeouts end the call and reset its stream")
    func timeouts() {
        let client = calling()
        #expect(client.connection.deadline == 1_000_001_000)
        client.output = []
        client.advance(to: 1_000_001_000)
        #expect(client.errors == [.timedOut(after: 1_000_000_000)])
        #expect(Frame.parse(client.output).contains { $0.type == 3 && $0.payload == [0, 0, 0, 8] })
        #expect(client.connection.deadline == nil && !client.connection.isFinished)
        client.feed(head + Frame.data(1, Frame.message([])) + Frame.headers(1, [("grpc-status", "0")], end: true))
        #expect(client.outcomes.count == 1 && client.connection.capacity > 0)
    }

    @Test("Answers that are too large, or that break the rules")
    func badAnswers() {
        let large = calling(limit: 10)
        large.feed(head + Frame.data(1, [0, 0, 0, 0, 11]))
        #expect(large.errors == [.responseTooLarge(limit: 10)])
        for bad in [
            Frame.data(1, Frame.message([1]) + [0]) + Frame.headers(1, [("grpc-status", "0")], end: true),
            Frame.data(1, [0, 0, 0, 0, 2, 1]) + Frame.headers(1, [("grpc-status", "0")], end: true),
            Frame.headers(1, [("grpc-status", "0")], end: true),
        ] {
            let client = calling()
            client.feed(head + bad)
            guard case .protocolViolation? = client.errors.first else {
                Issue.record("\(client.outcomes)")
                continue
            }
        }
        let wrongPort = ClientDriver(.grpc)
        wrongPort.start(ClientRequest(target: "/s/m"), id: 1)
        wrongPort.feed("HTTP/1.1 400 Bad Request\r\n\r\n")
        guard case .protocolViolation? = wrongPort.errors.first else {
            Issue.record("\(wrongPort.outcomes)")
            return
        }
        #expect(wrongPort.connection.isFinished)
    }

    @Test("An early answer stops the request's body")
    func early() {
        let server = ServerDriver(TestHandler { _ in .refuse(.grpc(GRPCStatus(code: 7))) })
        let client = ClientDriver(.grpc)
        client.start(ClientRequest(target: "/s/m", body: [UInt8](repeating: 0, count: 10_000_000)), id: 1)
        exchange(client, server)
        #expect(client.responses.first?.grpcStatus?.code == 7)
        client.start(ClientRequest(target: "/s/m", body: []), id: 2)
        exchange(client, server)
        #expect(client.responses.count == 2)
    }

    @Test("Many calls at once, in random pieces")
    func many() {
        let seed = UInt64.random(in: 0 ... .max)
        print("HTTP/2 calls seed \(seed)")
        var random = SeededGenerator(state: seed)
        let server = ServerDriver(answer: { .grpc(GRPCStatus(code: $0.body.count % 17), message: $0.body) })
        let client = ClientDriver(.grpc)
        var sizes: [UInt64: Int] = [:]
        for round in 0..<20 {
            for index in 0..<Int.random(in: 1...60, using: &random) {
                let id = UInt64(round * 100 + index)
                let size = Int.random(in: 0...40_000, using: &random)
                sizes[id] = size
                client.start(ClientRequest(target: "/s/m", body: [UInt8](repeating: 3, count: size)), id: id)
            }
            exchange(client, server, piece: Int.random(in: 1...5_000, using: &random))
        }
        #expect(client.outcomes.count == sizes.count)
        for outcome in client.outcomes {
            let response = try? outcome.result.get()
            let size = sizes[outcome.id] ?? 0
            #expect(response?.grpcStatus?.code == size % 17)
            #expect(response?.body.count == (size % 17 == 0 ? size : 0))
        }
    }
}
