import OTLP

/// Makes a timeline in steps; each step reads what the earlier ones left here.
struct TimelineBuilder {
    let input: TimelineInput
    let rules: TimelineRules
    let forest: SpanForest
    var executions: [ExecutionFacts] = []
    /// Position of the execution with an id.
    var positions: [String: Int] = [:]
    /// Executions beyond the limit, left out.
    var omittedExecutions: Set<String> = []

    var spans: [TimelineSpan] { forest.spans }

    init(_ input: TimelineInput, rules: TimelineRules) {
        self.input = input
        self.rules = rules
        forest = SpanForest(input.spans, limit: rules.spans)
        gather()
        findParents()
        findDeliveries()
        measure()
    }

    func timeline() -> Timeline {
        let top = executions.indices.filter { executions[$0].parent == nil }
        let state = overallState(of: top)
        let phases = self.phases()
        let bounds = self.bounds()
        var waterfall = WaterfallBuilder(self)
        return Timeline(
            event: input.event, traceID: input.traceID, state: state.name, stateFrom: state.from,
            quietSince: state.quietSince, start: bounds.start, end: bounds.end, phases: phases,
            executions: top.map(result), links: links(), criticalPath: criticalPath(), warnings: warnings(),
            complete: !executions.isEmpty && omittedExecutions.isEmpty && executions.indices.allSatisfy(hasEnded),
            waterfall: waterfall.rows())
    }

    // MARK: - Which executions there are

    private mutating func gather() {
        for execution in input.executions where positions[execution.id] == nil { add(execution) }
        for (position, span) in spans.enumerated() {
            guard let id = span.executionID, !id.isEmpty, span.isOfExecution else { continue }
            if positions[id] == nil {
                add(
                    ExecutionInput(
                        id: id, tenant: "", namespace: "", flow: "", originalTraceIDs: [], rule: "",
                        relation: .delivered))
            }
            guard let execution = positions[id] else { continue }
            if span.isSynthetic {
                executions[execution].own = position
            } else if span.kestra == .worker {
                executions[execution].workers.append(position)
            } else {
                executions[execution].executors.append(position)
            }
            if span.hasError { executions[execution].hasError = true }
            if !executions[execution].input.originalTraceIDs.contains(span.originalTraceID),
                executions[execution].input.originalTraceIDs.count < 16
            {
                executions[execution].input.originalTraceIDs.append(span.originalTraceID)
            }
        }
    }

    private mutating func add(_ execution: ExecutionInput) {
        guard executions.count < rules.executions else {
            omittedExecutions.insert(execution.id)
            return
        }
        positions[execution.id] = executions.count
        executions.append(ExecutionFacts(input: execution))
    }

    // MARK: - How executions hang together

    private mutating func findParents() {
        for position in executions.indices { findAnchor(of: position) }
        for position in executions.indices {
            let facts = executions[position]
            if let told = facts.input.parentExecution.flatMap({ positions[$0] }), told != position {
                executions[position].parent = told
            } else if let anchor = facts.anchor, spans[anchor].isOfExecution,
                let found = spans[anchor].executionID.flatMap({ positions[$0] }), found != position
            {
                executions[position].parent = found
                if facts.input.relation == .delivered { executions[position].input.relation = .subflow }
            }
        }
        findIterations()
        cutCyclesAndNest()
    }

    private mutating func findAnchor(of position: Int) {
        let facts = executions[position]
        // The order matters: its own span tells most, an EXECUTOR span hangs where the call came in, a WORKER span may
        // hang under the EXECUTOR span that dispatched it.
        guard let top = facts.own ?? facts.executors.first ?? facts.workers.first else { return }
        var above = forest.parent[top]
        while above >= 0, spans[above].isOfExecution, spans[above].executionID == facts.input.id {
            above = forest.parent[above]
        }
        executions[position].anchor = above >= 0 ? above : nil
        executions[position].isRoot = above < 0 && spans[top].parentSpanID.isZero
    }

