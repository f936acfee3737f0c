import Testing

@testable import Transport

/// What a client sends for these requests before it has heard anything.
private func transcript(_ requests: [ClientRequest], _ wireProtocol: WireProtocol = .grpc) -> [UInt8] {
    let client = ClientDriver(wireProtocol)
    for (index, request) in requests.enumerated() { client.start(request, id: UInt64(index)) }
    return client.takeOutput()
}

private let opening = Frame.preface + Frame.settings

/// The fields of an answer, read by a client machine.
private func answers(_ server: ServerDriver, to requests: [ClientRequest]) -> [ClientResponse] {
    let client = ClientDriver(.grpc)
    for (index, request) in requests.enumerated() { client.start(request, id: UInt64(index)) }
    exchange(client, server)
    return client.outcomes.sorted { $0.id < $1.id }.compactMap { try? $0.result.get() }
}

@Suite("HTTP/2 and gRPC server")
struct HTTP2ServerTests {
    @Test("A unary call is read and answered with headers, message and trailers")
    func unary() {
        let server = ServerDriver(answer: { .grpc(GRPCStatus(code: 0), message: $0.body.reversed()) })
        let responses = answers(
            server, to: [ClientRequest(target: "/s/m", headers: [HeaderField("a", "b")], body: [1, 2, 3])])
        #expect(server.requests.first?.head.wireProtocol == .grpc)
        #expect(server.requests.first?.head.method == "POST")
        #expect(server.requests.first?.head.path == "/s/m")
        #expect(server.requests.first?.head.header("a") == "b")
        #expect(server.requests.first?.head.header("host") == "host:1")
        #expect(server.requests.first?.body == [1, 2, 3])
        #expect(responses.first?.body == [3, 2, 1])
        #expect(responses.first?.status == 200)
        #expect(responses.first?.header("content-type") == "application/grpc")
        #expect(responses.first?.grpcStatus == GRPCStatus(code: 0))
        #expect(responses.first?.trailers.contains(HeaderField("grpc-status", "0")) == true)
        #expect(server.connection.activeRequests == 0)
    }

    @Test("A header list is the one before or it is read anew, whatever in it differs", arguments: [WireProtocol.grpc, .http2])
    func repeatedHeaders(wireProtocol: WireProtocol) {
        let lists: [[(String, String)]] = [
            [("authorization", "Bearer one"), ("ab", "c")], [("authorization", "Bearer one"), ("ab", "c")],
            // Of the same length, in bytes as a whole and of each field.
            [("authorization", "Bearer two"), ("ab", "c")],
            // The same bytes, with another border between name and value, and between fields.
            [("authorization", "Bearer two"), ("a", "bc")], [("authorization", "Bearer twoa"), ("b", "c")],
            [("ab", "c"), ("authorization", "Bearer two")], [("ab", "c")], [], [("ab", "c")],
        ]
        let requests = lists.map { fields in
            ClientRequest(
                method: "POST", target: "/s/m", headers: fields.map { HeaderField($0, $1) }, body: [], timeout: 1_000_000_000)
        }
        let server = ServerDriver(answer: { _ in .grpc(GRPCStatus(code: 0)) })
        server.feed(transcript(requests, wireProtocol))
        let names: Set = ["authorization", "ab", "a", "b"]
        let read = server.requests.map { request in
            request.head.headers.filter { names.contains($0.name) }.map { [$0.name, $0.value] }
        }
        #expect(read == lists.map { $0.map { [$0.0, $0.1] } })
        #expect(server.requests.allSatisfy { $0.head.wireProtocol == wireProtocol && $0.head.target == "/s/m" })
    }

