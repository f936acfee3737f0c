import OTLP

// What Kestra's own records tell about executions. They are asked for by `CorrelatorAction.askAbout`; who asks, and how,
// is not known here.
extension Correlator {
    /// Takes in what Kestra's record of an execution tells.
    package func receive(_ report: ReportedExecution, record: UInt64, now: UInt64) {
        lastRecord = max(lastRecord, record)
        let named = executionsNamed(report.executionID, tenant: report.tenant, owner: "", now: now)
        for execution in named {
            learn(report, of: execution, record: record, now: now)
            // Which of several has come into that state is not known.
            if named.count == 1 { learnState(report, of: execution, now: now) }
        }
        finish(now: now)
    }

    private func learn(_ report: ReportedExecution, of execution: Execution, record: UInt64, now: UInt64) {
        if execution.namespace.isEmpty { execution.namespace = report.namespace }
        if execution.flow.isEmpty { execution.flow = report.flow }
        learnPlace(report, of: execution, record: record, now: now)
        learnRelatives(report, of: execution, now: now)
        mark(execution)
    }

    /// Asks, once, about executions of which nothing tells where they belong.
    func askAbout(_ found: [Execution]) {
        guard settings.asksAboutExecutions, !isReplaying else { return }
        for execution in found where !execution.isAskedFor && !home(of: execution).isDecided {
            execution.isAskedFor = true
            act(.askAbout(execution: execution.id))
        }
    }

    private func learnPlace(
        _ report: ReportedExecution, of execution: Execution, record: UInt64, now: UInt64
    ) {
        if let named = report.event {
            let event = event(for: named.key, now: now)
            event.lastSeen = now
            if event.type.isEmpty { event.type = named.type }
            if event.subject.isEmpty { event.subject = named.subject }
            if event.time == 0 { event.time = named.time ?? 0 }
            if let context = named.context.map(TraceContext.init) { place(event, at: context) }
            mark(event)
            note(.reportedEvent, .text(named.key.id), from: .kestraAPI, on: execution, now: now)
            add(Claim(basis: .reportedEvent, event: event), to: execution, record: record)
        }
        // A header that Kestra followed is no news: the spans are where it led.
        let isFollowed = report.callerContext?.traceID == report.nativeContext?.traceID
        for context in [report.inputContext, isFollowed ? nil : report.callerContext].compactMap({ $0 }) {
            let context = TraceContext(context)
            note(.reportedContext, .context(context), from: .kestraAPI, on: execution, now: now)
            add(Claim(basis: .reportedContext, context: context), to: execution, record: record)
        }
    }

    private func learnRelatives(_ report: ReportedExecution, of execution: Execution, now: UInt64) {
        func relative(_ id: String) -> Execution? {
            let named = executionsNamed(id, tenant: execution.tenant, owner: execution.owner, now: now)
            return named.count == 1 ? named[0] : nil
        }
        if let starter = report.startedBy.flatMap(relative) {
            start(execution, by: starter, from: .kestraAPI, now: now)
        }
        if let trigger = report.triggeredBy, trigger != execution.id, let other = relative(trigger) {
            note(.triggeredBy, .text(other.id), from: .kestraAPI, on: execution, now: now)
            note(.triggers, .text(execution.id), from: .kestraAPI, on: other, now: now)
            exportSpanAgain(execution)
            exportSpanAgain(other)
        }
    }

    /// Times and state: the later state counts, by when Kestra says that it began and not by when it was told.
    private func learnState(_ report: ReportedExecution, of execution: Execution, now: UInt64) {
        if let started = report.started {
            execution.start = execution.start == 0 ? started : min(execution.start, started)
        }
        let isFinal = ExecutionState.isFinal(report.state)
        if isFinal, let ended = report.ended { execution.end = max(execution.end, ended) }
        guard !report.state.isEmpty, isNews(report, about: execution) else { return }
        execution.stateAt = report.stateAt ?? 0
        guard report.state != execution.state else { return }
        execution.state = report.state
        execution.evidence.removeAll { $0.kind == .reportedState }
        note(.reportedState, .text(report.state), from: .kestraAPI, on: execution, now: now)
        guard isFinal else { return }
        // Due anew, since an end shortens the wait.
        execution.spanIsDue = false
        makeSpanDue(execution, now: now)
    }

    /// Whether a report tells a later state than what is known.
    private func isNews(_ report: ReportedExecution, about execution: Execution) -> Bool {
        guard let at = report.stateAt, execution.stateAt > 0 else {
            return ExecutionState.isFinal(report.state) || !execution.hasEnded
        }
        let isReported = execution.evidence.contains { $0.kind == .reportedState && $0.value == .text(execution.state) }
        // When a call told the state, only its arrival is known: by another clock, and later than what it tells.
        if !isReported, !execution.hasEnded, ExecutionState.isFinal(report.state) { return true }
        return at > execution.stateAt
    }
}
