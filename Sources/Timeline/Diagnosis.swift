import OTLP

/// The answer of `GET /api/v1/doctor`, as far as it is shown to a person.
package struct Diagnosis: Sendable, Hashable {
    package var findings: [Finding]
    /// Codes of what was looked for and is fine.
    package var checked: [String]
    package var unjudged: [Unjudged]
    /// Unix nanoseconds.
    package var since: UInt64
    package var spans: Int

    package struct Finding: Sendable, Hashable {
        package var code: String
        /// `problem`, `warning` or `remark`.
        package var severity: String
        package var title: String
        package var explanation: String
        package var evidence: [Case]
        package var remedies: [Remedy]
        package var docs: String
        /// Unix nanoseconds.
        package var firstSeen: UInt64
        package var lastSeen: UInt64
        package var count: Int
        /// Of how many; nil if that means nothing.
        package var total: Int?
    }

    package struct Case: Sendable, Hashable {
        package var what: String
        /// What it happened to: names with ids, in the order in which they are shown.
        package var names: [String]
        /// Unix nanoseconds.
        package var seenAt: UInt64
    }

    package struct Remedy: Sendable, Hashable {
        /// `kestra`, `portarium`, `collector`, `spanbridge` or `sender`.
        package var place: String
        package var setting: String
        package var example: String
    }

    /// What cannot be told yet.
    package struct Unjudged: Sendable, Hashable {
        package var code: String
        package var why: String
    }
}

extension Diagnosis {
    /// Reads the API's answer.
    /// - Throws: `JSONError` if it is not JSON, `AnswerError` if it is no diagnosis.
    package init(json: [UInt8]) throws {
        let answer = try AnswerReader.parse(json)
        findings = try answer.list("findings") { (answer: AnswerReader) throws(AnswerError) in try Finding(answer) }
        checked = try answer.strings("checked")
        unjudged = try answer.list("unjudged") { (answer: AnswerReader) throws(AnswerError) in
            Unjudged(code: try answer.string("code"), why: try answer.text("why"))
        }
        since = try answer.time("since")
        spans = try answer.count("spans")
    }
}

extension Diagnosis.Finding {
    fileprivate init(_ answer: AnswerReader) throws(AnswerError) {
        code = try answer.string("code")
        severity = try answer.string("severity")
        title = try answer.string("title")
        explanation = try answer.text("explanation")
        evidence = try answer.list("evidence") { (answer: AnswerReader) throws(AnswerError) in
            var names: [String] = []
            for (key, label) in [
                ("eventId", "event"), ("executionId", "execution"), ("traceId", "trace"), ("spanId", "span"),
            ] {
                if let id = try answer.optionalString(key) { names.append("\(label) \(id)") }
            }
            return Diagnosis.Case(what: try answer.string("what"), names: names, seenAt: try answer.time("seenAt"))
        }
        remedies = try answer.list("remedies") { (answer: AnswerReader) throws(AnswerError) in
            Diagnosis.Remedy(
                place: try answer.string("where"), setting: try answer.string("setting"),
                example: try answer.text("example"))
        }
        docs = try answer.text("docs")
        firstSeen = try answer.time("firstSeen")
        lastSeen = try answer.time("lastSeen")
        count = try answer.count("count")
        total = answer.value["of"]?.integer.flatMap { Int(exactly: $0) }
    }
}
