import OTLP

/// One statement about where a unit belongs.
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
        /// One of its spans names the event.
        case eventOnSpan = 8
        /// One of its spans or log records carries a business key.
        case key = 9
        /// One of its spans carries a trace context.
        case contextOnSpan = 10
        /// One of its spans carries the id of the message or task run that it works on.
        case taskRun = 11
        /// One of its spans carries a key that makes links only.
        case weakKey = 12

        // The raw values are stored, so that later cases can't stand where they belong.
        static func < (a: Basis, b: Basis) -> Bool { (a.rule, a.rawValue) < (b.rule, b.rawValue) }

        /// `own` for what never decides.
        var rule: JoinRule {
            switch self {
            case .bindingEvent, .span, .eventData: .claimed
            case .eventOnServer, .reportedEvent, .eventOnSpan: .event
            case .key: .key
            case .bindingContext, .contextOnServer, .reportedContext, .contextOnSpan: .context
            case .taskRun: .taskRun
            case .weakKey: .own
            }
        }

        /// Whether spans of one unit that say different things of this kind say nothing: they work on several things.
        var isSingular: Bool {
            switch self {
            case .key, .contextOnSpan, .taskRun: true
            default: false
            }
        }

        /// The piece of evidence that tells of such a claim.
        var evidence: Evidence.Kind {
            switch self {
            case .bindingEvent: .bindingEvent
            case .span: .claimedBySpan
            case .eventData: .claimedByEvent
            case .eventOnServer: .eventOnServer
            case .bindingContext: .bindingContext
            case .contextOnServer: .contextOnServer
            case .reportedEvent: .reportedEvent
            case .reportedContext: .reportedContext
            case .eventOnSpan: .eventOnSpan
            case .key: .keyOnSpan
            case .contextOnSpan: .contextOnSpan
            case .taskRun: .taskRunOnSpan
            case .weakKey: .weakKey
            }
        }
    }

    var basis: Basis
    /// What it names: an event or a key. A claim has this or a context.
    var event: EventState?
    var context: TraceContext?
    /// The earliest start of a span that says so, unix nanoseconds; 0 if no span does.
    var start: UInt64 = 0
    /// A span that says so, the smallest id of several.
    var span = SpanID.none
    /// Whether it was told by somebody who named the execution without its tenant.
    var isNameless = false
    /// Whether it leads to another tenant's trace, and so nowhere, for good.
    var isRefused = false

    /// Whether both say the same.
    func repeats(_ other: Claim) -> Bool {
        basis == other.basis && event === other.event && context == other.context
    }

    /// An order of claims that depends on nothing but what they say: which are kept when there are too many.
    func precedes(_ other: Claim) -> Bool {
        if basis != other.basis { return basis < other.basis }
        switch (event?.key, other.event?.key) {
        case (let a?, let b?): return a < b
        case (.some, nil): return true
        case (nil, .some): return false
        case (nil, nil): return (context ?? .none) < (other.context ?? .none)
        }
    }
}

extension TraceContext {
    static let none = TraceContext(traceID: TraceID(high: 0, low: 0), spanID: .none)
}