    @Test("A call that is refused by its header list is refused again, and the next one is not")
    func repeatedRefusals() {
        let server = ServerDriver(answer: { _ in .grpc(GRPCStatus(code: 0)) })
        let requests = [("/s/m", "1S"), ("/s/m", "soon"), ("/s/m", "soon"), ("/s/n", "1S"), ("/s/n", "2S")].map {
            ClientRequest(target: $0, headers: [HeaderField("grpc-timeout", $1)], body: [])
        }
        #expect(answers(server, to: requests).map { $0.grpcStatus?.code } == [0, 13, 13, 0, 0])
        #expect(server.requests.map(\.head.target) == ["/s/m", "/s/n", "/s/n"])
        #expect(server.requests.map { $0.head.header("grpc-timeout") } == ["1S", "1S", "2S"])
    }

    @Test("Every split of a client's bytes gives the same requests")
    func splits() {
        let body = (0..<700).map { UInt8(truncatingIfNeeded: $0) }
        let input = transcript([
            ClientRequest(target: "/s/m", body: body, grpcCompressed: true), ClientRequest(target: "/s/n", body: []),
            ClientRequest(target: "/s/o", body: [9]),
        ])
        let whole = ServerDriver(answer: { .grpc(GRPCStatus(code: 0), message: $0.body) })
        whole.feed(input)
        #expect(whole.requests.count == 3)
        for position in 0...input.count {
            let server = ServerDriver(answer: { .grpc(GRPCStatus(code: 0), message: $0.body) })
            server.feed(Array(input[..<position]))
            server.feed(Array(input[position...]))
            #expect(server.requests.map(\.body) == whole.requests.map(\.body))
            #expect(server.requests.map(\.grpcCompressed) == [true, false, false])
        }
        let slow = ServerDriver()
        for byte in input { slow.feed([byte]) }
        #expect(slow.requests.map(\.body) == whole.requests.map(\.body))
    }

    @Test("Prefixes give no request too many; flipped bytes never trap")
    func prefixesAndFlips() {
        let input = transcript([ClientRequest(target: "/s/m", body: [1, 2, 3, 4])])
        for count in 0..<input.count {
            let server = ServerDriver()
            server.feed(Array(input[..<count]))
            #expect(server.requests.isEmpty)
            server.connection.receiveEnd(now: 9)
            #expect(server.connection.isFinished && server.connection.activeRequests == 0)
        }
        for position in input.indices {
            for bit in 0..<8 {
                var bad = input
                bad[position] ^= 1 << bit
                let server = ServerDriver()
                for part in bad.pieces(11) { server.feed(part) }
                server.advance(to: server.connection.deadline ?? 9)
            }
        }
    }

    @Test("A message may be split over DATA frames in any way", arguments: [1, 2, 4, 5, 6, 7])
    func dataFrames(size: Int) {
        let server = ServerDriver()
        var input = opening + Frame.headers(1, Frame.call())
        for part in Frame.message([1, 2, 3, 4, 5, 6], flag: 1).pieces(size) { input += Frame.data(1, part) }
        server.feed(input + Frame.data(1, [], end: true))
        #expect(server.requests.map(\.body) == [[1, 2, 3, 4, 5, 6]])
        #expect(server.requests.first?.grpcCompressed == true)
    }

    @Test("Large bodies flow both ways through the windows", arguments: [WireProtocol.grpc, .http2])
    func largeBodies(wireProtocol: WireProtocol) {
        let body = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        for piece in [1 << 18, 1_000] {
            let server = ServerDriver(
                TestHandler { _ in .accept(bodyLimit: 4 << 20) },
                answer: { request in
                    var response = Response.http(200, headers: [HeaderField("x", "y")], body: request.body)
                    response.grpc = GRPCStatus(code: 0)
                    return response
                })
            let client = ClientDriver(wireProtocol, responseLimit: 4 << 20)
            for id in 0..<3 { client.start(ClientRequest(target: "/", body: body), id: UInt64(id)) }
            exchange(client, server, piece: piece)
            #expect(client.responses.count == 3)
            #expect(client.responses.allSatisfy { $0.body == body })
            #expect(server.connection.activeRequests == 0)
        }
    }

