import OTLP
import Testing

@testable import Timeline

@Suite("Limits of a timeline")
struct TimelineLimitTests {
    @Test(
        "ten thousand spans make a bounded drawing",
        arguments: ["same name", "names", "chain", "attempts", "runs", "executions"])
    func manySpans(shape: String) throws {
        var story = Story()
        let server = story.delivery()
        story.know("e", state: "SUCCESS")
        story.executor("e", under: server, from: 100, to: 110)
        var last = server
        for number in 0..<10_000 as Range<UInt64> {
            let (start, end) = (200 + number, 201 + number)
            switch shape {
            case "same name": story.span("db.query", under: server, from: start, to: end, origin: .portarium)
            case "names": story.span("name \(number)", under: server, from: start, to: end, origin: .portarium)
            case "chain": last = story.span("deeper", under: last, from: start, to: end, origin: .portarium)
            case "attempts": story.worker("e", "log.Log", under: server, from: start, to: end, run: "r")
            case "runs": story.worker("e", "log.Log", under: server, from: start, to: end, run: "r\(number)")
            default: story.executor("e\(number)", under: server, from: start, to: end)
            }
        }
        let timeline = story.timeline
        #expect(timeline.waterfall.count <= TimelineRules.defaults.rows + 1)
        #expect(timeline.phases.count <= TimelineRules.defaults.phases)
        #expect(timeline.warnings.count <= TimelineRules.defaults.warnings + 1)
        #expect(timeline.criticalPath.count <= TimelineRules.defaults.pathSteps)
        let text = TimelineText.render(timeline, width: 100, color: false)
        #expect(text.utf8.count < 200_000)
        #expect(text.split(separator: "\n").allSatisfy { PlainText.width(String($0)) <= 100 })
        #expect(try Timeline(json: timeline.json) == timeline)
        switch shape {
        case "attempts": #expect(timeline.executions[0].taskRuns[0].attempts.count == TimelineRules.defaults.attempts)
        case "runs": #expect(timeline.executions[0].taskRuns.count == TimelineRules.defaults.taskRuns)
        case "executions":
            #expect(timeline.executions.count == TimelineRules.defaults.executions)
            #expect(timeline.warns("9001 executions were left out: the timeline holds 1000."))
        case "same name": #expect(timeline.waterfall.contains { $0.kind == .group && $0.count == 10_000 })
        default: #expect(timeline.waterfall.contains { $0.kind == .omitted })
        }
    }

    @Test("spans beyond the limit are left out and told")
    func spanLimit() {
        var story = Story()
        for number in 0..<20 as Range<UInt64> { story.span("s", from: number, to: number + 1) }
        var rules = TimelineRules.defaults
        rules.spans = 5
        let timeline = Timeline(of: story.input, rules: rules)
        #expect(timeline.warns("15 spans were left out: the timeline holds 5."))
        #expect(timeline.waterfall.reduce(0) { $0 + $1.count } == 5)
    }

    @Test("deeply nested subflows stay within the depth that is shown")
    func nesting() throws {
        var story = Story()
        for number in 0..<200 as Range<UInt64> {
            story.know("e\(number)", rule: "native", parent: number > 0 ? "e\(number - 1)" : nil, relation: .subflow)
            story.executor("e\(number)", under: .none, from: 10 + number, to: 11 + number)
        }
        let timeline = story.timeline
        func depth(_ execution: Timeline.Execution) -> Int { 1 + (execution.children.map(depth).max() ?? 0) }
        #expect(timeline.executions.map(depth).max() == TimelineRules.defaults.depth)
        #expect(timeline.executions.map(depth).reduce(0, +) == 200)
        #expect(try Timeline(json: timeline.json) == timeline)
    }

    @Test("an execution keeps its line among many siblings")
    func executionAmongSiblings() {
        var story = Story()
        let server = story.delivery()
        for number in 0..<500 as Range<UInt64> {
            story.span("name \(number)", under: server, from: 80, to: 81, origin: .portarium)
        }
        story.executor("late", under: server, from: 900, to: 910)
        #expect(story.timeline.waterfall.contains { $0.kind == .execution && $0.executionID == "late" })
    }
}
