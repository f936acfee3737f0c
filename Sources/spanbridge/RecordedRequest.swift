import Configuration
import OTLP

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
        let message = OTLPMessage.request(signal)
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
