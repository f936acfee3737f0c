/// How many calls of the allocator more 2,000 spans may need than 1,000 in as many traces and executions: what
/// `spanbridge-bench allocations` compares with. Raise a limit only with a reason beside it.
///
/// No limit is near 1,000: nothing is allocated for a span. What is allowed is that a list which cannot be sized
/// beforehand grows by doubling, once more for twice the spans.
enum AllocationLimits {
    struct Limit {
        var more: Int
        /// Whether it holds in a debug build too, where the optimiser has not removed what it removes in a release.
        var holdsInDebug = false
    }

    static let limits = [
        // The redactions and, beyond one a span, the evidence.
        "index": Limit(more: 4, holdsInDebug: true),
        "receive and index, gRPC": Limit(more: 4, holdsInDebug: true),
        "receive, inflate and index, gRPC gzip": Limit(more: 4, holdsInDebug: true),
        "rewrite, nothing changed": Limit(more: 0),
        "rewrite, all changed": Limit(more: 0),
        "correlate and forward, services": Limit(more: 2),
        "correlate and rewrite, half Kestra bound": Limit(more: 4),
        // The list of waiting spans of each of the 20 executions, and what is released together.
        "correlate, hold, release and rewrite, half Kestra": Limit(more: 32),
    ]

    /// Whether this program was built without optimisation: then only some limits are judged.
    static var isDebug: Bool {
        #if DEBUG
            true
        #else
            false
        #endif
    }
}
