import Dispatch
import OTLP
import Synchronization
import Transport

/// An OTLP backend over HTTP in this process, on a loop of its own, that counts what it is sent and keeps nothing.
final class CountingSink: RequestHandler {
    /// What has arrived.
    struct Totals: Sendable, Equatable {
        var spans = 0
        /// The sum of the ids of these spans, wrapping.
        var checksum: UInt64 = 0
        /// Spans that spanbridge made for executions.
        var executionSpans = 0
        var requests = 0
        /// Bytes of bodies as sent, and inflated.
        var wireBytes = 0
        var bytes = 0
        /// Requests that could not be read.
        var mistakes = 0
    }

    private struct State {
        var totals = Totals()
        var wanted: (spans: Int, executionSpans: Int)?
    }

    private let state = Mutex(State())
    private let reached = DispatchSemaphore(value: 0)
    private let keys = CompiledKeys(.defaults)
    private let loop: EventLoop

    private let tls: TLSContext?

    /// - Parameter tls: a server's context, if it shall speak TLS.
    init(tls: TLSContext? = nil) throws {
        self.tls = tls
        loop = try EventLoop(name: "sink")
        loop.start()
    }

    /// Opens a port of the kernel's choice on the loopback address.
    func listen() throws -> Int {
        let server = Server(loops: [loop], limits: .defaults, connectionLimit: 256)
        return try server.listen(name: "sink", host: "127.0.0.1", port: 0, handler: self, tls: tls)
    }

    func stop() { loop.stop() }

    var totals: Totals { state.withLock { $0.totals } }

    /// Forgets what has arrived and begins to wait for so many spans.
    func expect(spans: Int, executionSpans: Int) {
        while reached.wait(timeout: .now()) == .success {}
        state.withLock { $0 = State(totals: Totals(), wanted: (spans, executionSpans)) }
    }

    /// Waits until what was expected has arrived; false after `seconds`.
    func wait(seconds: Int) -> Bool {
        reached.wait(timeout: .now() + .seconds(seconds)) == .success
    }

    func admit(_ head: RequestHead) -> Admission { .accept(bodyLimit: 64 << 20) }

    func bodyTooLarge(_ head: RequestHead, limit: Int) -> Response { .http(413) }

    func handle(_ request: Request, responder: Responder) {
        responder.send(.http(200, headers: [HeaderField("content-type", "application/x-protobuf")]))
        let isGRPC = request.head.wireProtocol == .grpc
        let header = isGRPC ? "grpc-encoding" : "content-encoding"
        let coding = ContentCoding(name: request.head.header(header) ?? "identity")
        guard request.head.path == (isGRPC ? Signal.traces.exportMethod : "/v1/traces"), let coding,
            let payload = try? Inflation.inflate(request.body, coding: coding, limit: 256 << 20),
            let index = try? SpanIndex(payload: payload, keys: keys)
        else { return state.withLock { $0.totals.mistakes += 1 } }
        var found = Totals(requests: 1, wireBytes: request.body.count, bytes: payload.count)
        for scope in index.scopes {
            let isOurs = payload[scope.name.indices].elementsEqual("spanbridge".utf8)
            for position in scope.spans {
                if isOurs {
                    found.executionSpans += 1
                } else {
                    found.spans += 1
                    found.checksum &+= index.spans[Int(position)].spanID.raw
                }
            }
        }
        add(found)
    }

    private func add(_ found: Totals) {
        state.withLock { state in
            state.totals.spans += found.spans
            state.totals.checksum &+= found.checksum
            state.totals.executionSpans += found.executionSpans
            state.totals.requests += found.requests
            state.totals.wireBytes += found.wireBytes
            state.totals.bytes += found.bytes
            guard let wanted = state.wanted, state.totals.spans >= wanted.spans,
                state.totals.executionSpans >= wanted.executionSpans
            else { return }
            state.wanted = nil
            reached.signal()
        }
    }
}
