import Glibc
import OTLP
import Synchronization
import Testing
import Transport

/// The rows of docs/conformance.md about sending: the running relay in front of a backend that answers badly.
@Suite("OTLP as a client", .serialized)
struct ExporterConformanceTests {
    /// A backend that answers what it is told to, and remembers what it was asked.
    private final class Backend: RequestHandler {
        struct Call: Sendable {
            var head: RequestHead
            var body: [UInt8]
            var at: UInt64
        }

        private let loop: EventLoop
        private let server: Server
        private let state: Mutex<(calls: [Call], answer: @Sendable (Int) -> Response)>
        let port: Int

        /// - Parameter answer: to the call of this number, from 0.
        init(_ answer: @escaping @Sendable (Int) -> Response) throws {
            state = Mutex(([], answer))
            loop = try EventLoop(name: "backend")
            server = Server(loops: [loop], limits: .defaults, connectionLimit: 100)
            loop.start()
            let door = Door()
            port = try server.listen(name: "backend", host: "127.0.0.1", port: 0, handler: door)
            door.backend.withLock { $0 = self }
        }

        func stop() { loop.stop() }

        var calls: [Call] { state.withLock { $0.calls } }

        func admit(_ head: RequestHead) -> Admission { .accept(bodyLimit: 64 << 20) }
        func bodyTooLarge(_ head: RequestHead, limit: Int) -> Response { .http(413) }

        func handle(_ request: Request, responder: Responder) {
            responder.send(
                state.withLock { state in
                    state.calls.append(Call(head: request.head, body: request.body, at: EventLoop.now()))
                    return state.answer(state.calls.count - 1)
                })
        }

        /// Lets a server listen before its handler exists.
        private final class Door: RequestHandler {
            let backend = Mutex<Backend?>(nil)

            func admit(_ head: RequestHead) -> Admission { .accept(bodyLimit: 64 << 20) }
            func bodyTooLarge(_ head: RequestHead, limit: Int) -> Response { .http(413) }

            func handle(_ request: Request, responder: Responder) {
                if let backend = backend.withLock({ $0 }) {
                    backend.handle(request, responder: responder)
                } else {
                    responder.send(.http(503))
                }
            }
        }
    }

    private static let accepted = Response.http(200, headers: [HeaderField("content-type", "application/x-protobuf")])

