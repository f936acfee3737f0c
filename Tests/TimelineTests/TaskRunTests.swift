import Testing

@testable import Timeline

/// Task runs that Kestra's record tells, beside those that spans show.
@Suite struct TaskRunTests {
    private func told(_ id: String, _ task: String, _ state: String, _ attempts: (String, UInt64, UInt64?)...)
        -> TaskRunInput
    {
        TaskRunInput(
            id: id, taskID: task, value: "", state: state, from: "Kestra API",
            attempts: attempts.map { .init(state: $0.0, start: Story.at($0.1), end: $0.2.map { Story.at($0) }) })
    }

    private func runs(_ told: [TaskRunInput]) -> [Timeline.TaskRun] {
        var story = Story.usual(state: "FAILED")
        story.executions[0].taskRuns = told
        return story.timeline.executions[0].taskRuns
    }

    @Test("a run with a span gets its task and its state from the record")
    func completed() throws {
        let runs = runs([told("run2", "sleep", "FAILED", ("FAILED", 3_100, 3_900))])
        #expect(runs.map(\.id) == ["run1", "run2"] && runs.map(\.state) == ["", "FAILED"])
        #expect(runs[1].taskID == "sleep" && runs[1].stateFrom == "Kestra API" && runs[0].stateFrom.isEmpty)
        #expect(runs[1].type == "io.kestra.plugin.core.flow.Sleep")
        let attempt = try #require(runs[1].attempts.first)
        #expect(attempt.state == "FAILED" && attempt.from == "span" && attempt.status == "unset")
        #expect(attempt.start == Story.at(3_110))
    }

    @Test("a run without a span is told whole, in its place, and marked")
    func onlyTold() {
        let runs = runs([
            told("run1", "log", "SUCCESS", ("SUCCESS", 1_000, 1_010)),
            told("pause", "wait-for-approval", "SUCCESS", ("SUCCESS", 2_000, 3_000)),
            told("last", "after", "RUNNING", ("RUNNING", 5_000, nil)), told("never", "skipped", "CREATED"),
        ])
        #expect(runs.map(\.id) == ["run1", "pause", "run2", "last", "never"])
        #expect(runs[1].attempts == [
            .init(start: Story.at(2_000), end: Story.at(3_000), status: "ok", state: "SUCCESS", from: "Kestra API")
        ])
        #expect(runs[3].attempts[0].end == Story.at(600_000) && runs[4].attempts.isEmpty && runs[1].type.isEmpty)
    }

    @Test("attempts get states only if it is clear which is which")
    func attempts() {
        let runs = runs([told("run1", "log", "FAILED", ("FAILED", 1_000, 1_010), ("FAILED", 1_020, 1_030))])
        #expect(runs[0].state == "FAILED" && runs[0].attempts.map(\.state) == [""])
    }

    @Test("there are never more runs than the limit, and the text names those that failed")
    func limits() {
        let many = (0..<5_000).map { told("r\($0)", "task\($0)", "FAILED", ("FAILED", 4_000, 4_001)) }
        let runs = runs(many)
        #expect(runs.count == TimelineRules.defaults.taskRuns)
        var story = Story.usual(state: "FAILED")
        story.executions[0].taskRuns = many
        let text = TimelineText.render(story.timeline, width: 100, color: false)
        #expect(text.contains("task task0: FAILED (told by Kestra API)\n") && text.contains("more tasks failed\n"))
        #expect(!text.contains("task5:"))
    }
}
