/// The list of events as a table for a terminal.
package enum EventsText {
    private struct Column: Sendable {
        var title: String
        /// Columns of the terminal below which it is not narrowed.
        var least: Int
        /// Terminals narrower than this go without it.
        var from: Int
        var isNumber = false
        /// Whether the last parts of a dotted name tell more than the first.
        var keepsEnd = false
        var value: @Sendable (EventSummary) -> String
    }

    // The id stays whole as long as possible: it is what other commands want.
    private static let columns = [
        Column(title: "TIME (UTC)", least: 19, from: 0) { ClockText.second($0.time > 0 ? $0.time : $0.firstSeen) },
        Column(title: "STATE", least: 7, from: 0) { $0.state },
        Column(title: "DURATION", least: 8, from: 0, isNumber: true) { DurationText.text($0.durationNanos) },
        Column(title: "EVENT", least: 36, from: 0) { $0.id },
        Column(title: "TYPE", least: 10, from: 90, keepsEnd: true) { $0.type },
        Column(title: "FLOWS", least: 8, from: 110, value: flows),
        Column(title: "TENANT", least: 6, from: 130) { $0.tenant },
        Column(title: "SOURCE", least: 8, from: 160) { $0.source },
        Column(title: "SPANS", least: 5, from: 120, isNumber: true) { String($0.spans) },
        Column(title: "ERRORS", least: 6, from: 100, isNumber: true) { String($0.errors) },
    ]

    /// How many events are listed, whatever an answer holds.
    private static let rowLimit = 1_000

    /// - Parameters:
    ///   - width: columns, taken as at least 60.
    ///   - color: whether to colour states, with escape sequences.
    ///   - ascii: whether to keep to ASCII.
    package static func render(_ events: [EventSummary], width: Int, color: Bool, ascii: Bool = false) -> String {
        var page = TextPage(width: width, color: color, ascii: ascii)
        guard !events.isEmpty else {
            page.add("no events")
            return page.text
        }
        let columns = columns.filter { $0.from <= page.width }
        let rows = events.prefix(rowLimit).map { event in columns.map { page.clean($0.value(event)) } }
        let widths = widths(columns, rows, within: page.width)
        page.add(page.painted(line(columns.map(\.title), columns, widths, page), .strong))
        for (event, row) in zip(events, rows) {
            let isBad = event.errors > 0 || TimelineText.ink(event.state) == .error
            page.add(page.painted(line(row, columns, widths, page), isBad ? .error : nil))
        }
        if events.count > rowLimit { page.add("\(page.glyphs.ellipsis) \(events.count - rowLimit) more") }
        return page.text
    }

    /// As wide as the contents; too wide a table loses columns of its widest fields first.
    private static func widths(_ columns: [Column], _ rows: [[String]], within width: Int) -> [Int] {
        var widths = columns.indices.map { index in
            max(columns[index].title.utf8.count, rows.map { PlainText.width($0[index]) }.max() ?? 0)
        }
        func excess() -> Int { widths.reduce(2 * (columns.count - 1), +) - width }
        for least in [columns.map(\.least), columns.map { _ in 6 }] {
            while excess() > 0,
                let widest = widths.indices.filter({ widths[$0] > least[$0] }).max(by: { widths[$0] < widths[$1] })
            {
                widths[widest] -= 1
            }
        }
        return widths
    }

    private static func line(_ cells: [String], _ columns: [Column], _ widths: [Int], _ page: TextPage) -> String {
        var line = ""
        for (index, cell) in cells.enumerated() {
            let fitted =
                columns[index].keepsEnd ? ending(cell, widths[index], page) : page.clean(cell, limit: widths[index])
            let padding = PlainText.blanks(widths[index] - PlainText.width(fitted))
            line += (index > 0 ? "  " : "") + (columns[index].isNumber ? padding + fitted : fitted + padding)
        }
        return page.clean(line)
    }

    /// A dotted name without its first parts if it is too long.
    private static func ending(_ name: String, _ width: Int, _ page: TextPage) -> String {
        guard PlainText.width(name) > width else { return name }
        var parts = name.split(separator: ".")[...]
        while parts.count > 1 {
            parts.removeFirst()
            let ending = page.glyphs.ellipsis + parts.joined(separator: ".")
            if PlainText.width(ending) <= width { return ending }
        }
        return page.clean(name, limit: width)
    }

    @Sendable private static func flows(_ event: EventSummary) -> String {
        var names: [String] = []
        for execution in event.executions where !names.contains(execution.flow) && names.count < 8 {
            names.append(execution.flow)
        }
        let repeats = event.executions.count > names.count ? " (\(event.executions.count) executions)" : ""
        return names.joined(separator: ", ") + repeats
    }
}
