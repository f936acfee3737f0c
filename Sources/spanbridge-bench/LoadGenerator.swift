import Dispatch
import Synchronization
import Transport

/// Sends requests over several connections, a few in flight on each, on a loop of its own.
final class LoadGenerator: Sendable {
    private let loop: EventLoop
    private let clients: [Client]
    private let isGRPC: Bool
    private let inFlight: Int

    /// - Parameters:
    ///   - inFlight: requests in flight on one connection: with HTTP/1.1 one, with gRPC two unless many connect.
    ///   - tls: a client's context, if the server speaks TLS.
    init(
        wireProtocol: WireProtocol, port: Int, connections: Int, inFlight: Int? = nil, tls: TLSContext? = nil
    ) throws {
        let loop = try EventLoop(name: "load")
        self.loop = loop
        loop.start()
        isGRPC = wireProtocol == .grpc
        self.inFlight = inFlight ?? (isGRPC && connections < 16 ? 2 : 1)
        clients = (0..<connections).map { _ in
            Client(
                loop: loop,
                endpoint: ClientEndpoint(host: "127.0.0.1", port: port, tls: tls != nil, wireProtocol: wireProtocol),
                connections: 1, responseLimit: 1 << 20, tls: tls)
        }
    }

    func close() {
        for client in clients { client.close() }
        loop.stop()
    }

    /// The CPU time that the sending thread has used, nanoseconds.
    var cpuTime: UInt64 { loop.threadTime }

    /// Sends OTLP requests of spans and returns once all are acknowledged.
    func sendTraces(_ bodies: [[UInt8]]) throws {
        if isGRPC {
            try send(
                bodies, target: "/opentelemetry.proto.collector.trace.v1.TraceService/Export", headers: [])
        } else {
            try send(
                bodies, target: "/v1/traces", headers: [HeaderField("content-type", "application/x-protobuf")])
        }
    }

    /// Sends requests in order, the next whenever one is answered, and returns once all are. Throws for the first that
    /// fails.
    func send(_ bodies: [[UInt8]], target: String, headers: [HeaderField]) throws {
        let run = Run(bodies)
        for client in clients {
            for _ in 0..<inFlight { next(run, on: client, target, headers) }
        }
        guard run.finished.wait(timeout: .now() + .seconds(60)) == .success else {
            throw BenchError("\(target): requests are not answered within 60 s")
        }
        if let failure = run.state.withLock({ $0.failure }) { throw failure }
    }

    private func next(_ run: Run, on client: Client, _ target: String, _ headers: [HeaderField]) {
        guard let body = run.take() else { return }
        client.send(ClientRequest(target: target, headers: headers, body: body, timeout: 30_000_000_000)) { result in
            run.end(Self.failure(result))
            self.next(run, on: client, target, headers)
        }
    }

    private static func failure(_ result: Result<ClientResponse, ClientError>) -> BenchError? {
        switch result {
        case .failure(let error): return BenchError("a request failed: \(error)")
        case .success(let answer):
            if let status = answer.grpcStatus, status.code != 0 {
                return BenchError("a request was answered with gRPC status \(status.code): \(status.message)")
            }
            guard (200..<300).contains(answer.status) else {
                return BenchError("a request was answered with HTTP status \(answer.status)")
            }
            return nil
        }
    }

    /// One call of `send`.
    private final class Run: Sendable {
        struct State {
            var bodies: [[UInt8]]
            var started = 0
            var ended = 0
            var failure: BenchError?
        }

        let state: Mutex<State>
        let finished = DispatchSemaphore(value: 0)

        init(_ bodies: [[UInt8]]) {
            state = Mutex(State(bodies: bodies))
            if bodies.isEmpty { finished.signal() }
        }

        /// The next body; nil if there is none or one has failed.
        func take() -> [UInt8]? {
            state.withLock { state in
                guard state.started < state.bodies.count, state.failure == nil else { return nil }
                defer { state.started += 1 }
                return state.bodies[state.started]
            }
        }

        func end(_ failure: BenchError?) {
            let isLast = state.withLock { state in
                state.ended += 1
                if state.failure == nil { state.failure = failure }
                return state.failure != nil ? state.ended == state.started : state.ended == state.bodies.count
            }
            if isLast { finished.signal() }
        }
    }
}

extension EventLoop {
    /// The CPU time that this loop's thread has used, nanoseconds. Blocks until the loop answers.
    var threadTime: UInt64 {
        let time = Mutex<UInt64>(0)
        let answered = DispatchSemaphore(value: 0)
        post {
            time.withLock { $0 = CPUTime.ofThread }
            answered.signal()
        }
        answered.wait()
        return time.withLock { $0 }
    }
}
