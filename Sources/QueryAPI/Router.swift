import OTLP
package import Transport

/// Serves the API's port: finds out who asks and the route of a request, and refuses what has none before its body is read.
package final class Router: RequestHandler {
    private let routes: [Route]
    private let authentication: BearerAuthentication

    package init(routes: [Route], authentication: BearerAuthentication = BearerAuthentication(tokens: nil)) {
        self.routes = routes
        self.authentication = authentication
    }

    package func admit(_ head: RequestHead) -> Admission {
        let found = find(head)
        let tenant: String?
        switch identify(head, found) {
        case .success(let known): tenant = known
        case .failure(let problem): return .refuse(problem.response)
        }
        switch found {
        case .success(let found):
            var head = head
            head.tenant = tenant
            if let handler = found.route.handler { return handler.admit(head) }
            return .accept(bodyLimit: 0)
        case .failure(let problem):
            return .refuse(problem.response)
        }
    }

    package func bodyTooLarge(_ head: RequestHead, limit: Int) -> Response {
        if case .success(let found) = find(head), let handler = found.route.handler {
            return handler.bodyTooLarge(head, limit: limit)
        }
        return Problem(status: 413, title: "Body too large", detail: "This path takes no body.").response
    }

    package func handle(_ request: Request, responder: Responder) {
        let found = find(request.head)
        var request = request
        switch identify(request.head, found) {
        case .success(let known): request.head.tenant = known
        case .failure(let problem): return responder.send(problem.response)
        }
        switch found {
        case .failure(let problem): responder.send(problem.response)
        case .success(let found):
            if let handler = found.route.handler {
                handler.handle(request, responder: responder)
                return
            }
            let asked = RouteRequest(head: request.head, parameters: found.parameters)
            if let broken = asked.brokenParameter {
                responder.send(Problem.badRequest("'\(broken)' in the query is not percent-encoded UTF-8.").response)
            } else {
                found.route.answer(asked) { responder.send($0.response) }
            }
        }
    }

    /// The tenant of who asks. Who may ask nothing is not told either what there is.
    private func identify(
        _ head: RequestHead, _ found: Result<(route: Route, parameters: [String]), Problem>
    ) -> Result<String?, Problem> {
        if case .success(let found) = found, found.route.isOpen { return .success(nil) }
        switch authentication.check(head) {
        case .granted(let tenant): return .success(tenant)
        case .refused(let refusal):
            authentication.note(refusal, of: head.listener)
            return .failure(.unauthenticated(refusal))
        }
    }

    private func find(_ head: RequestHead) -> Result<(route: Route, parameters: [String]), Problem> {
        let segments = head.path.utf8.split(separator: UInt8(ascii: "/")).map { Substring($0) }
        var allowed: [String] = []
        for route in routes {
            guard let parameters = route.match(segments) else { continue }
            if route.method == head.method || route.method == "GET" && head.method == "HEAD" {
                return .success((route, parameters))
            }
            allowed += route.method == "GET" ? ["GET", "HEAD"] : [route.method]
        }
        if allowed.isEmpty {
            return .failure(.notFound("There is nothing at \(head.path). docs/api.md lists the paths."))
        }
        return .failure(
            Problem(
                status: 405, title: "Method not allowed",
                detail: "\(head.path) takes \(allowed.joined(separator: ", ")), not \(head.method).", allowed: allowed))
    }
}

/// One path of the API. A segment `{}` takes any text, percent-decoded.
package struct Route: Sendable {
    let method: String
    private let segments: [String]
    /// Whether it is answered without a token.
    let isOpen: Bool
    /// For requests with bodies: another handler serves the route whole.
    let handler: (any RequestHandler)?
    let answer: @Sendable (RouteRequest, _ completion: @escaping @Sendable (QueryAnswer) -> Void) -> Void

    /// A route that is answered from its path and query.
    ///
    /// - Parameter isOpen: whether it is answered without a token.
    package init(
        _ method: String, _ path: String, isOpen: Bool = false,
        answer: @escaping @Sendable (RouteRequest, _ completion: @escaping @Sendable (QueryAnswer) -> Void) -> Void
    ) {
        self.method = method
        segments = path.split(separator: "/").map(String.init)
        self.isOpen = isOpen
        handler = nil
        self.answer = answer
    }

    /// A route that another handler serves.
    package init(_ method: String, _ path: String, handler: any RequestHandler) {
        self.method = method
        segments = path.split(separator: "/").map(String.init)
        isOpen = false
        self.handler = handler
        answer = { _, _ in }
    }

    /// The texts that stand where the path has `{}`, or nil if it is another path.
    func match(_ path: [Substring]) -> [String]? {
        guard path.count == segments.count else { return nil }
        var parameters: [String] = []
        for (wanted, given) in zip(segments, path) {
            if wanted == "{}" {
                guard let text = String(percentEncoded: given.utf8) else { return nil }
                parameters.append(text)
            } else if wanted != given {
                return nil
            }
        }
        return parameters
    }
}

/// A request as its route sees it.
package struct RouteRequest: Sendable {
    package let head: RequestHead
    /// The texts in the place of the path's `{}`.
    package let parameters: [String]

    /// Whom the answer is for.
    package var viewer: Viewer { Viewer(tenant: head.tenant) }

    /// A parameter that cannot be decoded. To overlook it could answer about everybody's events instead of a tenant's.
    var brokenParameter: Substring? {
        head.query.split(separator: "&").first { String(percentEncoded: $0.utf8) == nil }
    }

    /// The value of a query parameter, decoded; nil if it is absent or empty.
    package func query(_ name: String) -> String? {
        for pair in head.query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, String(percentEncoded: parts[0].utf8) == name else { continue }
            return String(percentEncoded: parts[1].utf8, plusIsSpace: true).flatMap { $0.isEmpty ? nil : $0 }
        }
        return nil
    }
}

extension QueryAnswer {
    var response: Response {
        switch self {
        case .json(let body): .http(200, headers: [HeaderField("content-type", "application/json")], body: body)
        case .bytes(let body, let contentType):
            .http(200, headers: [HeaderField("content-type", contentType)], body: body)
        case .problem(let problem): problem.response
        }
    }
}
