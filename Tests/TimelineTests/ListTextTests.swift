import OTLP
import Testing

@testable import Timeline

@Suite("Drawing lists of events and explanations")
struct ListTextTests {
    private var events: [EventSummary] {
        var failed = EventSummary.sample
        failed.id = "evt-2"
        failed.state = "FAILED"
        failed.errors = 3
        failed.durationNanos = 187_200_000_000_000
        failed.executions = (0..<4).map {
            .init(id: "e\($0)", namespace: "company.team", flow: "on-event", state: "FAILED")
        }
        return [.sample, failed]
    }

    @Test("a list of events looks like this")
    func wide() {
        let text = EventsText.render(events, width: 140, color: false)
        #expect(text == Snapshots.events, "\(text)")
    }

    @Test("a narrow list loses columns and shortens others")
    func narrow() {
        let text = EventsText.render(events, width: 80, color: false, ascii: true)
        #expect(text == Snapshots.narrowEvents, "\(text)")
    }

    @Test("an empty list says so")
    func empty() {
        #expect(EventsText.render([], width: 80, color: true) == "no events\n")
    }

    @Test("a long list is cut and every line is as wide as asked at most", arguments: [60, 89, 90, 110, 140, 200])
    func long(width: Int) {
        let many = Array(repeating: events, count: 600).flatMap { $0 }
        let lines = EventsText.render(many, width: width, color: false).split(separator: "\n")
        #expect(lines.count == 1_002)
        #expect(lines.last == "… 200 more")
        #expect(lines.allSatisfy { PlainText.width(String($0)) <= width })
    }

    @Test("events with errors are red if colours are asked for")
    func colours() {
        let lines = EventsText.render(events, width: 120, color: true).split(separator: "\n")
        #expect(!lines[1].contains("\u{1B}"))
        #expect(lines[2].hasPrefix("\u{1B}[31m"))
    }

    @Test("an explanation looks like this")
    func explanation() {
        let text = ExplainText.render(.sample, width: 80, color: false)
        #expect(text == Snapshots.explanation, "\(text)")
    }

    @Test("an explanation without evidence says so")
    func noEvidence() {
        var explanation = Explanation.sample
        explanation.evidence = []
        explanation.placement.rule = ""
        let text = ExplainText.render(explanation, width: 80, color: false)
        #expect(text.contains("\nevidence\n  none was seen\n"))
        #expect(text.contains("by rule   none: nothing says where it belongs\n"))
    }
}
