import OTLP
import Testing

@testable import Timeline

@Suite("Drawing a timeline")
struct TimelineTextTests {
    /// Portarium's noise, two attempts, a subflow, a failure.
    private var story: Story {
        var story = Story.usual(state: "FAILED")
        for number in 0..<5 as Range<UInt64> {
            let query = story.span(
                "db.query", under: SpanID(raw: 1), from: 2 * number, to: 2 * number + 1, origin: .portarium)
            story.span("pg.query", under: query, from: 2 * number, to: 2 * number + 1, kind: 3, origin: .portarium)
        }
        story.worker(
            "exec1", "http.Request", under: SpanID(raw: 3), from: 5_000, to: 5_400, run: "run3", status: 2,
            message: "Task ended in state FAILED")
        story.worker(
            "exec1", "http.Request", under: SpanID(raw: 3), from: 7_000, to: 7_600, run: "run3", status: 2,
            message: "503")
        let starter = story.span(
            "EXECUTOR - io.kestra.plugin.core.flow.Subflow", under: SpanID(raw: 3), from: 7_700, to: 7_710,
            kestra: .executor,
            execution: "exec1")
        story.know("exec2", flow: "cleanup", rule: "", relation: .subflow)
        story.executor("exec2", under: starter, from: 7_800, to: 7_810)
        story.worker("exec2", "log.Log", under: starter, from: 8_500, to: 9_900, run: "run4")
        return story
    }

    @Test("a timeline looks like this")
    func snapshot() {
        let text = TimelineText.render(story.timeline, width: 100, color: false)
        #expect(text == Snapshots.unicode, "\(text)")
    }

    @Test("a timeline in ASCII looks like this")
    func asciiSnapshot() {
        let text = TimelineText.render(story.timeline, width: 80, color: false, ascii: true)
        #expect(text == Snapshots.ascii, "\(text)")
        #expect(text.utf8.allSatisfy { $0 == 0x0A || (0x20...0x7E).contains($0) })
    }

    @Test("a timeline without spans looks like this")
    func emptySnapshot() {
        let text = TimelineText.render(Story().timeline, width: 100, color: false)
        #expect(text == Snapshots.empty, "\(text)")
    }

    @Test("a timeline of an execution without an event names the execution")
    func executionOnly() {
        var story = Story.usual()
        story.event = nil
        let text = TimelineText.render(story.timeline, width: 100, color: false)
        #expect(text.hasPrefix("execution exec1\nflow      company.team.flow\n"))
    }

    @Test("several executions have a line of phases each")
    func severalExecutions() {
        var story = Story.usual()
        story.know("exec2", flow: "again", state: nil, rule: "event", relation: .redelivery)
        story.executor("exec2", under: .none, from: 5_000, to: 5_010)
        story.worker("exec2", "log.Log", under: .none, from: 6_000, to: 6_400, run: "x")
        let text = TimelineText.render(story.timeline, width: 120, color: false)
        #expect(text.contains("\nemitted +10 ms → published +30 ms (50 ms)\n"))
        #expect(text.contains("\n  company.team.flow: delivered +40 ms (30 ms) → queued 930 ms → running 810 ms"))
        #expect(text.contains(" in 2 parts → waiting 2 s → done +4 s\n"))
        #expect(text.contains("\n  company.team.again: queued 1 s → running 400 ms → quiet since 10:45:56.400\n"))
    }

