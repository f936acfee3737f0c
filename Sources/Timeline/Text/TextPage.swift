import OTLP

/// Lines of text under construction: width, characters and colours in one place.
struct TextPage {
    enum Ink: String {
        case strong = "1"
        case faint = "2"
        case error = "31"
        case home = "36"
        case follower = "35"
        case bystander = "33"

        /// Yellow too.
        static let warning = Ink.bystander
    }

    let width: Int
    let glyphs: Glyphs
    let isColoured: Bool
    private(set) var lines: [String] = []

    /// - Parameter width: columns; kept between 60 and 400.
    init(width: Int, color: Bool, ascii: Bool) {
        self.width = min(max(width, 60), 400)
        glyphs = ascii ? .ascii : .unicode
        isColoured = color
    }

    var text: String { lines.joined(separator: "\n") + "\n" }

    func painted(_ text: String, _ ink: Ink?) -> String {
        guard isColoured, let ink, !text.isEmpty else { return text }
        return "\u{1B}[\(ink.rawValue)m\(text)\u{1B}[0m"
    }

    /// Systems of one role share a colour.
    func ink(of origin: TimelineOrigin) -> Ink {
        switch origin.role {
        case .home: .home
        case .follower: .follower
        case .bystander: .bystander
        }
    }

    func clean(_ text: String, limit: Int? = nil) -> String {
        PlainText.clean(text, limit: limit ?? width, glyphs: glyphs)
    }

    func fitted(_ text: String, _ columns: Int) -> String { PlainText.fitted(text, columns, glyphs: glyphs) }

    /// A line that is known to be clean and narrow enough; blanks at its end are dropped.
    mutating func add(_ line: String = "") {
        var line = line
        while line.last == " " { line.removeLast() }
        lines.append(line)
    }

    mutating func heading(_ text: String) {
        if !lines.isEmpty { add() }
        add(painted(text, .strong))
    }

    /// A labelled value on a line of its own; nothing if there is no value.
    mutating func field(_ label: String, _ value: String, ink: Ink? = nil) {
        guard !value.isEmpty else { return }
        add(
            painted(PlainText.fitted(label, 10, glyphs: glyphs), .faint) + painted(clean(value, limit: width - 10), ink)
        )
    }

    /// Untrusted text of at most four lines, broken at blanks where possible; further lines are indented.
    mutating func paragraph(_ text: String, first: String, indent: Int) {
        let room = max(width - indent, 20)
        var pending = clean(text, limit: room * 4).split(separator: " ", omittingEmptySubsequences: true).map(
            String.init)[...]
        var line = first + PlainText.blanks(indent - PlainText.width(first))
        var isEmpty = true
        while let word = pending.first {
            let used = PlainText.width(line)
            let needed = PlainText.width(word) + (isEmpty ? 0 : 1)
            if used + needed <= width {
                line += (isEmpty ? "" : " ") + word
                pending.removeFirst()
                isEmpty = false
            } else if isEmpty {
                let (head, tail) = Self.split(word, at: width - used)
                line += head
                pending[pending.startIndex] = tail
                isEmpty = false
            } else {
                add(line)
                line = PlainText.blanks(indent)
                isEmpty = true
            }
        }
        if !isEmpty { add(line) }
    }

    /// Items with a separator between them, broken between items.
    mutating func chain(_ items: [String], separator: String, first: String, indent: Int) {
        var line = first + PlainText.blanks(indent - PlainText.width(first))
        var isFirst = true
        for item in items {
            let item = clean(item, limit: width - indent - separator.unicodeScalars.count)
            let addition = (isFirst ? "" : separator) + item
            if !isFirst, PlainText.width(line) + PlainText.width(addition) > width {
                add(line)
                line = PlainText.blanks(indent) + String(separator.drop { $0 == " " }) + item
            } else {
                line += addition
            }
            isFirst = false
        }
        if !isFirst { add(line) }
    }

    private static func split(_ word: String, at columns: Int) -> (String, String) {
        var head = String.UnicodeScalarView()
        var used = 0
        var scalars = word.unicodeScalars[...]
        while let next = scalars.first {
            used += PlainText.width(String(next))
            if used > columns, !head.isEmpty { break }
            head.append(next)
            scalars.removeFirst()
        }
        return (String(head), String(String.UnicodeScalarView(scalars)))
    }
}
