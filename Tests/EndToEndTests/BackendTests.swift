import OTLP
import Synchronization
import Testing
import Transport

/// Several backends, each with a queue of its own.
@Suite("Several exporters", .serialized)
struct BackendTests {
    @Test("O-6: one backend that is down holds up neither the other nor the senders, and gets everything later")
    func oneIsDown() throws {
        let (up, down) = (try RecordingSink(), try RecordingSink())
        defer {
            up.stop()
            down.stop()
        }
        down.failure.withLock { $0 = 503 }
        let extra = """
              otlp_http/second: {endpoint: "http://127.0.0.1:\(down.port)", compression: none, sending_queue: {size: 1MiB}, retry_on_failure: {initial_interval: 100ms, max_interval: 300ms}}
            """
        let bridge = try BridgeProcess(sinkPort: up.port, hold: "300ms", quiet: "300ms", exporters: extra)
        let capture = try Capture("kestra/1.3.31/s13-burst-100")
        let judge = try Judge(capture, evidence: .none)
        for item in capture.items { try bridge.send(item) }
        try waitUntil("the backend that is up has everything", seconds: 20) { try judge.isComplete(up.all) }
        #expect(down.all.isEmpty)
        down.failure.withLock { $0 = nil }
        try waitUntil("the other has everything too", seconds: 20) { try judge.isComplete(down.all) }
        #expect(bridge.stop() == 0)
        #expect(try judge.findings(up.all) == [])
    }

    @Test("what a full queue had no room for is handed over later: spans, executions' spans and amendments")
    func queueIsFull() throws {
        let (up, down) = (try RecordingSink(), try RecordingSink())
        defer {
            up.stop()
            down.stop()
        }
        down.failure.withLock { $0 = 503 }
        let extra = """
              otlp_http/second: {endpoint: "http://127.0.0.1:\(down.port)", compression: none, batch: {max_size: 64KiB}, sending_queue: {size: 1MiB}, retry_on_failure: {initial_interval: 100ms, max_interval: 300ms}}
            """
        let bridge = try BridgeProcess(sinkPort: up.port, hold: "200ms", quiet: "300ms", exporters: extra)
        let captures = try Capture.all.filter { $0.hasPrefix("kestra/1.3.31") }.map(Capture.init)
        for capture in captures { for item in capture.items { try bridge.send(item) } }
        let judges = try captures.map { try Judge($0, evidence: .none) }
        try waitUntil("the backend that is up has everything", seconds: 40) {
            try judges.allSatisfy { try $0.isComplete(up.all) }
        }
        let waiting = try bridge.http("GET", "/metrics").body
        #expect(
            String(decoding: waiting, as: UTF8.self).split(separator: "\n").contains {
                $0.hasPrefix("spanbridge_exporter_waiting_records{exporter=\"otlp_http/second\"}") && !$0.hasSuffix(" 0")
            }, "the queue was never full")
        // A moved execution: its spans are amended while the second backend has no room.
        let moved = try #require(captures.first { $0.name.hasSuffix("s02-webhook-no-header") }?.deliveries.first)
        let execution = try #require(moved["execution"]?.string)
        let traceparent = try #require(moved["eventTraceparent"]?.string)
        let binding = "{\"executionId\": \"\(execution)\", \"traceparent\": \"\(traceparent)\"}"
        #expect(try bridge.http("POST", "/v1/bindings", Array(binding.utf8), type: "application/json").status == 202)
        func placed(_ sink: RecordingSink) throws -> [String: String] {
            let spans = try sink.all.filter { $0.signal == .traces }.flatMap { try JudgedSpan.all(in: $0.payload) }
            let amended = spans.filter(\.isAmended)
            return Dictionary((spans + amended).map { ($0.spanID, $0.traceID) }) { $1 }
        }
        let target = String(traceparent.split(separator: "-")[1])
        try waitUntil("the execution has moved at the backend that is up", seconds: 20) {
            try placed(up).values.count { $0 == target } > 5
        }
        down.failure.withLock { $0 = nil }
        try waitUntil("the other has the same spans in the same traces", seconds: 40) { try placed(down) == placed(up) }
        #expect(bridge.stop() == 0)
    }

    @Test("C-1: a request larger than a backend takes is cut between its spans", arguments: ["otlp_http", "otlp"])
    func backendTakesLess(exporter: String) throws {
        let (whole, behind) = (try RecordingSink(), try RecordingSink())
        defer {
            whole.stop()
            behind.stop()
        }
        let small = try BridgeProcess(sinkPort: behind.port, otlp: ", max_request_size: 8KiB")
        let port = exporter == "otlp" ? small.grpcPort : small.httpPort
        let bridge = try BridgeProcess(
            sinkPort: whole.port, exporters: "  \(exporter)/small: {endpoint: \"http://127.0.0.1:\(port)\", compression: none}")
        let capture = try Capture("kestra/1.3.31/s13-burst-100")
        #expect(capture.items.contains { $0.body.count > 16_384 })
        for item in capture.items { try bridge.send(item) }
        let judge = try Judge(capture, evidence: .none)
        try waitUntil("the backend behind has everything", seconds: 60) { try judge.isComplete(behind.all) }
        let metrics = try bridge.metrics
        let dropped = metrics.split(separator: "\n").filter { $0.contains("reason=\"too_large_for_peer\"") }
        #expect(!dropped.isEmpty && dropped.allSatisfy { $0.hasSuffix(" 0") }, "\(dropped)")
        #expect(small.stop() == 0)
        #expect(bridge.stop() == 0)
    }
}
