import OTLP
import Testing

@testable import Timeline

@Suite("Making a timeline")
struct TimelineBuilderTests {
    @Test("a delivered event goes through all phases")
    func phases() {
        let timeline = Story.usual().timeline
        #expect(
            timeline.phaseTexts == [
                "emitted 10-10", "published 30-80", "delivered 40-70", "queued 70-1000", "running 1000-1010",
                "waiting 1110-3110", "running 3110-3910", "done 4000-4000",
            ])
        #expect(timeline.phases.filter { $0.name != .emitted }.allSatisfy { $0.executionID == "exec1" })
        #expect(timeline.start == Story.at(0))
        #expect(timeline.end == Story.at(4_000))
        #expect(timeline.durationNanos == 4_000_000_000)
    }

    @Test("a task takes the attempts with its uid in order of start, and a warning tells how many")
    func attempts() {
        var story = Story()
        let server = story.delivery()
        story.know("e")
        story.worker("e", "http.Request", under: server, from: 6_000, to: 6_010, run: "r", status: 2, message: "503")
        story.worker("e", "http.Request", under: server, from: 1_000, to: 1_400, run: "r")
        story.worker("e", "http.Request", under: server, from: 3_000, to: 3_010, run: "r", status: 1)
        story.worker("e", "log.Log", under: server, from: 6_100, to: 6_110, run: "s")
        let timeline = story.timeline
        let runs = timeline.executions[0].taskRuns
        #expect(runs.map(\.id) == ["r", "s"])
        #expect(runs[0].type == "io.kestra.plugin.core.http.Request")
        #expect(runs[0].attempts.map(\.status) == ["unset", "ok", "error"])
        #expect(runs[0].attempts.map(\.start) == [1_000, 3_000, 6_000].map(Story.at))
        #expect(timeline.warns("Task run r (http.Request) took 3 attempts."))
        #expect(timeline.phaseTexts.filter { $0.hasPrefix("waiting") } == ["waiting 1400-3000", "waiting 3010-6000"])
    }

    @Test("WORKER spans without a uid are task runs of their own")
    func attemptsWithoutID() {
        var story = Story()
        story.worker("e", "log.Log", under: .none, from: 10, to: 20, run: "")
        story.worker("e", "log.Log", under: .none, from: 30, to: 40, run: "")
        #expect(story.timeline.executions[0].taskRuns.map(\.attempts.count) == [1, 1])
    }

    @Test("a state that nobody told is never a success", arguments: [0, 1, 2] as [UInt8])
    func untoldState(status: UInt8) {
        var story = Story.usual(state: nil)
        story.spans[6].status = status
        let timeline = story.timeline
        #expect(timeline.state == (status == 2 ? TimelineState.errorsSeen : TimelineState.quiet))
        #expect(timeline.quietSince == Story.at(4_000))
        #expect(timeline.stateFrom.isEmpty)
        #expect(!timeline.complete)
        #expect(timeline.warns("has been quiet since 10:45:54.000 and nobody told its end"))
    }

    @Test("an execution with recent spans is running, with errors or not")
    func running() {
        var story = Story.usual(state: nil)
        story.spans[6].status = 2
        story.now = Story.at(63_999)
        #expect(story.timeline.state == TimelineState.running)
        #expect(story.timeline.quietSince == nil)
        #expect(!story.timeline.phases.contains { $0.name == .done })
        story.now = Story.at(64_000)
        #expect(story.timeline.state == TimelineState.errorsSeen)
    }

    @Test(
        "a told state is kept and says who told it", arguments: ["SUCCESS", "FAILED", "KILLED", "PAUSED", "NEWSTATE"])
    func toldState(state: String) {
        let timeline = Story.usual(state: state).timeline
        #expect(timeline.state == state)
        #expect(timeline.stateFrom == "Kestra API")
        #expect(timeline.complete == ["SUCCESS", "FAILED", "KILLED"].contains(state))
        #expect((timeline.quietSince != nil) == ["PAUSED", "NEWSTATE"].contains(state))
    }

    @Test("a told end is the end, unless the execution went on after it")
    func toldEnd() {
        var story = Story.usual()
        story.executions[0].ended = Story.at(4_050)
        #expect(story.timeline.phaseTexts.last == "done 4050-4050")
        #expect(story.timeline.end == Story.at(4_050))
        story.executions[0].ended = Story.at(1_200)
        let restarted = story.timeline
        #expect(restarted.warns("went on after its end at 10:45:51.200 as SUCCESS"))
        #expect(!restarted.complete)
        #expect(restarted.state == TimelineState.quiet)
        #expect(restarted.executions[0].end == Story.at(4_000))
    }

    @Test("the event has the state of its worst execution, and runs while one runs")
    func overallState() {
        var story = Story.usual()
        story.know("exec2", state: "FAILED", rule: "event", relation: .redelivery)
        story.executor("exec2", under: .none, from: 5_000, to: 5_010)
        #expect(story.timeline.state == "FAILED")
        story.executions[1].state = nil
        story.now = Story.at(6_000)
        #expect(story.timeline.state == TimelineState.running)
    }

    @Test("an event without executions says so")
    func noExecution() {
        let timeline = Story().timeline
        #expect(timeline.state == TimelineState.noExecution)
        #expect(timeline.warns("No execution of this event was seen."))
        #expect(!timeline.complete)
        #expect(timeline.phaseTexts == ["emitted 10-10"])
        #expect(timeline.start == Story.at(10) && timeline.end == Story.at(10))
    }

    @Test("a flag of 00 in the event's traceparent is told")
    func unsampled() {
        var story = Story()
        story.know("e", state: "SUCCESS")
        #expect(!story.timeline.warns("not sampled (flags 00)"))
        story.event?.traceparent = "00-23030303030303030303030303030303-2303030303030301-00"
        #expect(story.timeline.warns("not sampled (flags 00)"))
        #expect(story.timeline.warns("Execution e is known, but no span of it arrived"))
        for odd in ["", "00", "00-1-2-zz", "---"] {
            story.event?.traceparent = odd
            #expect(!story.timeline.warns("not sampled (flags 00)"))
        }
    }

    @Test("a subflow is the child of the execution whose task started it, and its work is not the parent's waiting")
    func subflows() throws {
        var story = Story()
        let server = story.delivery()
        story.know("parent", state: "SUCCESS")
        story.know("child", flow: "sub", state: "FAILED", rule: "")
        story.executor("parent", under: server, from: 100, to: 110)
        story.worker("parent", "log.Log", under: server, from: 200, to: 210, run: "a")
        let starter = story.span(
            "EXECUTOR - io.kestra.plugin.core.flow.Subflow", under: server, from: 300, to: 310, kestra: .executor,
            execution: "parent")
        story.executor("child", under: starter, from: 400, to: 410)
        story.worker("child", "flow.Sleep", under: starter, from: 500, to: 4_500, run: "b")
        story.executor("parent", under: server, from: 4_600, to: 4_610)
        let timeline = story.timeline
        let parent = try #require(timeline.executions.first)
        #expect(timeline.executions.count == 1)
        #expect(parent.children.map(\.id) == ["child"])
        #expect(parent.children[0].relation == .subflow)
        #expect(!timeline.phases.contains { $0.name == .waiting })
        #expect(timeline.state == "SUCCESS")
        #expect(!timeline.warns("not joined"))
        #expect(
            timeline.criticalPath.map(\.name) == [
                "POST", "POST", "POST /api/v1/{tenant}/executions/webhook/{namespace}/{id}/{key}", "executor step",
                "io.kestra.plugin.core.log.Log", "executor step", "executor step", "io.kestra.plugin.core.flow.Sleep",
                "executor step",
            ])
    }

    @Test("an execution whose EXECUTOR spans have another execution's tasks below them is an iteration of it")
    func iterations() {
        var story = Story()
        let server = story.delivery()
        story.know("loop", state: "SUCCESS")
        story.executor("loop", under: server, from: 100, to: 110)
        for number in 0..<5 as Range<UInt64> {
            let step = story.executor("iteration\(number)", under: server, from: 200 + number, to: 210 + number)
            story.worker("loop", "log.Log", under: step, from: 300 + number, to: 310 + number, run: "r\(number)")
        }
        let timeline = story.timeline
        #expect(timeline.executions.map(\.id) == ["loop"])
        #expect(timeline.executions[0].children.count == 5)
        #expect(timeline.executions[0].children.allSatisfy { $0.relation == .iteration })
        #expect(timeline.complete)
        #expect(timeline.warnings.isEmpty)
        #expect(timeline.waterfall.contains { $0.kind == .group && $0.name == "iteration" && $0.count == 5 })
    }

    @Test("a second execution below one call is a replay: the call started only the first")
    func replay() {
        var story = Story.usual()
        story.executor("again", under: SpanID(raw: 3), from: 9_000, to: 9_010)
        story.worker("again", "log.Log", under: SpanID(raw: 3), from: 9_500, to: 9_510, run: "x")
        let timeline = story.timeline
        #expect(timeline.executions.map(\.relation) == [.delivered, .replay])
        let own = timeline.phases.filter { $0.executionID == "again" }
        #expect(own.map(\.name) == [.queued, .running, .done])
        #expect(own[0].start == Story.at(9_000))
    }

    @Test("bursts further apart than a minute are segments")
    func segments() {
        var story = Story.usual()
        story.executor("exec1", under: SpanID(raw: 3), from: 64_001, to: 64_010)
        story.worker("exec1", "log.Log", under: SpanID(raw: 3), from: 64_100, to: 64_200, run: "z")
        let timeline = story.timeline
        let segments = timeline.executions[0].segments
        #expect(segments.map(\.spans) == [5, 2])
        #expect(segments.map(\.start) == [500, 64_001].map(Story.at))
        #expect(segments.map(\.end) == [4_000, 64_200].map(Story.at))
        #expect(timeline.warns("worked in 2 segments"))
        #expect(timeline.phaseTexts.contains("waiting 4000-64001"))
    }

    @Test("a call that waits for the execution answers late: the queue is measured from the call's start")
    func waitingCall() {
        var story = Story()
        let server = story.span("POST /webhook", from: 100, to: 5_000, kind: 2, kestra: .server)
        story.executor("e", under: server, from: 200, to: 210)
        story.worker("e", "log.Log", under: server, from: 900, to: 950, run: "r")
        #expect(story.timeline.phaseTexts.contains("queued 100-900"))
    }

    @Test("a PRODUCER span is what published an event whose delivery was not seen")
    func producer() {
        var story = Story()
        story.span("nats.publish", from: 5, to: 8, kind: 4, origin: .portarium)
        story.know("e", rule: "event")
        story.executor("e", under: .none, from: 500, to: 510)
        let timeline = story.timeline
        #expect(timeline.phaseTexts.contains("published 5-8"))
        #expect(timeline.warns("carries no caller's context"))
    }

    @Test("duplicates are shown once, the longer version of them")
    func duplicates() {
        var story = Story.usual()
        var longer = story.spans[2]
        longer.end = Story.at(75)
        story.spans += story.spans + [longer]
        let timeline = story.timeline
        #expect(timeline.warns("9 spans came more than once and are shown once."))
        #expect(timeline.waterfall.filter { $0.kind == .span }.count == 3)
        #expect(timeline.phaseTexts.contains("delivered 40-75"))
    }

    @Test("a parent that never came, a missing call and an execution that nothing joined are told")
    func missing() {
        var story = Story()
        story.know("e", rule: "")
        story.executor("e", under: SpanID(raw: 0xabc), from: 500, to: 510)
        let timeline = story.timeline
        #expect(timeline.warns("Parent 0000000000000abc of 1 span was never seen"))
        #expect(timeline.warns("The span of the call that started execution e is missing."))
        #expect(timeline.warns("Execution e is not joined to the event"))
    }

    @Test(
        "clocks that differ are told, small differences are not",
        arguments: [(11, true), (10, false)] as [(UInt64, Bool)])
    func skew(by: UInt64, isTold: Bool) {
        var story = Story()
        let client = story.span("POST", from: 100, to: 200, kind: 3, origin: .portarium)
        story.span("POST /x", under: client, from: 100 - by, to: 150, kind: 2, kestra: .server)
        #expect(story.timeline.warns("Clocks differ: 1 span starts before the parent, at most by 11 ms") == isTold)
    }

    @Test("a span that ends before it starts is a moment, one without times is left out")
    func oddTimes() {
        var story = Story.usual()
        story.span("backwards", from: 900, to: 100, origin: .portarium)
        story.spans.append(story.spans[0])
        story.spans[story.spans.count - 1].spanID = SpanID(raw: 999)
        story.spans[story.spans.count - 1].start = 0
        story.spans[story.spans.count - 1].end = 0
        let timeline = story.timeline
        #expect(timeline.start == Story.at(0))
        #expect(timeline.warns("1 span ends before it starts and is shown as a moment."))
        #expect(timeline.warns("1 span has no times and is left out."))
        #expect(timeline.waterfall.contains { $0.name == "backwards" && $0.start == $0.end })
    }

    @Test("times at the ends of the number range do not trap")
    func extremeTimes() throws {
        var story = Story.usual()
        story.spans[0].start = 1
        story.spans[1].end = .max
        story.spans[4].end = .max
        story.spans[6].start = .max
        story.executions[0].ended = .max
        story.now = 0
        let timeline = story.timeline
        #expect(timeline.durationNanos == UInt64.max - 1)
        #expect(try Timeline(json: timeline.json) == timeline)
        #expect(!TimelineText.render(timeline, width: 80, color: false).isEmpty)
    }

    @Test("spans and executions that name each other as parents end in a forest")
    func cycles() {
        var story = Story.usual()
        let first = story.span("a", under: SpanID(raw: 0x20), from: 10, to: 20)
        let second = story.span("b", under: first, from: 11, to: 20)
        story.span("c", under: second, from: 5, to: 6)
        for index in story.spans.indices where story.spans[index].spanID == first {
            story.spans[index].parentSpanID = second
        }
        story.span("self", under: SpanID(raw: 12), from: 10, to: 12)
        story.know("x", rule: "native", parent: "y")
        story.know("y", rule: "native", parent: "x")
        story.know("z", rule: "native", parent: "z")
        let timeline = story.timeline
        #expect(timeline.warns("Spans name each other as parents in a circle (2 times)."))
        for name in ["a", "b", "c", "self"] { #expect(timeline.waterfall.filter { $0.name == name }.count == 1) }
        #expect(
            timeline.executions.map(\.id) == ["exec1", "y", "z"]
                || timeline.executions.map(\.id) == ["exec1", "x", "z"])
        #expect(timeline.waterfall.filter { $0.kind == .execution }.count == 4)
    }

    @Test("an execution that hangs below a span of its own is still shown")
    func displayCycle() {
        var story = Story()
        story.executions = []
        let worker = story.worker("e", "http.Request", under: .none, from: 500, to: 900, run: "r")
        let call = story.span("GET", under: worker, from: 510, to: 520, kind: 3)
        story.executor("e", under: call, from: 100, to: 110)
        let timeline = story.timeline
        #expect(timeline.waterfall.contains { $0.kind == .execution })
        #expect(timeline.waterfall.contains { $0.name == "GET" })
    }

    @Test("an execution that another's end triggered is shown below it and counts only while it runs")
    func flowTrigger() {
        var story = Story.usual()
        story.know("next", flow: "after", state: "FAILED", rule: "", parent: "exec1", relation: .flowTrigger)
        story.executor("next", under: .none, from: 4_100, to: 4_110)
        let timeline = story.timeline
        #expect(timeline.executions.map(\.id) == ["exec1"])
        #expect(timeline.executions[0].children.map(\.relation) == [.flowTrigger])
        #expect(timeline.state == "SUCCESS")
        #expect(TimelineText.render(timeline, width: 80, color: false).contains("triggered by the end of exec1"))
    }

    @Test("errors below a success are told")
    func errorsInSuccess() {
        var story = Story.usual()
        story.spans[6].status = 2
        #expect(story.timeline.warns("Execution exec1 ended as SUCCESS although spans of it have errors."))
        #expect(!Story.usual().timeline.warns("although"))
    }

    @Test("an execution spread over traces is linked to them")
    func links() {
        var story = Story.usual()
        story.executions[0].originalTraceIDs = [Story.otherTrace, Story.trace]
        story.know("exec2", state: "SUCCESS", rule: "event", relation: .redelivery)
        story.span(
            "EXECUTOR - x", from: 5_000, to: 5_010, kestra: .executor, execution: "exec2", trace: Story.otherTrace)
        #expect(
            story.timeline.links == [
                .init(traceID: Story.otherTrace, executionID: "exec1", relation: "original"),
                .init(traceID: Story.otherTrace, executionID: "exec2", relation: "redelivery"),
                .init(traceID: Story.otherTrace, executionID: "exec2", relation: "original"),
            ])
    }

    @Test("the execution's own span holds its place in the tree but is no activity")
    func syntheticSpan() {
        var story = Story.usual()
        let own = story.span(
            "company.team.flow", under: SpanID(raw: 3), from: 70, to: 4_000, kind: 5, execution: "exec1",
            synthetic: true)
        for index in 3..<8 { story.spans[index].parentSpanID = own }
        let (with, without) = (story.timeline, Story.usual().timeline)
        #expect(with.phases == without.phases)
        #expect(with.waterfall == without.waterfall)
        #expect(with.criticalPath == without.criticalPath)
    }

    @Test("the order in which spans come does not matter")
    func order() {
        let story = Story.usual()
        var turned = story
        turned.spans.reverse()
        #expect(turned.timeline == story.timeline)
        var generator = SplitMix(state: 42)
        for _ in 0..<20 {
            turned.spans.shuffle(using: &generator)
            #expect(turned.timeline == story.timeline)
        }
    }

    @Test("no spans at all make a timeline")
    func empty() {
        var story = Story()
        story.event = nil
        let timeline = story.timeline
        #expect(timeline.state == TimelineState.noExecution)
        #expect(
            timeline.phases.isEmpty && timeline.waterfall.isEmpty && timeline.criticalPath.isEmpty
                && timeline.links.isEmpty)
        #expect(timeline.start == story.now)
    }
}

/// A small random number generator with a known seed (SplitMix64).
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
