import OTLP

/// The critical path: the chain of spans that decided when the event's work ended.
extension TimelineBuilder {
    /// From the last span back: within an execution and those it started to whatever ended last before, outside to the
    /// parent.
    ///
    /// Executor steps that follow each other become one step. Waiting is not a step; it is the time between two.
    func criticalPath() -> [Timeline.PathStep] {
        let candidates = spans.indices.filter { !spans[$0].isSynthetic }
        guard
            var current = candidates.filter({ spans[$0].isActivity }).max(by: { spans[$0].end < spans[$1].end })
                ?? candidates.max(by: { spans[$0].end < spans[$1].end })
        else { return [] }
        var steps: [Timeline.PathStep] = []
        var counts: [Int] = []
        var visited: Set<Int> = []
        var byEnd: [Int: [Int]] = [:]
        while visited.insert(current).inserted {
            prepend(current, to: &steps, &counts)
            guard steps.count < rules.pathSteps, let previous = previous(of: current, excluding: visited, &byEnd) else {
                break
            }
            current = previous
        }
        for (step, count) in counts.enumerated() where count > 1 { steps[step].name = "\(count) executor steps" }
        return steps.reversed()
    }

    /// Steps are collected last to first.
    private func prepend(_ position: Int, to steps: inout [Timeline.PathStep], _ counts: inout [Int]) {
        let span = spans[position]
        if span.kestra == .executor, let last = steps.last, counts[steps.count - 1] > 0,
            last.executionID == span.executionID || loop(of: last.executionID) == loop(of: span.executionID),
            last.start.since(span.end) <= rules.waiting
        {
            steps[steps.count - 1].start = span.start
            steps[steps.count - 1].spanID = span.spanID
            counts[steps.count - 1] += 1
            return
        }
        steps.append(
            .init(
                name: span.kestra == .executor ? "executor step" : span.kestra == .worker ? span.type : span.name,
                traceID: span.traceID, spanID: span.spanID, executionID: span.executionID, start: span.start,
                end: span.end))
        counts.append(span.kestra == .executor ? 1 : 0)
    }

    private func previous(of position: Int, excluding visited: Set<Int>, _ byEnd: inout [Int: [Int]]) -> Int? {
        let span = spans[position]
        if span.isActivity, var execution = span.executionID.flatMap({ positions[$0] }) {
            execution = loop(of: execution)
            if byEnd[execution] == nil {
                byEnd[execution] = family(of: execution).sorted { spans[$0].end < spans[$1].end }
            }
            let family = byEnd[execution] ?? []
            // The last one that ended at or before this one's start.
            var low = 0
            var high = family.count
            while low < high {
                let middle = (low + high) / 2
                if spans[family[middle]].end <= span.start { low = middle + 1 } else { high = middle }
            }
            while low > 0 {
                low -= 1
                if !visited.contains(family[low]) { return family[low] }
            }
        }
        var above = forest.parent[position]
        while above >= 0, spans[above].isSynthetic || visited.contains(above) { above = forest.parent[above] }
        return above >= 0 ? above : nil
    }

    /// The execution with the loop, if it is an iteration: the tasks of an iteration belong there.
    private func loop(of execution: Int) -> Int {
        var execution = execution
        while executions[execution].input.relation == .iteration, let loop = executions[execution].parent {
            execution = loop
        }
        return execution
    }

    private func loop(of id: String?) -> Int? { id.flatMap { positions[$0] }.map { loop(of: $0) } }

    /// The EXECUTOR and WORKER spans of an execution and of all that it started.
    private func family(of execution: Int) -> [Int] {
        var result: [Int] = []
        var pending = [execution]
        while let next = pending.popLast() {
            result += executions[next].executors + executions[next].workers
            pending += executions[next].children
        }
        return result
    }
}
