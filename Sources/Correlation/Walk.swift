import OTLP

/// The way from trace to trace while claims are followed, so that a circle is noticed.
///
/// Each trace leads to one other at most. Those on a circle lead nowhere, from whichever of them the way began.
struct Walk {
    private var path: [TraceID] = []
    /// Where on the path a circle that was found begins.
    private var circleStart = Int.max

    /// More steps than this are taken for a circle.
    static let limit = 64

    /// Whether a circle was met anywhere, so that what was found out may depend on where the way began.
    private(set) var hasMetCircle = false

    func isAt(_ trace: TraceID) -> Bool { path.last == trace }

    /// Steps on; false if that closes a circle.
    mutating func enter(_ trace: TraceID) -> Bool {
        if let position = path.firstIndex(of: trace) {
            circleStart = min(circleStart, position)
            hasMetCircle = true
            return false
        }
        guard path.count < Self.limit else {
            circleStart = 0
            hasMetCircle = true
            return false
        }
        path.append(trace)
        return true
    }

    /// Steps back from the trace that was entered last; true if it is on a circle.
    mutating func leave() -> Bool {
        path.removeLast()
        let isOnCircle = circleStart <= path.count
        if circleStart >= path.count { circleStart = .max }
        return isOnCircle
    }
}
