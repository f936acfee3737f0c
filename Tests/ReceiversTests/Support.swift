import OTLP
import Synchronization
import Testing
import Transport

@testable import Receivers

/// An intake that keeps what it is given and answers as told.
final class FakeIntake: Intake {
    private struct State {
        var batches: [ReceivedBatch] = []
        var events: [[CloudEvent]] = []
        var calls: [BindingCall] = []
        var tenants: [String?] = []
        var unreadiness: ExportFailure?
        var outcome: ExportFailure?
    }

    private let state = Mutex(State())

    var batches: [ReceivedBatch] { state.withLock { $0.batches } }
    var events: [[CloudEvent]] { state.withLock { $0.events } }
    /// With which tenant each thing was submitted.
    var tenants: [String?] { state.withLock { $0.tenants } }
    var calls: [BindingCall] { state.withLock { $0.calls } }

    /// Refuses before a body is read.
    func close(_ failure: ExportFailure) { state.withLock { $0.unreadiness = failure } }

    /// Refuses what is submitted.
    func refuse(_ failure: ExportFailure) { state.withLock { $0.outcome = failure } }

    func unreadiness() -> ExportFailure? { state.withLock { $0.unreadiness } }

    func submit(_ batch: ReceivedBatch, completion: @escaping @Sendable (ExportFailure?) -> Void) {
        completion(keep(batch.tenant) { $0.batches.append(batch) })
    }

    func submit(_ events: [CloudEvent], tenant: String?, completion: @escaping @Sendable (ExportFailure?) -> Void) {
        completion(keep(tenant) { $0.events.append(events) })
    }

    func submit(_ call: BindingCall, tenant: String?, completion: @escaping @Sendable (ExportFailure?) -> Void) {
        completion(keep(tenant) { $0.calls.append(call) })
    }

    private func keep(_ tenant: String?, _ change: (inout State) -> Void) -> ExportFailure? {
        state.withLock { state in
            if state.outcome == nil {
                state.tenants.append(tenant)
                change(&state)
            }
            return state.outcome
        }
    }
}

extension RequestHandler {
    /// The one answer to a request, as a server would get it: admission, body limit, handling.
    func answer(_ request: Request) -> Response? {
        switch admit(request.head) {
        case .refuse(let response): return response
        case .accept(let limit) where request.body.count > limit: return bodyTooLarge(request.head, limit: limit)
        case .accept: break
        }
        let answers = Answers()
        handle(request, responder: Responder { answers.keep($0) })
        return answers.only
    }
}

private final class Answers: Sendable {
    private let answers = Mutex<[Response]>([])

    func keep(_ response: Response) { answers.withLock { $0.append(response) } }

    /// Nil unless there was exactly one.
    var only: Response? { answers.withLock { $0.count == 1 ? $0[0] : nil } }
}

extension Request {
    static func http(
        _ path: String, _ body: [UInt8] = [], type: String? = "application/x-protobuf", encoding: String? = nil,
        method: String = "POST", headers: [HeaderField] = []
    ) -> Request {
        let named = [
            type.map { HeaderField("content-type", $0) }, encoding.map { HeaderField("content-encoding", $0) },
        ]
        return Request(
            head: RequestHead(
                method: method, target: path, wireProtocol: .http1, headers: named.compactMap { $0 } + headers,
                peer: "peer",
                listener: "http"),
            body: body, grpcCompressed: false)
    }

    static func grpc(_ path: String, _ body: [UInt8] = [], encoding: String? = nil, isCompressed: Bool? = nil)
        -> Request
    {
        var headers = [HeaderField("content-type", "application/grpc"), HeaderField("te", "trailers")]
        if let encoding { headers.append(HeaderField("grpc-encoding", encoding)) }
        return Request(
            head: RequestHead(
                method: "POST", target: path, wireProtocol: .grpc, headers: headers, peer: "peer", listener: "grpc"),
            body: body, grpcCompressed: isCompressed ?? (encoding != nil))
    }
}

extension Response {
    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The `google.rpc.Status` in the body, read back by the type that the answer names.
    func status() throws -> JSONValue {
        let json =
            header("content-type") == "application/json"
            ? body : try OTLPJSON.decode(protobuf: body, message: .status)
        return try JSONValue.parse(json)
    }
}

/// A request of spans, of which the first `valid` have ids.
func spans(valid: Int, invalid: Int = 0, nameLength: Int = 4) -> [UInt8] {
    let spans = (0..<valid + invalid).map {
        BuiltSpan(
            traceID: TraceID(high: $0 < valid ? 1 : 0, low: 0), spanID: SpanID(raw: UInt64($0 + 1)),
            parentSpanID: .none,
            name: String(repeating: "n", count: nameLength), kind: 2, start: 1, end: 2)
    }
    return SpanBuilder.request(resource: [("service.name", "shop")], scope: "web", version: "1", spans: spans)
}

extension [UInt8] {
    init(hex: String) {
        let digits = Swift.Array(hex.utf8)
        self = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
        }
    }
}
