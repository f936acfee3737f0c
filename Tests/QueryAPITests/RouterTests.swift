import OTLP
import Testing
import Transport

@testable import QueryAPI

@Suite struct RouterTests {
    /// Takes bodies of up to ten bytes.
    private final class TenBytes: RequestHandler {
        func admit(_ head: RequestHead) -> Admission { .accept(bodyLimit: 10) }
        func bodyTooLarge(_ head: RequestHead, limit: Int) -> Response { .http(413, body: Array("\(limit)".utf8)) }
        func handle(_ request: Request, responder: Responder) { responder.send(.http(202, body: request.body)) }
    }

    private let router = Router(routes: [
        Route("GET", "/things") { _, done in done(.json(Array("all".utf8))) },
        Route("GET", "/things/{}") { request, done in done(.json(Array(request.parameters[0].utf8))) },
        Route("GET", "/things/{}/parts/{}") { request, done in
            done(.json(Array("\(request.parameters) \(request.query("q") ?? "nil")".utf8)))
        },
        Route("POST", "/things", handler: TenBytes()),
        Route("PUT", "/only") { _, done in done(.json([])) },
    ])

    private func answer(_ method: String, _ target: String, body: [UInt8] = []) throws -> Response {
        try #require(router.answer(method, target, body: body))
    }

    @Test(
        "a path is found by its segments, which are decoded once, slashes in them included",
        arguments: [
            ("/things", "all"), ("/things/", "all"), ("//things", "all"), ("/things/a", "a"), ("/things/a%2Fb", "a/b"),
            ("/things/%25", "%"), ("/things/a+b", "a+b"), ("/things/%C3%A9", "é"), ("/things/%c3%a9?x=1", "é"),
            ("/things/urn:x:1/parts/%20?q=a+b%26", #"["urn:x:1", " "] a b&"#),
            ("/things/a/parts/b?q=", #"["a", "b"] nil"#),
            ("/things/a/parts/b?p=1&%71=2&q=3", #"["a", "b"] 2"#), ("/things/a/parts/b?q", #"["a", "b"] nil"#),
            ("/things/a/parts/b?q=x=y", #"["a", "b"] x=y"#),
        ])
    func paths(target: String, answered: String) throws {
        let response = try answer("GET", target)
        #expect(
            response.status == 200 && response.text == answered && response.header("content-type") == "application/json"
        )
    }

    @Test(
        "what is not there is 404 with a problem, broken escapes included",
        arguments: [
            "/", "/thing", "/Things", "/things/a/b", "/things/a/parts/b/c", "/things/%", "/things/%4", "/things/%+A",
            "/things/%-1", "/things/%zz", "/things/%ff", "", "things/%C3",
        ])
    func missing(target: String) throws {
        let response = try answer("GET", target)
        #expect(response.status == 404)
        #expect(try response.problem()["detail"]?.string?.contains("docs/api.md") == true)
    }

    @Test("another method is 405 and names those that there are; HEAD is as good as GET")
    func methods() throws {
        let refused = try answer("DELETE", "/things")
        #expect(refused.status == 405 && refused.header("allow") == "GET, HEAD, POST")
        #expect(try refused.problem()["detail"]?.string == "/things takes GET, HEAD, POST, not DELETE.")
        #expect(try answer("GET", "/only").header("allow") == "PUT")
        #expect(try answer("HEAD", "/only").status == 405)
        #expect(try answer("HEAD", "/things").status == 200)
    }

    @Test("a query that cannot be decoded is 400", arguments: ["q=%ff", "q=%zz", "a=1&q=%", "%ff=1", "q=%+A"])
    func brokenQuery(query: String) throws {
        let response = try answer("GET", "/things?\(query)")
        #expect(response.status == 400)
        #expect(try response.problem()["detail"]?.string?.contains("percent-encoded") == true)
        #expect(try answer("POST", "/things?\(query)", body: [1]).status == 202)
    }

    @Test("a body is refused where none belongs, and left to the handler where one does")
    func bodies() throws {
        let refused = try answer("GET", "/things", body: [1])
        #expect(refused.status == 413)
        #expect(try refused.problem()["detail"]?.string?.contains("no body") == true)
        #expect(try answer("POST", "/things", body: [1, 2]).body == [1, 2])
        let large = try answer("POST", "/things", body: [UInt8](repeating: 1, count: 11))
        #expect(large.status == 413 && large.text == "10")
    }

    @Test("a problem names its candidates")
    func problem() throws {
        let problem = Problem(
            status: 409, title: "Two", detail: "it's \"a\" or b", candidates: Array(#"[{"id":"a"}]"#.utf8))
        let json = try problem.response.problem()
        #expect(json["detail"]?.string == "it's \"a\" or b" && json["candidates"]?.array?.count == 1)
    }
}