    @Test("Requests that are no gRPC are plain HTTP")
    func plain() {
        let server = ServerDriver(answer: {
            .http(
                $0.head.path == "/none" ? 204 : 201, headers: [HeaderField("x", "y"), HeaderField("connection", "z")],
                body: $0.body)
        })
        let client = ClientDriver(.http2)
        client.start(ClientRequest(target: "/a?b", headers: [HeaderField("content-type", "x/y")], body: [1]), id: 1)
        client.start(ClientRequest(method: "GET", target: "/none"), id: 2)
        client.start(ClientRequest(method: "HEAD", target: "/head"), id: 3)
        exchange(client, server)
        #expect(server.requests.map(\.head.wireProtocol) == [.http2, .http2, .http2])
        #expect(server.requests.map(\.head.method) == ["POST", "GET", "HEAD"])
        let responses = client.outcomes.sorted { $0.id < $1.id }.compactMap { try? $0.result.get() }
        #expect(responses.map(\.status) == [201, 204, 201])
        #expect(responses.first?.body == [1])
        #expect(responses.first?.header("x") == "y" && responses.first?.header("content-length") == "1")
        #expect(responses.allSatisfy { $0.grpcStatus == nil })
    }

    @Test("Errors are trailers-only, with message and details encoded")
    func errors() {
        let status = GRPCStatus(code: 14, message: "voll: 100 %\nja", details: [8, 14, 18])
        let server = ServerDriver(answer: { _ in .grpc(status) })
        let responses = answers(server, to: [ClientRequest(target: "/s/m", body: [1])])
        #expect(responses.first?.grpcStatus == status)
        #expect(responses.first?.trailers.isEmpty == true)
        #expect(responses.first?.header("grpc-message") == "voll: 100 %25%0Aja")
    }

    @Test(
        "Calls that break the rules of gRPC are answered as such",
        arguments: [
            ([(":method", "GET")], [UInt8](), "405", "13"),
            ([("content-type", "application/grpc+json")], [], "415", "13"),
            ([("grpc-timeout", "soon")], [], "200", "13"),
            ([], [], "200", "13"),
            ([], [0, 0, 0], "200", "13"),
            ([], [0, 0, 0, 0, 2, 1], "200", "13"),
            ([], [0, 0, 0, 0, 1, 1, 1], "200", "13"),
            ([], [2, 0, 0, 0, 1, 1], "200", "13"),
            ([], [0, 255, 255, 255, 255], "200", "8"),
        ] as [([(String, String)], [UInt8], String, String)])
    func brokenCalls(replaced: [(String, String)], body: [UInt8], http: String, grpc: String) {
        var fields = Frame.call().filter { field in !replaced.contains { $0.0 == field.0 } }
        fields.insert(contentsOf: replaced.filter { $0.0.hasPrefix(":") }, at: 0)
        fields += replaced.filter { !$0.0.hasPrefix(":") }
        let server = ServerDriver()
        server.feed(opening + Frame.headers(1, fields) + Frame.data(1, body, end: true))
        #expect(server.requests.isEmpty)
        let client = HeaderReader(server.output)
        #expect(client.fields[":status"] == http)
        #expect(client.fields["grpc-status"] == grpc)
        // The connection goes on.
        server.feed(Frame.headers(3, Frame.call()) + Frame.data(3, Frame.message([7]), end: true))
        #expect(server.requests.map(\.body) == [[7]])
    }

