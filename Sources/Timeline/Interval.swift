/// A closed stretch of time in unix nanoseconds.
struct Interval: Hashable {
    var start: UInt64
    var end: UInt64

    /// The union of intervals as a sorted list; two that lie at most `gap` apart become one.
    static func cover(_ intervals: [Interval], gap: UInt64) -> [Interval] {
        var result: [Interval] = []
        for next in intervals.sorted(by: { ($0.start, $0.end) < ($1.start, $1.end) }) {
            if let last = result.last, next.start.since(last.end) <= gap {
                result[result.count - 1].end = max(last.end, next.end)
            } else {
                result.append(next)
            }
        }
        return result
    }

    /// The nanoseconds of intervals that do not overlap; what no signed 64-bit integer holds is cut.
    static func length(_ intervals: [Interval]) -> UInt64 {
        min(intervals.reduce(0) { $0 &+ $1.end.since($1.start) }, UInt64(Int64.max))
    }
}
