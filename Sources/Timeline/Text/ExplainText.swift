import OTLP

/// Explanations for a terminal.
package enum ExplainText {
    private static let evidenceLimit = 100
    private static let executionLimit = 200

    /// - Parameters:
    ///   - width: columns, taken as at least 60.
    ///   - color: whether to colour verdicts, with escape sequences.
    ///   - ascii: whether to keep to ASCII.
    package static func render(_ explanation: Explanation, width: Int, color: Bool, ascii: Bool = false) -> String {
        var page = TextPage(width: width, color: color, ascii: ascii)
        add(explanation, to: &page)
        return page.text
    }

    /// The same for all executions of an event or a trace.
    package static func render(_ list: ExplanationList, width: Int, color: Bool, ascii: Bool = false) -> String {
        var page = TextPage(width: width, color: color, ascii: ascii)
        if let event = list.event {
            page.field("event", event.id, ink: .strong)
            page.field("source", event.source)
            page.field("type", event.type)
            page.field("tenant", event.tenant)
            page.field("trace", list.traceID?.hex ?? "none is known")
        } else {
            page.field("trace", list.traceID?.hex ?? "", ink: .strong)
        }
        for explanation in list.executions.prefix(executionLimit) {
            page.add()
            add(explanation, to: &page)
        }
        if list.executions.count > executionLimit {
            page.add("\(page.glyphs.ellipsis) \(list.executions.count - executionLimit) more executions")
        }
        add(notes: list.notes, to: &page)
        return page.text
    }

    private static func add(_ explanation: Explanation, to page: inout TextPage) {
        page.field(
            "execution", explanation.executionID.isEmpty ? "none: spans of a trace" : explanation.executionID,
            ink: .strong)
        page.field("flow", [explanation.namespace, explanation.flow].filter { !$0.isEmpty }.joined(separator: "."))
        page.field("tenant", explanation.tenant)
        if let event = explanation.event {
            page.field("event", "\(event.id) of \(event.source)")
            if event.tenant != explanation.tenant { page.field("", event.tenant.isEmpty ? "" : "tenant \(event.tenant)") }
        }
        page.field("seen in", explanation.traces.prefix(8).map(\.hex).joined(separator: ", "))
        if explanation.traces.count > 8 { page.field("", "and \(explanation.traces.count - 8) more traces") }
        page.field("placed in", explanation.placement.traceID.hex, ink: .strong)
        page.field(
            "by rule",
            explanation.placement.rule.isEmpty ? "none: nothing says where it belongs" : explanation.placement.rule)
        if !explanation.summary.isEmpty {
            page.add()
            page.paragraph(explanation.summary, first: "", indent: 0)
        }
        page.heading("evidence")
        if explanation.evidence.isEmpty { page.add("  none was seen") }
        for seen in explanation.evidence.prefix(evidenceLimit) {
            page.paragraph("\(seen.item.kind) \(seen.item.value)", first: "  \(seen.outcome.verdict.rawValue)", indent: 8)
            page.paragraph(
                "from \(seen.item.from), seen at \(ClockText.moment(seen.item.seenAt))", first: "", indent: 8)
            if !seen.why.isEmpty { page.paragraph(seen.why, first: "", indent: 8) }
        }
        if explanation.evidence.count > evidenceLimit {
            page.add("  \(page.glyphs.ellipsis) \(explanation.evidence.count - evidenceLimit) more")
        }
        if !explanation.missing.isEmpty {
            page.heading("what would join it")
            for missing in explanation.missing.prefix(20) {
                page.paragraph(missing.how, first: "  -", indent: 4)
                page.paragraph(missing.see, first: "", indent: 4)
            }
        }
        add(notes: explanation.notes, to: &page)
    }

    private static func add(notes: [String], to page: inout TextPage) {
        guard !notes.isEmpty else { return }
        page.heading("notes")
        for note in notes.prefix(50) { page.paragraph(note, first: "  -", indent: 4) }
    }
}
