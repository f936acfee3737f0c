import OTLP

extension Correlator {
    /// Takes a batch of spans in. Each of its spans leaves by exactly one release, now or later.
    package func receive(_ batch: SpanBatch, now: UInt64) {
        lastRecord = max(lastRecord, batch.record)
        let executions = learn(from: batch, now: now)
        arriving = batch.record
        settle(now: now)
        arriving = nil
        dispatch(batch, executions: executions, now: now)
        askAbout(executions)
        releaseDependents(now: now)
        forgetBeyondLimits()
    }

    /// Reads what the batch tells about traces, executions and events; returns the execution of each entry of
    /// `index.executions`.
    private func learn(from batch: SpanBatch, now: UInt64) -> [Execution] {
        let index = batch.index
        let found = index.executions.map { entry in
            let execution = execution(batch.text(entry.id), now: now)
            // A record that is read again after a restart has been counted.
            execution.isCounting = batch.record > execution.lastRecord
            // It is read again because it, or the execution's span that is owed to it, was not delivered.
            if !execution.isCounting, !isReplaying { execution.exportedSpan = nil }
            execution.lastRecord = max(execution.lastRecord, batch.record)
            if execution.namespace.isEmpty { execution.namespace = batch.text(entry.namespace) }
            if execution.flow.isEmpty { execution.flow = batch.text(entry.flow) }
            if execution.tenant.isEmpty { execution.tenant = batch.text(entry.tenant) }
            return execution
        }
        guard !found.isEmpty || !index.evidence.isEmpty || index.scopes.contains(where: { $0.origin == .kestra })
        else { return found }

        var cached: TraceState?
        for position in index.spans.indices {
            let span = index.spans[position]
            guard span.execution >= 0 || span.kestra != .none else {
                if !span.evidence.isEmpty { learnFromOtherSpan(batch, span, now: now) }
                continue
            }
            let trace: TraceState
            if let last = cached, last.id == span.traceID {
                trace = last
            } else {
                trace = traceState(span.traceID, now: now)
                cached = trace
            }
            trace.lastSeen = now
            if span.kestra == .server {
                learnFromServer(batch, span, in: trace, now: now)
            }
            if span.execution >= 0 {
                learnFromTask(span, of: found[Int(span.execution)], in: trace, now: now)
            }
        }
        return found
    }

    /// An EXECUTOR or WORKER span, or any other span with an execution id.
    private func learnFromTask(_ span: SpanEntry, of execution: Execution, in trace: TraceState, now: UInt64) {
        if !trace.executions.contains(where: { $0 === execution }) {
            relate(execution, to: trace)
        }
        if execution.firstSeen == 0 { execution.firstSeen = now }
        execution.lastSeen = now
        if execution.isCounting {
            execution.spanCount += 1
            if span.status == 2 { execution.errorCount += 1 }
        }
        execution.start = execution.start == 0 ? span.start : min(execution.start, span.start)
        execution.end = max(execution.end, span.end)
        mark(execution)
        makeSpanDue(execution, now: now)

        guard span.kestra != .none else { return }
        if span.parentSpanID.isZero {
            if !execution.isFragmented {
                execution.isFragmented = true
                execution.entryParent = SpanID.none
                touch(execution)
            }
            if trace.fragmentOwner == nil {
                trace.fragmentOwner = execution
                trace.tellExecutions()
                touch(trace)
            }
        } else if span.kestra == .executor, !span.startsExecutions, execution.entryParent == nil {
            execution.entryParent = span.parentSpanID
            linkToEntry(execution, in: trace, now: now)
        }
        if span.startsExecutions, trace.starters.count < settings.relationLimit, !trace.starters.contains(where: { $0.span == span.spanID }) {
            trace.starters.append((span.spanID, execution))
            mark(trace)
            for child in trace.executions where child.entryParent == span.spanID {
                start(child, by: execution, from: "span \(span.spanID.hex)", now: now)
            }
        }
    }

    private func relate(_ execution: Execution, to trace: TraceState) {
        guard trace.executions.count < settings.relationLimit,
            execution.traces.count < settings.tracesOfExecutionLimit
        else {
            counters.relationsCut += 1
            // One trace it needs at least, to know where its own span belongs.
            if execution.traces.isEmpty { execution.traces.append(trace) }
            return
        }
        execution.traces.append(trace)
        trace.executions.append(execution)
        trace.tellExecutions()
        // With its second trace an execution may need a derived id, and a native one takes the others along.
        if execution.traces.count == 2 || trace.isNative == true { touch(execution) } else { touch(trace) }
    }

