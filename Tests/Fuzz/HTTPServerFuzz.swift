@testable import Transport

extension FuzzTarget {
    /// A connection that turns out to be HTTP/1.1, or ends undecided. The first byte chooses how the input is cut.
    static let http1Server = FuzzTarget(name: "http1-server") { bytes in serve(bytes, after: []) }

    /// What follows the preface of HTTP/2. The first byte chooses how the input is cut.
    static let http2Server = FuzzTarget(name: "http2-server") { bytes in serve(bytes, after: ServerConnection.preface) }

    private static func serve(_ bytes: [UInt8], after preface: [UInt8]) {
        guard let first = bytes.first else { return }
        var limits = ServerLimits.defaults
        limits.bufferedBytes = 1 << 20
        let connection = ServerConnection(
            limits: limits, handler: FuzzedHandler(), peer: "fuzz", listener: "grpc", now: 0)
        var output: [UInt8] = []
        var waiting: [Int32] = []
        var now: UInt64 = 0
        func turn() {
            while let (stream, request) = connection.nextRequest() {
                require(request.body.count <= FuzzedHandler.bodyLimit, "a body passed its limit")
                // Some are answered at once, some later.
                if stream % 3 == 0 {
                    waiting.append(stream)
                } else {
                    connection.respond(FuzzedHandler.answer(request), to: stream, now: now)
                }
            }
            if connection.hasOutput { connection.takeOutput(into: &output) }
            require(output.count < 64 << 20, "the output has no end")
            _ = connection.deadline
            now += 1_000_000
            connection.tick(now: now)
        }
        let input = preface + bytes.dropFirst()
        let step = first == 0 ? input.count : Int(first)
        var position = 0
        while position < input.count, !connection.isFinished, connection.wantsRead {
            let end = min(position + max(step, 1), input.count)
            input[position..<end].withUnsafeBytes { connection.receive($0, now: now) }
            position = end
            turn()
        }
        for stream in waiting { connection.respond(.http(200, body: [1, 2, 3]), to: stream, now: now) }
        turn()
        if first % 2 == 0 { connection.receiveEnd(now: now) } else { connection.beginShutdown(now: now) }
        turn()
        connection.tick(now: now + 3_600_000_000_000)
        turn()
    }
}

/// Takes small bodies and answers in the request's own way.
private final class FuzzedHandler: RequestHandler {
    static let bodyLimit = 4_096

    static func answer(_ request: Request) -> Response {
        request.head.wireProtocol == .grpc
            ? .grpc(GRPCStatus(code: 0, message: request.head.target), message: request.body)
            : .http(200, headers: [HeaderField("content-type", "text/plain")], body: request.body)
    }

    func admit(_ head: RequestHead) -> Admission {
        head.path == "/refuse" ? .refuse(.http(404)) : .accept(bodyLimit: Self.bodyLimit)
    }

    func bodyTooLarge(_ head: RequestHead, limit: Int) -> Response { .http(413) }

    func handle(_ request: Request, responder: Responder) {}
}
