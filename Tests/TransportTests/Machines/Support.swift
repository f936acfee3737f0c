@testable import Transport

/// A handler whose decisions are closures. Used on the test's own thread only.
final class TestHandler: RequestHandler {
    // Sendable: each test uses its handler on one thread.
    nonisolated(unsafe) var admission: (RequestHead) -> Admission
    nonisolated(unsafe) var tooLarge: [Int] = []

    init(_ admission: @escaping (RequestHead) -> Admission = { _ in .accept(bodyLimit: 1 << 20) }) {
        self.admission = admission
    }

    func admit(_ head: RequestHead) -> Admission { admission(head) }

    func bodyTooLarge(_ head: RequestHead, limit: Int) -> Response {
        tooLarge.append(limit)
        var response = Response.http(413, body: Array("too large".utf8))
        response.grpc = GRPCStatus(code: 8, message: "larger than \(limit)")
        return response
    }

    func handle(_ request: Request, responder: Responder) {}
}

/// Plays the event loop for one server connection.
final class ServerDriver {
    let handler: TestHandler
    let connection: ServerConnection
    var now: UInt64 = 1_000
    var requests: [Request] = []
    var open: [Int32] = []
    var output: [UInt8] = []
    /// nil leaves requests unanswered.
    var answer: ((Request) -> Response)?

    init(
        _ handler: TestHandler = TestHandler(), limits: ServerLimits = .defaults,
        answer: ((Request) -> Response)? = { .http(200, body: $0.body) }
    ) {
        self.handler = handler
        self.answer = answer
        connection = ServerConnection(limits: limits, handler: handler, peer: "peer", listener: "test", now: now)
    }

    func feed(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { connection.receive($0, now: now) }
        drain()
    }

    func feed(_ text: String) { feed(Array(text.utf8)) }

    func drain(take: Bool = true) {
        while let (stream, request) = connection.nextRequest() {
            requests.append(request)
            if let answer {
                connection.respond(answer(request), to: stream, now: now)
            } else {
                open.append(stream)
            }
        }
        if take { connection.takeOutput(into: &output) }
    }

    func advance(to time: UInt64) {
        now = time
        connection.tick(now: now)
        drain()
    }

    var text: String { String(decoding: output, as: UTF8.self) }
    /// Statuses of the HTTP/1.1 answers.
    var statuses: [Int] {
        text.split(separator: "HTTP/1.1 ", omittingEmptySubsequences: true).compactMap { Int($0.prefix(3)) }
    }
}

/// Plays the event loop for one client connection.
final class ClientDriver {
    let connection: ClientConnection
    var now: UInt64 = 1_000
    var outcomes: [(id: UInt64, result: Result<ClientResponse, ClientError>)] = []
    var output: [UInt8] = []

    init(_ wireProtocol: WireProtocol, responseLimit: Int = 1 << 20) {
        connection = ClientConnection(
            wireProtocol: wireProtocol, authority: "host:1", scheme: "http", responseLimit: responseLimit, now: now)
    }

    func start(_ request: ClientRequest, id: UInt64) {
        connection.start(request, id: id, now: now)
        drain()
    }

    func feed(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { connection.receive($0, now: now) }
        drain()
    }

    func feed(_ text: String) { feed(Array(text.utf8)) }

    func end() {
        connection.receiveEnd(now: now)
        drain()
    }

    func advance(to time: UInt64) {
        now = time
        connection.tick(now: now)
        drain()
    }

    func drain() {
        while let outcome = connection.nextOutcome() { outcomes.append(outcome) }
        connection.takeOutput(into: &output)
    }

    func takeOutput() -> [UInt8] {
        connection.takeOutput(into: &output)
        defer { output = [] }
        return output
    }

    var responses: [ClientResponse] { outcomes.compactMap { try? $0.result.get() } }
    var errors: [ClientError] {
        outcomes.compactMap { if case .failure(let error) = $0.result { error } else { nil } }
    }
}

/// Carries bytes between the two, at most `piece` at a time, until both are silent.
func exchange(_ client: ClientDriver, _ server: ServerDriver, piece: Int = 1 << 18) {
    for _ in 0..<10_000 {
        let up = client.takeOutput()
        server.drain()
        let down = server.output
        server.output = []
        if up.isEmpty, down.isEmpty { return }
        for part in up.pieces(piece) { server.feed(part) }
        for part in down.pieces(piece) { client.feed(part) }
    }
}

extension [UInt8] {
    func pieces(_ size: Int) -> [[UInt8]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min(count, $0 + size)]) }
    }
}

/// SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// Hand-made HTTP/2 frames.
enum Frame {
    static let preface = ServerConnection.preface
    static let settings = make(4, 0, 0, [])

    static func make(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        let length = payload.count
        return [UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255), type, flags]
            + bigEndian(stream) + payload
    }

    static func bigEndian(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
    }

    /// HEADERS with END_HEADERS.
    static func headers(_ stream: UInt32, _ fields: [(String, String)], end: Bool = false) -> [UInt8] {
        make(1, end ? 5 : 4, stream, block(fields))
    }

    static func data(_ stream: UInt32, _ bytes: [UInt8], end: Bool = false) -> [UInt8] {
        make(0, end ? 1 : 0, stream, bytes)
    }

    static func reset(_ stream: UInt32, _ code: UInt32 = 8) -> [UInt8] { make(3, 0, stream, bigEndian(code)) }

    /// Literal fields without indexing.
    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0] + string($0.0) + string($0.1) }
    }

    static func string(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        var length: [UInt8] = []
        if bytes.count < 127 {
            length = [UInt8(bytes.count)]
        } else {
            length = [127]
            var rest = bytes.count - 127
            while rest >= 128 {
                length.append(UInt8(rest & 127 | 128))
                rest >>= 7
            }
            length.append(UInt8(rest))
        }
        return length + bytes
    }

    static func call(_ extra: [(String, String)] = [], path: String = "/s/m") -> [(String, String)] {
        [
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "h"), ("te", "trailers"),
            ("content-type", "application/grpc"),
        ] + extra
    }

    /// A gRPC message with its prefix.
    static func message(_ bytes: [UInt8], flag: UInt8 = 0) -> [UInt8] {
        [flag] + bigEndian(UInt32(bytes.count)) + bytes
    }

    struct Parsed {
        var type: UInt8
        var flags: UInt8
        var stream: UInt32
        var payload: [UInt8]
    }

    static func parse(_ bytes: [UInt8]) -> [Parsed] {
        var frames: [Parsed] = []
        var position = 0
        while position + 9 <= bytes.count {
            let length = Int(bytes[position]) << 16 | Int(bytes[position + 1]) << 8 | Int(bytes[position + 2])
            let stream = bytes[position + 5..<position + 9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            let end = Swift.min(bytes.count, position + 9 + length)
            frames.append(
                Parsed(
                    type: bytes[position + 3], flags: bytes[position + 4], stream: stream,
                    payload: Array(bytes[position + 9..<end])))
            position = end
        }
        return frames
    }
}
