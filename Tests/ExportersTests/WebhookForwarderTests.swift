import Exporters
import Metrics
import OTLP
import Synchronization
import Testing
import Transport

@Suite struct WebhookForwarderTests {
    private static let context = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    private static let target = "/api/v1/main/executions/webhook/acme/sync/s3cr3t"

    private final class Ends: Sendable {
        let all = Mutex<[ForwardEnd]>([])
        let failures = Mutex<[String]>([])
    }

    private func forwarder(
        _ loop: FakeLoop, _ sender: FakeSender, _ ends: Ends = Ends(), headers: [HeaderField] = []
    ) -> WebhookForwarder {
        var settings = WebhookSettings(name: "default", target: Self.target, version: "1.2.3")
        settings.headers = headers
        return WebhookForwarder(
            settings: settings, loop: loop, sender: sender, random: FixedRandom(bits: 1 << 63),
            onEnd: { end in ends.all.withLock { $0.append(end) } },
            onFailure: { message in ends.failures.withLock { $0.append(message) } })
    }

    private func item(_ traceparent: String?, _ traceState: String? = nil) throws -> ForwardItem {
        var event = CloudEvent(id: "evt-1", source: "s", type: "t")
        event.traceparent = traceparent
        event.traceState = traceState
        return ForwardItem(id: ForwardItem.ID(record: 7, position: 2), body: event.structured, of: event)
    }

    private func headers(_ request: ClientRequest?, _ name: String) -> [String] {
        (request?.headers ?? []).filter { $0.name == name }.map(\.value)
    }

    @Test("a call carries the event and its context")
    func request() throws {
        let (loop, sender) = (FakeLoop(), FakeSender())
        let forwarder = forwarder(loop, sender, headers: [HeaderField("Authorization", "Basic x")])
        let item = try item(Self.context, "a=b, c=d")
        #expect(forwarder.offer(item))
        let request = sender.requests.first
        #expect(request?.method == "POST" && request?.target == Self.target && request?.body == item.body)
        #expect(headers(request, "content-type") == ["application/cloudevents+json"])
        #expect(headers(request, "traceparent") == [Self.context])
        #expect(headers(request, "tracestate") == ["a=b, c=d"])
        #expect(headers(request, "authorization") == ["Basic x"])
        #expect(headers(request, "user-agent") == ["spanbridge/1.2.3"])
    }

    @Test(
        "a context that is none is not sent",
        arguments: [nil, "", "x", "00-\(String(repeating: "0", count: 32))-00f067aa0ba902b7-01", "00-4bf9-1-01"] as [String?])
    func noContext(traceparent: String?) throws {
        let (loop, sender) = (FakeLoop(), FakeSender())
        #expect(forwarder(loop, sender).offer(try item(traceparent, "a=b")))
        #expect(headers(sender.requests.first, "traceparent").isEmpty)
        #expect(headers(sender.requests.first, "tracestate").isEmpty)
    }

    @Test("a tracestate that is none is left out", arguments: ["", "a", "=b", "a=", "a=b\r\nx: y", "a=é", ","])
    func wrongState(state: String) throws {
        let (loop, sender) = (FakeLoop(), FakeSender())
        #expect(forwarder(loop, sender).offer(try item(Self.context, state)))
        #expect(headers(sender.requests.first, "traceparent") == [Self.context])
        #expect(headers(sender.requests.first, "tracestate").isEmpty)
    }

    @Test("a configured header is never replaced")
    func configured() throws {
        for (name, context, state) in [("traceparent", ["own"], []), ("tracestate", [Self.context], ["own"])] {
            let (loop, sender) = (FakeLoop(), FakeSender())
            #expect(forwarder(loop, sender, headers: [HeaderField(name, "own")]).offer(try item(Self.context, "a=b")))
            #expect(headers(sender.requests.first, "traceparent") == context)
            #expect(headers(sender.requests.first, "tracestate") == state)
        }
    }

