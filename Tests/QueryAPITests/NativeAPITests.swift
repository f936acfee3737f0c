import OTLP
import Testing
import Transport

@testable import QueryAPI

@Suite struct NativeAPITests {
    private let backend = EchoBackend()

    private func get(_ target: String, headers: [HeaderField] = []) throws -> Response {
        let router = Router(routes: NativeAPI.routes(backend: backend, resultLimit: 500))
        return try #require(router.answer("GET", target, headers: headers))
    }

    @Test(
        "every path asks its question",
        arguments: [
            ("/api/v1/status", "status"), ("/api/v1/events", "events"), ("/metrics", "metrics -"),
            ("/api/v1/events/a%2Fb?source=urn%3Ax&tenant=ws+1", "event a/b|urn:x|ws 1"),
            ("/api/v1/events/a", "event a|-|-"),
            ("/api/v1/events/a/timeline", "timeline of event a"),
            ("/api/v1/executions/x/explain?tenant=main", "explanation of execution x|main"),
            ("/api/v1/events/a/explain?source=s&tenant=t", "explanation of event a|s|t"),
            (
                "/api/v1/traces/4bf92f3577b34da6a3ce929d0e0e4736/explain",
                "explanation of trace 4bf92f3577b34da6a3ce929d0e0e4736"
            ),
            ("/api/v1/traces/4BF92F3577B34DA6A3CE929D0E0E4736", "trace 4bf92f3577b34da6a3ce929d0e0e4736"),
        ])
    func questions(target: String, asked: String) throws {
        let response = try get(target)
        #expect(response.status == 200 && response.text == asked)
    }

    @Test("health is told as long as the process lives, readiness as long as it takes requests")
    func health() throws {
        #expect(try get("/healthz").text == "ok\n" && get("/readyz").text == "ready\n")
        #expect(try get("/readyz").header("content-type")?.hasPrefix("text/plain") == true)
        backend.stop("the journal cannot be written")
        #expect(try get("/healthz").status == 200)
        let response = try get("/readyz")
        #expect(response.status == 503)
        #expect(try response.problem()["detail"]?.string == "the journal cannot be written")
    }

    @Test("the wanted format decides about metrics and traces")
    func formats() throws {
        #expect(try get("/metrics", headers: [HeaderField("accept", "text/plain")]).text == "metrics text/plain")
        let path = "/api/v1/traces/4bf92f3577b34da6a3ce929d0e0e4736"
        for (accept, type) in [("application/x-protobuf", "application/x-protobuf"), ("*/*", "application/json")] {
            #expect(try get(path, headers: [HeaderField("accept", accept)]).header("content-type") == type)
        }
    }

    @Test("the doctor is asked without parameters, and only read")
    func doctor() throws {
        #expect(try get("/api/v1/doctor").text == "doctor")
    }

    @Test("a list is filtered by what its parameters say")
    func filter() throws {
        _ = try get("/api/v1/events")
        #expect(backend.lastFilter == EventFilter(limit: 100))
        _ = try get(
            "/api/v1/events?tenant=t&source=s%3A%2F%2Fx&type=a.b&flow=shop.flow&state=done&since=1970-01-01T00:00:01Z"
                + "&until=1970-01-01T01:00:02.000000003%2B01:00&limit=7&cursor=c")
        #expect(
            backend.lastFilter
                == EventFilter(
                    tenant: "t", source: "s://x", type: "a.b", flow: "shop.flow", state: "done", since: 1_000_000_000,
                    until: 2_000_000_003, limit: 7, cursor: "c"))
    }

    @Test("a page is never larger than the limit", arguments: [(500, 500), (100_000, 500), (1, 1)])
    func pageLimit(asked: Int, got: Int) throws {
        _ = try get("/api/v1/events?limit=\(asked)")
        #expect(backend.lastFilter?.limit == got)
        let router = Router(routes: NativeAPI.routes(backend: backend, resultLimit: 20))
        _ = router.answer("GET", "/api/v1/events")
        #expect(backend.lastFilter?.limit == 20)
    }

    @Test(
        "wrong parameters are 400 and say what is wanted",
        arguments: [
            ("/api/v1/events?limit=0", "1 to 500"), ("/api/v1/events?limit=-1", "1 to 500"),
            ("/api/v1/events?limit=x", "'x'"),
            ("/api/v1/events?limit=99999999999999999999", "1 to 500"), ("/api/v1/events?since=yesterday", "RFC 3339"),
            ("/api/v1/events?until=2026-13-01T00:00:00Z", "until"), ("/api/v1/traces/abc", "32 hex digits"),
            ("/api/v1/traces/%2Bbf92f3577b34da6a3ce929d0e0e4736", "32 hex digits"),
            ("/api/v1/traces/00000000000000000000000000000000", "32 hex digits"),
            ("/api/v1/traces/abc/explain", "32 hex digits"),
            ("/api/v1/events?tenant=%ff", "tenant"), ("/api/v1/events?source=%zz", "source"),
            ("/api/v1/events/a?tenant=%", "tenant"),
        ])
    func mistakes(target: String, told: String) throws {
        let response = try get(target)
        #expect(response.status == 400)
        #expect(try response.problem()["detail"]?.string?.contains(told) == true, "\(response.text)")
    }

    @Test("a backend's problem is passed on, with its candidates")
    func problems() throws {
        let missing = try get("/api/v1/executions/x/timeline")
        #expect(missing.status == 404)
        #expect(try missing.problem()["detail"]?.string == "no execution x")
        let ambiguous = try get("/api/v1/executions/x/explain")
        #expect(ambiguous.status == 409)
        #expect(try ambiguous.problem()["candidates"]?.array?.count == 1)
    }
}
