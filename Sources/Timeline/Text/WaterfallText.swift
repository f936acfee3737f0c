import OTLP

/// Draws the rows of a timeline: a tree, when and how long, and bars to scale.
struct WaterfallText {
    private let timeline: Timeline
    private let rows: ArraySlice<WaterfallRow>
    private let nameColumns: Int
    private let barColumns: Int
    private let end: UInt64
    private let phases: [String: [Timeline.Phase]]

    /// How many rows are drawn at most, whatever an answer holds.
    static let rowLimit = 1_000
    private static let timeColumns = 10
    /// Nesting that is still indented.
    private static let depthLimit = 12

    init(_ timeline: Timeline, width: Int) {
        self.timeline = timeline
        rows = timeline.waterfall.prefix(Self.rowLimit)
        nameColumns = min(max(width * 2 / 5, 26), 64)
        barColumns = max(width - nameColumns - 2 * Self.timeColumns - 4, 8)
        end = max(timeline.end, rows.map(\.end).max() ?? 0)
        phases = Dictionary(grouping: timeline.phases.filter { $0.executionID != nil }) { $0.executionID ?? "" }
    }

    func add(to page: inout TextPage) {
        guard !rows.isEmpty else { return }
        let glyphs = page.glyphs
        page.add()
        page.add(
            page.painted(
                PlainText.blanks(nameColumns) + right("start") + right("duration") + "  "
                    + scale(glyphs), .faint))
        /// The service of the row above at each depth: a span's service is named where it changes.
        var services: [String] = []
        for (row, prefix) in zip(rows, prefixes(glyphs)) {
            let depth = min(max(row.depth, 0), services.count)
            let above = depth > 0 ? services[depth - 1] : ""
            services.replaceSubrange(depth..., with: [row.service.isEmpty ? above : row.service])
            let isNamed = (row.kind == .span || row.kind == .group) && !row.service.isEmpty && row.service != above
            page.add(line(row, service: isNamed ? row.service : nil, prefix: prefix, on: page))
        }
        let legend =
            "\(glyphs.blocks[7]) at work  \(glyphs.queued) queued  \(glyphs.waiting) waiting  \(glyphs.between) idle"
        let margin = min(nameColumns + 2 * Self.timeColumns + 2, page.width - PlainText.width(legend))
        page.add(page.painted(PlainText.blanks(margin) + legend, .faint))
    }

    private func line(_ row: WaterfallRow, service: String?, prefix: String, on page: TextPage) -> String {
        let room = nameColumns - PlainText.width(prefix)
        let name = page.fitted(label(row, service.map { $0 + ": " } ?? "", room, page.glyphs), room)
        guard row.kind != .omitted else { return prefix + page.painted(name, .faint) }
        let inkOfName: TextPage.Ink? = row.hasError ? .error : row.kind == .execution ? .strong : nil
        let duration = row.kind == .group || row.kind == .steps ? row.busyNanos : row.end.since(row.start)
        let times =
            right(page.clean(DurationText.text(row.start.since(timeline.start))))
            + right(page.clean(DurationText.text(duration)))
        let bar = page.painted(bar(row, page.glyphs), row.hasError ? .error : page.ink(of: row.origin))
        return page.painted(prefix, .faint) + page.painted(name, inkOfName) + times + "  " + bar
    }

    private func label(_ row: WaterfallRow, _ service: String, _ room: Int, _ glyphs: Glyphs) -> String {
        let mark = row.hasError ? glyphs.error : ""
        let detail = row.detail.isEmpty ? "" : ": \(row.detail)"
        switch row.kind {
        case .span: return mark + service + row.name + detail
        case .group: return mark + service + "\(row.count)\(glyphs.times)\(row.name)"
        case .execution:
            let state = row.detail.isEmpty ? "" : glyphs.separator + row.detail
            // The state is what is looked for: the flow alone makes room for it.
            let isTooLong =
                mark.unicodeScalars.count + row.name.unicodeScalars.count + state.unicodeScalars.count > room
            let name = isTooLong ? row.name.split(separator: ".").last.map(String.init) ?? row.name : row.name
            return mark + name + state
        case .steps: return mark + (row.count == 1 ? "1 executor step" : "\(row.count) executor steps")
        case .taskRun:
            return mark + TaskText.short(row.name) + (row.count > 1 ? " (\(row.count) attempts)" : "") + detail
        case .attempt: return mark + "attempt \(row.count)" + detail
        case .omitted: return "\(glyphs.ellipsis) \(row.count) more"
        }
    }

    private func bar(_ row: WaterfallRow, _ glyphs: Glyphs) -> String {
        var canvas = BarCanvas(from: timeline.start, to: end, cells: barColumns, glyphs: glyphs)
        switch row.kind {
        case .span, .attempt: canvas.bar(row.start, row.end)
        case .taskRun:
            if row.count > 1 {
                canvas.fill(row.start, row.end, with: glyphs.between)
            } else {
                canvas.bar(row.start, row.end)
            }
        case .group: canvas.fill(row.start, row.end, with: glyphs.taken)
        case .steps: canvas.fill(row.start, row.end, with: glyphs.steps)
        case .execution: draw(row, on: &canvas, glyphs)
        case .omitted: break
        }
        return canvas.text
    }

    /// An execution's bar shows its phases, so that its story is seen without reading further down.
    private func draw(_ row: WaterfallRow, on canvas: inout BarCanvas, _ glyphs: Glyphs) {
        guard row.end > 0 else { return }
        canvas.fill(row.start, row.end, with: glyphs.between)
        let phases = phases[row.executionID ?? ""] ?? []
        for phase in phases where phase.name == .queued { canvas.fill(phase.start, phase.end, with: glyphs.queued) }
        for phase in phases where phase.name == .waiting { canvas.fill(phase.start, phase.end, with: glyphs.waiting) }
        for phase in phases where phase.name == .running { canvas.bar(phase.start, phase.end) }
    }

    /// The lines left of the names.
    private func prefixes(_ glyphs: Glyphs) -> [String] {
        let limit = min(Self.depthLimit, nameColumns / 4)
        // From the bottom up: whether a sibling follows at each depth.
        var follows = Array(repeating: false, count: limit + 1)
        var prefixes: [String] = []
        for row in rows.reversed() {
            let depth = min(max(row.depth, 0), limit)
            var prefix = ""
            for level in stride(from: 1, to: depth, by: 1) { prefix += follows[level] ? glyphs.trunk : glyphs.noTrunk }
            if depth > 0 { prefix += follows[depth] ? glyphs.branch : glyphs.lastBranch }
            prefixes.append(prefix)
            follows[depth] = true
            for level in stride(from: depth + 1, through: limit, by: 1) { follows[level] = false }
        }
        return prefixes.reversed()
    }

    /// The two ends of the scale, above the bars.
    private func scale(_ glyphs: Glyphs) -> String {
        let length = PlainText.clean(DurationText.text(end.since(timeline.start)), limit: 16, glyphs: glyphs)
        return "0" + PlainText.blanks(barColumns - 1 - PlainText.width(length)) + length
    }

    private func right(_ text: String) -> String {
        PlainText.blanks(Self.timeColumns - PlainText.width(text)) + text
    }
}
