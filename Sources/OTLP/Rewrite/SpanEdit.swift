/// One span of a batch that leaves the relay, and what changes on the way. A span without changes is copied as it came.
package struct SpanEdit: Sendable, Equatable {
    /// Index into `SpanIndex.spans`.
    package var span: Int32
    /// The trace id it leaves with.
    package var traceID: TraceID
    /// The parent it leaves with; `SpanID.none` for a root.
    package var parentSpanID: SpanID
    /// Why the trace id changed; written as `spanbridge.rule` if it changed.
    package var rule: JoinRule
    /// Whether it was exported before under another trace id; written as `spanbridge.amended`.
    package var amended: Bool
    /// Indices into the links that are added (see `TraceRewriter`).
    package var links: Range<Int32>

    package init(
        span: Int32, traceID: TraceID, parentSpanID: SpanID, rule: JoinRule, amended: Bool,
        links: Range<Int32> = 0..<0
    ) {
        self.span = span
        self.traceID = traceID
        self.parentSpanID = parentSpanID
        self.rule = rule
        self.amended = amended
        self.links = links
    }

    /// The span leaves as it came.
    package init(unchanged span: SpanEntry, at position: Int) {
        self.init(
            span: Int32(position), traceID: span.traceID, parentSpanID: span.parentSpanID, rule: .own, amended: false)
    }
}

/// A span link that the relay adds.
package struct AddedLink: Sendable, Hashable {
    package var traceID: TraceID
    package var spanID: SpanID
    /// Why it was added, written as the link attribute `spanbridge.link.reason`: `redelivery`, `call`, `key`,
    /// `run`, `correlation`, `started_by`, `event_context`, `http_pairing`.
    package var reason: String

    package init(traceID: TraceID, spanID: SpanID, reason: String) {
        self.traceID = traceID
        self.spanID = spanID
        self.reason = reason
    }
}

/// The rules of joining, strongest first.
package enum JoinRule: UInt8, Sendable, CaseIterable, Comparable {
    /// The trace was continued through the header.
    case native = 1
    /// An execution id claimed by a home's span, a binding call or an event's data.
    case claimed = 2
    /// The same event (tenant, source, id) on both sides.
    case event = 3
    /// The same business key, scoped by tenant, on both sides.
    case key = 4
    /// A trace context from inputs or arguments.
    case context = 5
    /// The span that sent the message or task that the spans work on.
    case taskRun = 6
    /// Started by another execution, whose trace it follows.
    case startedBy = 7
    /// Nothing joins it; its spans were in several traces and are brought under one derived trace id.
    case derived = 8
    /// Nothing joins it; it stays in its own trace.
    case own = 9

    /// The name in attributes, API and text.
    package var name: String {
        switch self {
        case .native: "native"
        case .claimed: "claimed"
        case .event: "event"
        case .key: "key"
        case .context: "context"
        case .taskRun: "task_run"
        case .startedBy: "started_by"
        case .derived: "derived"
        case .own: "own"
        }
    }

    package static func < (a: JoinRule, b: JoinRule) -> Bool { a.rawValue < b.rawValue }
}
