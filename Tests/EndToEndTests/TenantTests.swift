import OTLP
import Testing
import Transport

/// Credentials of receivers and API, and what they let see, through the running relay.
@Suite("Tenants", .serialized)
struct TenantTests {
    private static let acme = "acme-0123456789-s3cret"
    private static let beta = "beta-0123456789-s3cret"
    private static let all = "everybody-0123456789-s3cret"
    private static let auth = """
        , auth: {tokens: [{token: \(acme), tenant: ws-acme}, {token: \(beta), tenant: ws-beta}, {token: \(all)}]}
        """

    /// A task of an execution, in a trace of its own.
    private static func spans(_ execution: String, trace: Character) -> [UInt8] {
        let id = String(repeating: trace, count: 32)
        return Array(
            """
            {"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "kestra"}}]},
              "scopeSpans": [{"scope": {"name": "kestra"}, "spans": [
                {"traceId": "\(id)", "spanId": "00000000000000a2", "parentSpanId": "00000000000000a1",
                 "name": "EXECUTOR - main_shop_order", "kind": 1, "flags": 769,
                 "startTimeUnixNano": "1700000000100000000", "endTimeUnixNano": "1700000000200000000", "attributes": [
                   {"key": "kestra.executionId", "value": {"stringValue": "\(execution)"}},
                   {"key": "kestra.namespace", "value": {"stringValue": "shop"}},
                   {"key": "kestra.flowId", "value": {"stringValue": "order"}}]}]}]}]}
            """.utf8)
    }

    private static func bearer(_ token: String?) -> [HeaderField] {
        token.map { [HeaderField("authorization", "Bearer \($0)")] } ?? []
    }

    private func exchange(_ body: (RecordingSink, BridgeProcess) throws -> Void) throws {
        let sink = try RecordingSink()
        defer { sink.stop() }
        let bridge = try BridgeProcess(sinkPort: sink.port, hold: "300ms", quiet: "200ms", otlp: Self.auth, api: Self.auth)
        try body(sink, bridge)
        #expect(bridge.stop() == 0)
        #expect(!bridge.log.contains("s3cret"), "\(bridge.log)")
    }

    private func get(_ bridge: BridgeProcess, _ path: String, _ token: String?) throws -> ClientResponse {
        try bridge.http("GET", path, headers: Self.bearer(token))
    }

    private func post(_ bridge: BridgeProcess, _ path: String, _ json: String, _ token: String?) throws -> ClientResponse {
        let type = path.hasSuffix("events") ? "application/cloudevents+json" : "application/json"
        return try bridge.http("POST", path, Array(json.utf8), type: type, headers: Self.bearer(token))
    }

    private func ids(_ bridge: BridgeProcess, _ path: String, _ token: String) throws -> [String] {
        let page = try JSONValue.parse(get(bridge, path, token).body)
        return (page["events"]?.array ?? []).map { "\($0["tenant"]?.string ?? "?")/\($0["id"]?.string ?? "?")" }.sorted()
    }

    @Test("without a right token nothing is taken in over any protocol, with one everything is; refusals are counted")
    func tokens() throws {
        try exchange { sink, bridge in
            let json = Self.spans("e1", trace: "a")
            let protobuf = try OTLPJSON.encodeProtobuf(json: json, message: .tracesRequest)
            func send(_ token: String?) throws -> (grpc: Int, protobuf: ClientResponse, json: ClientResponse) {
                let headers = Self.bearer(token)
                func http(_ body: [UInt8], _ type: String) throws -> ClientResponse {
                    try bridge.http("POST", "/v1/traces", body, type: type, headers: headers, port: bridge.httpPort)
                }
                return (
                    try bridge.grpc(.traces, protobuf, headers: headers).code,
                    try http(protobuf, "application/x-protobuf"), try http(json, "application/json")
                )
            }
            for token in [nil, "acme-0123456789-s3cre", Self.acme + "x"] {
                let answers = try send(token)
                #expect(answers.grpc == 16)
                for (answer, type) in [(answers.protobuf, "application/x-protobuf"), (answers.json, "application/json")] {
                    #expect(answer.status == 401)
                    #expect(answer.headers.contains(HeaderField("www-authenticate", "Bearer")))
                    #expect(answer.headers.contains(HeaderField("content-type", type)))
                }
                #expect(try JSONValue.parse(answers.json.body)["code"]?.integer == 16)
                for path in ["/metrics", "/api/v1/events", "/nowhere"] {
                    let answer = try get(bridge, path, token)
                    #expect(answer.status == 401)
                    #expect(answer.headers.contains(HeaderField("content-type", "application/problem+json")))
                }
                #expect(try post(bridge, "/v1/bindings", #"{"executionId": "e1"}"#, token).status == 401)
                #expect(try post(bridge, "/v1/cloudevents", "{}", token).status == 401)
                #expect(try get(bridge, "/healthz", token).status == 200 && get(bridge, "/readyz", token).status == 200)
            }
            let taken = try send(Self.acme)
            #expect(taken.grpc == 0 && taken.protobuf.status == 200 && taken.json.status == 200)
            #expect(try get(bridge, "/metrics", Self.acme).status == 403)
            let metrics = String(decoding: try get(bridge, "/metrics", Self.all).body, as: UTF8.self)
            for (listener, missing, wrong) in [("grpc", 1, 2), ("http", 2, 4), ("api", 5, 10)] {
                for (reason, count) in [("missing", missing), ("wrong", wrong)] {
                    let line =
                        "spanbridge_unauthenticated_requests_total{listener=\"\(listener)\",reason=\"\(reason)\"} \(count)\n"
                    #expect(metrics.contains(line), "\(line)")
                }
            }
            // Three times the same bytes of one tenant; the others' are others.
            #expect(metrics.contains("spanbridge_journal_duplicates_total 2\n"))
            #expect(try send(Self.beta).grpc == 0)
            let after = String(decoding: try get(bridge, "/metrics", Self.all).body, as: UTF8.self)
            #expect(after.contains("spanbridge_journal_records_total 2\n"))
        }
    }

