import OTLP

/// A diagnosis for a terminal.
package enum DiagnosisText {
    private static let findingLimit = 100

    /// - Parameters:
    ///   - width: columns, taken as at least 60.
    ///   - color: whether to colour findings, with escape sequences.
    ///   - ascii: whether to keep to ASCII.
    package static func render(_ diagnosis: Diagnosis, width: Int, color: Bool, ascii: Bool = false) -> String {
        var page = TextPage(width: width, color: color, ascii: ascii)
        let extent = "\(counted(diagnosis.spans, "span")) since \(ClockText.second(diagnosis.since)) UTC"
        if diagnosis.findings.isEmpty {
            page.add(page.painted("nothing wrong found in \(extent)", .strong))
        } else {
            page.add(page.painted("\(counted(diagnosis.findings.count, "finding")) in \(extent)", .strong))
            for finding in diagnosis.findings.prefix(findingLimit) { add(finding, to: &page) }
        }
        if !diagnosis.checked.isEmpty {
            page.heading("fine")
            page.chain(diagnosis.checked, separator: "  ", first: "", indent: 2)
        }
        if !diagnosis.unjudged.isEmpty {
            page.heading("cannot be told yet")
            for unjudged in diagnosis.unjudged.prefix(findingLimit) {
                page.paragraph("\(unjudged.code): \(unjudged.why)", first: "", indent: 2)
            }
        }
        return page.text
    }

    private static func add(_ finding: Diagnosis.Finding, to page: inout TextPage) {
        page.add()
        let severity = page.clean(finding.severity, limit: 10)
        let room = page.width - severity.count - 2
        page.add("\(page.painted(severity, ink(severity))): \(page.painted(page.clean(finding.title, limit: room), .strong))")
        page.paragraph(finding.explanation, first: "", indent: 2)
        let share = finding.total.map { "\(finding.count) of \($0)" } ?? counted(finding.count, "case")
        page.paragraph(
            "\(finding.code): \(share), first \(ClockText.second(finding.firstSeen)), last "
                + "\(ClockText.second(finding.lastSeen)) UTC", first: "", indent: 2)
        for seen in finding.evidence.prefix(5) {
            page.paragraph(seen.what, first: "  -", indent: 4)
            if !seen.names.isEmpty {
                page.paragraph((seen.names + [ClockText.time(seen.seenAt)]).joined(separator: ", "), first: "", indent: 6)
            }
        }
        for remedy in finding.remedies.prefix(8) {
            page.paragraph("\(remedy.setting): \(remedy.example)", first: "  \(page.clean(remedy.place, limit: 10))", indent: 14)
        }
        page.paragraph(finding.docs, first: "  see", indent: 14)
    }

    private static func ink(_ severity: String) -> TextPage.Ink? {
        switch severity {
        case "problem": .error
        case "warning": .warning
        default: .faint
        }
    }

    private static func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
