import Testing

@testable import Transport

private let post =
    "POST /v1/traces HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-protobuf\r\nContent-Length: 5\r\n\r\nhello"
private let chunked =
    "POST /c?x=1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nX-Trailer: 1\r\n\r\n"

@Suite("HTTP/1.1 server")
struct HTTP1ServerTests {
    @Test("A request is parsed and answered, and the connection stays")
    func simple() {
        let server = ServerDriver()
        server.feed(post)
        #expect(server.requests.count == 1)
        #expect(server.requests.first?.head.method == "POST")
        #expect(server.requests.first?.head.path == "/v1/traces")
        #expect(server.requests.first?.head.wireProtocol == .http1)
        #expect(server.requests.first?.head.header("content-type") == "application/x-protobuf")
        #expect(server.requests.first?.body == Array("hello".utf8))
        #expect(server.text == "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
        #expect(!server.connection.isFinished && server.connection.wantsRead)
    }

    @Test("Every split of pipelined requests gives the same requests and answers")
    func splits() {
        let input = Array((post + chunked + "HEAD /h HTTP/1.1\r\nhost:h\r\nConnection: close\r\n\r\n").utf8)
        let whole = ServerDriver()
        whole.feed(input)
        #expect(whole.requests.count == 3)
        #expect(whole.connection.isFinished)
        #expect(whole.requests.map(\.body) == [Array("hello".utf8), Array("hello".utf8), []])
        for position in 0...input.count {
            let server = ServerDriver()
            server.feed(Array(input[..<position]))
            server.feed(Array(input[position...]))
            #expect(server.output == whole.output)
            #expect(server.requests.map(\.body) == whole.requests.map(\.body))
        }
        for piece in 1...7 {
            let server = ServerDriver()
            for part in input.pieces(piece) { server.feed(part) }
            #expect(server.output == whole.output)
        }
    }

    @Test("A prefix never makes a request that was not sent")
    func prefixes() {
        let input = Array(post.utf8)
        for count in 0..<input.count {
            let server = ServerDriver()
            server.feed(Array(input[..<count]))
            #expect(server.requests.isEmpty && server.output.isEmpty && !server.connection.isFinished)
            server.connection.receiveEnd(now: 2_000)
            #expect(server.connection.isFinished)
        }
    }

    @Test("Flipped bytes never trap")
    func flips() {
        let input = Array((post + chunked).utf8)
        for position in input.indices {
            for bit in 0..<8 {
                var bad = input
                bad[position] ^= 1 << bit
                let server = ServerDriver()
                for part in bad.pieces(13) { server.feed(part) }
                server.connection.receiveEnd(now: 2_000)
            }
        }
    }