    /// Connects an execution with the span that its spans hang under, if that was seen already.
    private func linkToEntry(_ execution: Execution, in trace: TraceState, now: UInt64) {
        guard let parent = execution.entryParent else { return }
        if let server = trace.servers.first(where: { $0.id == parent }) {
            learn(server, of: execution, in: trace, now: now)
        }
        if let starter = trace.starters.first(where: { $0.span == parent }) {
            start(execution, by: starter.execution, from: "span \(parent.hex)", now: now)
        }
        touch(trace)
    }

    /// Learns that one execution was started by another; a circle is not believed.
    func start(_ child: Execution, by parent: Execution, from: String, now: UInt64) {
        guard child.startedBy == nil, !parent.descends(from: child) else { return }
        child.startedBy = parent
        note(.startedBy, parent.id, from: from, on: child, now: now)
        touch(child)
    }

    /// A SERVER span: the sign whether the caller's context reached Kestra.
    private func learnFromServer(_ batch: SpanBatch, _ span: SpanEntry, in trace: TraceState, now: UInt64) {
        guard !trace.servers.contains(where: { $0.id == span.spanID }) else { return }
        var server = ServerSpan(id: span.spanID, parent: span.parentSpanID)
        let facts = OriginFacts(batch, span)
        if let id = facts.eventID, let source = facts.eventSource {
            server.event = EventKey(tenant: facts.eventTenant ?? "", source: source, id: id)
        }
        server.context = facts.traceparent
        server.called = facts.calledExecution
        if span.parentSpanID.isZero {
            trace.hasRootServer = true
        } else {
            trace.hasCalledServer = true
        }
        trace.tellExecutions()
        if trace.servers.count < 64 { trace.servers.append(server) }
        for execution in trace.executions where execution.entryParent == span.spanID {
            learn(server, of: execution, in: trace, now: now)
        }
        if let called = facts.calledExecution {
            let execution = execution(called, now: now)
            let context = TraceContext(traceID: span.traceID, spanID: span.spanID)
            if !execution.calls.contains(context), execution.calls.count < 16 {
                execution.calls.append(context)
                mark(execution)
                note(.call, span.traceID.hex, from: "span \(span.spanID.hex)", on: execution, now: now)
                exportSpanAgain(execution)
            }
        }
        touch(trace)
    }

    /// What the SERVER span of an execution says about it.
    private func learn(_ server: ServerSpan, of execution: Execution, in trace: TraceState, now: UInt64) {
        let from = "span \(server.id.hex)"
        if server.parent.isZero {
            note(.noHeader, trace.id.hex, from: from, on: execution, now: now)
        } else {
            note(.header, "\(trace.id.hex)-\(server.parent.hex)", from: from, on: execution, now: now)
        }
        if let key = server.event, let event = event(for: key, now: now) {
            note(.eventOnServer, key.id, from: from, on: execution, now: now)
            add(Claim(basis: .eventOnServer, event: event), to: execution)
        }
        if let context = server.context {
            note(.contextOnServer, context.text, from: from, on: execution, now: now)
            add(Claim(basis: .contextOnServer, context: context), to: execution)
        }
    }

    /// A span of another system with evidence on it: the span that published an event, or names an execution.
    private func learnFromOtherSpan(_ batch: SpanBatch, _ span: SpanEntry, now: UInt64) {
        let facts = OriginFacts(batch, span)
        let context = TraceContext(traceID: span.traceID, spanID: span.spanID)
        if let id = facts.eventID, let source = facts.eventSource,
            let event = event(for: EventKey(tenant: facts.eventTenant ?? "", source: source, id: id), now: now)
        {
            if event.type.isEmpty, let type = facts.eventType {
                event.type = type
                mark(event)
            }
            publish(event, by: context, isProducer: span.kind == 4)
        }
        if let claimed = facts.claimedExecution {
            let execution = execution(claimed, now: now)
            note(.claimedBySpan, span.traceID.hex, from: "span \(span.spanID.hex)", on: execution, now: now)
            add(Claim(basis: .span, context: context), to: execution)
        }
    }
}

extension SpanBatch {
    /// The text of a range, as UTF-8 with replacement of what is not.
    func text(_ range: ByteRange) -> String {
        String(decoding: payload[range.indices], as: UTF8.self)
    }
}

extension TraceContext {
    /// `<trace id>-<span id>` in hex.
    package var text: String { "\(traceID.hex)-\(spanID.hex)" }

    init(_ traceparent: Traceparent) {
        self.init(traceID: traceparent.traceID, spanID: traceparent.parentID)
    }
}
