import OTLP

/// The CloudEvent that a timeline is about.
package struct TimelineEvent: Sendable, Hashable {
    /// Empty if nobody told one.
    package var tenant: String
    package var source: String
    package var id: String
    package var type: String
    package var subject: String
    /// The event's own `time` in unix nanoseconds; 0 if unknown.
    package var time: UInt64
    /// The event's own `traceparent`; empty if it has none.
    package var traceparent: String

    package init(
        tenant: String, source: String, id: String, type: String, subject: String, time: UInt64, traceparent: String
    ) {
        self.tenant = tenant
        self.source = source
        self.id = id
        self.type = type
        self.subject = subject
        self.time = time
        self.traceparent = traceparent
    }

    /// Whether the traceparent says that nobody records this trace.
    var isUnsampled: Bool { Traceparent(traceparent)?.isSampled == false }
}