    @Test(
        "Broken and ambiguous requests are refused and the connection closes",
        arguments: [
            ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", 400),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\tfolded\r\n\r\n", 400),
            ("GET / HTTP/1.1\nHost: h\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: h\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: h\r\n\n", 400),
            ("GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: h\r\nA\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: h\r\n: b\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: h\r\nA b: c\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: h\r\nA: b\u{0}c\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
            ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n", 501),
            ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
            ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            ("POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            ("GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            ("GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400),
            ("GET /\u{1} HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            ("GET x HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            ("GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
            ("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", 505),
            ("GET / HTTX/1.1\r\nHost: h\r\n\r\n", 400),
            ("GET /\r\n\r\n", 400),
            ("\u{16}\u{3}\u{1}", 400),
            ("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: h\r\nExpect: magic\r\n\r\n", 417),
            ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n", 413),
            ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nbad trailer\r\n\r\n", 400),
        ])
    func refused(input: String, status: Int) {
        let server = ServerDriver()
        server.feed(input)
        #expect(server.statuses == [status])
        #expect(server.requests.isEmpty)
        #expect(server.connection.isFinished)
        #expect(server.text.contains("connection: close"))
        let slow = ServerDriver()
        for byte in input.utf8 { slow.feed([byte]) }
        #expect(slow.statuses == [status])
        #expect(slow.requests.isEmpty)
    }

    @Test("Limits of the head: 414, 431 for size and for number")
    func headLimits() {
        var limits = ServerLimits()
        limits.targetBytes = 50
        limits.headerBytes = 400
        limits.headerCount = 5
        func statuses(_ text: String) -> [Int] {
            let server = ServerDriver(limits: limits)
            server.feed(text)
            return server.statuses
        }
        let path = String(repeating: "a", count: 49)
        #expect(statuses("GET /\(path) HTTP/1.1\r\nhost: h\r\n\r\n") == [200])
        #expect(statuses("GET /\(path)a HTTP/1.1\r\nhost: h\r\n\r\n") == [414])
        #expect(statuses("GET /" + String(repeating: "a", count: 500)) == [414])
        #expect(statuses("GET / HTTP/1.1\r\nhost: h\r\na: " + String(repeating: "b", count: 500)) == [431])
        #expect(statuses("GET / HTTP/1.1\r\nhost: h\r\na: \(String(repeating: "b", count: 390))\r\n\r\n") == [431])
        let many = String(repeating: "a:\r\n", count: 5)
        #expect(statuses("GET / HTTP/1.1\r\nhost: h\r\n\(many)\r\n") == [431])
    }

    @Test("HTTP/1.0 closes unless asked to stay; absolute targets lose their authority")
    func versions() {
        let old = ServerDriver()
        old.feed("GET / HTTP/1.0\r\n\r\n")
        #expect(old.statuses == [200] && old.connection.isFinished)
        let kept = ServerDriver()
        kept.feed("GET http://x:1/p?q HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
        #expect(kept.text.contains("connection: keep-alive") && !kept.connection.isFinished)
        #expect(kept.requests.first?.head.target == "/p?q")
        let bare = ServerDriver()
        bare.feed("\r\nGET HTTP://x?q HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(bare.requests.first?.head.target == "/?q")
    }

    @Test("100 Continue is sent when the body is wanted, and only then")
    func expectContinue() {
        let head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
        let server = ServerDriver()
        server.feed(head)
        #expect(server.text == "HTTP/1.1 100 Continue\r\n\r\n")
        server.feed("abc")
        #expect(server.requests.count == 1 && server.statuses == [100, 200])
        let eager = ServerDriver()
        eager.feed(head + "abc")
        #expect(eager.statuses == [200])
        let refused = ServerDriver(TestHandler { _ in .refuse(.http(415)) })
        refused.feed(head)
        #expect(refused.statuses == [415] && refused.text.contains("connection: close"))
        let behind = ServerDriver(answer: nil)
        behind.feed("GET / HTTP/1.1\r\nhost: h\r\n\r\n" + head)
        #expect(behind.output.isEmpty)
        behind.connection.respond(.http(204), to: behind.open[0], now: 5)
        behind.drain()
        #expect(behind.statuses == [204, 100])
    }

    @Test("A refused body is read over and the next request is served")
    func refusedBody() {
        let server = ServerDriver(TestHandler { $0.path == "/no" ? .refuse(.http(404)) : .accept(bodyLimit: 4) })
        server.feed("POST /no HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n01234")
        #expect(server.statuses == [404])
        server.feed("56789" + "POST /big HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde")
        server.feed("POST /big HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n")
        #expect(server.statuses == [404, 413, 413])
        server.feed("0\r\n\r\nPOST /ok HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nabcd")
        #expect(server.statuses == [404, 413, 413, 200])
        #expect(server.handler.tooLarge == [4, 4])
        #expect(server.requests.map(\.body) == [Array("abcd".utf8)])
    }

    @Test("A refused body that is too large to be read over ends the connection after a while")
    func refusedHugeBody() {
        var limits = ServerLimits()
        limits.discardBytes = 100
        let server = ServerDriver(TestHandler { _ in .accept(bodyLimit: 10) }, limits: limits)
        server.feed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n")
        #expect(server.statuses == [413] && server.text.contains("connection: close"))
        #expect(!server.connection.isFinished && server.connection.wantsRead)
        server.feed([UInt8](repeating: 0, count: 90))
        #expect(!server.connection.isFinished)
        server.feed([UInt8](repeating: 0, count: 90))
        #expect(server.connection.isFinished)
        let lingering = ServerDriver(TestHandler { _ in .accept(bodyLimit: 10) }, limits: limits)
        lingering.feed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n")
        let deadline = lingering.connection.deadline
        #expect(deadline != nil)
        lingering.advance(to: deadline ?? 0)
        #expect(lingering.connection.isFinished)
        // Chunked: no length to see at once.
        let chunks = ServerDriver(TestHandler { _ in .refuse(.http(404)) }, limits: limits)
        chunks.feed("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n")
        chunks.feed([UInt8](repeating: 0, count: 255))
        #expect(chunks.statuses == [404] && chunks.connection.isFinished)
    }

    @Test("Pipelining is bounded, answers keep the order, and nothing is lost")
    func pipelining() {
        var limits = ServerLimits()
        limits.pipelined = 3
        let server = ServerDriver(limits: limits, answer: nil)
        for index in 0..<8 { server.feed("GET /\(index) HTTP/1.1\r\nhost: h\r\n\r\n") }
        #expect(server.requests.count == 3)
        #expect(!server.connection.wantsRead)
        var answered = 0
        while answered < 8 {
            // The latest first: it must wait for its turn.
            let batch = Array(server.open[answered...])
            for (offset, stream) in batch.enumerated().reversed() {
                let body = Array(server.requests[answered + offset].head.target.utf8)
                server.connection.respond(.http(200, body: body), to: stream, now: 5)
            }
            answered += batch.count
            server.drain()
        }
        #expect(server.statuses.count == 8)
        let bodies = server.text.split(separator: "\r\n\r\n").compactMap { $0.first == "/" ? $0.prefix(2) : nil }
        #expect(bodies == (0..<8).map { "/\($0)" })
        #expect(server.connection.wantsRead)
        server.connection.respond(.http(200), to: 77, now: 5)
        server.connection.respond(.http(200), to: 1, now: 5)
        server.drain()
        #expect(server.statuses.count == 8)
    }

    @Test("A peer that does not read is not read from, and is given up in the end")
    func neverReading() {
        var limits = ServerLimits()
        limits.outputHighWater = 1_000
        let server = ServerDriver(limits: limits, answer: { _ in .http(200, body: [UInt8](repeating: 65, count: 900)) })
        for _ in 0..<2 {
            Array("GET / HTTP/1.1\r\nhost: h\r\n\r\n".utf8).withUnsafeBytes { server.connection.receive($0, now: 5) }
            server.drain(take: false)
        }
        #expect(!server.connection.wantsRead && server.connection.hasOutput)
        server.connection.tick(now: 1_000 + limits.bodyTimeout)
        #expect(server.connection.isFinished && !server.connection.hasOutput)
    }

    @Test("Deadlines: the head, the body, idle connections")
    func deadlines() {
        let limits = ServerLimits()
        let silent = ServerDriver()
        #expect(silent.connection.deadline == 1_000 + limits.headTimeout)
        silent.advance(to: 1_000 + limits.headTimeout)
        #expect(silent.connection.isFinished && silent.output.isEmpty)

        let slow = ServerDriver()
        slow.feed("GET / HTTP/1.1\r\nho")
        slow.now += 5_000_000_000
        slow.feed("st: h\r\n")
        #expect(slow.connection.deadline == 1_000 + limits.headTimeout)
        slow.advance(to: 1_000 + limits.headTimeout)
        #expect(slow.statuses == [408] && slow.connection.isFinished)

        let trickling = ServerDriver()
        trickling.feed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\na")
        trickling.now += 20_000_000_000
        trickling.feed("b")
        #expect(trickling.connection.deadline == 1_000 + limits.bodyTimeout)
        trickling.advance(to: 1_000 + limits.bodyTimeout)
        #expect(trickling.statuses == [408] && trickling.connection.isFinished)

        let idle = ServerDriver()
        idle.feed(post)
        #expect(idle.connection.deadline == 1_000 + limits.idleTimeout)
        idle.advance(to: 1_000 + limits.idleTimeout)
        #expect(idle.connection.isFinished)

        let working = ServerDriver(answer: nil)
        working.feed(post)
        #expect(working.connection.deadline == nil)
    }

    @Test("A body may be slow, but must bring its bytes a second in each stretch", arguments: [false, true])
    func bodyRate(isChunked: Bool) {
        var limits = ServerLimits()
        (limits.bodyTimeout, limits.bodyRate) = (10_000_000_000, 100)
        let length = isChunked ? "Transfer-Encoding: chunked" : "Content-Length: 9999"
        let open = "POST / HTTP/1.1\r\nHost: h\r\n\(length)\r\n\r\n" + (isChunked ? "270f\r\n" : "")

        let steady = ServerDriver(limits: limits)
        steady.feed(open)
        for _ in 0..<9 {
            steady.now += 9_999_999_999
            steady.feed(String(repeating: "a", count: 1_000))
            steady.advance(to: steady.now)
        }
        #expect(steady.statuses.isEmpty && steady.connection.deadline == steady.now + limits.bodyTimeout)
        steady.feed(String(repeating: "a", count: 999) + (isChunked ? "\r\n0\r\n\r\n" : ""))
        #expect(steady.statuses == [200] && !steady.connection.isFinished)

        let trickling = ServerDriver(limits: limits)
        trickling.feed(open)
        let begin = trickling.now
        for _ in 0..<9 {
            trickling.now += 1_000_000_000
            trickling.feed("aaa")
        }
        #expect(trickling.connection.deadline == begin + limits.bodyTimeout)
        trickling.advance(to: begin + limits.bodyTimeout)
        #expect(trickling.statuses == [408] && trickling.connection.isFinished)

        limits.bodyRate = 0
        let unlimited = ServerDriver(limits: limits)
        unlimited.feed(open)
        for _ in 0..<20 {
            unlimited.now += 9_000_000_000
            unlimited.feed("a")
            unlimited.advance(to: unlimited.now)
        }
        #expect(unlimited.statuses.isEmpty)
        unlimited.advance(to: unlimited.now + limits.bodyTimeout)
        #expect(unlimited.statuses == [408])
    }

    @Test("Shutdown finishes what has begun")
    func shutdown() {
        let idle = ServerDriver()
        idle.feed(post)
        idle.connection.beginShutdown(now: 5)
        #expect(idle.connection.isFinished)

        let busy = ServerDriver(answer: nil)
        busy.feed(post)
        busy.connection.beginShutdown(now: 5)
        #expect(!busy.connection.isFinished && busy.connection.activeRequests == 1)
        busy.connection.respond(.http(200), to: busy.open[0], now: 6)
        busy.drain()
        #expect(busy.text.contains("connection: close") && busy.connection.isFinished)

        let reading = ServerDriver()
        reading.feed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na")
        reading.connection.beginShutdown(now: 5)
        reading.feed("b")
        #expect(reading.statuses == [200] && reading.text.contains("connection: close"))
        #expect(reading.connection.isFinished)
    }

    @Test("A peer that closes its side still gets its answer")
    func halfClose() {
        let server = ServerDriver(answer: nil)
        server.feed(post)
        server.connection.receiveEnd(now: 5)
        #expect(!server.connection.isFinished)
        server.connection.respond(.http(200), to: server.open[0], now: 6)
        server.drain()
        #expect(server.statuses == [200] && server.connection.isFinished)
    }

    @Test("A handler's header can't split the answer")
    func splitting() {
        let server = ServerDriver(answer: { _ in .http(200, headers: [HeaderField("a", "b\r\nset-cookie: x")]) })
        server.feed(post)
        #expect(server.text.contains("a: b  set-cookie: x\r\n"))
    }

    @Test("Random bytes and random splits never trap")
    func noise() {
        let seed = UInt64.random(in: 0 ... .max)
        print("HTTP/1.1 noise seed \(seed)")
        var random = SeededGenerator(state: seed)
        let words = [
            "GET ", "POST ", "/ ", "HTTP/1.1", "\r\n", "\r\n\r\n", "Host: h\r\n", "Content-Length: 3\r\n", "abc",
            "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n", "0\r\n\r\n", "\n", ":", "Expect: 100-continue\r\n",
            "\u{0}",
        ]
        for _ in 0..<3_000 {
            let server = ServerDriver(TestHandler { _ in .accept(bodyLimit: 4) })
            let count = Int.random(in: 1...20, using: &random)
            let text = (0..<count).map { _ in words.randomElement(using: &random) ?? "" }.joined()
            for part in Array(text.utf8).pieces(Int.random(in: 1...40, using: &random)) { server.feed(part) }
            server.advance(to: server.connection.deadline ?? server.now)
        }
    }
}
