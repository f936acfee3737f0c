package import OTLP

/// The answer of `GET /api/v1/events/{id}/timeline` and `GET /api/v1/executions/{id}/timeline`: times as RFC 3339 with
/// nanoseconds, durations in nanoseconds, ids as hex.
extension Timeline {
    /// Appends the timeline as one JSON object.
    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("event")
        if let event { event.write(to: &writer) } else { writer.null() }
        writer.member("traceId", traceID)
        writer.member("state", state)
        writer.member("stateFrom", stateFrom)
        writer.member("quietSince", optionalTime: quietSince)
        writer.member("start", time: start)
        writer.member("end", time: end)
        writer.member("durationNanos", nanoseconds: durationNanos)
        writer.list("phases", phases) { $0.write(to: &$1) }
        writer.list("executions", executions) { $0.write(to: &$1) }
        writer.list("links", links) { $0.write(to: &$1) }
        writer.list("criticalPath", criticalPath) { $0.write(to: &$1) }
        writer.list("warnings", strings: warnings)
        writer.member("complete", complete)
        writer.list("waterfall", waterfall) { $0.write(to: &$1) }
        writer.endObject()
    }

    package var json: [UInt8] {
        var writer = JSONWriter()
        write(to: &writer)
        return writer.bytes
    }

    /// Reads what `json` wrote.
    /// - Throws: `JSONError` if it is not JSON, `AnswerError` if it is not a timeline.
    package init(json: [UInt8]) throws {
        let answer = try AnswerReader.parse(json)
        event = try answer.optionalObject("event", TimelineEvent.init)
        traceID = try answer.traceID("traceId")
        state = try answer.string("state")
        stateFrom = try answer.text("stateFrom")
        quietSince = try answer.optionalTime("quietSince")
        start = try answer.time("start")
        end = try answer.time("end")
        phases = try answer.list("phases", Phase.init)
        executions = try answer.list("executions", Execution.init)
        links = try answer.list("links", Link.init)
        criticalPath = try answer.list("criticalPath", PathStep.init)
        warnings = try answer.strings("warnings")
        complete = try answer.bool("complete")
        waterfall = try answer.list("waterfall", WaterfallRow.init)
    }
}

extension TimelineEvent {
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("tenant", tenant)
        writer.member("source", source)
        writer.member("id", id)
        writer.member("type", type)
        writer.member("subject", subject)
        writer.member("time", optionalTime: time > 0 ? time : nil)
        writer.member("traceparent", traceparent)
        writer.endObject()
    }

    init(_ answer: AnswerReader) throws(AnswerError) {
        tenant = try answer.text("tenant")
        source = try answer.text("source")
        id = try answer.string("id")
        type = try answer.text("type")
        subject = try answer.text("subject")
        time = try answer.optionalTime("time") ?? 0
        traceparent = try answer.text("traceparent")
    }
}

extension Timeline.Phase {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("name", name.rawValue)
        writer.member("start", time: start)
        writer.member("end", time: end)
        writer.member("executionId", optional: executionID)
        writer.endObject()
    }

    fileprivate init(_ answer: AnswerReader) throws(AnswerError) {
        name = try answer.name("name", "the name of a phase")
        start = try answer.time("start")
        end = try answer.time("end")
        executionID = try answer.optionalString("executionId")
    }
}

extension Timeline.Execution {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("id", id)
        writer.member("namespace", namespace)
        writer.member("flow", flow)
        writer.member("relation", relation.rawValue)
        writer.member("state", state)
        writer.member("stateFrom", stateFrom)
        writer.member("quietSince", optionalTime: quietSince)
        writer.member("start", optionalTime: start)
        writer.member("end", optionalTime: end)
        writer.member("traceId", traceID)
        writer.list("originalTraceIds", traces: originalTraceIDs)
        writer.key("binding")
        writer.beginObject()
        writer.member("rule", binding.rule)
        writer.list("evidence", binding.evidence) { $0.write(to: &$1) }
        writer.endObject()
        writer.list("segments", segments) { $0.write(to: &$1) }
        writer.list("history", history) { change, writer in
            writer.beginObject()
            writer.member("state", change.state)
            writer.member("at", time: change.at)
            writer.endObject()
        }
        writer.list("taskRuns", taskRuns) { $0.write(to: &$1) }
        writer.member("executorSteps", executorSteps)
        writer.list("children", children) { $0.write(to: &$1) }
        writer.endObject()
    }

    fileprivate init(_ answer: AnswerReader) throws(AnswerError) {
        id = try answer.string("id")
        namespace = try answer.text("namespace")
        flow = try answer.text("flow")
        relation = try answer.name("relation", "the name of a relation")
        state = try answer.string("state")
        stateFrom = try answer.text("stateFrom")
        quietSince = try answer.optionalTime("quietSince")
        start = try answer.optionalTime("start")
        end = try answer.optionalTime("end")
        traceID = try answer.traceID("traceId")
        originalTraceIDs = try answer.traceIDs("originalTraceIds")
        binding = try answer.object("binding") { (answer: AnswerReader) throws(AnswerError) in
            Timeline.Binding(rule: try answer.text("rule"), evidence: try answer.list("evidence", EvidenceItem.init))
        }
        segments = try answer.list("segments", Timeline.Segment.init)
        history = try answer.list("history") { (answer: AnswerReader) throws(AnswerError) in
            Timeline.StateChange(state: try answer.text("state"), at: try answer.time("at"))
        }
        taskRuns = try answer.list("taskRuns", Timeline.TaskRun.init)
        executorSteps = try answer.count("executorSteps")
        children = try answer.list("children", Timeline.Execution.init)
    }
}

