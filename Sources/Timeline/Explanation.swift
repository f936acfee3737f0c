package import OTLP

/// The answer of `GET /api/v1/executions/{id}/explain`: why an execution is where it is.
package struct Explanation: Sendable, Hashable {
    package var executionID: String
    package var tenant: String
    package var namespace: String
    package var flow: String
    /// The traces its spans arrived in.
    package var traces: [TraceID]
    package var placement: Placement
    /// Everything that was seen, in the order of arrival.
    package var evidence: [Seen]
    /// In words, for a person.
    package var notes: [String]

    /// Where its spans are exported.
    package struct Placement: Sendable, Hashable {
        package var traceID: TraceID
        package var rule: String

        package init(traceID: TraceID, rule: String) {
            self.traceID = traceID
            self.rule = rule
        }
    }

    /// What became of a piece of evidence.
    package enum Verdict: String, Sendable, CaseIterable {
        /// It decided the placement.
        case won
        /// Stronger evidence said something else.
        case lost
        /// It made a link or agreed, but did not decide.
        case used
    }

    /// One piece of evidence, judged.
    package struct Seen: Sendable, Hashable {
        package var item: EvidenceItem
        package var verdict: Verdict
        package var why: String

        package init(item: EvidenceItem, verdict: Verdict, why: String) {
            self.item = item
            self.verdict = verdict
            self.why = why
        }
    }

    package init(
        executionID: String, tenant: String, namespace: String, flow: String, traces: [TraceID], placement: Placement,
        evidence: [Seen], notes: [String]
    ) {
        self.executionID = executionID
        self.tenant = tenant
        self.namespace = namespace
        self.flow = flow
        self.traces = traces
        self.placement = placement
        self.evidence = evidence
        self.notes = notes
    }
}

extension Explanation {
    /// Appends the explanation as one JSON object.
    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("executionId", executionID)
        writer.member("tenant", tenant)
        writer.member("namespace", namespace)
        writer.member("flow", flow)
        writer.list("traces", traces: traces)
        writer.key("placement")
        writer.beginObject()
        writer.member("traceId", placement.traceID)
        writer.member("rule", placement.rule)
        writer.endObject()
        writer.list("evidence", evidence) { seen, writer in
            writer.beginObject()
            writer.member("kind", seen.item.kind)
            writer.member("value", seen.item.value)
            writer.member("seenAt", time: seen.item.seenAt)
            writer.member("from", seen.item.from)
            writer.member("verdict", seen.verdict.rawValue)
            writer.member("why", seen.why)
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
        let answer = try AnswerReader.parse(json)
        executionID = try answer.string("executionId")
        tenant = try answer.text("tenant")
        namespace = try answer.text("namespace")
        flow = try answer.text("flow")
        traces = try answer.traceIDs("traces")
        placement = try answer.object("placement") { (answer: AnswerReader) throws(AnswerError) in
            Placement(traceID: try answer.traceID("traceId"), rule: try answer.text("rule"))
        }
        evidence = try answer.list("evidence") { (answer: AnswerReader) throws(AnswerError) in
            Seen(
                item: try EvidenceItem(answer), verdict: try answer.name("verdict", "won, lost or used"),
                why: try answer.text("why"))
        }
        notes = try answer.strings("notes")
    }
}
