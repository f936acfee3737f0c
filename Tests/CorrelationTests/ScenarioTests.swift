import CorrelationModel
import OTLP
import Scenarios
import Testing

@testable import Correlation

private typealias Scenario = Scenarios.Scenario

/// The cases of Tests/Scenarios through the correlator: where everything is at the end does not depend on the order in
/// which it was told.
@Suite("Scenarios through the correlator")
struct ScenarioTests {
    @Test("every scenario ends as it was written down", arguments: try ScenarioParser.files)
    func asWritten(file: String) throws {
        let scenarios = try ScenarioParser.load(file)
        #expect(!scenarios.isEmpty)
        for scenario in scenarios {
            let findings = try play(scenario, scenario.steps)
            #expect(findings.isEmpty, "\(scenario.title):\n\(findings.joined(separator: "\n"))")
        }
    }

    @Test("scenarios end the same in other orders of their steps", arguments: try ScenarioParser.files)
    func inOtherOrders(file: String) throws {
        var random = Seeded("scenarios in other orders, \(file)")
        for scenario in try ScenarioParser.load(file) where !scenario.isOrdered {
            for _ in 0..<40 {
                let order = scenario.steps.indices.shuffled(using: &random)
                let findings = try play(scenario, order.map { scenario.steps[$0] }, isReordered: true)
                let text: Comment = "\(scenario.title), \(order):\n\(findings.joined(separator: "\n"))"
                if let open = scenario.open {
                    withKnownIssue("\(open)", isIntermittent: true) { #expect(findings.isEmpty, text) }
                } else {
                    #expect(findings.isEmpty, text)
                }
                if !findings.isEmpty { break }
            }
        }
    }

    @Test("scenarios end the same if the relay is restarted after each step", arguments: try ScenarioParser.files)
    func withRestarts(file: String) throws {
        for scenario in try ScenarioParser.load(file) {
            let findings = try play(scenario, scenario.steps, restarts: true)
            #expect(findings.isEmpty, "\(scenario.title):\n\(findings.joined(separator: "\n"))")
        }
    }

    private func play(
        _ scenario: Scenario, _ steps: [Scenario.Step], restarts: Bool = false, isReordered: Bool = false
    ) throws -> [String] {
        let world = World()
        for step in steps {
            switch step {
            case .spans(let spans):
                try world.receive(payload: ScenarioSpan.request(spans, kestra: scenario.kestra))
            case .events(let request):
                let type = request.headers.first { $0.name == "content-type" }?.value
                let events = try CloudEvent.parse(
                    contentType: type, headers: request.headers, body: Array(request.body.utf8))
                for event in events { world.receive(event) }
            case .binding(let json): world.receive(try BindingCall.parse(Array(json.utf8)))
            case .record(let record): report(record, to: world)
            case .wait(let seconds): world.wait(seconds * second)
            }
            if restarts {
                // What waits is lost with the process and comes again from the journal; here it leaves first.
                world.wait(11 * second)
                world.store()
                world.restart()
            }
        }
        world.wait(3_600 * second)
        var (found, wanted) = (outcome(of: world, scenario), scenario.expected)
        if isReordered { (found, wanted) = (found.inAnyOrder, wanted.inAnyOrder) }
        return found.differences(from: wanted) + world.violations
    }

    private func report(_ record: ScenarioRecord, to world: World) {
        world.report(Scenario.execution(record.execution)) { report in
            report.namespace = "company.team"
            report.flow = "flow"
            report.state = record.state
            report.inputContext = record.input.flatMap { Traceparent($0) }
            report.event = record.event.map { id in
                .init(
                    key: EventKey(tenant: "", source: ScenarioParser.source, id: id),
                    context: record.eventTraceparent.flatMap { Traceparent($0) })
            }
            report.startedBy = (record.startedBy ?? record.replayOf).map(Scenario.execution)
            report.triggeredBy = record.triggeredBy.map(Scenario.execution)
        }
    }

    private func outcome(of world: World, _ scenario: Scenario) -> Outcome {
        let names = scenario.names
        let executions = Dictionary(world.executionSpans.map { ($0.spanID, $0.executionID) }) { $1 }
        func label(_ span: SpanID) -> String {
            if span.isZero { return "-" }
            if let id = executions[span] { return "[\(names.executions[id] ?? id)]" }
            return names.spans[span] ?? span.hex
        }
        func label(_ trace: TraceID) -> String {
            let derived = names.executions.first { derivedTrace($0.key) == trace }
            return names.traces[trace] ?? derived.map { "derived(\($0.value))" } ?? trace.hex
        }
        func links(_ links: [AddedLink]) -> Set<String> { Set(links.map { "\($0.reason):\(label($0.spanID))" }) }
        var outcome = Outcome()
        for (span, seen) in world.backend {
            var place = Outcome.Place(trace: label(seen.trace), parent: label(seen.parent))
            place.links = links(seen.links)
            outcome.places[label(span)] = place
        }
        for span in world.executionSpans {
            var place = Outcome.Place(trace: label(span.traceID), parent: label(span.parentSpanID))
            place.rule = span.rule.name
            place.state = span.state
            place.links = links(span.links)
            outcome.places[label(span.spanID)] = place
        }
        return outcome
    }

    private func derivedTrace(_ execution: String) -> TraceID {
        DerivedIDs.trace(tenant: "main", execution: execution)
    }
}
