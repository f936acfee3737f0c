import OTLP
import Testing
import Transport

@testable import QueryAPI

@Suite struct ViewerTests {
    private let backend = EchoBackend()
    private let authentication = BearerAuthentication(tokens: [
        ("acme-0123456789-token", "ws-acme"), ("all-0123456789-token", nil),
    ])
    private final class Poster: RequestHandler {
        func admit(_ head: RequestHead) -> Admission { .accept(bodyLimit: 10) }
        func bodyTooLarge(_ head: RequestHead, limit: Int) -> Response { .http(413) }
        func handle(_ request: Request, responder: Responder) {
            responder.send(.http(202, body: Array((request.head.tenant ?? "-").utf8)))
        }
    }
    private var router: Router {
        Router(
            routes: NativeAPI.routes(backend: backend, resultLimit: 500) + [Route("POST", "/things", handler: Poster())],
            authentication: authentication)
    }

    private func ask(_ target: String, _ token: String?, method: String = "GET") throws -> Response {
        let headers = token.map { [HeaderField("authorization", "Bearer \($0)")] } ?? []
        return try #require(router.answer(method, target, headers: headers))
    }

    private static let questions = [
        "/api/v1/events", "/api/v1/events/a", "/api/v1/events/a/timeline", "/api/v1/executions/a/timeline",
        "/api/v1/executions/a/explain", "/api/v1/executions/a/explain?tenant=main", "/api/v1/events/a/explain",
        "/api/v1/traces/4bf92f3577b34da6a3ce929d0e0e4736", "/api/v1/traces/4bf92f3577b34da6a3ce929d0e0e4736/explain",
    ]

    @Test("every question is asked for the token's tenant", arguments: questions)
    func viewer(target: String) throws {
        _ = try ask(target, "acme-0123456789-token")
        #expect(backend.lastViewer == Viewer(tenant: "ws-acme"))
        _ = try ask(target, "all-0123456789-token")
        #expect(backend.lastViewer == Viewer(tenant: nil))
        #expect(try ask("/things", "acme-0123456789-token", method: "POST").text == "ws-acme")
        #expect(try ask("/things", "all-0123456789-token", method: "POST").text == "-")
    }

    @Test(
        "without a valid token everything but health is 401, and nothing is asked",
        arguments: questions + ["/metrics", "/api/v1/status", "/api/v1/doctor", "/nowhere", "/"], [nil, "wr0ng-0123456789"])
    func refused(target: String, token: String?) throws {
        let response = try ask(target, token)
        #expect(response.status == 401 && response.header("www-authenticate") == "Bearer")
        let problem = try response.problem()
        #expect(problem["detail"]?.string?.contains("api.auth.tokens") == true && !response.text.contains("wr0ng"))
        #expect(backend.lastViewer == nil)
        #expect(try ask("/things", token, method: "POST").status == 401)
        for open in ["/healthz", "/readyz"] { #expect(try ask(open, token).status == 200) }
        #expect(authentication.counts(of: "api").map(\.requests) == (token == nil ? [2, 0] : [0, 2]))
    }

    @Test("what sums up all tenants is refused to a tenant", arguments: ["/metrics", "/api/v1/status", "/api/v1/doctor"])
    func sums(target: String) throws {
        #expect(try ask(target, "acme-0123456789-token").status == 403)
        #expect(try ask(target, "all-0123456789-token").status == 200)
    }

    @Test("a tenant sees what is its own, byte by byte; nobody's things are for who sees all")
    func mayView() {
        let all = Viewer(tenant: nil)
        #expect(all.mayView(tenant: nil) && all.mayView(tenant: "") && all.mayView(tenant: "a"))
        let one = Viewer(tenant: "\u{E9}")
        #expect(one.mayView(tenant: "\u{E9}") && !one.mayView(tenant: "e\u{301}"))
        #expect(!one.mayView(tenant: nil) && !one.mayView(tenant: "") && !Viewer(tenant: "").mayView(tenant: ""))
    }
}