    /// Sends `count` requests of one span each through a relay to a backend, one after the other, and calls the body when
    /// the relay has delivered or dropped them all.
    private func relay(
        _ count: Int = 1, over kind: String = "otlp_http", _ answer: @escaping @Sendable (Int) -> Response,
        _ body: (Backend, _ dropped: Int) throws -> Void
    ) throws {
        let backend = try Backend(answer)
        defer { backend.stop() }
        let sink = try RecordingSink()
        defer { sink.stop() }
        let scheme = kind == "otlp_http" ? "http://" : ""
        let tls = kind == "otlp_http" ? "" : ", tls: {insecure: true}"
        let bridge = try BridgeProcess(
            sinkPort: sink.port,
            exporters: """
                  \(kind)/bad: {endpoint: "\(scheme)127.0.0.1:\(backend.port)"\(tls), compression: gzip, batch: {timeout: 0}, retry_on_failure: {initial_interval: 100ms, max_interval: 200ms}}
                """)
        func metric(_ name: String, _ part: String) throws -> Int {
            let text = try bridge.metrics
            return text.split(separator: "\n").filter { $0.hasPrefix(name) && $0.contains("/bad\"") && $0.contains(part) }
                .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0) { $0 + Int($1) }
        }
        for number in 1...count {
            let span = """
                {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "\(TraceID(high: 9, low: UInt64(number)).hex)",
                 "spanId": "\(SpanID(raw: UInt64(number)).hex)", "name": "x"}]}]}]}
                """
            _ = try bridge.http("POST", "/v1/traces", Array(span.utf8), type: "application/json", port: bridge.httpPort)
            try waitUntil("request \(number) is delivered, rejected or dropped", seconds: 20) {
                try ["sent", "rejected", "dropped"].map { try metric("spanbridge_exporter_\($0)_records_total", "traces") }
                    .reduce(0, +) >= number
            }
        }
        try body(backend, try metric("spanbridge_exporter_dropped_records_total", "traces"))
        #expect(bridge.stop() == 0)
    }

    @Test("C-6, C-8: other answers than 429, 502, 503 and 504 are not retried", arguments: [400, 401, 403, 404, 405, 415, 500, 501])
    func notRetried(status: Int) throws {
        try relay { _ in .http(status) } _: { backend, dropped in #expect(backend.calls.count == 1 && dropped == 1) }
    }

    @Test("C-8, C-10: these are retried until they are taken", arguments: [429, 502, 503, 504])
    func retried(status: Int) throws {
        try relay { $0 < 2 ? .http(status) : Self.accepted } _: { backend, dropped in
            #expect(backend.calls.count == 3 && dropped == 0)
            #expect(Set(backend.calls.map(\.body)).count == 1, "the same request each time")
        }
    }

    @Test("C-5: what is accepted in part is not sent again")
    func partialSuccess() throws {
        try relay { _ in
            var answer = Self.accepted
            answer.body = PartialSuccess(signal: .traces, rejected: 1, message: "no").protobuf
            return answer
        } _: { backend, _ in #expect(backend.calls.count == 1) }
    }

    @Test("C-2: a reply above 4 MiB, as sent or inflated, is no answer and not retried", arguments: [false, true])
    func largeReply(isCompressed: Bool) throws {
        try relay { _ in
            var answer = Self.accepted
            answer.body = [UInt8](repeating: 0, count: 5 << 20)
            if isCompressed {
                answer.body = Compression.compress(answer.body, coding: .gzip)
                answer.headers.append(HeaderField("content-encoding", "gzip"))
            }
            return answer
        } _: { backend, dropped in #expect(backend.calls.count == 1 && dropped == 1) }
    }

    @Test("C-9, C-11: Retry-After is kept to")
    func retryAfter() throws {
        try relay { $0 == 0 ? .http(503, headers: [HeaderField("retry-after", "2")]) : Self.accepted } _: { backend, _ in
            let calls = backend.calls
            try #require(calls.count == 2)
            #expect(calls[1].at - calls[0].at >= 1_900_000_000)
        }
    }

    @Test("C-7: which gRPC codes are retried", arguments: 1...16)
    func codes(code: Int) throws {
        let retryable = [1, 4, 10, 11, 14, 15].contains(code)
        try relay(over: "otlp_grpc") { .grpc(GRPCStatus(code: $0 < 2 ? code : 0)) } _: { backend, dropped in
            #expect(backend.calls.count == (retryable ? 3 : 1) && dropped == (retryable ? 0 : 1))
        }
    }

    @Test("C-7: RESOURCE_EXHAUSTED is retried with RetryInfo")
    func exhausted() throws {
        let details = ExportFailure.overloaded("later", retryAfter: 1_000_000_000).statusBytes
        try relay(over: "otlp_grpc") { .grpc($0 == 0 ? GRPCStatus(code: 8, details: details) : GRPCStatus(code: 0)) } _: {
            backend, dropped in
            let calls = backend.calls
            try #require(calls.count == 2 && dropped == 0)
            #expect(calls[1].at - calls[0].at >= 900_000_000)
        }
    }

    @Test("C-12, C-13, C-14: what requests say of themselves, and one connection for all", arguments: ["otlp_http", "otlp_grpc"])
    func heads(kind: String) throws {
        try relay(5, over: kind) { _ in kind == "otlp_http" ? Self.accepted : .grpc(GRPCStatus(code: 0)) } _: { backend, _ in
            let calls = backend.calls
            #expect(calls.count == 5 && Set(calls.map(\.head.peer)).count == 1)
            for head in calls.map(\.head) {
                #expect(head.header("content-type") == (kind == "otlp_http" ? "application/x-protobuf" : "application/grpc"))
                #expect(head.header(kind == "otlp_http" ? "content-encoding" : "grpc-encoding") == "gzip")
                #expect(head.header("user-agent")?.contains("spanbridge/") == true, "\(head.header("user-agent") ?? "none")")
            }
        }
    }
}
