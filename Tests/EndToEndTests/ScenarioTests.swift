import Dispatch
import OTLP
import Scenarios
import Synchronization
import Testing
import Transport

/// The cases of Tests/Scenarios through the real binary: OTLP, the tee in all its modes, bindings and Kestra's API.
@Suite("Scenarios through the running relay", .serialized)
struct ScenarioTests {
    @Test("every scenario ends as it was written down", arguments: try ScenarioParser.files)
    func asWritten(file: String) throws {
        let scenarios = try ScenarioParser.load(file)
        let failures = Mutex<[String]>([])
        let slots = DispatchSemaphore(value: 12)
        let group = DispatchGroup()
        for scenario in scenarios {
            slots.wait()
            DispatchQueue.global().async(group: group) {
                defer { slots.signal() }
                do {
                    let findings = try play(scenario)
                    guard !findings.isEmpty else { return }
                    failures.withLock { $0.append("\(scenario.title):\n  \(findings.joined(separator: "\n  "))") }
                } catch {
                    failures.withLock { $0.append("\(scenario.title): \(error)") }
                }
            }
        }
        group.wait()
        let found = failures.withLock { $0 }
        #expect(found.isEmpty, "\(found.count) of \(scenarios.count) failed:\n\(found.joined(separator: "\n"))")
    }

    private func play(_ scenario: Scenario) throws -> [String] {
        let sink = try RecordingSink()
        defer { sink.stop() }
        var records: [String: [UInt8]] = [:]
        for step in scenario.steps {
            guard case .record(let record) = step else { continue }
            records[Scenario.execution(record.execution)] = Array(record.json.utf8)
        }
        let kestra = records.isEmpty ? nil : try KestraStandIn(records)
        defer { kestra?.stop() }
        let bridge = try BridgeProcess(
            sinkPort: sink.port, hold: "700ms", quiet: "300ms", extra: kestra?.configuration ?? "")
        var sent: Set<String> = []
        for step in scenario.steps {
            switch step {
            case .spans(let spans):
                let body = ScenarioSpan.request(spans, kestra: scenario.kestra)
                try bridge.send(Capture.Item(signal: .traces, transport: "http", body: body, isGzipped: false))
                sent.formUnion(spans.map(\.label))
            case .events(let request):
                let type = request.headers.first { $0.name == "content-type" }?.value
                let headers = request.headers.filter { $0.name != "content-type" }
                let answer = try bridge.http(
                    "POST", "/v1/cloudevents", Array(request.body.utf8), type: type,
                    headers: headers.map { HeaderField($0.name, $0.value) })
                guard answer.status == 202 else { throw TestFailure("/v1/cloudevents answered \(answer.status)") }
            case .binding(let json):
                let answer = try bridge.http("POST", "/v1/bindings", Array(json.utf8), type: "application/json")
                guard answer.status == 202 else { throw TestFailure("/v1/bindings answered \(answer.status)") }
            case .record: break
            case .wait:
                try waitUntil("what was sent has left", seconds: 20) {
                    try Set(outcome(of: sink, scenario).places.keys).isSuperset(of: sent)
                }
            }
        }
        try? waitUntil("everything is where it belongs", seconds: 20) {
            try sink.quietFor > 800_000_000
                && outcome(of: sink, scenario).differences(from: scenario.expected).isEmpty
        }
        let status = bridge.stop()
        var findings = try outcome(of: sink, scenario).differences(from: scenario.expected)
        if status != 0 { findings.append("exit status \(status)") }
        return findings
    }

    private func outcome(of sink: RecordingSink, _ scenario: Scenario) throws -> Outcome {
        let names = scenario.names
        // The scenarios say nothing of the spans that tell an event's trace of a delivery in another one.
        let spans = try sink.all.filter { $0.signal == .traces }.flatMap { try JudgedSpan.all(in: $0.payload) }
            .filter { $0.scope != "spanbridge" || $0.attribute("kestra.executionId") != nil }
        let made = spans.filter { $0.scope == "spanbridge" }
        var executions: [String: String] = [:]
        // An id that was derived is named after the execution whose span is the root of its trace.
        var derived: [String: String] = [:]
        for span in made {
            let id = span.attribute("kestra.executionId") ?? ""
            let label = names.executions[id] ?? id
            executions[span.spanID] = "[\(label)]"
            if span.parent.isEmpty { derived[span.traceID] = "derived(\(label))" }
        }
        func spanLabel(_ hex: String) -> String {
            if hex.isEmpty { return "-" }
            return executions[hex] ?? SpanID(hex: hex).flatMap { names.spans[$0] } ?? hex
        }
        func traceLabel(_ hex: String) -> String {
            TraceID(hex: hex).flatMap { names.traces[$0] } ?? derived[hex] ?? hex
        }
        var outcome = Outcome()
        for span in spans {
            var place = Outcome.Place(trace: traceLabel(span.traceID), parent: spanLabel(span.parent))
            if executions[span.spanID] != nil {
                place.rule = span.attribute("spanbridge.rule") ?? ""
                place.state = span.attribute("kestra.state") ?? ""
            }
            place.links = Set(span.links.map { "\($0.reason):\(spanLabel($0.spanID))" })
            outcome.places[spanLabel(span.spanID)] = place
        }
        return outcome
    }
}
