/// A Markdown table with columns padded for reading as plain text. The first column is left-aligned, the others right.
struct Table {
    private var rows: [[String]]

    init(_ heads: String...) { rows = [heads] }

    mutating func add(_ cells: String...) { rows.append(cells) }

    var text: String {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        func line(_ cells: [String]) -> String {
            let padded = cells.indices.map { column in
                let blanks = String(repeating: " ", count: widths[column] - cells[column].count)
                return column == 0 ? cells[column] + blanks : blanks + cells[column]
            }
            return "| \(padded.joined(separator: " | ")) |\n"
        }
        let rule = widths.indices.map { column in
            let dashes = String(repeating: "-", count: max(widths[column] - (column == 0 ? 0 : 1), 1))
            return column == 0 ? dashes : dashes + ":"
        }
        return line(rows[0]) + line(rule) + rows.dropFirst().map(line).joined()
    }
}
