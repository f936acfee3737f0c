import OTLP
import Testing
import Transport

@testable import Receivers

@Suite struct EventReceiverTests {
    private let intake = FakeIntake()
    private var receiver: EventReceiver { EventReceiver(intake: intake, requestLimit: 4_096) }
    private let structured = #"{"specversion":"1.0","id":"evt-1","source":"s","type":"t","tenantid":"ws-1"}"#

    private func answer(_ request: Request) throws -> Response { try #require(receiver.answer(request)) }

    private var ids: [[String]] { intake.events.map { $0.map(\.id) } }

    @Test("structured, batched and binary mode are answered with 202 once the intake has the events")
    func modes() throws {
        let batch = "[\(structured),\(structured.replacing("evt-1", with: "evt-2"))]"
        let binary = ["specversion": "1.0", "id": "evt-3", "source": "s", "type": "t"].map {
            HeaderField("ce-\($0.key)", $0.value)
        }
        for request in [
            Request.http(
                "/v1/cloudevents", Array(structured.utf8), type: "application/cloudevents+json; charset=utf-8"),
            .http("/v1/cloudevents", Array(batch.utf8), type: "application/cloudevents-batch+json"),
            .http("/v1/cloudevents", Array("{}".utf8), type: "application/json", headers: binary),
            .http("/v1/cloudevents", Array("[]".utf8), type: "application/cloudevents-batch+json"),
        ] {
            let response = try answer(request)
            #expect(response.status == 202 && response.body.isEmpty)
        }
        #expect(ids == [["evt-1"], ["evt-1", "evt-2"], ["evt-3"], []])
    }

    @Test(
        "what is no event is 400 and says why",
        arguments: [
            ("application/json", "{}", "ce-id"), ("application/cloudevents+json", "{", "JSON"),
            ("application/cloudevents+json", #"{"specversion":"1.0","id":"","source":"s","type":"t"}"#, "'id'"),
            ("application/cloudevents+xml", "<e/>", "xml"), ("application/cloudevents-batch+json", "{}", "array"),
        ])
    func mistakes(type: String, body: String, reason: String) throws {
        let response = try answer(.http("/v1/cloudevents", Array(body.utf8), type: type))
        #expect(response.status == 400 && response.text.contains(reason), "\(response.text)")
        #expect(ids.isEmpty)
    }

    @Test("limits: more than 1,000 events, a body above `api.max_request_size` as sent or inflated")
    func limits() throws {
        let one = #"{"specversion":"1.0","id":"e","source":"s","type":"t"}"#
        let large = EventReceiver(intake: intake, requestLimit: 1 << 20)
        let many = Array("[\(Array(repeating: one, count: 1_001).joined(separator: ","))]".utf8)
        let response = try #require(
            large.answer(.http("/v1/cloudevents", many, type: "application/cloudevents-batch+json")))
        #expect(response.status == 400 && response.text.contains("1000"))
        let padded = Array((structured + String(repeating: " ", count: 5_000)).utf8)
        let packed = Compression.compress(padded, coding: .gzip)
        for (body, encoding) in [(padded, nil), (packed, "gzip")] as [([UInt8], String?)] {
            let refused = try answer(
                .http("/v1/cloudevents", body, type: "application/cloudevents+json", encoding: encoding))
            #expect(refused.status == 413 && refused.text.contains("api.max_request_size"))
        }
        #expect(ids.isEmpty)
    }

    @Test("bodies may be compressed; unknown and broken compression is 400")
    func compression() throws {
        let packed = Compression.compress(Array(structured.utf8), coding: .gzip)
        let type = "application/cloudevents+json"
        #expect(try answer(.http("/v1/cloudevents", packed, type: type, encoding: "gzip")).status == 202)
        #expect(try answer(.http("/v1/cloudevents", packed, type: type, encoding: "br")).status == 400)
        #expect(
            try answer(.http("/v1/cloudevents", Array(packed.dropLast(4)), type: type, encoding: "gzip")).status == 400)
    }

    @Test("a refusal, before or after the body, is 503 with Retry-After", arguments: [false, true])
    func refusal(isAtTheDoor: Bool) throws {
        let failure = ExportFailure.unavailable("stopping", retryAfter: 1_000_000_000)
        if isAtTheDoor { intake.close(failure) } else { intake.refuse(failure) }
        let response = try answer(
            .http("/v1/cloudevents", Array(structured.utf8), type: "application/cloudevents+json"))
        #expect(response.status == 503 && response.header("retry-after") == "1" && response.text.contains("stopping"))
    }
}

@Suite struct BindingReceiverTests {
    private let intake = FakeIntake()

    private func answer(_ body: String, type: String? = nil) throws -> Response {
        let receiver = BindingReceiver(intake: intake, requestLimit: 512)
        return try #require(receiver.answer(.http("/v1/bindings", Array(body.utf8), type: type)))
    }

    @Test(
        "a call is answered with 202, whatever content type it names",
        arguments: [nil, "application/json", "text/plain"])
    func taken(type: String?) throws {
        let call = #"{"executionId":"e1","event":{"id":"evt-1","source":"s"},"state":"SUCCESS","traceparent":""}"#
        #expect(try answer(call, type: type).status == 202)
        let expected = BindingCall(executionID: "e1", event: .init(id: "evt-1", source: "s"), state: "SUCCESS")
        #expect(intake.calls == [expected])
    }

    @Test(
        "mistakes are 400, all at once",
        arguments: [
            ("{", ["JSON"]), ("[]", ["object"]), ("{}", ["'executionId'"]),
            (#"{"executionId":7,"event":{"id":"e"}}"#, ["'executionId'", "'event.source'"]),
        ])
    func mistakes(body: String, named: [String]) throws {
        let response = try answer(body)
        #expect(response.status == 400)
        for name in named { #expect(response.text.contains(name), "\(response.text)") }
    }

    @Test("a body above the limit is 413, a refusal 503")
    func limits() throws {
        #expect(try answer(#"{"executionId":"e1"}"# + String(repeating: " ", count: 500)).status == 413)
        intake.refuse(.unavailable("the journal is full", retryAfter: nil))
        let refused = try answer(#"{"executionId":"e1"}"#)
        #expect(refused.status == 503 && refused.header("retry-after") == nil && refused.text.contains("journal"))
    }
}