    @Test("A message that is too large is refused by its prefix, and the next call works")
    func tooLarge() {
        let server = ServerDriver(TestHandler { _ in .accept(bodyLimit: 100) })
        server.feed(opening + Frame.headers(1, Frame.call()) + Frame.data(1, [0, 0, 0, 0, 101]))
        #expect(server.handler.tooLarge == [100])
        #expect(HeaderReader(server.output).fields["grpc-status"] == "8")
        #expect(!Frame.parse(server.output).contains { $0.type == 3 })
        server.output = []
        // What follows of it is read over, up to a limit, then the stream is reset.
        server.feed(Frame.data(1, [UInt8](repeating: 0, count: 16_000)))
        #expect(!Frame.parse(server.output).contains { $0.type == 3 })
        for _ in 0..<70 { server.feed(Frame.data(1, [UInt8](repeating: 0, count: 16_000))) }
        let resets = Frame.parse(server.output).filter { $0.type == 3 }
        #expect(resets.map(\.payload) == [[0, 0, 0, 0]])
        server.feed(Frame.headers(3, Frame.call()) + Frame.data(3, Frame.message([7]), end: true))
        #expect(server.requests.map(\.body) == [[7]])
        #expect(!server.connection.isFinished)

        let responses = answers(
            ServerDriver(TestHandler { _ in .accept(bodyLimit: 100) }),
            to: [
                ClientRequest(target: "/s/m", body: [UInt8](repeating: 0, count: 3_000_000)),
                ClientRequest(target: "/s/m", body: [1]),
            ])
        #expect(responses.map(\.grpcStatus?.code) == [8, 0])
    }

