import OTLP

/// Names for stretches of time.
extension TimelineBuilder {
    /// In order of their start; those that start together in the order of the names.
    func phases() -> [Timeline.Phase] {
        var phases: [Timeline.Phase] = []
        if let event = input.event, event.time > 0 {
            phases.append(.init(name: .emitted, start: event.time, end: event.time))
        }
        var published: Set<Int> = []
        for position in executions.indices {
            if let publisher = executions[position].publisher, published.insert(publisher).inserted {
                phases.append(phase(.published, of: publisher, executions[position]))
            }
            phases += self.phases(of: position)
        }
        if published.isEmpty, let producer = producer() {
            phases.append(.init(name: .published, start: spans[producer].start, end: spans[producer].end))
        }
        if phases.count > rules.phases {
            // Of too many the pieces go first: they are drawn span by span anyway.
            let pieces: Set<Timeline.Phase.Name> = [.running, .waiting]
            let whole = phases.filter { !pieces.contains($0.name) }
            phases = Array((whole + phases.filter { pieces.contains($0.name) }).prefix(rules.phases))
        }
        let order = Timeline.Phase.Name.allCases
        phases.sort {
            ($0.start, order.firstIndex(of: $0.name) ?? 0, $0.end, $0.executionID ?? "")
                < ($1.start, order.firstIndex(of: $1.name) ?? 0, $1.end, $1.executionID ?? "")
        }
        return phases
    }

    private func phases(of position: Int) -> [Timeline.Phase] {
        let facts = executions[position]
        let id = facts.input.id
        var phases: [Timeline.Phase] = []
        if let server = facts.server { phases.append(phase(.delivered, of: server, facts)) }
        if let queued = queued(facts) {
            phases.append(.init(name: .queued, start: queued.start, end: queued.end, executionID: id))
        }
        phases += facts.running.map { .init(name: .running, start: $0.start, end: $0.end, executionID: id) }
        phases += facts.waiting.map { .init(name: .waiting, start: $0.start, end: $0.end, executionID: id) }
        if let end = facts.end, facts.hasEnded || facts.quietSince != nil {
            phases.append(.init(name: .done, start: end, end: end, executionID: id))
        }
        return phases
    }

    /// From the delivery's answer to the first task, else to the executor's first step. A call that waits for the
    /// execution answers after it: then from the call's start. Without a delivery from the executor's first step.
    private func queued(_ facts: ExecutionFacts) -> Interval? {
        let executor = facts.executors.first.map { spans[$0].start }
        let worker = facts.workers.first.map { spans[$0].start }
        guard let until = worker ?? executor else { return nil }
        let since: UInt64
        if let server = facts.server {
            since = spans[server].end <= until ? spans[server].end : spans[server].start
        } else {
            since = executor ?? until
        }
        return since < until ? Interval(start: since, end: until) : nil
    }

    private func phase(_ name: Timeline.Phase.Name, of span: Int, _ facts: ExecutionFacts) -> Timeline.Phase {
        .init(name: name, start: spans[span].start, end: spans[span].end, executionID: facts.input.id)
    }

    /// The span that published the event when no delivery was seen to hang under one.
    private func producer() -> Int? {
        let begin = executions.indices.map { first(of: $0) }.min() ?? .max
        return spans.lastIndex { $0.kind == TimelineSpan.producerKind && $0.kestra == .none && $0.start <= begin }
    }
}
