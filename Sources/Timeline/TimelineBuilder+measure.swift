import OTLP

/// When executions were at work, and what state they are in.
extension TimelineBuilder {
    mutating func measure() {
        // Children come before their parents, which take over their activity.
        var activity: [[Interval]] = Array(repeating: [], count: executions.count)
        for position in executions.indices.sorted(by: { executions[$0].depth > executions[$1].depth }) {
            let own = measureSpans(of: position)
            activity[position] = Interval.cover(activity[position] + own, gap: 0)
            findWaiting(of: position, in: activity[position])
            findState(of: position, lastActivity: activity[position].last?.end)
            if let parent = executions[position].parent { activity[parent] += activity[position] }
        }
    }

    /// Fills in what the execution's own spans tell and returns when it was active.
    private mutating func measureSpans(of position: Int) -> [Interval] {
        let facts = executions[position]
        let own = (facts.executors + facts.workers).sorted().map {
            Interval(start: spans[$0].start, end: spans[$0].end)
        }
        guard let first = own.first, let last = own.map(\.end).max() else { return [] }
        executions[position].active = Interval(start: first.start, end: last)
        let work = facts.workers.map { Interval(start: spans[$0].start, end: spans[$0].end) }
        let running = Interval.cover(work, gap: 0)
        // Many short tasks: pauses that do not count as waiting are closed, so that the phases stay few.
        executions[position].running = running.count <= 100 ? running : Interval.cover(work, gap: rules.waiting)
        var segments = Interval.cover(own, gap: rules.segment).map {
            Timeline.Segment(start: $0.start, end: $0.end, spans: 0)
        }
        var segment = 0
        for interval in own {
            while interval.start > segments[segment].end { segment += 1 }
            segments[segment].spans += 1
        }
        executions[position].segments = segments
        if let ended = facts.input.ended {
            executions[position].wentOn = own.contains { $0.start.since(ended) > rules.waiting }
        }
        return own
    }

    /// Gaps before the first task are "queued"; gaps after the execution's own last activity belong to what it started.
    private mutating func findWaiting(of position: Int, in activity: [Interval]) {
        let facts = executions[position]
        guard let active = facts.active else { return }
        let begin = facts.workers.first.map { spans[$0].start } ?? active.start
        for (earlier, later) in zip(activity, activity.dropFirst())
        where earlier.end >= begin && later.start <= active.end && later.start.since(earlier.end) > rules.waiting {
            executions[position].waiting.append(Interval(start: earlier.end, end: later.start))
        }
    }

    private mutating func findState(of position: Int, lastActivity: UInt64?) {
        let facts = executions[position]
        let isQuiet = lastActivity.map { input.now.since($0) >= input.quiet } ?? false
        if let told = facts.input.state, !told.name.isEmpty, !facts.wentOn {
            executions[position].state = told.name
            executions[position].stateFrom = told.from
        } else if lastActivity == nil {
            executions[position].state = TimelineState.unseen
        } else if !isQuiet {
            executions[position].state = TimelineState.running
        } else {
            executions[position].state = facts.hasError ? TimelineState.errorsSeen : TimelineState.quiet
        }
        if isQuiet, !executions[position].hasEnded { executions[position].quietSince = lastActivity }
    }

    /// The state of the event: that of its worst execution. What a task of another execution started counts only as long
    /// as it is at work, because a flow may go on when its subflow fails.
    func overallState(of top: [Int]) -> (name: String, from: String, quietSince: UInt64?) {
        if executions.contains(where: { $0.state == TimelineState.running }) { return (TimelineState.running, "", nil) }
        guard
            let worst = top.max(by: {
                TimelineState.severity(executions[$0].state) < TimelineState.severity(executions[$1].state)
            })
        else { return (TimelineState.noExecution, "", nil) }
        return (executions[worst].state, executions[worst].stateFrom, executions[worst].quietSince)
    }

    func bounds() -> Interval {
        var moments: [UInt64] = []
        if let event = input.event, event.time > 0 { moments.append(event.time) }
        if let first = spans.first { moments.append(first.start) }
        moments += executions.compactMap(\.start) + executions.compactMap(\.end)
        let start = moments.min() ?? input.now
        let end = spans.lazy.map(\.end).max() ?? start
        return Interval(start: start, end: max(end, moments.max() ?? start))
    }

    /// The execution at a position, with its children.
    func result(_ position: Int) -> Timeline.Execution {
        let facts = executions[position]
        let children = facts.children.sorted { first(of: $0) < first(of: $1) }.map(result)
        return Timeline.Execution(
            id: facts.input.id, namespace: facts.input.namespace, flow: facts.input.flow,
            relation: facts.input.relation,
            state: facts.state, stateFrom: facts.stateFrom, quietSince: facts.quietSince, start: facts.start,
            end: facts.end,
            traceID: (facts.executors.first ?? facts.workers.first).map { spans[$0].traceID } ?? input.traceID,
            originalTraceIDs: facts.input.originalTraceIDs,
            binding: Timeline.Binding(rule: facts.input.rule, evidence: facts.input.evidence), segments: facts.segments,
            history: Array(facts.input.history.prefix(rules.attempts)), taskRuns: toldAndSeenRuns(of: facts),
            executorSteps: facts.executors.count, children: children)
    }

    /// One task run of an execution: its WORKER spans in order of start.
    struct Run {
        var id: String
        var type: String
        var spans: [Int]
    }

    /// WORKER spans with the same `kestra.uid` are attempts of one task run; one without is a run of its own.
    func taskRuns(of facts: ExecutionFacts) -> [Run] {
        var runs: [Run] = []
        var known: [String: Int] = [:]
        for worker in facts.workers {
            let id = spans[worker].taskRun ?? ""
            if !id.isEmpty, let run = known[id] {
                runs[run].spans.append(worker)
            } else {
                if !id.isEmpty { known[id] = runs.count }
                runs.append(Run(id: id, type: spans[worker].type, spans: [worker]))
            }
        }
        return runs
    }

    /// Traces other than the timeline's own that spans of its executions arrived in or lie in.
    func links() -> [Timeline.Link] {
        var seen: Set<Timeline.Link> = []
        var links: [Timeline.Link] = []
        func add(_ link: Timeline.Link) {
            if links.count < rules.executions, link.traceID != input.traceID, seen.insert(link).inserted {
                links.append(link)
            }
        }
        for (position, facts) in executions.enumerated() {
            if let span = facts.executors.first ?? facts.workers.first {
                add(
                    .init(
                        traceID: spans[span].traceID, executionID: facts.input.id,
                        relation: executions[position].input.relation.rawValue))
            }
            for trace in facts.input.originalTraceIDs {
                add(.init(traceID: trace, executionID: facts.input.id, relation: "original"))
            }
        }
        return links
    }
}
