import OTLP
import Transport

/// The native API: which paths there are and what their parameters mean. Answers come from the backend.
package enum NativeAPI {
    /// The routes that answer questions.
    ///
    /// - Parameter resultLimit: the largest page of a list (`api.max_results`).
    package static func routes(backend: any QueryBackend, resultLimit: Int) -> [Route] {
        [
            Route("GET", "/healthz", isOpen: true) { _, done in done(.bytes(Array("ok\n".utf8), contentType: "text/plain")) },
            Route("GET", "/readyz", isOpen: true) { _, done in
                if let reason = backend.unreadiness() {
                    done(.problem(.unavailable(reason)))
                } else {
                    done(.bytes(Array("ready\n".utf8), contentType: "text/plain"))
                }
            },
            Route("GET", "/metrics") { request, done in
                done(overall(request) ?? backend.metrics(accept: request.head.header("accept")))
            },
            Route("GET", "/api/v1/status") { request, done in
                if let refusal = overall(request) { done(refusal) } else { backend.status(completion: done) }
            },
            Route("GET", "/api/v1/doctor") { request, done in
                if let refusal = overall(request) { done(refusal) } else { backend.doctor(completion: done) }
            },
            Route("GET", "/api/v1/events") { request, done in
                switch filter(request, resultLimit: resultLimit) {
                case .success(let filter): backend.events(filter, for: request.viewer, completion: done)
                case .failure(let problem): done(.problem(problem))
                }
            },
            Route("GET", "/api/v1/events/{}") { request, done in
                backend.event(event(request), for: request.viewer, completion: done)
            },
            Route("GET", "/api/v1/events/{}/timeline") { request, done in
                backend.timeline(event: event(request), for: request.viewer, completion: done)
            },
            Route("GET", "/api/v1/executions/{}/timeline") { request, done in
                backend.timeline(execution: request.parameters[0], for: request.viewer, completion: done)
            },
            Route("GET", "/api/v1/executions/{}/explain") { request, done in
                backend.explain(
                    execution: request.parameters[0], tenant: request.query("tenant"), for: request.viewer,
                    completion: done)
            },
            Route("GET", "/api/v1/events/{}/explain") { request, done in
                backend.explain(event: event(request), for: request.viewer, completion: done)
            },
            Route("GET", "/api/v1/traces/{}") { request, done in
                switch trace(request) {
                case .success(let id):
                    let accept = request.head.header("accept") ?? ""
                    backend.trace(
                        id, asProtobuf: accept.contains("protobuf"), for: request.viewer, completion: done)
                case .failure(let problem): done(.problem(problem))
                }
            },
            Route("GET", "/api/v1/traces/{}/explain") { request, done in
                switch trace(request) {
                case .success(let id): backend.explain(trace: id, for: request.viewer, completion: done)
                case .failure(let problem): done(.problem(problem))
                }
            },
        ]
    }

    /// The refusal of what sums up all tenants, to those who may see one.
    private static func overall(_ request: RouteRequest) -> QueryAnswer? {
        guard request.viewer.tenant != nil else { return nil }
        return .problem(
            .forbidden(
                "\(request.head.path) sums up all tenants: ask with one of api.auth.tokens that stands for no tenant."))
    }

    private static func trace(_ request: RouteRequest) -> Result<TraceID, Problem> {
        guard let id = TraceID(hex: request.parameters[0]), !id.isZero else {
            return .failure(.badRequest("A trace id is 32 hex digits, not all zero, not '\(request.parameters[0])'."))
        }
        return .success(id)
    }

    private static func event(_ request: RouteRequest) -> EventQuery {
        EventQuery(id: request.parameters[0], source: request.query("source"), tenant: request.query("tenant"))
    }

    static func filter(_ request: RouteRequest, resultLimit: Int) -> Result<EventFilter, Problem> {
        var filter = EventFilter(
            tenant: request.query("tenant"), source: request.query("source"), type: request.query("type"),
            flow: request.query("flow"), state: request.query("state"), limit: min(100, resultLimit),
            cursor: request.query("cursor"))
        if let text = request.query("limit") {
            guard let limit = Int(text), limit >= 1 else {
                return .failure(.badRequest("limit is a number from 1 to \(resultLimit), not '\(text)'."))
            }
            filter.limit = min(limit, resultLimit)
        }
        for name in ["since", "until"] {
            guard let text = request.query(name) else { continue }
            guard let time = RFC3339.parse(text) else {
                return .failure(
                    .badRequest("\(name) is a time such as 2026-01-31T12:00:00Z (RFC 3339), not '\(text)'."))
            }
            if name == "since" { filter.since = time } else { filter.until = time }
        }
        return .success(filter)
    }
}
