import OTLP
import Testing
import Transport

@testable import Receivers

@Suite struct TenantTests {
    private let intake = FakeIntake()
    private let counters = ReceiverCounters()
    private let authentication = BearerAuthentication(tokens: [
        ("acme-0123456789-token", "ws-acme"), ("nobody-0123456789-token", nil),
    ])
    private var receiver: OTLPReceiver {
        OTLPReceiver(
            intake: intake, keys: CompiledKeys(.defaults), requestLimit: 4_096, counters: counters,
            authentication: authentication)
    }

    private func with(_ token: String?, _ request: Request) -> Request {
        var request = request
        if let token { request.head.headers.append(HeaderField("authorization", "Bearer \(token)")) }
        return request
    }

    @Test("the token's tenant goes with the batch, over every protocol")
    func granted() throws {
        let body = spans(valid: 2)
        let json = try OTLPJSON.decode(protobuf: body, message: .tracesRequest)
        for token in ["acme-0123456789-token", "nobody-0123456789-token"] {
            let grpc = try #require(receiver.answer(with(token, .grpc(Signal.traces.exportMethod, body))))
            #expect(grpc.grpc.code == 0)
            #expect(receiver.answer(with(token, .http("/v1/traces", body)))?.status == 200)
            #expect(receiver.answer(with(token, .http("/v1/traces", json, type: "application/json")))?.status == 200)
        }
        #expect(intake.tenants == ["ws-acme", "ws-acme", "ws-acme", nil, nil, nil])
    }

    @Test("without a valid token nothing is taken in, and the answer is in the request's encoding", arguments: [nil, "wr0ng-0123456789"])
    func refused(token: String?) throws {
        let body = spans(valid: 1)
        let grpc = try #require(receiver.answer(with(token, .grpc(Signal.traces.exportMethod, body))))
        #expect(grpc.grpc.code == 16 && grpc.grpc.message.contains("receivers.otlp.auth.tokens"))
        let protobuf = try #require(receiver.answer(with(token, .http("/v1/traces", body))))
        #expect(protobuf.status == 401 && protobuf.header("www-authenticate") == "Bearer")
        #expect(protobuf.header("content-type") == "application/x-protobuf")
        let status = try JSONValue.parse(OTLPJSON.decode(protobuf: protobuf.body, message: .status))
        #expect(status["code"]?.integer == 16)
        let json = try #require(receiver.answer(with(token, .http("/v1/traces", body, type: "application/json"))))
        #expect(json.status == 401 && json.header("content-type") == "application/json")
        #expect(try JSONValue.parse(json.body)["code"]?.integer == 16)
        // What is not there and what is not understood is not told either.
        #expect(receiver.answer(with(token, .http("/v2/traces")))?.status == 401)
        #expect(receiver.answer(with(token, .http("/v1/traces", type: "text/plain")))?.status == 401)
        for answer in [grpc, protobuf, json] {
            #expect(!answer.text.contains("wr0ng") && !answer.grpc.message.contains("wr0ng"))
        }
        #expect(intake.batches.isEmpty && counters.read(.traces).refused == 3)
        let reason = token == nil ? 0 : 1
        #expect(authentication.counts(of: "http").map(\.requests)[reason] == 4)
        #expect(authentication.counts(of: "grpc").map(\.requests)[reason] == 1)
    }

    @Test("it is refused before its body, also if nobody asked for admission; health is open")
    func door() throws {
        let request = Request.http("/v1/traces", spans(valid: 1))
        guard case .refuse(let response) = receiver.admit(request.head) else { Issue.record("admitted"); return }
        #expect(response.status == 401)
        receiver.handle(request, responder: Responder { #expect($0.status == 401) })
        #expect(intake.batches.isEmpty)
        #expect(receiver.answer(.grpc(Health.check.rawValue))?.grpc.code == 0)
    }

    @Test("evidence that names another tenant than the credential's is 403, and counted; its own, none and no credential pass")
    func evidence() throws {
        let events = EventReceiver(intake: intake, requestLimit: 4_096)
        let bindings = BindingReceiver(intake: intake, requestLimit: 4_096)
        func post(_ body: String, tenant: String?) -> (events: Response?, bindings: Response?) {
            let event = "{\"specversion\":\"1.0\",\"type\":\"t\",\(body)}"
            let batch = "[{\"specversion\":\"1.0\",\"type\":\"t\",\"id\":\"e0\",\"source\":\"s\"},\(event)]"
            var one = Request.http("/v1/cloudevents", Array(batch.utf8), type: "application/cloudevents-batch+json")
            var other = Request.http(
                "/v1/bindings", Array("{\"executionId\":\"x\",\"tenant\":\"main\",\"event\":{\(body)}}".utf8))
            (one.head.tenant, other.head.tenant) = (tenant, tenant)
            return (events.answer(one), bindings.answer(other))
        }
        let named = #""id":"e1","source":"s","tenantid":"ws-other""#
        let refused = post(named, tenant: "ws-acme")
        for (response, field) in [(refused.events, "tenantid"), (refused.bindings, "event.tenantid")] {
            let response = try #require(response)
            #expect(response.status == 403 && response.header("content-type") == "application/problem+json")
            let detail = try #require(try JSONValue.parse(response.body)["detail"]?.string)
            #expect(detail.hasPrefix(field) && detail.contains("'ws-other'") && detail.contains("'ws-acme'"))
        }
        #expect(events.tenantConflicts == 1 && bindings.tenantConflicts == 1 && intake.tenants.isEmpty)
        for (body, tenant) in [(named, nil), (named, "ws-other"), (#""id":"e1","source":"s""#, "ws-acme")] {
            let taken = post(body, tenant: tenant)
            #expect(taken.events?.status == 202 && taken.bindings?.status == 202)
        }
        #expect(intake.tenants == [nil, nil, "ws-other", "ws-other", "ws-acme", "ws-acme"])
        // Two spellings of a letter are two tenants.
        #expect(post(#""id":"e1","source":"s","tenantid":"\#u{E9}""#, tenant: "e\u{301}").bindings?.status == 403)
        #expect(events.tenantConflicts == 2 && bindings.tenantConflicts == 2)
    }
}