extension EvidenceItem {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("kind", kind)
        writer.member("value", value)
        writer.member("seenAt", time: seenAt)
        writer.member("from", from)
        writer.endObject()
    }

    init(_ answer: AnswerReader) throws(AnswerError) {
        kind = try answer.string("kind")
        value = try answer.text("value")
        seenAt = try answer.time("seenAt")
        from = try answer.text("from")
    }
}

extension Timeline.Segment {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("start", time: start)
        writer.member("end", time: end)
        writer.member("spans", spans)
        writer.endObject()
    }

    fileprivate init(_ answer: AnswerReader) throws(AnswerError) {
        start = try answer.time("start")
        end = try answer.time("end")
        spans = try answer.count("spans")
    }
}

extension Timeline.TaskRun {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("id", id)
        writer.member("taskId", taskID)
        writer.member("type", type)
        writer.member("value", value)
        writer.member("state", state)
        writer.member("stateFrom", stateFrom)
        writer.list("attempts", attempts) { attempt, writer in
            writer.beginObject()
            writer.member("start", time: attempt.start)
            writer.member("end", time: attempt.end)
            writer.member("status", attempt.status)
            writer.member("state", attempt.state)
            writer.member("from", attempt.from)
            writer.endObject()
        }
        writer.endObject()
    }

    fileprivate init(_ answer: AnswerReader) throws(AnswerError) {
        id = try answer.text("id")
        taskID = try answer.text("taskId")
        type = try answer.text("type")
        value = try answer.text("value")
        state = try answer.text("state")
        stateFrom = try answer.text("stateFrom")
        attempts = try answer.list("attempts") { (answer: AnswerReader) throws(AnswerError) in
            Timeline.Attempt(
                start: try answer.time("start"), end: try answer.time("end"), status: try answer.string("status"),
                state: try answer.text("state"), from: try answer.text("from"))
        }
    }
}

extension Timeline.Link {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("traceId", traceID)
        writer.member("executionId", optional: executionID)
        writer.member("relation", relation)
        writer.endObject()
    }

    fileprivate init(_ answer: AnswerReader) throws(AnswerError) {
        traceID = try answer.traceID("traceId")
        executionID = try answer.optionalString("executionId")
        relation = try answer.text("relation")
    }
}

extension Timeline.PathStep {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("name", name)
        writer.member("traceId", traceID)
        writer.member("spanId", spanID)
        writer.member("executionId", optional: executionID)
        writer.member("start", time: start)
        writer.member("end", time: end)
        writer.member("durationNanos", nanoseconds: end.since(start))
        writer.endObject()
    }

    fileprivate init(_ answer: AnswerReader) throws(AnswerError) {
        name = try answer.text("name")
        traceID = try answer.traceID("traceId")
        spanID = try answer.spanID("spanId")
        executionID = try answer.optionalString("executionId")
        start = try answer.time("start")
        end = try answer.time("end")
    }
}

extension WaterfallRow {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("kind", kind.rawValue)
        writer.member("depth", depth)
        writer.member("name", name)
        writer.member("detail", detail)
        writer.member("origin", origin.name)
        writer.member("role", origin.roleName)
        writer.member("service", service)
        writer.member("start", time: start)
        writer.member("end", time: end)
        writer.member("durationNanos", nanoseconds: end.since(start))
        writer.member("busyNanos", nanoseconds: busyNanos)
        writer.member("count", count)
        writer.member("error", hasError)
        if let spanID { writer.member("spanId", spanID) }
        writer.member("executionId", optional: executionID)
        writer.endObject()
    }

    fileprivate init(_ answer: AnswerReader) throws(AnswerError) {
        kind = try answer.name("kind", "the kind of a row")
        depth = try answer.count("depth")
        name = try answer.text("name")
        detail = try answer.text("detail")
        origin = TimelineOrigin(name: try answer.text("origin"), roleName: try answer.optionalString("role"))
        service = try answer.text("service")
        start = try answer.time("start")
        end = try answer.time("end")
        busyNanos = try answer.nanoseconds("busyNanos")
        count = try answer.count("count")
        hasError = try answer.bool("error")
        spanID = try answer.optionalSpanID("spanId")
        executionID = try answer.optionalString("executionId")
    }
}
