import Dispatch
import OTLP
import Synchronization
import Testing
import Transport

/// Replays what real systems sent through the real binary and compares what comes out with the truth.
@Suite("Recorded telemetry through the running relay", .serialized)
struct CaptureTests {
    /// One replay.
    struct Case: Sendable, CustomStringConvertible {
        var capture: Capture
        var evidence: Evidence
        var order = Order.recorded
        var isDuplicated = false
        /// The request before which the process is killed and started again.
        var cut: Int?
        /// Whether everything that is quiet leaves memory at once.
        var isSpilling = false

        var description: String {
            "\(capture.name), evidence \(evidence), order \(order)"
                + (isDuplicated ? ", each request twice" : "") + (isSpilling ? ", without memory" : "") + (cut.map { ", killed before request \($0)" } ?? "")
        }
    }

    /// How often something was spilled, in all cases.
    private static let spills = Mutex(0)

    private static let joint = Capture.all.filter { $0.hasPrefix("joint") }

    @Test("every capture passes in the recorded order, whatever else is told")
    func recorded() throws {
        var cases: [Case] = []
        for capture in try Capture.all.map(Capture.init) {
            // Without a truth there is nothing that evidence could change.
            let told = capture.truth["executions"] == nil ? [.none] : Evidence.allCases
            for evidence in told { cases.append(Case(capture: capture, evidence: evidence)) }
        }
        judge(cases, by: replay)
    }

    @Test("joint captures pass in other orders")
    func reordered() throws {
        var cases: [Case] = []
        for capture in try Self.joint.map(Capture.init) {
            for order in [Order.reversed, .shuffled(seed: 1), .shuffled(seed: 2), .shuffled(seed: 3)] {
                for evidence in Evidence.allCases {
                    cases.append(Case(capture: capture, evidence: evidence, order: order))
                }
            }
        }
        judge(cases, by: replay)
    }

    @Test("joint captures pass when everything that is quiet is kept in the spill file, restarts included")
    func spilled() throws {
        var cases: [Case] = []
        for capture in try Self.joint.map(Capture.init) {
            for order in [Order.recorded, .reversed, .shuffled(seed: 4)] {
                for evidence in Evidence.allCases {
                    cases.append(Case(capture: capture, evidence: evidence, order: order, isSpilling: true))
                }
            }
            cases.append(Case(capture: capture, evidence: .events, cut: capture.items.count / 2, isSpilling: true))
        }
        judge(cases, by: replay)
        // Some are too short for that.
        #expect(Self.spills.withLock { $0 } > cases.count)
    }

    @Test("joint captures pass when every request comes twice")
    func duplicated() throws {
        var cases: [Case] = []
        for capture in try Self.joint.map(Capture.init) {
            for evidence in Evidence.allCases {
                cases.append(Case(capture: capture, evidence: evidence, isDuplicated: true))
            }
        }
        judge(cases, by: replay)
    }

    @Test("joint captures pass when the process is killed between any two requests")
    func killed() throws {
        var cases: [Case] = []
        for capture in try Self.joint.map(Capture.init) {
            for cut in 1..<max(2, capture.items.count) {
                for evidence in Evidence.allCases {
                    cases.append(Case(capture: capture, evidence: evidence, cut: cut))
                }
            }
        }
        judge(cases, by: replay)
    }

    private func replay(_ this: Case) throws -> [String] {
        var judge = try Judge(this.capture, evidence: this.evidence)
        judge.isDuplicated = this.isDuplicated
        judge.isRestarted = this.cut != nil
        let sink = try RecordingSink()
        defer { sink.stop() }
        let kestra = this.evidence == .api ? try KestraStandIn(this.capture.records) : nil
        defer { kestra?.stop() }
        let bridge = try BridgeProcess(
            sinkPort: sink.port, hold: "1s", quiet: "300ms", extra: kestra?.configuration ?? "",
            correlation: this.isSpilling ? ", max_in_memory: 0" : "")
        try tell(this.evidence, of: this.capture, to: bridge)
        for (position, item) in this.order.applied(to: this.capture.items).enumerated() {
            if position == this.cut {
                bridge.killHard()
                try bridge.start()
            }
            for _ in 0..<(this.isDuplicated ? 2 : 1) { try bridge.send(item) }
        }
        try? waitUntil("everything has arrived", seconds: 30) {
            try sink.quietFor > 800_000_000 && judge.isComplete(sink.all)
        }
        let spills = this.isSpilling ? try Self.spills(of: bridge) : 0
        Self.spills.withLock { $0 += spills }
        let status = bridge.stop()
        var findings = try judge.findings(sink.all)
        if let most = kestra?.most, most > 10 { findings.append("an execution was asked for \(most) times") }
        if status != 0 { findings.append("exit status \(status)") }
        if !findings.isEmpty { findings.append("log: \(bridge.log.suffix(600))") }
        return findings
    }

    private static func spills(of bridge: BridgeProcess) throws -> Int {
        let metrics = try bridge.metrics
        let line = metrics.split(separator: "\n").first { $0.hasPrefix("spanbridge_correlator_spilled_total") }
        return line?.split(separator: " ").last.flatMap { Int($0) } ?? 0
    }

    private func tell(_ evidence: Evidence, of capture: Capture, to bridge: BridgeProcess) throws {
        switch evidence {
        case .none, .api: break
        case .events:
            for event in capture.events {
                let answer = try bridge.http(
                    "POST", "/v1/cloudevents", event.serialized, type: "application/cloudevents+json")
                guard answer.status == 202 else { throw TestFailure("/v1/cloudevents answered \(answer.status)") }
            }
        case .bindings:
            for delivery in capture.deliveries {
                let answer = try bridge.http("POST", "/v1/bindings", binding(of: delivery), type: "application/json")
                guard answer.status == 202 else { throw TestFailure("/v1/bindings answered \(answer.status)") }
            }
        }
    }

    private func binding(of delivery: JSONValue) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("executionId")
        writer.string(delivery["execution"]?.string ?? "")
        if let event = delivery["event"], let id = event["id"]?.string {
            writer.key("event")
            writer.beginObject()
            writer.key("id")
            writer.string(id)
            writer.key("source")
            writer.string(event["source"]?.string ?? "")
            if let tenant = event["tenant"]?.string {
                writer.key("tenantid")
                writer.string(tenant)
            }
            writer.endObject()
        }
        if let traceparent = delivery["eventTraceparent"]?.string {
            writer.key("traceparent")
            writer.string(traceparent)
        }
        writer.endObject()
        return writer.bytes
    }
}
