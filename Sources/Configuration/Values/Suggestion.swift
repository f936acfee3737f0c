/// The candidate nearest to a mistyped or cut word, if one is near enough to be meant.
package func suggestion(for word: String, among candidates: [String]) -> String? {
    let written = Array(word.lowercased().prefix(64).utf8)
    let tolerance = max(1, written.count / 3)
    if written.count >= 3, let whole = candidates.first(where: { $0.lowercased().utf8.starts(with: written) }) {
        return whole
    }
    return candidates.map { ($0, editDistance(written, Array($0.lowercased().utf8))) }
        .filter { $0.1 <= tolerance }
        .min { $0.1 < $1.1 }?.0
}

/// How many letters must be inserted, deleted, replaced or swapped with their neighbour to turn one word into the other.
func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
        var row = [i + 1]
        for j in b.indices {
            var best = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, beforeLast[j - 1] + 1) }
            row.append(best)
        }
        beforeLast = last
        last = row
    }
    return last[b.count]
}
