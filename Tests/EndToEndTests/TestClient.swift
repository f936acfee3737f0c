import Dispatch
import OTLP
import Synchronization
import Transport

/// Sends requests and blocks until the answer is there.
final class TestClient: Sendable {
    private let loop: EventLoop
    private let clients = Mutex<[ClientEndpoint: Client]>([:])

    private let tls: TLSContext?

    init(tls: TLSContext? = nil) throws {
        self.tls = tls
        loop = try EventLoop(name: "test-client")
        loop.start()
    }

    func stop() {
        forgetConnections()
        loop.stop()
    }

    func forgetConnections() {
        clients.withLock { clients in
            clients.values.forEach { $0.close() }
            clients = [:]
        }
    }

    func http(
        _ port: Int, _ method: String, _ path: String, _ body: [UInt8] = [], type: String? = nil,
        headers: [HeaderField] = []
    ) throws -> ClientResponse {
        var fields = headers
        if let type { fields.append(HeaderField("content-type", type)) }
        return try send(
            port, .http1,
            ClientRequest(
                method: method, target: path, headers: fields, body: body, grpcCompressed: false,
                timeout: 20_000_000_000))
    }

    func grpc(
        _ port: Int, _ signal: Signal, _ body: [UInt8], gzip: Bool, headers: [HeaderField] = []
    ) throws -> GRPCStatus {
        let service =
            switch signal {
            case .traces: "trace.v1.TraceService"
            case .metrics: "metrics.v1.MetricsService"
            case .logs: "logs.v1.LogsService"
            }
        let compressed = gzip ? Compression.compress(body, coding: .gzip) : body
        let response = try send(
            port, .grpc,
            ClientRequest(
                method: "POST", target: "/opentelemetry.proto.collector.\(service)/Export",
                headers: headers + (gzip ? [HeaderField("grpc-encoding", "gzip")] : []), body: compressed, grpcCompressed: gzip,
                timeout: 20_000_000_000))
        return response.grpcStatus ?? GRPCStatus(code: 2, message: "no status")
    }

    private func send(_ port: Int, _ wireProtocol: WireProtocol, _ request: ClientRequest) throws -> ClientResponse {
        let endpoint = ClientEndpoint(
            host: "127.0.0.1", port: port, tls: tls != nil, wireProtocol: wireProtocol, authority: "127.0.0.1:\(port)")
        let client = clients.withLock { clients in
            if let known = clients[endpoint] { return known }
            let made = Client(loop: loop, endpoint: endpoint, connections: 4, responseLimit: 64 << 20, tls: tls)
            clients[endpoint] = made
            return made
        }
        let result = Mutex<Result<ClientResponse, ClientError>?>(nil)
        let answered = DispatchSemaphore(value: 0)
        client.send(request) { outcome in
            result.withLock { $0 = outcome }
            answered.signal()
        }
        guard answered.wait(timeout: .now() + 30) == .success, let outcome = result.withLock({ $0 }) else {
            throw TestFailure("\(request.target) was not answered within 30 s")
        }
        return try outcome.get()
    }
}
