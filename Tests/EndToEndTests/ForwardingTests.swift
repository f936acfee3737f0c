import OTLP
import Testing
import Transport

/// `cloudevents.forward_to`, through the running relay.
@Suite("Forwarding events", .serialized)
struct ForwardingTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let context = "00-\(trace)-00f067aa0ba902b7-01"

    private func event(_ id: String, _ traceparent: String? = context, type: String = "com.portarium.run.RunStarted") -> String {
        let context = traceparent.map { #""traceparent":"\#($0)", "# } ?? ""
        return #"{"specversion":"1.0", "id":"\#(id)","source":"portarium","type":"\#(type)",\#(context)"data":{"n":1.0}}"#
    }

    private func post(_ body: String, to bridge: BridgeProcess, batch: Bool = false) throws {
        let type = batch ? "application/cloudevents-batch+json" : "application/cloudevents+json"
        let answer = try bridge.http("POST", "/v1/cloudevents", Array(body.utf8), type: type)
        guard answer.status == 202 else { throw TestFailure("an event was answered with \(answer.status)") }
    }

    private func metrics(_ bridge: BridgeProcess) throws -> String {
        try bridge.metrics
    }

    private func ended(_ outcome: String, _ count: Int, _ bridge: BridgeProcess, route: String = "default") throws -> Bool {
        try metrics(bridge).contains(
            "spanbridge_forward_events_total{route=\"\(route)\",outcome=\"\(outcome)\"} \(count)\n")
    }

    @Test("each event is posted as it was written, with its context as a header if it has one")
    func verbatim() throws {
        let sink = try RecordingSink()
        defer { sink.stop() }
        let kestra = try WebhookStandIn { _, number in number == 0 ? .http(204) : WebhookStandIn.started("exec-\(number)") }
        defer { kestra.stop() }
        let bridge = try BridgeProcess(sinkPort: sink.port, extra: WebhookStandIn.configuration(port: kestra.port))
        try post(event("one"), to: bridge)
        try waitUntil("the first is delivered", seconds: 10) { try ended("conditions_not_met", 1, bridge) }
        try post("[\(event("two")), \(event("three", nil))]", to: bridge, batch: true)
        let binary = [
            HeaderField("ce-specversion", "1.0"), HeaderField("ce-id", "four"), HeaderField("ce-source", "portarium"),
            HeaderField("ce-type", "t"), HeaderField("ce-traceparent", "not a context"),
        ]
        #expect(
            try bridge.http(
                "POST", "/v1/cloudevents", Array("{\"a\":1}".utf8), type: "application/json", headers: binary
            ).status == 202)
        try waitUntil("all are delivered", seconds: 10) { try ended("started", 3, bridge) }
        let calls = Dictionary(uniqueKeysWithValues: kestra.calls.map { ($0.event, $0) })
        for (id, body) in [("one", event("one")), ("two", event("two")), ("three", event("three", nil))] {
            #expect(calls[id].map { String(decoding: $0.body, as: UTF8.self) } == body)
            #expect(calls[id]?.values("traceparent") == (id == "three" ? [] : [Self.context]))
            #expect(calls[id]?.values("content-type") == ["application/cloudevents+json"])
            #expect(calls[id]?.head.target == WebhookStandIn.path)
        }
        let four = try JSONValue.parse(calls["four"]?.body ?? [])
        #expect(four["data"]?["a"] == .number("1") && calls["four"]?.values("traceparent") == [])
        #expect(bridge.stop() == 0)
        try bridge.start()
        try post(event("five"), to: bridge)
        try waitUntil("the fifth is delivered", seconds: 10) { try ended("started", 1, bridge) }
        #expect(kestra.calls.map(\.event).sorted() == ["five", "four", "one", "three", "two"], "none is sent twice")
        let said = try metrics(bridge) + bridge.log
        #expect(!said.contains("s3cr3t"))
    }

    @Test("events are taken while Kestra is down, and reach it after a SIGKILL, beyond what the queue holds")
    func killed() throws {
        let sink = try RecordingSink()
        defer { sink.stop() }
        let port = try freePort()
        let bridge = try BridgeProcess(
            sinkPort: sink.port,
            extra: WebhookStandIn.configuration(port: port, more: ", sending_queue: {size: 1MiB, num_consumers: 2}"))
        // Three times as much as the queue holds.
        let padding = String(repeating: "x", count: 30_000)
        let ids = (0..<100).map { "evt-\($0)" }
        for id in ids { try post(event(id, type: "t").replacing("\"n\":1.0", with: "\"n\":\"\(padding)\""), to: bridge) }
        try waitUntil("the queue is full", seconds: 10) {
            let now = try metrics(bridge)
            return now.contains("spanbridge_forward_owed_records 100\n")
                && now.contains("spanbridge_forward_queue_events{route=\"default\"} 34\n")
        }
        bridge.killHard()
        try bridge.start()
        let kestra = try WebhookStandIn(port: port) { call, _ in WebhookStandIn.started("exec-\(call.event)") }
        try waitUntil("all have arrived", seconds: 20) { Set(kestra.calls.map(\.event)) == Set(ids) }
        try waitUntil("all are settled", seconds: 10) {
            try metrics(bridge).contains("spanbridge_forward_owed_records 0\n")
        }
        #expect(kestra.calls.count == 100)
        bridge.killHard()
        try bridge.start()
        try post(event("last"), to: bridge)
        try waitUntil("the last has arrived", seconds: 10) { kestra.calls.contains { $0.event == "last" } }
        #expect(kestra.calls.count == 101, "receipts outlive a SIGKILL")
        kestra.stop()
        #expect(!bridge.log.contains("s3cr3t"))
    }

    @Test("the execution that the webhook names joins the event's trace without any other evidence, and a restart knows it")
    func join() throws {
        let capture = try Capture("kestra/1.3.31/s02-webhook-no-header")
        let execution = try #require(capture.executions.first?.key)
        let sink = try RecordingSink()
        defer { sink.stop() }
        let kestra = try WebhookStandIn { _, number in number == 0 ? .http(500) : WebhookStandIn.started(execution) }
        defer { kestra.stop() }
        let bridge = try BridgeProcess(
            sinkPort: sink.port, hold: "1s", quiet: "300ms", extra: WebhookStandIn.configuration(port: kestra.port))
        try post(event("evt-1"), to: bridge)
        try waitUntil("the execution is known", seconds: 10) { try ended("started", 1, bridge) }
        #expect(try metrics(bridge).contains("spanbridge_forward_retries_total{route=\"default\"} 1\n"))
        for item in capture.items { try bridge.send(item) }
        func spans() throws -> [JudgedSpan] {
            try sink.all.filter { $0.signal == .traces }.flatMap { try JudgedSpan.all(in: $0.payload) }
                .filter { $0.attribute("kestra.executionId") == execution }
        }
        try waitUntil("the execution's span has left", seconds: 20) { try spans().contains { $0.scope == "spanbridge" } }
        let found = try spans()
        #expect(found.count > 1 && found.allSatisfy { $0.traceID == Self.trace })
        bridge.killHard()
        try bridge.start()
        let text = String(
            decoding: try bridge.http("GET", "/api/v1/executions/\(execution)/explain").body, as: UTF8.self)
        #expect(text.contains("forwarded to Kestra") && text.contains(Self.trace))
    }

    @Test("each type takes its route, what none takes is not forwarded, and one refused is told with its reason")
    func routes() throws {
        let sink = try RecordingSink()
        defer { sink.stop() }
        let runs = try WebhookStandIn { _, _ in WebhookStandIn.started("exec-1") }
        defer { runs.stop() }
        let approvals = try WebhookStandIn { _, _ in .http(404, body: Array("{\"href\":\"\(WebhookStandIn.path)\"}".utf8)) }
        defer { approvals.stop() }
        let bridge = try BridgeProcess(
            sinkPort: sink.port,
            extra: """
                cloudevents:
                  forward_to:
                    routes:
                      - {name: runs, types: ["com.portarium.run.*"], endpoint: "http://127.0.0.1:\(runs.port)\(WebhookStandIn.path)"}
                      - {types: [com.portarium.approval.ApprovalGranted], endpoint: "http://127.0.0.1:\(approvals.port)\(WebhookStandIn.path)"}
                """)
        let types = ["run.RunStarted", "approval.ApprovalGranted", "approval.ApprovalDenied"]
        let events = types.map { event($0, type: "com.portarium.\($0)") }
        try post("[\(events.joined(separator: ","))]", to: bridge, batch: true)
        try post(events[2], to: bridge)
        try waitUntil("one is taken", seconds: 10) { try ended("started", 1, bridge, route: "runs") }
        try waitUntil("one is refused", seconds: 10) { try ended("refused", 1, bridge, route: "route-2") }
        #expect(try metrics(bridge).contains("spanbridge_forward_refused_events_total{route=\"route-2\",status=\"404\"} 1\n"))
        #expect(runs.calls.map(\.event) == ["run.RunStarted"])
        #expect(approvals.calls.map(\.event) == ["approval.ApprovalGranted"])
        try waitUntil("nothing is owed", seconds: 10) { try metrics(bridge).contains("spanbridge_forward_owed_records 0\n") }
        #expect(bridge.log.contains("is given up") && !bridge.log.contains("s3cr3t"))
    }
}
