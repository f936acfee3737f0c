import OTLP
import Synchronization
import Transport

/// An OTLP backend that remembers everything it was sent, decoded by protobuf-c's descriptors into JSON values: not by
/// the code under test.
final class RecordingSink: RequestHandler {
    struct Received: Sendable {
        var signal: Signal
        var payload: [UInt8]
    }

    private let received = Mutex<[Received]>([])
    private let spanIDs = Mutex<Set<[UInt8]>>([])
    private let lastArrival = Mutex<UInt64>(EventLoop.now())
    /// While set, every request is answered with this status.
    let failure = Mutex<Int?>(nil)
    private let loop: EventLoop
    private let server: Server
    let port: Int

    init(tls: TLSContext? = nil) throws {
        loop = try EventLoop(name: "sink")
        server = Server(loops: [loop], limits: .defaults, connectionLimit: 100)
        loop.start()
        let late = LateHandler()
        port = try server.listen(name: "sink", host: "127.0.0.1", port: 0, handler: late, tls: tls)
        late.handler.withLock { $0 = self }
    }

    func stop() { loop.stop() }

    func admit(_ head: RequestHead) -> Admission { .accept(bodyLimit: 256 << 20) }

    func bodyTooLarge(_ head: RequestHead, limit: Int) -> Response { .http(413) }

    func handle(_ request: Request, responder: Responder) {
        if let status = failure.withLock({ $0 }) {
            responder.send(.http(status))
            return
        }
        let name = request.head.path.split(separator: "/").last.map(String.init) ?? ""
        let coding = ContentCoding(name: request.head.header("content-encoding") ?? "identity") ?? .identity
        guard let signal = Signal.allCases.first(where: { $0.name == name }),
            let payload = try? Inflation.inflate(request.body, coding: coding, limit: 256 << 20)
        else {
            responder.send(.http(400))
            return
        }
        received.withLock { $0.append(Received(signal: signal, payload: payload)) }
        lastArrival.withLock { $0 = EventLoop.now() }
        responder.send(.http(200, headers: [HeaderField("content-type", "application/x-protobuf")]))
    }

    var all: [Received] { received.withLock { $0 } }

    /// Monotonic nanoseconds since something last arrived.
    var quietFor: UInt64 {
        // Read first: a request that arrives in between would lie in the future.
        let last = lastArrival.withLock { $0 }
        return EventLoop.now() - last
    }
}

/// Lets a server listen before its handler exists.
private final class LateHandler: RequestHandler {
    let handler = Mutex<RecordingSink?>(nil)

    private var current: RecordingSink? { handler.withLock { $0 } }

    func admit(_ head: RequestHead) -> Admission { current?.admit(head) ?? .refuse(.http(503)) }

    func bodyTooLarge(_ head: RequestHead, limit: Int) -> Response { .http(413) }

    func handle(_ request: Request, responder: Responder) {
        if let current { current.handle(request, responder: responder) } else { responder.send(.http(503)) }
    }
}
