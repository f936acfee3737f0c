import OTLP

/// What a person should know before trusting the picture, in words.
extension TimelineBuilder {
    func warnings() -> [String] {
        var warnings = spanWarnings() + deliveryWarnings()
        for position in executions.indices { warnings += self.warnings(about: position) }
        if warnings.count > rules.warnings {
            let left = warnings.count - rules.warnings
            warnings = warnings.prefix(rules.warnings) + ["\(left) more warnings are not shown."]
        }
        return warnings
    }

    private func spanWarnings() -> [String] {
        var warnings: [String] = []
        func add(_ count: Int, _ one: String, _ many: String) {
            if count > 0 { warnings.append(count == 1 ? "1 span " + one : "\(count) spans " + many) }
        }
        add(
            forest.omitted, "was left out: the timeline holds \(rules.spans).",
            "were left out: the timeline holds \(rules.spans).")
        add(forest.duplicates, "came more than once and is shown once.", "came more than once and are shown once.")
        add(
            forest.reversed, "ends before it starts and is shown as a moment.",
            "end before they start and are shown as moments.")
        add(forest.timeless, "has no times and is left out.", "have no times and are left out.")
        if forest.cyclic > 0 {
            warnings.append("Spans name each other as parents in a circle (\(forest.cyclic) times).")
        }
        if !omittedExecutions.isEmpty {
            warnings.append(
                "\(omittedExecutions.count) executions were left out: the timeline holds \(rules.executions).")
        }
        let phantoms = forest.phantoms.sorted { ($0.key.trace, $0.key.span) < ($1.key.trace, $1.key.span) }
        for (parent, count) in phantoms.prefix(8) {
            let children = count == 1 ? "1 span" : "\(count) spans"
            warnings.append(
                "Parent \(parent.span.hex) of \(children) was never seen: it is the caller's, late, or was dropped.")
        }
        if forest.phantoms.count > 8 { warnings.append("\(forest.phantoms.count - 8) more parents were never seen.") }
        if let skew = largestSkew() {
            let child = spans[skew.child]
            let parent = spans[forest.parent[skew.child]]
            let children = skew.count == 1 ? "1 span starts" : "\(skew.count) spans start"
            let most = DurationText.text(parent.start.since(child.start))
            let names = "\(child.name) of \(child.service), below \(parent.name) of \(parent.service)"
            warnings.append("Clocks differ: \(children) before the parent, at most by \(most) (\(names)).")
        }
        return warnings
    }

    /// The child that starts furthest before its parent, and how many do so by more than the tolerance.
    private func largestSkew() -> (child: Int, count: Int)? {
        var worst: (child: Int, by: UInt64)?
        var count = 0
        for (position, span) in spans.enumerated() where !span.isSynthetic {
            let above = forest.parent[position]
            guard above >= 0, !spans[above].isSynthetic else { continue }
            let by = spans[above].start.since(span.start)
            let tolerance = span.service == spans[above].service ? rules.skewWithinService : rules.skewAcrossServices
            guard by > tolerance else { continue }
            count += 1
            if by > worst?.by ?? 0 { worst = (position, by) }
        }
        return worst.map { ($0.child, count) }
    }

    private func deliveryWarnings() -> [String] {
        guard let event = input.event else { return [] }
        var warnings: [String] = []
        if event.isUnsampled {
            warnings.append("The event's traceparent is not sampled (flags 00): Kestra records no spans for it.")
        }
        if executions.isEmpty { warnings.append("No execution of this event was seen.") }
        return warnings
    }

    private func warnings(about position: Int) -> [String] {
        let facts = executions[position]
        let name = "Execution \(facts.input.id)"
        var warnings: [String] = []
        let isTop = facts.parent == nil
        if input.event != nil, isTop, facts.input.rule.isEmpty, facts.anchor == nil {
            warnings.append("\(name) is not joined to the event: nothing says that the event started it.")
        }
        guard let active = facts.active else {
            return warnings + ["\(name) is known, but no span of it arrived: not sampled, tracing off, or late."]
        }
        if let since = facts.quietSince, !hasEnded(position) {
            warnings.append("\(name) has been quiet since \(ClockText.time(since)) and nobody told its end.")
        }
        if facts.wentOn, let ended = facts.input.ended {
            let end = ClockText.time(ended) + (facts.input.state.map { " as \($0.name)" } ?? "")
            warnings.append("\(name) went on after its end at \(end): it was restarted, and nobody told the new end.")
        }
        if isTop, facts.server == nil, facts.input.relation == .delivered || facts.input.relation == .redelivery {
            warnings.append(
                facts.isRoot
                    ? "\(name) carries no caller's context: a schedule, another flow or a call without tracing started it."
                    : "The span of the call that started \(name.lowercasedFirst) is missing.")
        }
        if facts.hasError, facts.state == "SUCCESS" {
            warnings.append("\(name) ended as SUCCESS although spans of it have errors.")
        }
        let retried = taskRuns(of: facts).filter { $0.spans.count > 1 }
        for run in retried.prefix(4) {
            warnings.append("Task run \(run.id) (\(TaskText.short(run.type))) took \(run.spans.count) attempts.")
        }
        if retried.count > 4 {
            warnings.append("\(retried.count - 4) more task runs of \(name.lowercasedFirst) took several attempts.")
        }
        if facts.segments.count > 1 {
            let length = DurationText.text(active.end.since(active.start))
            warnings.append("\(name) worked in \(facts.segments.count) segments, \(length) in all.")
        }
        return warnings
    }
}

extension String {
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
