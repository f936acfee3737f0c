import FoundationEssentials
import Glibc
import OTLP
import Testing
import Transport

/// `spanbridge doctor` and `GET /api/v1/doctor` of the running relay.
@Suite("The doctor of the running relay", .serialized)
struct DoctorCommandTests {
    /// What the command prints, and how it ends.
    private func doctor(_ bridge: BridgeProcess, port: Int? = nil, _ arguments: [String] = []) throws -> (text: String, status: Int32) {
        let output = bridge.directory.appending(path: "doctor-\(UUID().uuidString).txt")
        let process = try spawn(
            BridgeProcess.binary, ["doctor", "--api", "http://127.0.0.1:\(port ?? bridge.apiPort)"] + arguments,
            output: output.path)
        var status: Int32 = 0
        waitpid(process, &status, 0)
        return (try String(contentsOf: output, encoding: .utf8), status >> 8 & 0xFF)
    }

    private func tell(_ bridge: BridgeProcess, event: Int, traceparent: String) throws {
        let json = """
            {"specversion": "1.0", "id": "evt-\(event)", "source": "shop", "type": "order", "tenantid": "ws-1",
             "traceparent": "\(traceparent)"}
            """
        let answer = try bridge.http(
            "POST", "/v1/cloudevents", Array(json.utf8), type: "application/cloudevents+json")
        #expect(answer.status == 202)
    }

    @Test("nothing is wrong with a good capture; unsampled and malformed traceparents and a wrong port are found and end it with 1")
    func findings() throws {
        let sink = try RecordingSink()
        defer { sink.stop() }
        let bridge = try BridgeProcess(sinkPort: sink.port, hold: "300ms", quiet: "300ms")
        let capture = try Capture("joint/1.3.31/p03")
        for item in capture.items { try bridge.send(item) }
        try waitUntil("the spans are seen", seconds: 10) { try bridge.json("/api/v1/doctor")["spans"]?.integer ?? 0 > 0 }

        let fine = try doctor(bridge)
        #expect(fine.status == 0 && fine.text.hasPrefix("nothing wrong found in "), "\(fine.text)")
        #expect(fine.text.contains("cannot be told yet") && fine.text.contains("kestra_traces_off"), "\(fine.text)")

        for event in 0..<5 {
            try tell(bridge, event: event, traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")
            try tell(bridge, event: 10 + event, traceparent: "00-00000000000000000000000000000000-00f067aa0ba902b7-01")
        }
        let item = try #require(capture.items.first { $0.transport == "grpc" })
        for _ in 0..<5 { _ = try bridge.grpc(item.signal, item.body, port: bridge.httpPort) }
        try waitUntil("everything is found", seconds: 10) {
            try bridge.json("/api/v1/doctor")["findings"]?.array?.count == 3
        }
        let found = try doctor(bridge)
        #expect(found.status == 1 && found.text.hasPrefix("3 findings in "), "\(found.text)")
        for text in [
            "warning: Traces are cut by the sampled flag", "event evt-0", "trace 4bf92f3577b34da6a3ce929d0e0e4736",
            "docs/set-up.md#unsampled", "traceparent_malformed: 5 of 5", "otel.exporter.otlp.endpoint",
        ] { #expect(found.text.contains(text), "\(text): \(found.text)") }
        #expect(!found.text.contains("\u{1B}"), "no colours in a file")
        let coloured = try doctor(bridge, ["--color", "always"])
        #expect(coloured.text.contains("\u{1B}["))

        let json = try doctor(bridge, ["--json"])
        #expect(json.status == 1)
        let answer = try JSONValue.parse(Array(json.text.utf8))
        #expect(
            answer["findings"]?.array?.compactMap { $0["code"]?.string }.sorted()
                == ["traceparent_malformed", "unsampled", "wrong_port"])
        let metrics = try bridge.metrics
        #expect(metrics.contains("spanbridge_doctor_findings{code=\"unsampled\"} 1"))
        #expect(metrics.contains("spanbridge_doctor_findings{code=\"clock_ahead\"} 0"))

        #expect(bridge.stop() == 0)
        let unreachable = try doctor(bridge, port: try freePort())
        #expect(unreachable.status == 2 && unreachable.text.contains("does not answer"), "\(unreachable.text)")
    }
}