    @Test("Plain HTTP/2 bodies are limited by content-length and while they come")
    func tooLargeHTTP() {
        let server = ServerDriver(TestHandler { _ in .accept(bodyLimit: 3) })
        let fields = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "h")]
        server.feed(opening + Frame.headers(1, fields + [("content-length", "4")]))
        server.feed(Frame.headers(3, fields) + Frame.data(3, [1, 2]) + Frame.data(3, [3, 4]))
        #expect(server.handler.tooLarge == [3, 3])
        server.feed(Frame.headers(5, fields) + Frame.data(5, [1, 2, 3], end: true))
        #expect(server.requests.map(\.body) == [[1, 2, 3]])
    }

    @Test("A handler that refuses by the head answers at once")
    func refusedByHead() {
        let server = ServerDriver(
            TestHandler { $0.path == "/no" ? .refuse(.grpc(GRPCStatus(code: 12))) : .accept(bodyLimit: 9) })
        let responses = answers(
            server, to: [ClientRequest(target: "/no", body: [1]), ClientRequest(target: "/yes", body: [1])])
        #expect(responses.map(\.grpcStatus?.code) == [12, 0])
        #expect(server.requests.count == 1)
    }

    @Test("Unfinished bodies of one connection are bounded together")
    func bufferedBytes() {
        var limits = ServerLimits()
        limits.bufferedBytes = 1_100
        let server = ServerDriver(limits: limits)
        server.feed(opening)
        let part = Frame.message([UInt8](repeating: 0, count: 600)).prefix(500)
        server.feed(Frame.headers(1, Frame.call()) + Frame.data(1, Array(part)))
        server.feed(Frame.headers(3, Frame.call()) + Frame.data(3, Array(part)))
        server.feed(Frame.headers(5, Frame.call()) + Frame.data(5, Array(part)))
        #expect(HeaderReader(server.output, stream: 5).fields["grpc-status"] == "14")
        // The others are not disturbed, and room is free again afterwards.
        for stream: UInt32 in [1, 3] { server.feed(Frame.reset(stream)) }
        server.feed(Frame.headers(7, Frame.call()) + Frame.data(7, Array(part)))
        server.feed(Frame.headers(9, Frame.call()) + Frame.data(9, Array(part)))
        server.feed(Frame.data(9, [UInt8](repeating: 0, count: 105), end: true))
        #expect(server.requests.count == 1)
    }

    @Test("R-12: grpc-timeout ends a call that is not answered, and a late answer is ignored")
    func callTimeout() {
        let server = ServerDriver(answer: nil)
        server.feed(
            opening + Frame.headers(1, Frame.call([("grpc-timeout", "1S")]))
                + Frame.data(1, Frame.message([1]), end: true)
                + Frame.headers(3, Frame.call([("grpc-timeout", "2S")])))
        #expect(server.connection.deadline == 1_000_001_000)
        server.advance(to: 1_000_001_000)
        #expect(HeaderReader(server.output).fields["grpc-status"] == "4")
        server.connection.respond(.grpc(GRPCStatus(code: 0)), to: 1, now: server.now)
        server.advance(to: 2_000_001_000)
        #expect(HeaderReader(server.output, stream: 3).fields["grpc-status"] == "4")
        #expect(!server.connection.isFinished)
    }

    @Test("Deadlines: the preface, a header block, a body, a window that stays closed, idleness")
    func deadlines() {
        let limits = ServerLimits()
        let preface = ServerDriver()
        preface.feed(Array(Frame.preface.prefix(10)))
        preface.advance(to: preface.connection.deadline ?? 0)
        #expect(preface.connection.isFinished)

        let block = ServerDriver()
        block.feed(opening + Frame.make(1, 0, 1, Frame.block([(":method", "GET")])))
        #expect(block.connection.deadline == 1_000 + limits.headTimeout)
        block.advance(to: 1_000 + limits.headTimeout)
        #expect(block.connection.isFinished)

        let body = ServerDriver()
        body.feed(opening + Frame.headers(1, Frame.call()) + Frame.data(1, [0, 0]))
        body.now += 20_000_000_000
        body.feed(Frame.data(1, [0]))
        #expect(body.connection.deadline == 1_000 + limits.bodyTimeout)
        body.advance(to: 1_000 + limits.bodyTimeout)
        #expect(Frame.parse(body.output).contains { $0.type == 3 && $0.stream == 1 })
        #expect(body.connection.activeRequests == 0)

        let closed = ServerDriver(answer: { _ in
            .grpc(GRPCStatus(code: 0), message: [UInt8](repeating: 0, count: 200_000))
        })
        closed.feed(opening + Frame.headers(1, Frame.call()) + Frame.data(1, Frame.message([]), end: true))
        #expect(closed.connection.activeRequests == 1 && closed.connection.wantsRead)
        closed.advance(to: closed.connection.deadline ?? 0)
        #expect(closed.connection.activeRequests == 0)

        let idle = ServerDriver()
        idle.feed(opening)
        #expect(idle.connection.deadline == 1_000 + limits.idleTimeout)
        idle.advance(to: 1_000 + limits.idleTimeout)
        #expect(idle.connection.isFinished)
        #expect(Frame.parse(idle.output).contains { $0.type == 7 })
    }

    @Test("A body may be slow, but must bring its bytes a second in each stretch")
    func bodyRate() {
        var limits = ServerLimits()
        (limits.bodyTimeout, limits.bodyRate) = (10_000_000_000, 100)
        let message = Frame.message([UInt8](repeating: 65, count: 9_995))

        let steady = ServerDriver(limits: limits)
        steady.feed(opening + Frame.headers(1, Frame.call()))
        for (position, piece) in message.pieces(1_000).enumerated() {
            steady.now += 9_999_999_999
            steady.feed(Frame.data(1, piece, end: position == 9))
            steady.advance(to: steady.now)
        }
        #expect(!Frame.parse(steady.output).contains { $0.type == 3 })
        #expect(steady.connection.activeRequests == 0)

        let trickling = ServerDriver(limits: limits)
        trickling.feed(opening + Frame.headers(1, Frame.call()))
        let begin = trickling.now
        for piece in message.pieces(3).prefix(9) {
            trickling.now += 1_000_000_000
            trickling.feed(Frame.data(1, piece))
        }
        #expect(trickling.connection.deadline == begin + limits.bodyTimeout)
        trickling.advance(to: begin + limits.bodyTimeout)
        #expect(Frame.parse(trickling.output).contains { $0.type == 3 && $0.stream == 1 })
        #expect(trickling.connection.activeRequests == 0)
    }

    @Test("A stream of answers stays open until the shutdown, and its last words end it")
    func farewell() {
        var watched = Response.grpc(GRPCStatus(code: 0), message: [1])
        watched.farewell = .init(message: [2], status: GRPCStatus(code: 14, message: "bye"))
        let server = ServerDriver(answer: { _ in watched })
        server.feed(opening + Frame.headers(1, Frame.call()) + Frame.data(1, Frame.message([0]), end: true))
        func data() -> [[UInt8]] { Frame.parse(server.output).filter { $0.type == 0 }.map { Array($0.payload) } }
        #expect(data() == [Frame.message([1])])
        // Neither the time for bodies nor that for idle connections ends it.
        server.advance(to: 10_000_000_000_000)
        #expect(HeaderReader(server.output).fields["grpc-status"] == nil && !server.connection.isFinished)
        #expect(server.connection.activeRequests == 1)
        server.connection.beginShutdown(now: server.now)
        server.drain()
        #expect(data() == [Frame.message([1]), Frame.message([2])])
        #expect(HeaderReader(server.output).fields["grpc-status"] == "14" && server.connection.activeRequests == 0)
        // What is asked while it stops is answered and ended at once.
        server.feed(Frame.headers(3, Frame.call()) + Frame.data(3, Frame.message([0]), end: true))
        #expect(HeaderReader(server.output, stream: 3).fields["grpc-status"] == "14")
        #expect(server.connection.activeRequests == 0)
    }

    @Test("Shutdown: a notice, new calls still served, then the last stream, then the end")
    func shutdown() {
        let server = ServerDriver(answer: nil)
        server.feed(opening + Frame.headers(1, Frame.call()) + Frame.data(1, Frame.message([1]), end: true))
        server.output = []
        server.connection.beginShutdown(now: server.now)
        server.drain()
        var frames = Frame.parse(server.output)
        #expect(frames.first { $0.type == 7 }?.payload.prefix(4) == [0x7f, 0xff, 0xff, 0xff])
        server.feed(Frame.headers(3, Frame.call()) + Frame.data(3, Frame.message([2]), end: true))
        #expect(server.requests.count == 2)
        server.output = []
        server.feed(Frame.make(6, 1, 0, [UInt8](repeating: 0, count: 8)))
        frames = Frame.parse(server.output)
        #expect(frames.first { $0.type == 7 }?.payload.prefix(4) == [0, 0, 0, 3])
        server.feed(Frame.headers(5, Frame.call()) + Frame.data(5, Frame.message([2]), end: true))
        #expect(server.requests.count == 2 && !server.connection.isFinished)
        for stream in server.open { server.connection.respond(.grpc(GRPCStatus(code: 0)), to: stream, now: server.now) }
        server.drain()
        #expect(server.connection.isFinished)

        let silent = ServerDriver()
        silent.feed(opening)
        silent.connection.beginShutdown(now: silent.now)
        silent.advance(to: silent.connection.deadline ?? 0)
        #expect(silent.connection.isFinished)
    }
}

/// Reads the fields of one answer in the whole of a server's output by means of a client.
struct HeaderReader {
    private(set) var fields: [String: String] = [:]

    init(_ output: [UInt8], stream: UInt32 = 1) {
        let client = ClientDriver(.grpc)
        // As many streams as are needed to have one of that number.
        for id in 0...UInt64(stream / 2) { client.start(ClientRequest(target: "/", body: []), id: id) }
        _ = client.takeOutput()
        client.feed(Frame.settings)
        for frame in Frame.parse(output) where frame.type == 1 {
            client.feed(Frame.make(frame.type, frame.flags, frame.stream, frame.payload))
        }
        guard let response = try? client.outcomes.first(where: { $0.id == UInt64(stream / 2) })?.result.get() else {
            return
        }
        fields[":status"] = String(response.status)
        for field in response.headers + response.trailers { fields[field.name] = field.value }
    }
}
