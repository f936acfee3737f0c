import OTLP

/// A timeline for a terminal.
package enum TimelineText {
    /// How many executions are described one by one.
    private static let executionLimit = 30
    private static let lineLimit = 8

    /// - Parameters:
    ///   - width: columns, taken as at least 60.
    ///   - color: whether to colour by the role of the origin, with escape sequences.
    ///   - ascii: whether to keep to ASCII; text from outside is then shown with question marks.
    package static func render(_ timeline: Timeline, width: Int, color: Bool, ascii: Bool = false) -> String {
        var page = TextPage(width: width, color: color, ascii: ascii)
        header(timeline, on: &page)
        phases(timeline, on: &page)
        WaterfallText(timeline, width: page.width).add(to: &page)
        executions(timeline, on: &page)
        path(timeline, on: &page)
        links(timeline, on: &page)
        if !timeline.warnings.isEmpty {
            page.heading("warnings")
            for warning in timeline.warnings.prefix(100) { page.paragraph(warning, first: "  -", indent: 4) }
        }
        return page.text
    }

    private static func header(_ timeline: Timeline, on page: inout TextPage) {
        if let event = timeline.event {
            page.field("event", event.id, ink: .strong)
            page.field("type", event.type)
            page.field("tenant", event.tenant)
            page.field("source", event.source)
            page.field("subject", event.subject)
        } else if let execution = timeline.executions.first {
            page.field("execution", execution.id, ink: .strong)
            page.field("flow", title(execution))
        }
        page.field("trace", timeline.traceID.hex)
        page.field(
            "state", state(timeline.state, from: timeline.stateFrom, quietSince: timeline.quietSince),
            ink: ink(timeline.state))
        page.field("duration", "\(DurationText.text(timeline.durationNanos)) from \(ClockText.moment(timeline.start))")
    }

    // MARK: - Phases

    /// One line if there is one execution, else one for what comes before and one for each execution.
    private static func phases(_ timeline: Timeline, on page: inout TextPage) {
        guard !timeline.phases.isEmpty else { return }
        page.add()
        let arrow = page.glyphs.arrow
        guard timeline.executions.count > 1 else {
            let id = timeline.executions.first?.id
            let own = timeline.phases.filter { $0.executionID == nil || $0.executionID == id }
            return page.chain(words(own, in: timeline), separator: arrow, first: "", indent: 0)
        }
        let before = timeline.phases.filter { $0.name == .emitted || $0.name == .published }
        page.chain(words(before, in: timeline), separator: arrow, first: "", indent: 0)
        for execution in timeline.executions.prefix(lineLimit) {
            let own = timeline.phases.filter { $0.executionID == execution.id && $0.name != .published }
            page.chain(
                words(own, in: timeline), separator: arrow,
                first: "  " + page.clean(title(execution), limit: 28) + ": ", indent: 4)
        }
        if timeline.executions.count > lineLimit {
            page.add("  \(page.glyphs.ellipsis) \(timeline.executions.count - lineLimit) more executions")
        }
    }

    /// Phases in the order of their first start; those that come in pieces are summed up.
    private static func words(_ phases: [Timeline.Phase], in timeline: Timeline) -> [String] {
        var names: [Timeline.Phase.Name] = []
        for phase in phases where !names.contains(phase.name) { names.append(phase.name) }
        return names.map { name in
            let pieces = phases.filter { $0.name == name }
            let total = pieces.reduce(UInt64(0)) { $0 &+ $1.end.since($1.start) }
            let since = "+" + DurationText.text((pieces.first?.start ?? 0).since(timeline.start))
            switch name {
            case .emitted: return "emitted \(since)"
            case .published, .delivered: return "\(name.rawValue) \(since) (\(DurationText.text(total)))"
            case .queued: return "queued \(DurationText.text(total))"
            case .running, .waiting:
                return "\(name.rawValue) \(DurationText.text(total))"
                    + (pieces.count > 1 ? " in \(pieces.count) parts" : "")
            case .done: return done(pieces, in: timeline)
            }
        }
    }

    private static func done(_ pieces: [Timeline.Phase], in timeline: Timeline) -> String {
        guard let last = pieces.last else { return "" }
        let execution = timeline.executions.first { $0.id == last.executionID }
        if let since = execution?.quietSince { return "quiet since \(ClockText.time(since))" }
        return "done +\(DurationText.text(last.end.since(timeline.start)))"
    }

    // MARK: - Executions

    private static func executions(_ timeline: Timeline, on page: inout TextPage) {
        guard !timeline.executions.isEmpty else { return }
        page.heading("executions")
        var pending: [(execution: Timeline.Execution, parent: String?, depth: Int)] =
            timeline.executions.reversed().map { ($0, nil, 0) }
        var shown = 0
        while let (execution, parent, depth) = pending.popLast() {
            guard shown < executionLimit else {
                return page.add("  \(page.glyphs.ellipsis) more executions are not listed")
            }
            shown += 1
            let indent = 2 + 2 * min(depth, 8)
            describe(execution, startedBy: parent, indent: indent, on: &page)
            let iterations = execution.children.filter { $0.relation == .iteration }.count
            let isLong = iterations > 3
            if isLong {
                page.add(PlainText.blanks(indent + 4) + "\(iterations) iterations, each an execution of its own")
            }
            pending += execution.children.reversed().filter { !isLong || $0.relation != .iteration }
                .map { ($0, execution.id, depth + 1) }
        }
    }

    private static let failedRunLimit = 5

    private static func describe(
        _ execution: Timeline.Execution, startedBy parent: String?, indent: Int, on page: inout TextPage
    ) {
        let margin = PlainText.blanks(indent)
        let separator = page.glyphs.separator
        let words = [
            execution.id, title(execution),
            state(execution.state, from: execution.stateFrom, quietSince: execution.quietSince),
            parent == nil ? word(execution.relation) : "",
        ]
        page.chain(words.filter { !$0.isEmpty }, separator: separator, first: margin, indent: indent)
        page.paragraph(reason(execution, startedBy: parent), first: "", indent: indent + 4)
        let failed = execution.taskRuns.filter { ["FAILED", "KILLED", "CANCELLED"].contains($0.state) }
        for run in failed.prefix(failedRunLimit) {
            page.paragraph(failure(of: run), first: "", indent: indent + 4)
        }
        if failed.count > failedRunLimit {
            page.add(PlainText.blanks(indent + 4) + "\(failed.count - failedRunLimit) more tasks failed")
        }
    }

    /// What became of a task that did not end well: only Kestra's record tells, up to Kestra 1.3.
    private static func failure(of run: Timeline.TaskRun) -> String {
        let name = run.taskID.isEmpty ? TaskText.short(run.type) : run.taskID
        let value = run.value.isEmpty ? "" : " (\(run.value))"
        let count = run.attempts.count
        let attempts = count > 1 ? " after \(count) attempts" : ""
        return "task \(name)\(value): \(run.state)\(attempts) (told by \(run.stateFrom))"
    }

    /// Why it is here, in one sentence.
    private static func reason(_ execution: Timeline.Execution, startedBy parent: String?) -> String {
        if let parent,
            execution.binding.rule.isEmpty || execution.relation == .subflow || execution.relation == .iteration
        {
            let relation = execution.relation == .flowTrigger ? "triggered by the end" : word(execution.relation)
            return "\(relation) of \(parent)"
        }
        guard !execution.binding.rule.isEmpty else { return "no rule joined it: it is here because its spans are" }
        let evidence = execution.binding.evidence
        guard !evidence.isEmpty else { return "joined by rule \(execution.binding.rule)" }
        let because = evidence.prefix(3).map { "\($0.kind) \($0.value) (\($0.from), \(ClockText.time($0.seenAt)))" }
        let more = evidence.count > 3 ? " and \(evidence.count - 3) more" : ""
        return "joined by rule \(execution.binding.rule) because \(because.joined(separator: ", "))\(more)"
    }

    private static func path(_ timeline: Timeline, on page: inout TextPage) {
        guard timeline.criticalPath.count > 1 else { return }
        page.heading("critical path")
        var words: [String] = []
        var end: UInt64?
        for step in timeline.criticalPath.prefix(60) {
            // Executor steps and tasks follow each other within milliseconds; only a wait that a person notices is named.
            if let end, step.start.since(end) >= 100_000_000 {
                words.append("(\(DurationText.text(step.start - end)) wait)")
            }
            let isTask = step.executionID != nil && !step.name.contains(" ")
            let name = page.clean(isTask ? TaskText.short(step.name) : step.name, limit: 36)
            words.append("\(name) \(DurationText.text(step.end.since(step.start)))")
            end = max(end ?? 0, step.end)
        }
        page.chain(words, separator: page.glyphs.arrow, first: "", indent: 2)
    }

    private static func links(_ timeline: Timeline, on page: inout TextPage) {
        guard !timeline.links.isEmpty else { return }
        page.heading("linked traces")
        for link in timeline.links.prefix(lineLimit) {
            let relation = ExecutionRelation(rawValue: link.relation).map(word) ?? "spans arrived in it"
            page.paragraph(
                "\(link.traceID.hex) \(relation)\(link.executionID.map { " (\($0))" } ?? "")", first: "", indent: 2)
        }
        if timeline.links.count > lineLimit {
            page.add("  \(page.glyphs.ellipsis) \(timeline.links.count - lineLimit) more")
        }
    }

    // MARK: - Words

    private static func title(_ execution: Timeline.Execution) -> String {
        let parts = [execution.namespace, execution.flow].filter { !$0.isEmpty }
        return parts.isEmpty ? "" : parts.joined(separator: ".")
    }

    static func state(_ name: String, from: String, quietSince: UInt64?) -> String {
        let told = from.isEmpty ? "" : " (told by \(from))"
        guard let quietSince else { return name + told }
        let since = "quiet since \(ClockText.time(quietSince))"
        return name == TimelineState.quiet ? since : "\(name)\(told), \(since)"
    }

    static func ink(_ state: String) -> TextPage.Ink? {
        switch state {
        case "FAILED", "KILLED", TimelineState.errorsSeen: .error
        default: .strong
        }
    }

    private static func word(_ relation: ExecutionRelation) -> String {
        switch relation {
        case .delivered: "delivered"
        case .redelivery: "delivered again"
        case .subflow: "subflow"
        case .iteration: "iteration"
        case .replay: "replay"
        case .flowTrigger: "triggered by a flow"
        }
    }
}
