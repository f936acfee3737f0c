/// Task runs: what WORKER spans show, completed by what was told.
extension TimelineBuilder {
    /// In order of their first start. Runs without a span (pauses, loops, what was not sampled) are told ones only.
    func toldAndSeenRuns(of facts: ExecutionFacts) -> [Timeline.TaskRun] {
        var told: [String: TaskRunInput] = [:]
        for run in facts.input.taskRuns.prefix(rules.taskRuns) where !run.id.isEmpty { told[run.id] = run }
        var runs = taskRuns(of: facts).prefix(rules.taskRuns).map { seen in
            var run = Timeline.TaskRun(
                id: seen.id, taskID: "", type: seen.type, value: "", state: "", stateFrom: "",
                attempts: seen.spans.prefix(rules.attempts).map {
                    Timeline.Attempt(
                        start: spans[$0].start, end: spans[$0].end, status: spans[$0].statusName, state: "",
                        from: "span")
                })
            if let told = told.removeValue(forKey: seen.id) { complete(&run, by: told, spanCount: seen.spans.count) }
            return run
        }
        for run in facts.input.taskRuns where told[run.id] == run {
            guard runs.count < rules.taskRuns else { break }
            told[run.id] = nil
            runs.append(onlyTold(run))
        }
        // Stable, so that runs without a start stay where they were told.
        return runs.enumerated().sorted {
            ($0.element.attempts.first?.start ?? .max, $0.offset) < ($1.element.attempts.first?.start ?? .max, $1.offset)
        }.map(\.element)
    }

    private func complete(_ run: inout Timeline.TaskRun, by told: TaskRunInput, spanCount: Int) {
        run.taskID = told.taskID
        run.value = told.value
        run.state = told.state
        run.stateFrom = told.state.isEmpty ? "" : told.from
        // With as many spans as attempts it is clear which is which.
        guard spanCount == told.attempts.count else { return }
        for (position, attempt) in told.attempts.prefix(run.attempts.count).enumerated() {
            run.attempts[position].state = attempt.state
        }
    }

    private func onlyTold(_ told: TaskRunInput) -> Timeline.TaskRun {
        Timeline.TaskRun(
            id: told.id, taskID: told.taskID, type: "", value: told.value, state: told.state,
            stateFrom: told.state.isEmpty ? "" : told.from,
            attempts: told.attempts.prefix(rules.attempts).map { attempt in
                Timeline.Attempt(
                    start: attempt.start, end: attempt.end ?? max(attempt.start, input.now),
                    status: Self.status(of: attempt.state), state: attempt.state, from: told.from)
            })
    }

    /// The span status that Kestra 2.0 gives a task in this state.
    private static func status(of state: String) -> String {
        switch state {
        case "FAILED", "KILLED", "CANCELLED": "error"
        case "SUCCESS", "WARNING": "ok"
        default: "unset"
        }
    }
}
