import OTLP

/// One statement about where an execution belongs.
struct Claim {
    /// Who says so, the most trustworthy first.
    enum Basis: UInt8, Comparable {
        /// A binding call named the event.
        case bindingEvent = 0
        /// A span of another system named the execution.
        case span = 1
        /// An event's data named the execution.
        case eventData = 2
        /// The SERVER span that took the call in names the event.
        case eventOnServer = 3
        /// A binding call gave the traceparent from the flow's inputs.
        case bindingContext = 4
        /// The SERVER span's query carries a traceparent.
        case contextOnServer = 5
        /// Kestra's own record of the execution names the event.
        case reportedEvent = 6
        /// Kestra's own record of the execution carries a traceparent.
        case reportedContext = 7

        // The raw values are stored, so that later cases can't stand where they belong.
        static func < (a: Basis, b: Basis) -> Bool { (a.rule, a.rawValue) < (b.rule, b.rawValue) }

        var rule: JoinRule {
            switch self {
            case .bindingEvent, .span, .eventData: .claimed
            case .eventOnServer, .reportedEvent: .event
            case .bindingContext, .contextOnServer, .reportedContext: .context
            }
        }
    }

    var basis: Basis
    var event: EventState?
    var context: TraceContext?

    /// Where it leads; nil if it names an event of which no trace is known yet.
    var target: TraceContext? { event.map { $0.target } ?? context }

    func isStronger(than other: Claim) -> Bool {
        if basis != other.basis { return basis < other.basis }
        switch (target, other.target) {
        case (let a?, let b?): return a < b
        case (.some, nil): return true
        default: return false
        }
    }
}
