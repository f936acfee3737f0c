/// The characters a drawing is made of.
struct Glyphs {
    let isASCII: Bool
    let ellipsis: String
    let arrow: String
    let times: String
    let separator: String
    /// A child with siblings after it, the last child, and the lines beside what is nested deeper.
    let branch: String
    let lastBranch: String
    let trunk: String
    let noTrunk = "  "
    let error: String
    /// Partly filled cells from one eighth to full.
    let blocks: [Character]
    /// A cell filled in its right half.
    let rightHalf: Character
    let taken: Character
    let steps: Character
    let queued: Character
    let waiting: Character
    let between: Character

    static let unicode = Glyphs(
        isASCII: false, ellipsis: "…", arrow: " → ", times: " × ", separator: " · ", branch: "├ ", lastBranch: "└ ",
        trunk: "│ ", error: "✗ ", blocks: ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"], rightHalf: "▐", taken: "▒",
        steps: "┄", queued: "░", waiting: "·", between: "─")

    static let ascii = Glyphs(
        isASCII: true, ellipsis: "...", arrow: " -> ", times: " x ", separator: " | ", branch: "|-", lastBranch: "`-",
        trunk: "| ", error: "! ", blocks: ["#", "#", "#", "#", "#", "#", "#", "#"], rightHalf: "#", taken: "=",
        steps: "~", queued: ":", waiting: ".", between: "-")
}
