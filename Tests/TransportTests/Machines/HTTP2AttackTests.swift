import Testing

@testable import Transport

private let opening = Frame.preface + Frame.settings

@Suite("HTTP/2 server under attack")
struct HTTP2AttackTests {
    private func expectAlive(_ server: ServerDriver, stream: UInt32) {
        let before = server.requests.count
        server.feed(Frame.headers(stream, Frame.call()) + Frame.data(stream, Frame.message([1]), end: true))
        #expect(server.requests.count == before + 1)
    }

    @Test("An HPACK bomb resets its stream and nothing else")
    func hpackBomb() {
        let server = ServerDriver()
        server.feed(opening)
        // One large field put into the table, then named thousands of times by one byte each.
        let large = [0x40] + Frame.string("a") + Frame.string(String(repeating: "b", count: 3_900))
        let block = Frame.block(Frame.call()) + large + [UInt8](repeating: 0xbe, count: 12_000)
        server.feed(Frame.make(1, 5, 1, block))
        #expect(Frame.parse(server.output).contains { $0.type == 3 && $0.stream == 1 })
        #expect(server.requests.isEmpty)
        #expect(server.connection.activeRequests == 0)
        expectAlive(server, stream: 3)
    }

    @Test("Too many header fields reset the stream")
    func manyFields() {
        let server = ServerDriver()
        server.feed(opening + Frame.headers(1, Frame.call((0..<100).map { ("a\($0)", "") }), end: true))
        #expect(server.requests.isEmpty)
        #expect(Frame.parse(server.output).contains { $0.type == 3 && $0.stream == 1 })
        expectAlive(server, stream: 3)
    }

    @Test("Trailers count as headers")
    func trailers() {
        let server = ServerDriver()
        server.feed(opening + Frame.headers(1, Frame.call()) + Frame.data(1, Frame.message([1])))
        server.feed(Frame.headers(1, (0..<200).map { ("a\($0)", "") }, end: true))
        #expect(server.requests.isEmpty)
        server.feed(Frame.headers(3, Frame.call()) + Frame.data(3, Frame.message([1])))
        server.feed(Frame.headers(3, [("a", "b")], end: true))
        #expect(server.requests.count == 1)
    }

    @Test("A CONTINUATION flood ends the connection")
    func continuations() {
        let server = ServerDriver()
        server.feed(opening + Frame.make(1, 0, 1, Frame.block(Frame.call())))
        for _ in 0..<9 { server.feed(Frame.make(9, 0, 1, [])) }
        #expect(server.connection.isFinished && server.requests.isEmpty)
        #expect(server.connection.activeRequests == 0 && server.connection.deadline == nil)
    }

    @Test("Rapid reset ends the connection at the limit, not before")
    func rapidReset() {
        var limits = ServerLimits()
        limits.resetBurst = 50
        limits.resetsPerSecond = 10
        let server = ServerDriver(limits: limits, answer: nil)
        server.feed(opening)
        var stream: UInt32 = 1
        while !server.connection.isFinished, stream < 400 {
            server.feed(Frame.headers(stream, Frame.call()) + Frame.reset(stream))
            stream += 2
        }
        #expect(server.connection.isFinished)
        #expect((51...60).contains(stream / 2))
        #expect(server.connection.activeRequests == 0)
    }

    @Test("PING and SETTINGS floods end the connection", arguments: [true, false])
    func controlFloods(pings: Bool) {
        let server = ServerDriver()
        server.feed(opening)
        let frame = pings ? Frame.make(6, 0, 0, [UInt8](repeating: 0, count: 8)) : Frame.settings
        // Answered one by one they are no flood.
        for _ in 0..<2_000 { server.feed(frame) }
        #expect(!server.connection.isFinished)
        let flood = [[UInt8]](repeating: frame, count: 2_000).flatMap { $0 }
        server.feed(flood)
        #expect(server.connection.isFinished)
    }

