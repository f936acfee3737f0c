import FoundationEssentials
import Glibc
import OTLP
import Synchronization
import Testing
import Transport

/// What the relay promises beside joining recorded telemetry.
@Suite("The running relay", .serialized)
struct RelayTests {
    private static let execution = "2kzTKuJQ7RfONVlsfMSyQI"
    private static let own = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    private static let event = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
    private static let binding = """
        {"executionId": "\(execution)", "event": {"id": "evt-1", "source": "shop", "tenantid": "ws-1"},
         "traceparent": "00-\(event)-b7ad6b7169203331-01", "state": "SUCCESS"}
        """

    /// A webhook call without header and one task, as Kestra sends them.
    private static let spans = """
        {"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "kestra"}}]},
          "scopeSpans": [
            {"scope": {"name": "io.micronaut.http.server"}, "spans": [
              {"traceId": "\(own)", "spanId": "00000000000000a1", "name": "POST /webhook", "kind": 2,
               "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000010000000", "attributes": [
                 {"key": "url.path", "value": {"stringValue": "/api/v1/main/executions/webhook/shop/order/s3cret-key"}}]}]},
            {"scope": {"name": "kestra"}, "spans": [
              {"traceId": "\(own)", "spanId": "00000000000000a2", "parentSpanId": "00000000000000a1",
               "name": "EXECUTOR - main_shop_order", "kind": 1, "flags": 769,
               "startTimeUnixNano": "1700000000100000000", "endTimeUnixNano": "1700000000200000000", "attributes": [
                 {"key": "kestra.executionId", "value": {"stringValue": "\(execution)"}}]}]}]}]}
        """

    private func exchange(
        hold: String = "1s", quiet: String = "300ms", extra: String = "", _ body: (RecordingSink, BridgeProcess) throws -> Void
    ) throws {
        let sink = try RecordingSink()
        defer { sink.stop() }
        let bridge = try BridgeProcess(sinkPort: sink.port, hold: hold, quiet: quiet, extra: extra)
        try body(sink, bridge)
        #expect(bridge.stop() == 0, "\(bridge.log)")
    }

    private func post(_ bridge: BridgeProcess, _ path: String, _ json: String, port: Int? = nil) throws -> Int {
        try bridge.http("POST", path, Array(json.utf8), type: "application/json", port: port).status
    }

    private func spans(in sink: RecordingSink) throws -> [JudgedSpan] {
        try sink.all.filter { $0.signal == .traces }.flatMap { try JudgedSpan.all(in: $0.payload) }
    }

    @Test("everything that was acknowledged is delivered after a kill, even if the backend was down until then")
    func killWhileBackendIsDown() throws {
        let capture = try Capture("joint/1.3.31/p05")
        var judge = try Judge(capture, evidence: .none)
        judge.isRestarted = true
        let sink = try RecordingSink()
        defer { sink.stop() }
        sink.failure.withLock { $0 = 503 }
        let bridge = try BridgeProcess(sinkPort: sink.port, hold: "500ms", quiet: "300ms")
        for item in capture.items { try bridge.send(item) }
        bridge.killHard()
        #expect(sink.all.isEmpty)
        sink.failure.withLock { $0 = nil }
        try bridge.start()
        try waitUntil("everything has arrived", seconds: 30) { try judge.isComplete(sink.all) }
        #expect(bridge.stop() == 0)
        #expect(try judge.findings(sink.all) == [])
    }

    @Test("what an orderly stop leaves undelivered is delivered after the next start")
    func stopWhileBackendIsDown() throws {
        let capture = try Capture("kestra/1.3.31/s01-webhook-header")
        var judge = try Judge(capture, evidence: .none)
        judge.isRestarted = true
        let sink = try RecordingSink()
        defer { sink.stop() }
        sink.failure.withLock { $0 = 503 }
        let bridge = try BridgeProcess(sinkPort: sink.port, hold: "500ms", quiet: "300ms")
        for item in capture.items { try bridge.send(item) }
        #expect(bridge.stop() == 0)
        sink.failure.withLock { $0 = nil }
        try bridge.start()
        try waitUntil("everything has arrived", seconds: 30) { try judge.isComplete(sink.all) }
        #expect(bridge.stop() == 0)
        #expect(try judge.findings(sink.all) == [])
    }

