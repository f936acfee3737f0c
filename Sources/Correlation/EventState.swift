package import OTLP

/// What names an event: never the id alone. Names are the same only if their bytes are (CloudEvents compares exactly),
/// where Swift's strings would also take different spellings of one accented letter for the same.
package struct EventKey: Hashable, Sendable {
    /// Empty if the sender told none.
    package var tenant: String
    package var source: String
    package var id: String

    package init(tenant: String, source: String, id: String) {
        self.tenant = tenant
        self.source = source
        self.id = id
    }

    package static func == (a: EventKey, b: EventKey) -> Bool {
        a.id.isExactly(b.id) && a.source.isExactly(b.source) && a.tenant.isExactly(b.tenant)
    }

    package func hash(into hasher: inout Hasher) {
        for text in [tenant, source, id] {
            hasher.combine(text.utf8.count)
            for byte in text.utf8 { hasher.combine(byte) }
        }
    }
}

extension String {
    func isExactly(_ other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}

/// A place in a trace: what a traceparent names.
package struct TraceContext: Hashable, Sendable {
    package var traceID: TraceID
    package var spanID: SpanID

    package init(traceID: TraceID, spanID: SpanID) {
        self.traceID = traceID
        self.spanID = spanID
    }
}

/// One CloudEvent as far as the relay has heard of it. Belongs to the correlator's thread.
final class EventState {
    let key: EventKey
    var type = ""
    var subject = ""
    /// The event's own `time`, unix nanoseconds; 0 if unknown.
    var time: UInt64 = 0
    /// The `traceparent` it carries.
    var context: TraceContext?
    /// The span that published or dispatched it: a better parent than the context, which is its grandparent.
    var publisher: TraceContext?
    /// Whether the publisher is a PRODUCER span, which counts more than others that name the event.
    var isPublisherProducer = false
    /// The executions it started, in the order they were learned.
    var executions: [Execution] = []
    /// Unix nanoseconds of the first and the last arrival.
    var firstSeen: UInt64
    var lastSeen: UInt64
    /// Whether it has changed since it was last given out for storing.
    var isDirty = false

    init(key: EventKey, now: UInt64) {
        self.key = key
        firstSeen = now
        lastSeen = now
    }

    /// Where executions of this event belong, if anything tells it.
    var target: TraceContext? { publisher ?? context }
}

extension TraceContext: Comparable {
    package static func < (a: TraceContext, b: TraceContext) -> Bool {
        (a.traceID, a.spanID) < (b.traceID, b.spanID)
    }
}
