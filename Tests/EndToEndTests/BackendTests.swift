import OTLP
import Synchronization
import Testing
import Transport

/// Several backends, each with a queue of its own.
@Suite("Several exporters", .serialized)
struct BackendTests {
    @Test("one backend that is down holds up neither the other nor the senders, and gets everything later")
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
}
