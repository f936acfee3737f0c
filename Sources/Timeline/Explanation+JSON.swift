package import OTLP

extension Explanation {
    /// Appends the explanation as one JSON object.
    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("executionId", executionID)
        writer.member("tenant", tenant)
        writer.member("namespace", namespace)
        writer.member("flow", flow)
        writer.key("event")
        if let event {
            writer.beginObject()
            writer.member("tenant", event.tenant)
            writer.member("source", event.source)
            writer.member("id", event.id)
            writer.endObject()
        } else {
            writer.null()
        }
        writer.list("traces", traces: traces)
        writer.key("placement")
        writer.beginObject()
        writer.member("traceId", placement.traceID)
        writer.member("rule", placement.rule)
        writer.endObject()
        writer.member("joined", isJoined)
        writer.member("summary", summary)
        writer.list("evidence", evidence) { seen, writer in
            writer.beginObject()
            writer.member("kind", seen.item.kind)
            writer.member("value", seen.item.value)
            writer.member("seenAt", time: seen.item.seenAt)
            writer.member("from", seen.item.from)
            writer.member("rule", seen.rule)
            writer.key("traceId")
            if let traceID = seen.traceID { writer.id(traceID) } else { writer.null() }
            writer.member("verdict", seen.outcome.verdict.rawValue)
            writer.member("outcome", seen.outcome.rawValue)
            writer.member("why", seen.why)
            writer.endObject()
        }
        writer.list("missing", missing) { missing, writer in
            writer.beginObject()
            writer.member("evidence", missing.evidence)
            writer.member("how", missing.how)
            writer.member("see", missing.see)
            writer.endObject()
        }
        writer.list("notes", strings: notes)
        writer.endObject()
    }

    package var json: [UInt8] {
        var writer = JSONWriter()
        write(to: &writer)
        return writer.bytes
    }

    /// Reads what `json` wrote.
    /// - Throws: `JSONError` if it is not JSON, `AnswerError` if it is not an explanation.
    package init(json: [UInt8]) throws {
        self = try Explanation(try AnswerReader.parse(json))
    }

    fileprivate init(_ answer: AnswerReader) throws(AnswerError) {
        executionID = try answer.text("executionId")
        tenant = try answer.text("tenant")
        namespace = try answer.text("namespace")
        flow = try answer.text("flow")
        event = try answer.optionalObject("event") { (answer: AnswerReader) throws(AnswerError) in
            EventName(
                tenant: try answer.text("tenant"), source: try answer.text("source"), id: try answer.string("id"))
        }
        traces = try answer.traceIDs("traces")
        placement = try answer.object("placement") { (answer: AnswerReader) throws(AnswerError) in
            Placement(traceID: try answer.traceID("traceId"), rule: try answer.text("rule"))
        }
        isJoined = try answer.bool("joined")
        summary = try answer.text("summary")
        evidence = try answer.list("evidence") { (answer: AnswerReader) throws(AnswerError) in
            Seen(
                item: try EvidenceItem(answer), rule: try answer.text("rule"),
                traceID: try answer.optionalTraceID("traceId"),
                outcome: try answer.name("outcome", "the name of an outcome"), why: try answer.text("why"))
        }
        missing = try answer.list("missing") { (answer: AnswerReader) throws(AnswerError) in
            Missing(
                evidence: try answer.text("evidence"), how: try answer.text("how"), see: try answer.text("see"))
        }
        notes = try answer.strings("notes")
    }
}

extension ExplanationList {
    /// Appends the list as one JSON object.
    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("event")
        if let event { event.write(to: &writer) } else { writer.null() }
        writer.key("traceId")
        if let traceID { writer.id(traceID) } else { writer.null() }
        writer.list("executions", executions) { $0.write(to: &$1) }
        writer.list("notes", strings: notes)
        writer.endObject()
    }

    package var json: [UInt8] {
        var writer = JSONWriter()
        write(to: &writer)
        return writer.bytes
    }

    /// Reads what `json` wrote.
    /// - Throws: `JSONError` if it is not JSON, `AnswerError` if it is not a list of explanations.
    package init(json: [UInt8]) throws {
        let answer = try AnswerReader.parse(json)
        event = try answer.optionalObject("event", TimelineEvent.init)
        traceID = try answer.optionalTraceID("traceId")
        executions = try answer.list("executions") { (answer: AnswerReader) throws(AnswerError) in
            try Explanation(answer)
        }
        notes = try answer.strings("notes")
    }
}
