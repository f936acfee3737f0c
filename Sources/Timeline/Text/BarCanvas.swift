/// One row of cells on which stretches of time are drawn to scale.
struct BarCanvas {
    private let start: UInt64
    private let cellNanos: Double
    private let glyphs: Glyphs
    private(set) var cells: [Character]

    /// - Parameter cells: how many there are, at least 1.
    init(from start: UInt64, to end: UInt64, cells count: Int, glyphs: Glyphs) {
        self.start = start
        cells = Array(repeating: " ", count: max(count, 1))
        cellNanos = max(Double(end.since(start)) / Double(cells.count), 1)
        self.glyphs = glyphs
    }

    var text: String { String(cells) }

    /// Fills whole cells with one character; a moment fills one.
    mutating func fill(_ from: UInt64, _ to: UInt64, with character: Character) {
        let (first, last) = (cell(position(from)), cell(position(to)))
        for index in first...max(first, last) { cells[index] = character }
    }

    /// Draws a solid bar with partly filled cells at its ends; a moment leaves a mark.
    mutating func bar(_ from: UInt64, _ to: UInt64) {
        let (left, right) = (position(from), max(position(to), position(from)))
        let (first, last) = (cell(left), cell(right))
        guard first < last else {
            cells[first] = block(right - left)
            return
        }
        let covered = Double(first + 1) - left
        if covered >= 0.75 { cells[first] = block(1) } else if covered >= 0.25 { cells[first] = glyphs.rightHalf }
        for index in first + 1..<max(last, first + 1) { cells[index] = block(1) }
        let rest = right - Double(last)
        if rest >= 0.0625 || last == first + 1 { cells[last] = block(rest) }
    }

    private func block(_ share: Double) -> Character {
        let eighths = Int((min(max(share, 0), 1) * 8).rounded())
        return glyphs.blocks[min(max(eighths, 1), 8) - 1]
    }

    /// In cells; untrusted times may lie outside.
    private func position(_ time: UInt64) -> Double { min(Double(time.since(start)) / cellNanos, Double(cells.count)) }

    private func cell(_ position: Double) -> Int { min(Int(position), cells.count - 1) }
}
