@testable import Transport

extension FuzzTarget {
    /// What a backend answers over HTTP/1.1. The first byte chooses how the input is cut.
    static let http1Client = FuzzTarget(name: "http1-client") { bytes in read(bytes, .http1) }

    /// What a gRPC backend answers.
    static let http2Client = FuzzTarget(name: "http2-client") { bytes in read(bytes, .grpc) }

    private static func read(_ bytes: [UInt8], _ wireProtocol: WireProtocol) {
        guard let first = bytes.first else { return }
        let connection = ClientConnection(
            wireProtocol: wireProtocol, authority: "backend:4317", scheme: "http", responseLimit: 4_096, now: 0)
        var output: [UInt8] = []
        var started: UInt64 = 0
        var ended: UInt64 = 0
        var now: UInt64 = 0
        func turn() {
            while let (_, result) = connection.nextOutcome() {
                ended += 1
                if case .success(let answer) = result { require(answer.body.count <= 4_096, "a body passed its limit") }
            }
            if connection.hasOutput { connection.takeOutput(into: &output) }
            require(output.count < 64 << 20, "the output has no end")
            now += 1_000_000
            connection.tick(now: now)
            if started < 5, connection.capacity > 0 {
                connection.start(ClientRequest(target: "/v1/traces", body: [1, 2, 3]), id: started, now: now)
                started += 1
            }
        }
        turn()
        let input = Array(bytes.dropFirst())
        let step = max(first == 0 ? input.count : Int(first), 1)
        var position = 0
        while position < input.count, !connection.isFinished {
            let end = min(position + step, input.count)
            input[position..<end].withUnsafeBytes { connection.receive($0, now: now) }
            position = end
            turn()
        }
        connection.receiveEnd(now: now)
        turn()
        connection.fail(.closed("the end"))
        while connection.nextOutcome() != nil { ended += 1 }
        require(ended == started, "\(started) requests had \(ended) outcomes")
    }
}
