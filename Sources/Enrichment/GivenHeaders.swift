import OTLP

/// The headers or the query of a webhook call, as a trigger's variables hold them: by name, in any case, a text or an
/// array of texts each.
struct GivenHeaders {
    private var values: [String: [String]] = [:]

    init(_ json: JSONValue?) {
        for member in (json?.members ?? []).prefix(256) {
            let texts = (member.value.array ?? [member.value]).prefix(4).compactMap(ExecutionRecord.attribute)
            values[member.key.lowercased(), default: []] += texts
        }
    }

    private func text(_ name: String) -> String? { values[name]?.first }

    /// More than one is as good as none (Trace Context level 2, W-7).
    func context(_ name: String) -> Traceparent? { values[name].flatMap { Traceparent(headers: $0) } }

    /// The event of the binary mode: `ce-id`, `ce-source`, …
    var event: ExecutionRecord.Event? {
        guard let id = text("ce-id"), let source = text("ce-source") else { return nil }
        var event = ExecutionRecord.Event(id: id, source: source)
        event.tenantID = text("ce-tenantid")
        event.type = text("ce-type")
        event.subject = text("ce-subject")
        event.time = text("ce-time").flatMap { RFC3339.parse($0) }
        event.context = context("ce-traceparent")
        return event
    }
}
