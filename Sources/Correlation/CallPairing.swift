import OTLP

/// Remembers calls that homes made and calls that Kestra took in without a context, so that one can be found for the
/// other by path and time. This is a guess: it makes links only, and only if it is asked for.
struct CallPairing {
    struct Call {
        var path: String
        var context: TraceContext
        var owner: String
        /// Unix nanoseconds.
        var start: UInt64
        var end: UInt64
    }

    /// Calls by path: two tables that take turns, so that old calls go by themselves.
    private struct Side {
        private var current: [ExactText: [Call]] = [:]
        private var previous: [ExactText: [Call]] = [:]
        private var count = 0

        mutating func insert(_ call: Call) {
            if count >= CallPairing.limit {
                swap(&current, &previous)
                current.removeAll(keepingCapacity: true)
                count = 0
            }
            current[ExactText(call.path), default: []].append(call)
            count += 1
        }

        func calls(to path: String) -> [Call] {
            (previous[ExactText(path)] ?? []) + (current[ExactText(path)] ?? [])
        }
    }

    private var made = Side()
    private var taken = Side()
    /// How many calls of each side each of its two tables holds.
    static let limit = 4_096
    /// How far the two clocks may be apart, nanoseconds.
    static let tolerance: UInt64 = 50_000_000

    /// Remembers a call that was made; returns the traces of the calls that it may have become.
    mutating func make(_ call: Call) -> [TraceID] {
        made.insert(call)
        return taken.calls(to: call.path).filter { Self.fits(call, $0) }.map(\.context.traceID)
    }

    /// Remembers a call that was taken in.
    mutating func take(_ call: Call) { taken.insert(call) }

    /// The span of the call that became the one taken in, if exactly one fits.
    func caller(of taken: Call) -> TraceContext? {
        let fitting = made.calls(to: taken.path).filter { Self.fits($0, taken) }
        return fitting.count == 1 ? fitting[0].context : nil
    }

    private static func fits(_ made: Call, _ taken: Call) -> Bool {
        made.start <= taken.start &+ tolerance && taken.end <= made.end &+ tolerance
            && (made.owner.isEmpty || taken.owner.isEmpty || made.owner.isExactly(taken.owner))
    }

    /// The path of a URL, without query and fragment.
    static func path(ofURL url: String) -> String {
        let rest = url.firstRange(of: "://").map { url[$0.upperBound...] } ?? url[...]
        guard let slash = rest.firstIndex(of: "/") else { return "/" }
        return String(rest[slash...].prefix { $0 != "?" && $0 != "#" })
    }
}