    @Test("a tenant sees what its token brought, another sees nothing of it, and a kill changes neither")
    func visibility() throws {
        try exchange { sink, bridge in
            for (name, token, trace) in [("acme", Self.acme, "a"), ("beta", Self.beta, "b")] as [(String, String, Character)] {
                let event = #"{"specversion": "1.0", "id": "evt-1", "source": "shop", "type": "t"}"#
                #expect(try post(bridge, "/v1/cloudevents", event, token).status == 202)
                let own = #"{"specversion": "1.0", "id": "evt-\#(name)", "source": "shop", "type": "t"}"#
                #expect(try post(bridge, "/v1/cloudevents", own, token).status == 202)
                let binding = #"{"executionId": "e-\#(name)", "event": {"id": "evt-1", "source": "shop"}}"#
                #expect(try post(bridge, "/v1/bindings", binding, token).status == 202)
                let spans = Self.spans("e-\(name)", trace: trace)
                let answer = try bridge.http(
                    "POST", "/v1/traces", spans, type: "application/json", headers: Self.bearer(token),
                    port: bridge.httpPort)
                #expect(answer.status == 200)
            }
            let unknown = Self.spans("e-nobody", trace: "c")
            #expect(
                try bridge.http(
                    "POST", "/v1/traces", unknown, type: "application/json", headers: Self.bearer(Self.all),
                    port: bridge.httpPort).status == 200)
            for isRestarted in [false, true] {
                if isRestarted {
                    bridge.killHard()
                    try bridge.start()
                }
                try checkVisibility(bridge)
            }
        }
    }

    private func checkVisibility(_ bridge: BridgeProcess) throws {
        let (acme, beta, all) = (Self.acme, Self.beta, Self.all)
        func status(_ path: String, _ token: String) throws -> Int { try get(bridge, path, token).status }
        #expect(try ids(bridge, "/api/v1/events", acme) == ["ws-acme/evt-1", "ws-acme/evt-acme"])
        #expect(try ids(bridge, "/api/v1/events", beta) == ["ws-beta/evt-1", "ws-beta/evt-beta"])
        #expect(try ids(bridge, "/api/v1/events", all).count == 4)
        #expect(try ids(bridge, "/api/v1/events?tenant=ws-beta", acme).isEmpty)
        // A cursor on another's event tells nothing.
        #expect(try ids(bridge, "/api/v1/events?cursor=ws-beta%7Cshop%7Cevt-beta", acme).isEmpty)
        // The id alone is ambiguous only to who sees both.
        #expect(try status("/api/v1/events/evt-1", acme) == 200 && status("/api/v1/events/evt-1", all) == 409)
        for path in ["/api/v1/events/evt-beta", "/api/v1/events/evt-beta/timeline", "/api/v1/events/evt-1?tenant=ws-beta",
            "/api/v1/executions/e-beta/timeline", "/api/v1/executions/e-beta/explain",
            "/api/v1/executions/e-nobody/explain", "/api/v1/traces/\(String(repeating: "b", count: 32))",
            "/api/v1/traces/\(String(repeating: "c", count: 32))",
        ] {
            let refused = try get(bridge, path, acme)
            #expect(refused.status == 404, "\(path)")
            #expect(!String(decoding: refused.body, as: UTF8.self).contains("ws-beta"), "\(path)")
            #expect(try status(path, all) == 200, "\(path)")
        }
        for path in ["/api/v1/events/evt-1/timeline", "/api/v1/executions/e-acme/timeline", "/api/v1/executions/e-acme/explain",
            "/api/v1/traces/\(String(repeating: "a", count: 32))",
        ] {
            let text = String(decoding: try get(bridge, path, acme).body, as: UTF8.self)
            #expect(text.contains("e-acme") && !text.contains("beta"), "\(path): \(text)")
        }
    }

    @Test("naming another tenant is 403 and changes nothing")
    func conflicts() throws {
        try exchange { _, bridge in
            let event = #"{"specversion": "1.0", "id": "evt-1", "source": "shop", "type": "t", "tenantid": "ws-beta"}"#
            let binding = #"{"executionId": "e1", "event": {"id": "evt-1", "source": "shop", "tenantid": "ws-beta"}}"#
            for (path, body) in [("/v1/cloudevents", event), ("/v1/bindings", binding)] {
                let refused = try post(bridge, path, body, Self.acme)
                #expect(refused.status == 403)
                #expect(refused.headers.contains(HeaderField("content-type", "application/problem+json")))
                #expect(try JSONValue.parse(refused.body)["detail"]?.string?.contains("tenantid") == true)
            }
            #expect(try ids(bridge, "/api/v1/events", Self.all).isEmpty)
            #expect(try post(bridge, "/v1/cloudevents", event, Self.beta).status == 202)
            #expect(try ids(bridge, "/api/v1/events", Self.all) == ["ws-beta/evt-1"])
            let metrics = String(decoding: try get(bridge, "/metrics", Self.all).body, as: UTF8.self)
            for path in ["/v1/cloudevents", "/v1/bindings"] {
                #expect(metrics.contains("spanbridge_tenant_conflicts_total{path=\"\(path)\"} 1\n"))
            }
        }
    }
}
