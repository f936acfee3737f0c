import OTLP

/// The way from trace to trace while claims are followed, so that a circle is noticed.
///
/// Each trace leads to one other at most. Those on a circle lead nowhere, from whichever of them the way began.
struct Walk {
    // Most ways have a step or two, which are kept without an array.
    private var first = TraceID(high: 0, low: 0)
    private var second = TraceID(high: 0, low: 0)
    private var others: [TraceID] = []
    private var length = 0
    /// Where on the path a circle that was found begins.
    private var circleStart = Int.max

    /// More steps than this are taken for a circle.
    static let limit = 64

    /// Whether a circle was met anywhere, so that what was found out may depend on where the way began.
    private(set) var hasMetCircle = false

    func isAt(_ trace: TraceID) -> Bool {
        switch length {
        case 0: false
        case 1: first == trace
        case 2: second == trace
        default: others.last == trace
        }
    }

    private func position(of trace: TraceID) -> Int? {
        if length >= 1, first == trace { return 0 }
        if length >= 2, second == trace { return 1 }
        return others.firstIndex(of: trace).map { $0 + 2 }
    }

    /// Steps on; false if that closes a circle.
    mutating func enter(_ trace: TraceID) -> Bool {
        if let position = position(of: trace) {
            circleStart = min(circleStart, position)
            hasMetCircle = true
            return false
        }
        guard length < Self.limit else {
            circleStart = 0
            hasMetCircle = true
            return false
        }
        switch length {
        case 0: first = trace
        case 1: second = trace
        default: others.append(trace)
        }
        length += 1
        return true
    }

    /// Steps back from the trace that was entered last; true if it is on a circle.
    mutating func leave() -> Bool {
        if length > 2 { others.removeLast() }
        length -= 1
        let isOnCircle = circleStart <= length
        if circleStart >= length { circleStart = .max }
        return isOnCircle
    }
}
