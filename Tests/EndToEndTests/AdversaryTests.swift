import FoundationEssentials
import Glibc
import OTLP
import Testing
import Transport

/// Hostile senders and the real binary: it serves on, within its limits, and its metrics tell what was cut.
@Suite("Adversaries of the running relay", .serialized)
struct AdversaryTests {
    private static let template = """
        receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{grpc}"}}, http: {{endpoint: "127.0.0.1:{http}"}}}}}}}}
        exporters:
          otlp_http/backend: {{endpoint: "http://127.0.0.1:{sink}", compression: gzip}}
        journal: {{directory: "{dir}/journal"}}
        api: {{endpoint: "127.0.0.1:{api}"}}
        memory: {{limit: 64MiB}}
        correlation:
          hold: {hold}s
          hold_memory: 1MiB
          max_executions: 1000
          max_events: 1000
          max_traces: 1000
          execution_span: {{mode: all, quiet: 300ms}}
        """

    /// Sends ten requests of a thousand deliveries and waits until everything has left.
    private func bomb(
        event: (Int) -> String, execution: (Int) -> Int, counting counter: String, over least: Double
    ) throws {
        let sink = try RecordingSink()
        defer { sink.stop() }
        let bridge = try BridgeProcess(sinkPort: sink.port, template: Self.template, hold: 1)
        for request in 0..<10 {
            let spans = (0..<1_000).flatMap { position -> [BuiltSpan] in
                let number = 1_000 * request + position
                let (trace, server) = (TraceID(high: 1, low: UInt64(number) + 1), SpanID(raw: UInt64(number) * 2 + 1))
                let id = String(execution(number))
                return [
                    BuiltSpan(
                        traceID: trace, spanID: server, parentSpanID: .none, name: "POST", kind: 2, start: 1, end: 2,
                        attributes: [("url.query", .string("ce-id=\(event(number))&ce-source=adversary"))]),
                    BuiltSpan(
                        traceID: trace, spanID: SpanID(raw: UInt64(number) * 2 + 2), parentSpanID: server,
                        name: "WORKER - io.kestra.plugin.core.log.Log", kind: 1, start: 1, end: 2,
                        attributes: [
                            ("kestra.executionId", .string("adversary" + String(repeating: "0", count: 13 - id.count) + id)),
                            ("kestra.tenantId", .string("main")),
                        ]),
                ]
            }
            let body = SpanBuilder.request(
                resource: [("service.name", "kestra")], scope: "kestra", version: "", spans: spans)
            try bridge.send(Capture.Item(signal: .traces, transport: "http", body: body, isGzipped: false))
        }
        try waitUntil("everything has left", seconds: 60) {
            try sink.quietFor > 500_000_000 && metric("held_records", bridge) == 0
        }
        // The next request makes room.
        let last = BuiltSpan(
            traceID: TraceID(high: 9, low: 9), spanID: SpanID(raw: 9), parentSpanID: SpanID(raw: 8), name: "POST", kind: 2,
            start: 1, end: 2)
        let body = SpanBuilder.request(resource: [("service.name", "kestra")], scope: "kestra", version: "", spans: [last])
        try bridge.send(Capture.Item(signal: .traces, transport: "http", body: body, isGzipped: false))
        try waitUntil("\(counter) is over \(least)", seconds: 60) { try metric(counter, bridge) > least }
        try waitUntil("the next span has been taken in", seconds: 20) { try metric("executions", bridge) <= 1_100 }
        for kind in ["events", "traces"] { #expect(try metric(kind, bridge) <= 1_100, "\(kind)") }
        #expect(bridge.residentBytes < 400 << 20)
        #expect(bridge.stop() == 0, "\(bridge.log.suffix(600))")
        let left = try sink.all.filter { $0.signal == .traces }.map { try SpanIndex(payload: $0.payload).spans.count }
        #expect(left.reduce(0, +) >= 20_000)
    }

    private func metric(_ name: String, _ bridge: BridgeProcess) throws -> Double {
        let text = try bridge.metrics
        let line = text.split(separator: "\n").first { $0.hasPrefix("spanbridge_correlator_\(name) ") }
        guard let value = line?.split(separator: " ").last.flatMap({ Double($0) }) else {
            throw TestFailure("no metric spanbridge_correlator_\(name)")
        }
        return value
    }

    @Test("ten thousand deliveries of one event")
    func oneEvent() throws {
        try bomb(event: { _ in "evt" }, execution: { $0 }, counting: "forgotten_total", over: 9_000)
    }

    @Test("ten thousand events, traces and executions")
    func distinct() throws {
        try bomb(event: { "evt-\($0)" }, execution: { $0 }, counting: "forgotten_total", over: 9_000)
    }

    @Test(
        "one execution in ten thousand traces",
    )
    func oneExecution() throws {
        try bomb(event: { "evt-\($0)" }, execution: { _ in 1 }, counting: "forgotten_total", over: 0)
    }
}