    @Test("answers mean what Kestra means by them")
    func answers() throws {
        let record = #"{"id":"47vr6tmIcmvF1ZnH2wTwkw","tenantId":"main","namespace":"a.b","flowId":"f"}"#
        let execution = WebhookAnswer(executionID: "47vr6tmIcmvF1ZnH2wTwkw", tenant: "main", namespace: "a.b", flow: "f")
        func attempt(_ answer: FakeSender.Answer) -> ForwardAttempt {
            ForwardAttempt(answer, responseLimit: 1_000, unixSeconds: 1_700_000_000)
        }
        #expect(attempt(FakeSender.http(200, body: Array(record.utf8))) == .ended(.started(execution), message: ""))
        let zipped = Compression.compress(Array(record.utf8), coding: .gzip)
        #expect(
            attempt(FakeSender.http(200, [HeaderField("content-encoding", "gzip")], body: zipped))
                == .ended(.started(execution), message: ""))
        #expect(attempt(FakeSender.http(200, body: Array("ok".utf8))) == .ended(.taken, message: ""))
        #expect(attempt(FakeSender.http(202)) == .ended(.taken, message: ""))
        #expect(attempt(FakeSender.http(204)) == .ended(.conditionsNotMet, message: ""))
        for status in [301, 400, 401, 403, 404, 405, 409, 410, 422] {
            guard case .ended(.refused(status), _) = attempt(FakeSender.http(status)) else {
                Issue.record("\(status) is not given up")
                continue
            }
        }
        for (status, isOfRoute) in [(408, false), (429, true), (500, false), (502, true), (503, true), (504, true), (599, false)] {
            guard case .retry(nil, isOfRoute, _) = attempt(FakeSender.http(status)) else {
                Issue.record("\(status) is not tried again")
                continue
            }
        }
        for (value, after) in [("7", 7.0), ("Tue, 14 Nov 2023 22:13:30 GMT", 10.0)] {
            guard
                case .retry(seconds(after), true, _) = attempt(FakeSender.http(500, [HeaderField("retry-after", value)]))
            else {
                Issue.record("\(value) is not honoured")
                continue
            }
        }
        for (error, isOfRoute) in [
            (ClientError.connect("refused"), true), (.closed("eof"), true), (.timedOut(after: 5), false),
            (.tls("x"), true), (.protocolViolation("x"), false),
        ] {
            guard case .retry(nil, isOfRoute, _) = attempt(.failure(error)) else {
                Issue.record("\(error) is not tried again")
                continue
            }
        }
        guard case .ended(.answerTooLarge, _) = attempt(.failure(.responseTooLarge(limit: 9))) else {
            Issue.record("an answer without end is not given up")
            return
        }
    }

    @Test("what fails is tried again after the wait, and neither messages nor metrics hold the webhook's key")
    func retry() throws {
        let (loop, ends) = (FakeLoop(), Ends())
        let statuses = Mutex([503, 404])
        let echo = Array(#"{"_links":{"self":{"href":"\#(Self.target)"}}}"#.utf8)
        let sender = FakeSender { _ in FakeSender.http(statuses.withLock { $0.removeFirst() }, body: echo) }
        let forwarder = forwarder(loop, sender, ends)
        #expect(forwarder.offer(try item(nil)))
        #expect(sender.requests.count == 1)
        loop.advance(by: seconds(0.9))
        #expect(sender.requests.count == 1)
        loop.advance(by: seconds(0.2))
        #expect(sender.requests.count == 2)
        let end = ends.all.withLock { $0.first }
        #expect(end?.outcome == .refused(status: 404) && end?.item.id == ForwardItem.ID(record: 7, position: 2))
        let registry = MetricRegistry()
        forwarder.register(in: registry)
        let text = String(decoding: ExpositionEncoder.encode(registry.scrape(), as: .text), as: UTF8.self)
        #expect(text.contains(#"spanbridge_forward_events_total{route="default",outcome="refused"} 1"#))
        #expect(text.contains(#"spanbridge_forward_refused_events_total{route="default",status="404"} 1"#))
        #expect(text.contains(#"spanbridge_forward_duration_seconds_count{route="default"} 2"#))
        let said = text + ends.failures.withLock { $0.joined() } + (end?.message ?? "")
        #expect(said.contains("503") && !said.contains("s3cr3t"))
        forwarder.stop {}
        #expect(sender.isClosed)
        let isTaken = forwarder.offer(try item(nil))
        #expect(!isTaken)
    }

    @Test("an answer cut short or damaged names no other execution")
    func damagedAnswers() {
        let body = Array(
            #"{"tenantId":"main","id":"47vr6tmIcmvF1ZnH2wTwkw","namespace":"a","flowId":"f","state":{"current":"CREATED"},"url":"x"}"#
                .utf8)
        #expect(WebhookAnswer.parse(body)?.executionID == "47vr6tmIcmvF1ZnH2wTwkw")
        for count in body.indices { #expect(WebhookAnswer.parse(Array(body.prefix(count))) == nil) }
        for position in body.indices {
            for bit in 0..<8 {
                var damaged = body
                damaged[position] ^= 1 << UInt8(bit)
                let id = WebhookAnswer.parse(damaged)?.executionID ?? ""
                #expect(id.utf8.count <= 256 && !id.contains("/") && !id.contains("\""))
            }
        }
        for wrong in [
            "", "[]", "null", #"{"id":7}"#, #"{"id":""}"#, #"{"id":"a/b"}"#, #"{"id":"a","id":null}"#,
            #"{"id":"\#(String(repeating: "a", count: 257))"}"#, #"{"state":{"id":"a"}}"#, #"{"id":"a"} x"#,
        ] {
            #expect(WebhookAnswer.parse(Array(wrong.utf8)) == nil, "\(wrong)")
        }
        #expect(WebhookAnswer.parse(Array(#"{"id":"a","tenantId":3}"#.utf8)) == WebhookAnswer(executionID: "a"))
    }
}
