import Metrics
import OTLP
import Synchronization
import Testing
import Transport

@testable import Enrichment

/// The client against a server over a real socket.
@Suite struct KestraAPIClientTests {
    /// Kestra, as far as it answers for executions.
    private final class StandIn: RequestHandler {
        let asked = Mutex<[RequestHead]>([])
        private let answer: @Sendable (RequestHead) -> Response

        init(_ answer: @escaping @Sendable (RequestHead) -> Response) { self.answer = answer }

        func admit(_ head: RequestHead) -> Admission { .accept(bodyLimit: 1_000) }
        func bodyTooLarge(_ head: RequestHead, limit: Int) -> Response { .http(413) }
        func handle(_ request: Request, responder: Responder) {
            asked.withLock { $0.append(request.head) }
            responder.send(answer(request.head))
        }
    }

    /// What came back: records and failures, in order.
    private struct Heard: Sendable, Equatable {
        var records: [ExecutionRecord] = []
        var failures: [String] = []
        var count: Int { records.count + failures.count }
    }

    /// Asks for these ids and waits for as many records and failures.
    private func ask(
        _ ids: [String], expecting count: Int, _ change: (inout KestraAPISettings) -> Void = { _ in },
        answer: @escaping @Sendable (RequestHead) -> Response
    ) async throws -> (heard: Heard, asked: [RequestHead], counters: LookupCounters, metrics: String) {
        let loop = try EventLoop(name: "test")
        let server = Server(loops: [loop], limits: .defaults, connectionLimit: 10)
        let standIn = StandIn(answer)
        let port = try server.listen(name: "kestra", host: "127.0.0.1", port: 0, handler: standIn)
        var settings = KestraAPISettings(endpoint: ClientEndpoint(host: "127.0.0.1", port: port, wireProtocol: .http1))
        settings.lookup.interval = 1
        change(&settings)
        let heard = Mutex(Heard())
        let (ended, end) = AsyncStream<Void>.makeStream()
        let hear: @Sendable ((inout Heard) -> Void) -> Void = { note in
            let isAll = heard.withLock {
                note(&$0)
                return $0.count == count
            }
            // After this answer has been counted.
            if isAll { loop.post { end.finish() } }
        }
        let client = KestraAPIClient(
            settings: settings, loop: loop, onRecord: { record in hear { $0.records.append(record) } },
            onFailure: { message in hear { $0.failures.append(message) } })
        loop.start()
        for id in ids { client.ask(id) }
        for await _ in ended {}
        client.close()
        let registry = MetricRegistry()
        client.register(in: registry)
        let metrics = String(decoding: ExpositionEncoder.encode(registry.scrape(), as: .text), as: UTF8.self)
        loop.stop()
        return (heard.withLock { $0 }, standIn.asked.withLock { $0 }, client.counters, metrics)
    }

    @Test("a record comes back, asked for with the tenant in the path and with credentials")
    func record() async throws {
        let result = try await ask(["2TTbWuo18s8C9xoVI1mfbh"], expecting: 1) {
            $0.basePath = "/kestra"
            $0.tenant = "a/b"
            $0.authorization = Base64.basicCredentials(username: "judge@example.com", password: "Judge-1")
        } answer: { _ in
            .http(200, body: Array(webhookAnswer.utf8))
        }
        #expect(result.heard.records.first?.event?.id == "evt-1" && result.heard.failures.isEmpty)
        #expect(result.asked.map(\.method) == ["GET"])
        #expect(result.asked.map(\.target) == ["/kestra/api/v1/a%2Fb/executions/2TTbWuo18s8C9xoVI1mfbh"])
        // Without it each question would leave a trace of its own in Kestra's telemetry.
        #expect(result.asked.first?.header("traceparent")?.hasSuffix("-00") == true)
        #expect(result.asked.first?.header("authorization") == "Basic anVkZ2VAZXhhbXBsZS5jb206SnVkZ2UtMQ==")
        #expect(result.counters.found == 1 && result.counters.requests == 1)
        #expect(result.metrics.contains("spanbridge_kestra_api_answers_total{outcome=\"found\"} 1"))
        #expect(result.metrics.contains("spanbridge_kestra_api_paused 0"))
    }

    @Test("an execution that Kestra's index does not have yet is found a moment later")
    func later() async throws {
        let first = Atomic(true)
        let result = try await ask(["2TTbWuo18s8C9xoVI1mfbh"], expecting: 1) {
            $0.lookup.missDelays = [1_000_000]
        } answer: { _ in
            first.exchange(false, ordering: .relaxed)
                ? .http(404) : .http(200, body: Array(webhookAnswer.utf8))
        }
        #expect(result.heard.records.count == 1 && result.counters.missing == 1 && result.asked.count == 2)
    }

    @Test("a bearer token is sent as it is, and what flows call their inputs is respected")
    func bearer() async throws {
        let answer = #"{"id":"a","inputs":{"order_event":"e","from":"s","event_id":"no","event_source":"no"}}"#
        let result = try await ask(["a"], expecting: 1) {
            $0.authorization = "Bearer t0ken"
            $0.inputs = InputNames(traceparent: [], eventID: ["orderEvent"], eventSource: ["from"])
        } answer: { _ in
            .http(200, body: Array(answer.utf8))
        }
        #expect(result.asked.first?.header("authorization") == "Bearer t0ken")
        #expect(result.heard.records.first?.event?.id == "e")
    }

    @Test("failures are told without the credentials, and after five nothing is asked")
    func refused() async throws {
        let result = try await ask((0..<9).map { "a\($0)" }, expecting: 5) {
            $0.authorization = "Bearer secret"
            $0.lookup.inFlight = 1
            // However slow the machine is that runs this.
            $0.lookup.pause = 3_600_000_000_000
            $0.lookup.longestPause = $0.lookup.pause
        } answer: { _ in
            .http(401)
        }
        #expect(result.heard.failures.allSatisfy { $0.contains("HTTP 401. Check basic_auth") && !$0.contains("secret") })
        #expect(result.counters.unavailable == 5)
        #expect(result.counters.isPaused)
        #expect(result.asked.count == 5)
    }

    @Test("an answer that is no record of the execution, or too large, is of no use",
        arguments: ["{}", "<html>", #"{"id":"another"}"#, #"{"id":"a","x":""# + String(repeating: "x", count: 2_000) + "\"}"])
    func unusable(body: String) async throws {
        let result = try await ask(["a"], expecting: 1) {
            $0.responseLimit = 1_000
        } answer: { _ in
            .http(200, body: Array(body.utf8))
        }
        #expect(result.heard.records.isEmpty && result.heard.failures.count == 1 && result.counters.unusable == 1)
    }
}
