import Bridge
import Configuration
import Dispatch
import Glibc
import OTLP
import Synchronization
import Transport

/// `spanbridge replay`: sends recorded requests to a receiver, each over the transport it was recorded from.
struct ReplayCommand {
    var options: Invocation.Replay
    var environment: [String: String]

    func run() -> ExitCode {
        do {
            let recordings = try options.directories.map(Recording.init(folder:))
            let requests = try recordings.flatMap { try $0.requests() }
            guard !requests.isEmpty else {
                complain(
                    "There are no recorded requests (NNNNN-….meta.json) in \(options.directories.joined(separator: ", ")).")
                return .failure
            }
            let sender = try RecordedSender(http: options.http, grpc: options.grpc)
            let deliveries = try recordings.flatMap { try $0.deliveries() }
            let api = try options.api.map { try APIClient($0, environment) }
            for delivery in deliveries { try api.map(delivery.tellStart) }
            for _ in 0..<options.repetitions { try send(requests, by: sender) }
            for delivery in deliveries { try api.map(delivery.tellEnd) }
            let bytes = requests.reduce(0) { $0 + $1.body.count } * options.repetitions
            print("Sent \(requests.count * options.repetitions) requests, \(bytes) bytes.")
            return .success
        } catch let failure as CommandFailure {
            complain(failure.message)
            return failure.code
        } catch {
            complain("The recording cannot be read: \(error)")
            return .failure
        }
    }

    private func send(_ requests: [RecordedRequest], by sender: RecordedSender) throws {
        let first = requests.map(\.time).min() ?? 0
        let begin = EventLoop.now()
        let shift = options.shiftToNow ? Int64(clamping: Clock().now()) - Int64(clamping: first) : 0
        for request in requests {
            if let speed = options.speed {
                let due = begin &+ UInt64(Double(request.time &- first) / speed)
                let now = EventLoop.now()
                if due > now { usleep(UInt32(clamping: (due - now) / 1000)) }
            }
            try sender.send(shift == 0 ? request : try request.shifted(by: shift))
        }
    }
}

/// One request of a recording.
struct RecordedRequest {
    var name: String
    var signal: Signal
    /// `grpc`, `http` or `http-json`.
    var transport: String
    var isGzipped: Bool
    /// When it was received, unix nanoseconds.
    var time: UInt64
    var body: [UInt8]

    /// How the name of a file ends that describes a request; the body is in the file of the same name without it.
    static let suffix = ".meta.json"

    init(meta path: String) throws {
        let meta = try Recording.json(of: path)
        let stem = path.dropLast(Self.suffix.count)
        name = String(Recording.name(of: String(stem)))
        guard let signal = Signal.allCases.first(where: { $0.name == meta["signal"]?.string }) else {
            throw CommandFailure(code: .failure, message: "\(path) names no signal (traces, metrics or logs).")
        }
        self.signal = signal
        transport = meta["transport"]?.string ?? "http"
        time = meta["received_unix_ns"]?.integer.flatMap(UInt64.init(exactly:)) ?? 0
        isGzipped = (meta["headers"]?.array ?? []).contains { header in
            let pair = header.array?.compactMap(\.string) ?? []
            return pair.count == 2 && pair[1] == "gzip"
                && ["grpc-encoding", "content-encoding"].contains(pair[0].lowercased())
        }
        body = try Recording.bytes(of: "\(stem).\(transport.contains("json") ? "json" : "pb")")
    }

    /// The same request with every time moved by so many nanoseconds.
    func shifted(by nanoseconds: Int64) throws -> RecordedRequest {
        let message: OTLPMessage =
            switch signal {
            case .traces: .tracesRequest
            case .metrics: .metricsRequest
            case .logs: .logsRequest
            }
        let json = transport.contains("json") ? body : try OTLPJSON.decode(protobuf: body, message: message)
        let moved = try JSONValue.parse(json).movingTimes(by: nanoseconds).serialized
        var shifted = self
        shifted.body = transport.contains("json") ? moved : try OTLPJSON.encodeProtobuf(json: moved, message: message)
        return shifted
    }
}

extension JSONValue {
    /// The value with every `…UnixNano` member moved.
    fileprivate func movingTimes(by nanoseconds: Int64) -> JSONValue {
        switch self {
        case .array(let elements): return .array(elements.map { $0.movingTimes(by: nanoseconds) })
        case .object(let members):
            return .object(
                members.map { member in
                    guard member.key.hasSuffix("UnixNano"), let time = member.value.time, time != 0 else {
                        return Member(key: member.key, value: member.value.movingTimes(by: nanoseconds))
                    }
                    let moved = UInt64(clamping: Int64(clamping: time) &+ nanoseconds)
                    return Member(key: member.key, value: .string("\(moved)"))
                })
        default: return self
        }
    }

    private var time: UInt64? { string.flatMap { UInt64($0) } ?? integer.flatMap(UInt64.init(exactly:)) }
}

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