    /// Kestra 2.0 runs each iteration of a loop as an execution of its own: its EXECUTOR spans carry the iteration's
    /// id, the WORKER spans below them carry that of the execution with the loop.
    private mutating func findIterations() {
        for position in executions.indices {
            for worker in executions[position].workers {
                let above = forest.parent[worker]
                guard above >= 0, spans[above].isActivity, spans[above].executionID != spans[worker].executionID,
                    let iteration = spans[above].executionID.flatMap({ positions[$0] }),
                    executions[iteration].workers.isEmpty, executions[iteration].parent == nil
                else { continue }
                executions[iteration].parent = position
                executions[iteration].input.relation = .iteration
            }
        }
    }

    /// Told parents are untrusted: one that leads back to the execution itself is forgotten.
    private mutating func cutCyclesAndNest() {
        /// 0 not looked at, 1 on the path that is being walked, 2 known to end at a top.
        var mark = Array(repeating: 0, count: executions.count)
        for start in executions.indices {
            var path: [Int] = []
            var position = start
            while mark[position] == 0 {
                mark[position] = 1
                path.append(position)
                guard let parent = executions[position].parent else { break }
                if mark[parent] == 1 {
                    executions[position].parent = nil
                    break
                }
                position = parent
            }
            for position in path.reversed() {
                mark[position] = 2
                executions[position].depth = executions[position].parent.map { executions[$0].depth + 1 } ?? 0
            }
        }
        for position in executions.indices {
            // What is nested too deeply is shown on its own, so that recursion over children stays shallow.
            if executions[position].depth > 0, executions[position].depth % rules.depth == 0 {
                executions[position].parent = nil
            }
            if let parent = executions[position].parent { executions[parent].children.append(position) }
        }
    }

    private mutating func findDeliveries() {
        /// SERVER spans that already have their execution: one call starts one.
        var started: Set<Int> = []
        let order = executions.indices.sorted { first(of: $0) < first(of: $1) }
        for position in order where executions[position].parent == nil {
            let relation = executions[position].input.relation
            guard relation == .delivered || relation == .redelivery,
                let server = server(above: executions[position].anchor)
            else { continue }
            guard started.insert(server).inserted else {
                // A second execution below the same call was not started by it: a replay keeps the first one's context.
                executions[position].input.relation = .replay
                continue
            }
            executions[position].server = server
            let above = forest.parent[server]
            if above >= 0,
                spans[above].kind == TimelineSpan.clientKind || spans[above].kind == TimelineSpan.producerKind
            {
                executions[position].publisher = above
            }
        }
        // Without the call's own span, the span that published stands right above the execution, or above its own span.
        for position in executions.indices
        where executions[position].server == nil && executions[position].parent == nil {
            if let anchor = executions[position].anchor,
                spans[anchor].kind == TimelineSpan.clientKind || spans[anchor].kind == TimelineSpan.producerKind
            {
                executions[position].publisher = anchor
            }
        }
    }

    /// Whether somebody told that it is over; an iteration is over when the execution with the loop is.
    func hasEnded(_ position: Int) -> Bool {
        var position = position
        while executions[position].input.relation == .iteration, !executions[position].hasEnded,
            let loop = executions[position].parent
        {
            position = loop
        }
        return executions[position].hasEnded
    }

    func first(of position: Int) -> UInt64 {
        let facts = executions[position]
        return [facts.executors.first, facts.workers.first].compactMap { $0.map { spans[$0].start } }.min() ?? .max
    }

    private func server(above anchor: Int?) -> Int? {
        var above = anchor ?? -1
        while above >= 0 {
            if spans[above].isOfExecution { return nil }
            if spans[above].kestra == .server { return above }
            above = forest.parent[above]
        }
        return nil
    }
}

extension Timeline {
    /// Makes the timeline of an event.
    package init(of input: TimelineInput, rules: TimelineRules = .defaults) {
        self = TimelineBuilder(input, rules: rules).timeline()
    }
}
