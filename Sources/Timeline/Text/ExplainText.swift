import OTLP

/// An explanation for a terminal.
package enum ExplainText {
    private static let evidenceLimit = 100

    /// - Parameters:
    ///   - width: columns, taken as at least 60.
    ///   - color: whether to colour verdicts, with escape sequences.
    ///   - ascii: whether to keep to ASCII.
    package static func render(_ explanation: Explanation, width: Int, color: Bool, ascii: Bool = false) -> String {
        var page = TextPage(width: width, color: color, ascii: ascii)
        page.field("execution", explanation.executionID, ink: .strong)
        page.field("flow", [explanation.namespace, explanation.flow].filter { !$0.isEmpty }.joined(separator: "."))
        page.field("tenant", explanation.tenant)
        page.field("seen in", explanation.traces.prefix(8).map(\.hex).joined(separator: ", "))
        if explanation.traces.count > 8 { page.field("", "and \(explanation.traces.count - 8) more traces") }
        page.field("placed in", explanation.placement.traceID.hex, ink: .strong)
        page.field(
            "by rule",
            explanation.placement.rule.isEmpty ? "none: nothing says where it belongs" : explanation.placement.rule)
        page.heading("evidence")
        if explanation.evidence.isEmpty { page.add("  none was seen") }
        for seen in explanation.evidence.prefix(evidenceLimit) {
            page.paragraph("\(seen.item.kind) \(seen.item.value)", first: "  \(seen.verdict.rawValue)", indent: 8)
            page.paragraph(
                "from \(seen.item.from), seen at \(ClockText.moment(seen.item.seenAt))", first: "", indent: 8)
            if !seen.why.isEmpty { page.paragraph(seen.why, first: "", indent: 8) }
        }
        if explanation.evidence.count > evidenceLimit {
            page.add("  \(page.glyphs.ellipsis) \(explanation.evidence.count - evidenceLimit) more")
        }
        if !explanation.notes.isEmpty {
            page.heading("notes")
            for note in explanation.notes.prefix(50) { page.paragraph(note, first: "  -", indent: 4) }
        }
        return page.text
    }
}