    @Test("SETTINGS with too many entries ends the connection")
    func longSettings() {
        let server = ServerDriver()
        server.feed(opening + Frame.make(4, 0, 0, (0..<40).flatMap { _ in [0, 3, 0, 0, 0, 1] as [UInt8] }))
        #expect(server.connection.isFinished)
    }

    @Test("A peer that does not read costs little, and is given up in the end", arguments: [true, false])
    func neverReading(acknowledges: Bool) {
        let limits = ServerLimits()
        let server = ServerDriver(answer: { _ in .grpc(GRPCStatus(code: 5)) })
        opening.withUnsafeBytes { server.connection.receive($0, now: 5) }
        server.connection.takeOutput(into: &server.output)
        if acknowledges { Frame.make(4, 1, 0, []).withUnsafeBytes { server.connection.receive($0, now: 5) } }
        var stream: UInt32 = 1
        while server.connection.wantsRead, stream < 20_000 {
            let input = Frame.headers(stream, Frame.call()) + Frame.data(stream, Frame.message([1]), end: true)
            input.withUnsafeBytes { server.connection.receive($0, now: 5) }
            server.drain(take: false)
            stream += 2
        }
        // One that has acknowledged the limit of streams is answered by GOAWAY and ignored.
        #expect(acknowledges ? server.requests.count <= 2 * limits.concurrentStreams : stream < 10_000)
        #expect(server.connection.activeRequests <= limits.concurrentStreams)
        server.connection.tick(now: 1_000 + limits.bodyTimeout)
        #expect(server.connection.isFinished && !server.connection.hasOutput)
    }

    @Test("No more streams than allowed are open")
    func streams() {
        var limits = ServerLimits()
        limits.concurrentStreams = 4
        let server = ServerDriver(limits: limits, answer: nil)
        server.feed(opening)
        server.feed(Frame.make(4, 1, 0, []))
        for index in 0..<20 {
            let stream = UInt32(2 * index + 1)
            server.feed(Frame.headers(stream, Frame.call()) + Frame.data(stream, Frame.message([1]), end: true))
        }
        #expect(server.requests.count <= 4 && server.connection.activeRequests <= 4)
    }

    @Test("Garbage after the preface ends the connection; random frames never trap")
    func noise() {
        let garbage = ServerDriver()
        garbage.feed(Frame.preface + [UInt8](repeating: 0xff, count: 100))
        #expect(garbage.connection.isFinished)
        let seed = UInt64.random(in: 0 ... .max)
        print("HTTP/2 noise seed \(seed)")
        var random = SeededGenerator(state: seed)
        for _ in 0..<2_000 {
            let server = ServerDriver(TestHandler { _ in .accept(bodyLimit: 30) })
            var input = opening
            for _ in 0..<Int.random(in: 1...15, using: &random) {
                let stream = UInt32.random(in: 0...7, using: &random)
                switch Int.random(in: 0...5, using: &random) {
                case 0: input += Frame.headers(stream | 1, Frame.call(), end: Bool.random(using: &random))
                case 1:
                    let message = Frame.message([UInt8](repeating: 1, count: Int.random(in: 0...40, using: &random)))
                    input += Frame.data(stream | 1, message, end: Bool.random(using: &random))
                case 2: input += Frame.reset(stream)
                case 3: input += Frame.make(8, 0, stream, [0, 0, 1, 0])
                default:
                    let payload = (0..<Int.random(in: 0...20, using: &random)).map { _ in
                        UInt8.random(in: 0...255, using: &random)
                    }
                    input += Frame.make(
                        UInt8.random(in: 0...10, using: &random), UInt8.random(in: 0...255, using: &random), stream,
                        payload)
                }
            }
            for part in input.pieces(Int.random(in: 1...60, using: &random)) { server.feed(part) }
            server.advance(to: server.connection.deadline ?? server.now)
            #expect(!server.connection.isFinished || server.connection.deadline == nil)
        }
    }
}