    @Test("what a colour is put around is the same without it")
    func colours() {
        let timeline = story.timeline
        let plain = TimelineText.render(timeline, width: 100, color: false)
        let coloured = TimelineText.render(timeline, width: 100, color: true)
        #expect(coloured.contains("\u{1B}[35m") && coloured.contains("\u{1B}[36m") && coloured.contains("\u{1B}[31m"))
        #expect(!plain.contains("\u{1B}"))
        let stripped = coloured.replacing(/\u{1B}\[[0-9]*m/, with: "")
        func lines(_ text: String) -> [String] {
            text.split(separator: "\n").map {
                $0.split(separator: " ", omittingEmptySubsequences: false).reversed().drop(while: \.isEmpty).reversed()
                    .joined(separator: " ")
            }
        }
        #expect(lines(stripped) == lines(plain))
    }

    @Test("no line is wider than asked, at any width", arguments: [0, 60, 61, 79, 80, 133, 400, 10_000])
    func widths(width: Int) {
        for ascii in [false, true] {
            let text = TimelineText.render(story.timeline, width: width, color: false, ascii: ascii)
            let limit = min(max(width, 60), 400)
            for line in text.split(separator: "\n") { #expect(PlainText.width(String(line)) <= limit, "\(line)") }
        }
    }

    @Test(
        "names from outside cannot reach the terminal",
        arguments: [
            "\u{1B}[2J\u{1B}]0;owned\u{07}", "a\nb\r\nc\u{85}d", "\u{9B}31m", "\u{202E}reversed\u{2066}",
            "zero\u{200B}\u{FEFF}width",
            "\u{2028}line\u{2029}", "\0\u{7F}", "\u{E0041}\u{E0001}tags",
            "a" + String(repeating: "\u{301}", count: 5_000),
            String(repeating: "long ", count: 5_000), String(repeating: "x", count: 100_000),
            "日本語のタスク名は幅が二倍です日本語のタスク名は", "👩‍👩‍👧", "",
        ])
    func hostileNames(name: String) {
        var story = story
        story.event = TimelineEvent(
            tenant: name, source: name, id: name, type: name, subject: name, time: Story.at(1), traceparent: name)
        story.executions = []
        story.know(name, flow: name, state: name, rule: name)
        for index in story.executions.indices {
            story.executions[index].namespace = name
            story.executions[index].evidence = [EvidenceItem(kind: name, value: name, seenAt: 0, from: name)]
        }
        for index in story.spans.indices {
            story.spans[index].name = name
            story.spans[index].statusMessage = name
            story.spans[index].service = name
            story.spans[index].taskType = story.spans[index].kestra == .worker ? name : nil
            if story.spans[index].executionID == "exec1" { story.spans[index].executionID = name }
        }
        let timeline = story.timeline
        let summary = EventSummary(
            tenant: name, source: name, id: name, type: name, subject: name, time: 0, traceID: nil, state: name,
            firstSeen: 0,
            lastSeen: 0, durationNanos: 0, executions: [.init(id: name, namespace: name, flow: name, state: name)],
            spans: 1,
            errors: 1)
        let explanation = Explanation(
            executionID: name, tenant: name, namespace: name, flow: name,
            event: .init(tenant: name, source: name, id: name), traces: [],
            placement: .init(traceID: Story.trace, rule: name), isJoined: false, summary: name,
            evidence: [
                .init(
                    item: .init(kind: name, value: name, seenAt: 0, from: name), rule: name, traceID: nil, outcome: .won,
                    why: name)
            ],
            missing: [.init(evidence: name, how: name, see: name)], notes: [name])
        let explanations = ExplanationList(
            event: story.event, traceID: nil, executions: [explanation, explanation], notes: [name])
        for text in [
            TimelineText.render(timeline, width: 90, color: false),
            TimelineText.render(timeline, width: 90, color: false, ascii: true),
            EventsText.render([summary], width: 90, color: false),
            ExplainText.render(explanation, width: 90, color: false),
            ExplainText.render(explanations, width: 90, color: false),
        ] {
            #expect(text.utf8.count < 40_000)
            for scalar in text.unicodeScalars where scalar != "\n" {
                let isHarmless = ![.control, .format, .lineSeparator, .paragraphSeparator].contains(
                    scalar.properties.generalCategory)
                #expect(isHarmless, "U+\(String(scalar.value, radix: 16)) in \(name.debugDescription.prefix(40))")
            }
            for line in text.split(separator: "\n") { #expect(PlainText.width(String(line)) <= 90, "\(line)") }
        }
    }

    @Test("an answer with absurd depths and counts is drawn")
    func absurdRows() throws {
        var timeline = story.timeline
        for index in timeline.waterfall.indices {
            timeline.waterfall[index].depth = index % 2 == 0 ? .max : 0
            timeline.waterfall[index].count = .max
        }
        timeline.waterfall += Array(repeating: timeline.waterfall[0], count: 5_000)
        timeline.start = .max
        timeline.end = 0
        let text = TimelineText.render(timeline, width: 80, color: false)
        #expect(text.split(separator: "\n").count < WaterfallText.rowLimit + 100)
    }

    @Test(
        "durations are said in three digits",
        arguments: [
            (0, "0 ms"), (1, "1 ns"), (999, "999 ns"), (1_000, "1 µs"), (412_400, "412 µs"), (999_499, "999 µs"),
            (999_500, "1 ms"),
            (1_234_567, "1.23 ms"), (12_050_000, "12.1 ms"), (99_960_000, "100 ms"), (999_499_999, "999 ms"),
            (999_500_000, "1 s"),
            (1_005_000_000, "1.01 s"), (59_949_999_999, "59.9 s"), (59_950_000_000, "1 min"),
            (125_000_000_000, "2 min 5 s"),
            (3_600_000_000_000, "1 h"), (3_780_000_000_000, "1 h 3 min"), (187_200_000_000_000, "2 d 4 h"),
            (UInt64.max, "213503 d 23 h"),
        ] as [(UInt64, String)])
    func durations(nanoseconds: UInt64, text: String) {
        #expect(DurationText.text(nanoseconds) == text)
    }

    @Test(
        "task classes are said with their last package",
        arguments: [
            ("io.kestra.plugin.core.log.Log", "log.Log"), ("Log", "Log"), ("", ""), ("...", "..."), ("a.b", "a.b"),
        ])
    func taskNames(type: String, short: String) {
        #expect(TaskText.short(type) == short)
    }

    @Test(
        "bars are drawn to scale",
        arguments: [
            (0, 100, "██████████"), (0, 50, "█████     "), (50, 100, "     █████"), (0, 0, "▏         "),
            (100, 100, "         ▏"),
            (25, 50, "  ▐██     "), (20, 22, "  ▎       "), (0, 55, "█████▌    "), (90, 300, "         █"),
            (200, 300, "         ▏"),
        ] as [(UInt64, UInt64, String)])
    func bars(from: UInt64, to: UInt64, text: String) {
        var canvas = BarCanvas(from: 1_000, to: 1_100, cells: 10, glyphs: .unicode)
        canvas.bar(1_000 + from, 1_000 + to)
        #expect(canvas.text == text)
    }
}
