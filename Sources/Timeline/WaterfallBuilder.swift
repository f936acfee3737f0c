import OTLP

/// Arranges spans and executions as the lines of a drawing: executions gather their own spans, noise is taken together, and
/// limits keep the number of lines bounded.
struct WaterfallBuilder {
    /// What may stand on a line before it is a line.
    private enum Item {
        case span(Int)
        case execution(Int)
        case run(Int, TimelineBuilder.Run)
        case row(WaterfallRow)
    }

    private let facts: TimelineBuilder
    private let rules: TimelineRules
    private let spans: [TimelineSpan]
    private var roots: [Item] = []
    /// What hangs under a span: under a WORKER span it is shown below the task run.
    private var below: [[Item]]
    private var belowExecution: [[Item]]
    /// Whether there is an error, a call to Kestra or an execution at or below a span: it is never taken together with
    /// others.
    private var isNotable: [Bool]
    private var isShown: [Bool]
    private var hasOmissions = false

    init(_ facts: TimelineBuilder) {
        self.facts = facts
        rules = facts.rules
        spans = facts.spans
        below = Array(repeating: [], count: spans.count)
        belowExecution = Array(repeating: [], count: facts.executions.count)
        isNotable = Array(repeating: false, count: spans.count)
        isShown = Array(repeating: false, count: facts.executions.count)
        place()
    }

    /// The lines, top to bottom.
    mutating func rows() -> [WaterfallRow] {
        var rows: [WaterfallRow] = []
        emit(roots, into: &rows)
        // Executions whose place lies below themselves are reached from nowhere: they come last, as roots.
        for execution in isShown.indices where !isShown[execution] && !hasOmissions {
            emit([.execution(execution)], into: &rows)
        }
        return rows
    }

    // MARK: - Where things hang

    private mutating func place() {
        for (position, span) in spans.enumerated() where execution(of: position) == nil {
            place(.span(position), under: facts.forest.parent[position])
            if span.hasError || span.kestra == .server { markNotable(position) }
        }
        for (position, execution) in facts.executions.enumerated() {
            if let parent = execution.parent {
                belowExecution[parent].append(.execution(position))
            } else {
                place(.execution(position), under: execution.anchor ?? -1)
            }
        }
    }

    private func execution(of span: Int) -> Int? {
        guard spans[span].isOfExecution else { return nil }
        return spans[span].executionID.flatMap { facts.positions[$0] }
    }

    private mutating func place(_ item: Item, under parent: Int) {
        guard parent >= 0 else { return roots.append(item) }
        if let execution = execution(of: parent), spans[parent].isSynthetic || spans[parent].kestra != .worker {
            belowExecution[execution].append(item)
        } else {
            below[parent].append(item)
            if case .execution = item { markNotable(parent) }
        }
    }

    private mutating func markNotable(_ span: Int) {
        var position = span
        while position >= 0, !isNotable[position] {
            isNotable[position] = true
            position = facts.forest.parent[position]
        }
    }

    // MARK: - Lines

    private mutating func emit(_ items: [Item], into rows: inout [WaterfallRow]) {
        var pending: [(item: Item, depth: Int)] = arranged(items, depth: 0).reversed().map { ($0, 0) }
        while let (item, depth) = pending.popLast() {
            guard rows.count < rules.rows else {
                noteOmitted(in: &rows)
                continue
            }
            let inside = min(depth + 1, rules.depth)
            switch item {
            case .row(let row): rows.append(row)
            case .span(let position):
                rows.append(row(of: position, depth: depth))
                pending += arranged(below[position], depth: inside).reversed().map { ($0, inside) }
            case .execution(let execution):
                guard !isShown[execution] else { continue }
                isShown[execution] = true
                rows.append(row(ofExecution: execution, depth: depth))
                let runs = facts.taskRuns(of: facts.executions[execution]).map { Item.run(execution, $0) }
                pending += arranged(belowExecution[execution] + runs, depth: inside).reversed().map { ($0, inside) }
                if let steps = steps(of: execution, depth: inside) { pending.append((.row(steps), inside)) }
            case .run(let execution, let run):
                rows.append(row(of: run, of: execution, depth: depth))
                let attempts = run.spans.count > 1 ? attempts(of: run, of: execution, depth: inside) : []
                pending += arranged(run.spans.flatMap { below[$0] }, depth: inside).reversed().map { ($0, inside) }
                pending += attempts.reversed().map { (.row($0), inside) }
            }
        }
    }

    private mutating func noteOmitted(in rows: inout [WaterfallRow]) {
        hasOmissions = true
        if rows.count > rules.rows {
            rows[rows.count - 1].count += 1
        } else {
            rows.append(omitted(1, depth: 0))
        }
    }