    @Test("evidence that comes after the hold moves the spans, marked as amended, and corrects the answers at once")
    func lateEvidence() throws {
        try exchange(hold: "200ms") { sink, bridge in
            #expect(try post(bridge, "/v1/traces", Self.spans, port: bridge.httpPort) == 200)
            try waitUntil("both spans and the execution's span have left under their own trace", seconds: 10) {
                try spans(in: sink).count == 3
            }
            #expect(try spans(in: sink).allSatisfy { $0.traceID == Self.own })
            #expect(try post(bridge, "/v1/bindings", Self.binding) == 202)
            let explained = try bridge.json("/api/v1/executions/\(Self.execution)/explain")
            #expect(explained["placement"]?["traceId"]?.string == Self.event)
            try waitUntil("all three have left again under the event's trace", seconds: 10) {
                let moved = try spans(in: sink).filter { $0.traceID == Self.event }
                return moved.count == 3 && moved.allSatisfy(\.isAmended)
            }
            let server = try spans(in: sink).last { $0.spanID == "00000000000000a1" }
            #expect(server?.parent == "b7ad6b7169203331")
            #expect(server?.attribute("spanbridge.original.trace_id") == Self.own)
        }
    }

    @Test("logs and exemplars follow their spans, and webhook keys are masked")
    func dependents() throws {
        try exchange { sink, bridge in
            #expect(try post(bridge, "/v1/bindings", Self.binding) == 202)
            let log = """
                {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"traceId": "\(Self.own)", "spanId": "00000000000000a2",
                  "timeUnixNano": "1700000000100000000", "body": {"stringValue": "working"}}]}]}]}
                """
            let exemplar = """
                {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "orders", "sum": {"isMonotonic": true,
                  "aggregationTemporality": 2, "dataPoints": [{"asInt": "1", "timeUnixNano": "1700000000100000000",
                  "exemplars": [{"traceId": "\(Self.own)", "spanId": "00000000000000a2", "asInt": "1",
                  "timeUnixNano": "1700000000100000000"}]}]}}]}]}]}
                """
            #expect(try post(bridge, "/v1/traces", Self.spans, port: bridge.httpPort) == 200)
            #expect(try post(bridge, "/v1/logs", log, port: bridge.httpPort) == 200)
            #expect(try post(bridge, "/v1/metrics", exemplar, port: bridge.httpPort) == 200)
            try waitUntil("spans, log and metric have arrived", seconds: 10) {
                try spans(in: sink).count == 3 && Set(sink.all.map(\.signal)).count == 3
            }
            let target = try #require(TraceID(hex: Self.event))
            for received in sink.all {
                let hasOwn = received.payload.contains(id: try #require(TraceID(hex: Self.own)))
                #expect(!hasOwn, "the \(received.signal.name) still name the old trace")
                #expect(received.payload.contains(id: target))
            }
            let server = try spans(in: sink).first { $0.spanID == "00000000000000a1" }
            #expect(server?.attribute("url.path") == "/api/v1/main/executions/webhook/shop/order/**********")
        }
    }

    @Test("bad requests get the answer that OTLP names, and the next good one is served")
    func badInput() throws {
        try exchange(extra: "memory: {limit: 64MiB}") { sink, bridge in
            let garbage: [UInt8] = (0..<2000).map { UInt8(truncatingIfNeeded: $0 &* 37 ^ $0 >> 3) }
            let valid = try OTLPJSON.encodeProtobuf(json: Array(Self.spans.utf8), message: .tracesRequest)
            let protobuf = "application/x-protobuf"
            func status(_ path: String, _ body: [UInt8], _ type: String?, _ headers: [HeaderField] = []) throws -> Int {
                try bridge.http("POST", path, body, type: type, headers: headers, port: bridge.httpPort).status
            }
            #expect(try status("/v1/traces", garbage, protobuf) == 400)
            #expect(try status("/v1/traces", Array(valid.dropLast(7)), protobuf) == 400)
            #expect(try status("/v1/traces", Array("{\"resourceSpans\": [".utf8), "application/json") == 400)
            #expect(try status("/v1/traces", valid, "text/plain") == 415)
            #expect(try status("/v1/traces", garbage, protobuf, [HeaderField("content-encoding", "gzip")]) == 400)
            #expect(try status("/v1/traces", valid, protobuf, [HeaderField("content-encoding", "lzma")]) == 400)
            #expect(try status("/v1/nothing", valid, protobuf) == 404)
            #expect(try bridge.http("GET", "/v1/traces", port: bridge.httpPort).status == 405)
            let bomb = Compression.compress([UInt8](repeating: 0, count: 65 << 20), coding: .gzip)
            #expect(try status("/v1/traces", bomb, protobuf, [HeaderField("content-encoding", "gzip")]) == 413)
            #expect(try bridge.grpc(.traces, garbage).code == 3)
            #expect(try bridge.grpc(.traces, Array(valid.dropLast(7)), gzip: true).code == 3)
            #expect(bridge.residentBytes < 400 << 20)
            #expect(try bridge.grpc(.traces, valid).code == 0)
            try waitUntil("the good request has arrived", seconds: 10) { try spans(in: sink).count >= 2 }
        }
    }

    @Test("O-5: a sender's retry of an acknowledged request is acknowledged and not stored again")
    func duplicate() throws {
        try exchange { sink, bridge in
            for _ in 0..<3 { #expect(try post(bridge, "/v1/traces", Self.spans, port: bridge.httpPort) == 200) }
            let status = try bridge.json("/api/v1/status")
            #expect(status["lastRecord"]?.integer == 1)
            try waitUntil("the spans have arrived", seconds: 10) { try spans(in: sink).count == 3 }
        }
    }

    @Test("an execution that nothing joins is told what would join it, and that changes with what comes")
    func explanation() throws {
        try exchange { sink, bridge in
            #expect(try post(bridge, "/v1/traces", Self.spans, port: bridge.httpPort) == 200)
            func explained() throws -> JSONValue { try bridge.json("/api/v1/executions/\(Self.execution)/explain") }
            try waitUntil("the execution is known", seconds: 10) { try explained()["executionId"] != nil }
            func missing() throws -> [String] {
                try (explained()["missing"]?.array ?? []).compactMap { $0["evidence"]?.string }
            }
            let before = try explained()
            #expect(before["joined"]?.bool == false && before["placement"]?["traceId"]?.string == Self.own)
            #expect(try missing().contains("header") && missing().contains("binding") && missing().contains("kestra_api"))
            #expect(try !missing().contains("event"))
            let call = #"{"executionId":"\#(Self.execution)","event":{"id":"evt-9","source":"urn:nobody"}}"#
            #expect(try post(bridge, "/v1/bindings", call) == 202)
            try waitUntil("the event is missing", seconds: 10) { try missing().first == "event" }
            let waiting = try explained()["evidence"]?.array?.first { $0["kind"]?.string == "binding_event" }
            #expect(waiting?["outcome"]?.string == "no_trace_known" && waiting?["verdict"]?.string == "lost")
            let event = """
                {"specversion": "1.0", "id": "evt-9", "source": "urn:nobody", "type": "t",
                 "traceparent": "00-\(Self.event)-00f067aa0ba902b7-01"}
                """
            #expect(
                try bridge.http(
                    "POST", "/v1/cloudevents", Array(event.utf8), type: "application/cloudevents+json").status == 202)
            try waitUntil("it is joined", seconds: 10) { try explained()["joined"]?.bool == true }
            #expect(try missing().isEmpty && explained()["placement"]?["rule"]?.string == "claimed")
            for path in ["events/evt-9", "traces/\(Self.own)", "traces/\(Self.event)"] {
                let list = try bridge.json("/api/v1/\(path)/explain")
                #expect(list["executions"]?.array?.map { $0["executionId"]?.string } == [Self.execution], "\(path)")
            }
            #expect(try bridge.http("GET", "/api/v1/events/nobody/explain").status == 404)
            #expect(try bridge.http("GET", "/api/v1/traces/0123456789abcdef0123456789abcdef/explain").status == 404)
        }
    }

    @Test("the command line lists, draws and explains")
    func commandLine() throws {
        try exchange { sink, bridge in
            #expect(try post(bridge, "/v1/bindings", Self.binding) == 202)
            #expect(try post(bridge, "/v1/traces", Self.spans, port: bridge.httpPort) == 200)
            try waitUntil("the spans have arrived", seconds: 10) { try spans(in: sink).count == 3 }
            func run(_ arguments: String...) throws -> (status: Int32, text: String) {
                let output = bridge.directory.appending(path: "output-\(UUID().uuidString)")
                let process = try spawn(
                    BridgeProcess.binary, arguments, output: output.path,
                    environment: ["SPANBRIDGE_API": "http://127.0.0.1:\(bridge.apiPort)"])
                var status: Int32 = 0
                waitpid(process, &status, 0)
                return (status >> 8 & 0xFF, try String(contentsOf: output, encoding: .utf8))
            }
            let events = try run("events")
            #expect(events.status == 0 && events.text.contains("evt-1"), "\(events.text)")
            let timeline = try run("timeline", "evt-1")
            #expect(timeline.status == 0 && timeline.text.contains("SUCCESS"), "\(timeline.text)")
            #expect(timeline.text.contains(Self.event), "\(timeline.text)")
            #expect(!timeline.text.contains("\u{1B}["), "colours only on a terminal")
            let json = try run("timeline", "evt-1", "--json")
            #expect(try JSONValue.parse(Array(json.text.utf8))["traceId"]?.string == Self.event)
            let explained = try run("explain", Self.execution)
            #expect(explained.status == 0 && explained.text.contains("binding_event"), "\(explained.text)")
            #expect(explained.text.contains("Joined by rule claimed. A binding call names event 'evt-1'"))
            for name in ["evt-1", Self.own, Self.event] {
                let list = try run("explain", name)
                #expect(list.status == 0 && list.text.contains("execution \(Self.execution)"), "\(list.text)")
            }
            #expect(try run("explain", "nobody").status == 2)
            #expect(try run("explain", "nobody").text.contains("it is no trace id"))
            #expect(try run("explain", "0123456789abcdef0123456789abcdef").status == 2)
            #expect(try run("timeline", "nobody").status == 2)
            #expect(try run("frobnicate").status == 64)
            #expect(try run("check-config", "/does/not/exist").status == 78)
            #expect(try run("--version").text.hasPrefix("spanbridge "))
            let trace = try bridge.json("/api/v1/traces/\(Self.own)")
            #expect(trace["resourceSpans"]?.array?.count == 2, "any original id leads to the unified trace")
        }
    }

    @Test("the demo ends well")
    func demo() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
        let output = FileManager.default.temporaryDirectory.appending(path: "demo-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: output) }
        let process = try spawn(root.appending(path: ".ci/demo").path, [BridgeProcess.binary], output: output.path)
        var status: Int32 = 0
        waitpid(process, &status, 0)
        let text = try String(contentsOf: output, encoding: .utf8)
        #expect(status == 0, "\(text)")
        #expect(text.contains("24040404040404040404040404040404") && text.contains("flow.Sleep"), "\(text)")
    }
}

extension [UInt8] {
    /// Whether the sixteen bytes of a trace id stand somewhere.
    fileprivate func contains(id: TraceID) -> Bool {
        let words = [id.high, id.low]
        let wanted = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) } }
        return indices.dropLast(15).contains { self[$0..<$0 + 16].elementsEqual(wanted) }
    }
}
