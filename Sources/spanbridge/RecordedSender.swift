import Configuration
import Dispatch
import OTLP
import Synchronization
import Transport

/// Sends recorded requests one after the other; one that is answered with an error ends it.
final class RecordedSender: Sendable {
    private let loop: EventLoop
    private let http: Client
    private let grpc: Client
    private let httpPath: String

    init(http: RemoteEndpoint, grpc: RemoteEndpoint) throws {
        loop = try EventLoop(name: "replay")
        self.http = Client(loop: loop, endpoint: ClientEndpoint(http, .http1), connections: 1, responseLimit: 4 << 20)
        self.grpc = Client(loop: loop, endpoint: ClientEndpoint(grpc, .grpc), connections: 1, responseLimit: 4 << 20)
        httpPath = http.path
        loop.start()
    }

    deinit {
        http.close()
        grpc.close()
        loop.stop()
    }

    func send(_ recording: RecordedRequest) throws(CommandFailure) {
        let isGRPC = recording.transport == "grpc"
        let body = recording.isGzipped ? Compression.compress(recording.body, coding: .gzip) : recording.body
        var headers = recording.isGzipped ? [HeaderField(isGRPC ? "grpc-encoding" : "content-encoding", "gzip")] : []
        if !isGRPC {
            let type = recording.transport.contains("json") ? "application/json" : "application/x-protobuf"
            headers.append(HeaderField("content-type", type))
        }
        let request = ClientRequest(
            method: "POST", target: isGRPC ? recording.signal.exportMethod : "\(httpPath)\(recording.signal.exportPath)",
            headers: headers, body: body, grpcCompressed: isGRPC && recording.isGzipped, timeout: 30_000_000_000)
        let outcome = Mutex<Result<ClientResponse, ClientError>?>(nil)
        let answered = DispatchSemaphore(value: 0)
        (isGRPC ? grpc : http).send(request) { result in
            outcome.withLock { $0 = result }
            answered.signal()
        }
        answered.wait()
        switch outcome.withLock({ $0 }) {
        case .success(let response):
            if isGRPC, let status = response.grpcStatus, status.code != 0 {
                throw CommandFailure(
                    code: .failure, message: "\(recording.name) was answered with gRPC status \(status.code): \(status.message)")
            }
            if response.status != 200 {
                throw CommandFailure(code: .failure, message: "\(recording.name) was answered with status \(response.status).")
            }
        case .failure(let error):
            throw CommandFailure(code: .unavailable, message: "\(recording.name) could not be sent: \(error).")
        case nil: throw CommandFailure(code: .failure, message: "\(recording.name) got no answer.")
        }
    }
}

extension ClientEndpoint {
    fileprivate init(_ remote: RemoteEndpoint, _ wireProtocol: WireProtocol) {
        self.init(
            host: remote.host, port: remote.port, tls: remote.scheme == .https, wireProtocol: wireProtocol,
            authority: "\(remote.host):\(remote.port)")
    }
}
