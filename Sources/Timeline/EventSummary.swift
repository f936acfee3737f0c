package import OTLP

/// One line of the list of events. Times are unix nanoseconds.
package struct EventSummary: Sendable, Hashable {
    package var tenant: String
    package var source: String
    package var id: String
    package var type: String
    package var subject: String
    /// The event's own time; 0 if unknown.
    package var time: UInt64
    package var traceID: TraceID?
    /// As in `Timeline.state`.
    package var state: String
    /// Arrival of the first and of the latest that was heard of it.
    package var firstSeen: UInt64
    package var lastSeen: UInt64
    /// From the event's time, or its first span, to its last span.
    package var durationNanos: UInt64
    package var executions: [Execution]
    /// Spans, and those with status ERROR.
    package var spans: Int
    package var errors: Int

    package struct Execution: Sendable, Hashable {
        package var id: String
        package var namespace: String
        package var flow: String
        package var state: String

        package init(id: String, namespace: String, flow: String, state: String) {
            self.id = id
            self.namespace = namespace
            self.flow = flow
            self.state = state
        }
    }

    package init(
        tenant: String, source: String, id: String, type: String, subject: String, time: UInt64, traceID: TraceID?,
        state: String, firstSeen: UInt64, lastSeen: UInt64, durationNanos: UInt64, executions: [Execution], spans: Int,
        errors: Int
    ) {
        self.tenant = tenant
        self.source = source
        self.id = id
        self.type = type
        self.subject = subject
        self.time = time
        self.traceID = traceID
        self.state = state
        self.firstSeen = firstSeen
        self.lastSeen = lastSeen
        self.durationNanos = durationNanos
        self.executions = executions
        self.spans = spans
        self.errors = errors
    }
}

/// The answer of `GET /api/v1/events`.
package struct EventPage: Sendable, Hashable {
    package var events: [EventSummary]
    /// What to ask with for the next page; nil on the last.
    package var nextCursor: String?

    package init(events: [EventSummary], nextCursor: String?) {
        self.events = events
        self.nextCursor = nextCursor
    }

    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.list("events", events) { $0.write(to: &$1) }
        writer.key("nextCursor")
        if let nextCursor { writer.string(nextCursor) } else { writer.null() }
        writer.endObject()
    }

    package var json: [UInt8] {
        var writer = JSONWriter()
        write(to: &writer)
        return writer.bytes
    }

    /// Reads what `json` wrote.
    /// - Throws: `JSONError` if it is not JSON, `AnswerError` if it is not a list of events.
    package init(json: [UInt8]) throws {
        let answer = try AnswerReader.parse(json)
        events = try answer.list("events", EventSummary.init)
        nextCursor = try answer.optionalString("nextCursor")
    }
}

extension EventSummary {
    /// Appends the summary as one JSON object.
    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("tenant", tenant)
        writer.member("source", source)
        writer.member("id", id)
        writer.member("type", type)
        writer.member("subject", subject)
        writer.member("time", optionalTime: time > 0 ? time : nil)
        writer.key("traceId")
        if let traceID { writer.id(traceID) } else { writer.null() }
        writer.member("state", state)
        writer.member("firstSeen", time: firstSeen)
        writer.member("lastSeen", time: lastSeen)
        writer.member("durationNanos", nanoseconds: durationNanos)
        writer.list("executions", executions) { execution, writer in
            writer.beginObject()
            writer.member("id", execution.id)
            writer.member("namespace", execution.namespace)
            writer.member("flow", execution.flow)
            writer.member("state", execution.state)
            writer.endObject()
        }
        writer.member("spans", spans)
        writer.member("errors", errors)
        writer.endObject()
    }

    package var json: [UInt8] {
        var writer = JSONWriter()
        write(to: &writer)
        return writer.bytes
    }

    /// Reads what `json` wrote.
    /// - Throws: `JSONError` if it is not JSON, `AnswerError` if it is not a summary.
    package init(json: [UInt8]) throws { try self.init(AnswerReader.parse(json)) }

    init(_ answer: AnswerReader) throws(AnswerError) {
        tenant = try answer.text("tenant")
        source = try answer.text("source")
        id = try answer.string("id")
        type = try answer.text("type")
        subject = try answer.text("subject")
        time = try answer.optionalTime("time") ?? 0
        traceID = try answer.optionalTraceID("traceId")
        state = try answer.string("state")
        firstSeen = try answer.time("firstSeen")
        lastSeen = try answer.time("lastSeen")
        durationNanos = try answer.nanoseconds("durationNanos")
        executions = try answer.list("executions") { (answer: AnswerReader) throws(AnswerError) in
            Execution(
                id: try answer.string("id"), namespace: try answer.text("namespace"), flow: try answer.text("flow"),
                state: try answer.text("state"))
        }
        spans = try answer.count("spans")
        errors = try answer.count("errors")
    }
}