    /// Siblings in order of start, with repeated noise taken together and the number bounded.
    private mutating func arranged(_ items: [Item], depth: Int) -> [Item] {
        var groups: [String: [Int]] = [:]
        for case .span(let position) in items where !isNotable[position] {
            groups[spans[position].name, default: []].append(position)
        }
        let iterations = items.compactMap { item -> Int? in
            if case .execution(let execution) = item, isPlainIteration(execution) { execution } else { nil }
        }
        var result: [Item] = []
        var grouped: Set<String> = []
        if iterations.count > rules.repeatedSiblings {
            result.append(.row(row(ofIterations: iterations, depth: depth)))
        }
        for item in items {
            if case .execution(let execution) = item, iterations.count > rules.repeatedSiblings,
                isPlainIteration(execution)
            {
                isShown[execution] = true
            } else if case .span(let position) = item, !isNotable[position], let group = groups[spans[position].name],
                group.count > rules.repeatedSiblings
            {
                if grouped.insert(spans[position].name).inserted {
                    result.append(.row(row(ofGroup: group, depth: depth)))
                }
            } else {
                result.append(item)
            }
        }
        result.sort { start(of: $0) < start(of: $1) }
        guard result.count > rules.rowsOfParent else { return result }
        hasOmissions = true
        // What tells most stays: executions, errors and their like before others.
        let kept = Set(
            result.indices.sorted { (rank(result[$0]), $0) < (rank(result[$1]), $1) }.prefix(rules.rowsOfParent))
        return result.indices.filter(kept.contains).map { result[$0] }
            + [.row(omitted(result.count - rules.rowsOfParent, depth: depth))]
    }

    /// Whether an iteration shows nothing but executor steps: its tasks are shown at the execution with the loop.
    private func isPlainIteration(_ execution: Int) -> Bool {
        let own = facts.executions[execution]
        return own.input.relation == .iteration && own.workers.isEmpty && !own.hasError
            && belowExecution[execution].isEmpty
            && !own.executors.isEmpty
    }

    private func rank(_ item: Item) -> Int {
        switch item {
        case .execution: 0
        case .span(let position): isNotable[position] ? 1 : 3
        case .run(_, let run): run.spans.count > 1 || run.spans.contains { spans[$0].hasError } ? 1 : 2
        case .row: 2
        }
    }

    private func start(of item: Item) -> UInt64 {
        switch item {
        case .span(let position): spans[position].start
        case .execution(let execution): facts.executions[execution].active?.start ?? .max
        case .run(_, let run): run.spans.first.map { spans[$0].start } ?? 0
        case .row(let row): row.start
        }
    }

    private func omitted(_ count: Int, depth: Int) -> WaterfallRow {
        WaterfallRow(
            kind: .omitted, depth: depth, name: "", detail: "", origin: .other, service: "", start: 0, end: 0,
            busyNanos: 0, count: count,
            hasError: false)
    }

    private func row(of position: Int, depth: Int) -> WaterfallRow {
        let span = spans[position]
        return WaterfallRow(
            kind: .span, depth: depth, name: span.name, detail: span.hasError ? span.statusMessage : "",
            origin: span.origin,
            service: span.service,
            start: span.start, end: span.end, busyNanos: Interval.length([Interval(start: span.start, end: span.end)]),
            count: 1, hasError: span.hasError,
            spanID: span.spanID, executionID: span.executionID)
    }

    private func row(ofGroup group: [Int], depth: Int) -> WaterfallRow {
        taken(group, kind: .group, depth: depth, name: spans[group[0]].name, execution: nil)
    }

    private func row(ofIterations iterations: [Int], depth: Int) -> WaterfallRow {
        var row = taken(
            iterations.flatMap { facts.executions[$0].executors }, kind: .group, depth: depth, name: "iteration",
            execution: nil)
        row.count = iterations.count
        return row
    }

    private func steps(of execution: Int, depth: Int) -> WaterfallRow? {
        let steps = facts.executions[execution].executors
        guard !steps.isEmpty else { return nil }
        return taken(steps, kind: .steps, depth: depth, name: "", execution: execution)
    }

    private func row(of run: TimelineBuilder.Run, of execution: Int, depth: Int) -> WaterfallRow {
        taken(run.spans, kind: .taskRun, depth: depth, name: run.type, execution: execution)
    }

    private func attempts(of run: TimelineBuilder.Run, of execution: Int, depth: Int) -> [WaterfallRow] {
        var rows = run.spans.prefix(rules.attempts).enumerated().map { number, span in
            var row = taken([span], kind: .attempt, depth: depth, name: "", execution: execution)
            row.count = number + 1
            return row
        }
        if run.spans.count > rules.attempts { rows.append(omitted(run.spans.count - rules.attempts, depth: depth)) }
        return rows
    }

    /// One line for several spans, at least one.
    private func taken(_ group: [Int], kind: WaterfallRow.Kind, depth: Int, name: String, execution: Int?)
        -> WaterfallRow
    {
        let start = group.map { spans[$0].start }.min() ?? 0
        let busy = Interval.cover(group.map { Interval(start: spans[$0].start, end: spans[$0].end) }, gap: 0)
        return WaterfallRow(
            kind: kind, depth: depth, name: name,
            detail: group.lazy.filter { spans[$0].hasError }.map { spans[$0].statusMessage }.last ?? "",
            origin: spans[group[0]].origin, service: spans[group[0]].service, start: start,
            end: group.map { spans[$0].end }.max() ?? start,
            busyNanos: Interval.length(busy), count: group.count,
            hasError: group.contains { spans[$0].hasError }, spanID: spans[group[0]].spanID,
            executionID: execution.map { facts.executions[$0].input.id })
    }

    private func row(ofExecution execution: Int, depth: Int) -> WaterfallRow {
        let own = facts.executions[execution]
        let active = own.active ?? Interval(start: own.start ?? 0, end: own.end ?? own.start ?? 0)
        let name = own.title.isEmpty ? own.input.id : own.title
        return WaterfallRow(
            kind: .execution, depth: depth, name: name, detail: own.state, origin: .kestra, service: "",
            start: active.start,
            end: max(active.start, active.end), busyNanos: Interval.length(own.running),
            count: own.executors.count + own.workers.count, hasError: own.hasError, executionID: own.input.id)
    }
}
