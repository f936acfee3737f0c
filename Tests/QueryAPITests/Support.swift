import OTLP
import Synchronization
import Testing
import Transport

@testable import QueryAPI

/// A backend that answers every question with what it was asked.
final class EchoBackend: QueryBackend {
    private let reason = Mutex<String?>(nil)
    private let filter = Mutex<EventFilter?>(nil)

    private let viewer = Mutex<Viewer?>(nil)

    /// Who asked last.
    var lastViewer: Viewer? { viewer.withLock { $0 } }

    private func keep(_ viewer: Viewer) { self.viewer.withLock { $0 = viewer } }

    /// The last filter of a list.
    var lastFilter: EventFilter? { filter.withLock { $0 } }

    func stop(_ why: String) { reason.withLock { $0 = why } }

    func events(_ filter: EventFilter, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void) {
        keep(viewer)
        self.filter.withLock { $0 = filter }
        completion(echo("events"))
    }

    func event(_ name: EventQuery, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void) {
        keep(viewer)
        completion(echo("event \(name.id)|\(name.source ?? "-")|\(name.tenant ?? "-")"))
    }

    func timeline(event name: EventQuery, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void) {
        keep(viewer)
        completion(echo("timeline of event \(name.id)"))
    }

    func timeline(execution id: String, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void) {
        keep(viewer)
        completion(.problem(.notFound("no execution \(id)")))
    }

    func explain(event name: EventQuery, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void) {
        keep(viewer)
        completion(echo("explanation of event \(name.id)|\(name.source ?? "-")|\(name.tenant ?? "-")"))
    }

    func explain(trace id: TraceID, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void) {
        keep(viewer)
        completion(echo("explanation of trace \(id.hex)"))
    }

    func explain(
        execution id: String, tenant: String?, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void
    ) {
        keep(viewer)
        if let tenant { return completion(echo("explanation of execution \(id)|\(tenant)")) }
        completion(
            .problem(Problem(status: 409, title: "Ambiguous", detail: id, candidates: Array(#"[{"id":1}]"#.utf8))))
    }

    func trace(
        _ id: TraceID, asProtobuf: Bool, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void
    ) {
        keep(viewer)
        completion(
            .bytes(
                Array("trace \(id.hex)".utf8), contentType: asProtobuf ? "application/x-protobuf" : "application/json"))
    }

    func doctor(completion: @escaping @Sendable (QueryAnswer) -> Void) { completion(echo("doctor")) }

    func status(completion: @escaping @Sendable (QueryAnswer) -> Void) { completion(echo("status")) }

    func metrics(accept: String?) -> QueryAnswer { echo("metrics \(accept ?? "-")") }

    func unreadiness() -> String? { reason.withLock { $0 } }

    private func echo(_ text: String) -> QueryAnswer { .json(Array(text.utf8)) }
}

extension RequestHandler {
    /// The one answer to a request, as a server would get it.
    func answer(_ method: String, _ target: String, body: [UInt8] = [], headers: [HeaderField] = []) -> Response? {
        let head = RequestHead(
            method: method, target: target, wireProtocol: .http1, headers: headers, peer: "peer", listener: "api")
        switch admit(head) {
        case .refuse(let response): return response
        case .accept(let limit) where body.count > limit: return bodyTooLarge(head, limit: limit)
        case .accept: break
        }
        let answers = Answers()
        handle(Request(head: head, body: body, grpcCompressed: false), responder: Responder { answers.keep($0) })
        return answers.only
    }
}

private final class Answers: Sendable {
    private let answers = Mutex<[Response]>([])

    func keep(_ response: Response) { answers.withLock { $0.append(response) } }

    /// Nil unless there was exactly one.
    var only: Response? { answers.withLock { $0.count == 1 ? $0[0] : nil } }
}

extension Response {
    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The body of a problem, checked for being one.
    func problem() throws -> JSONValue {
        #expect(header("content-type") == "application/problem+json")
        let problem = try JSONValue.parse(body)
        #expect(problem["status"]?.integer == Int64(status) && problem["title"]?.string?.isEmpty == false)
        return problem
    }
}
