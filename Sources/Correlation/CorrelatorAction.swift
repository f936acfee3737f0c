package import OTLP

/// What the correlator wants done. Actions must be carried out in order.
package enum CorrelatorAction: Sendable {
    /// These spans leave.
    case release(Release)
    /// An execution's own span leaves.
    case executionSpan(ExecutionSpan)
    /// The span leaves that tells an event's trace of a delivery in another one.
    case deliverySpan(DeliverySpan)
    /// Spans that left before must be read back and given to `Correlator.amend`.
    case amend(Amendment)
    /// Spans of these groups leave, but their record is no longer in memory: it must be read back and given to
    /// `Correlator.reloaded`.
    case reload(record: UInt64, groups: [GroupName], isLast: Bool)
    /// A waiting log or metric request may leave; trace ids in it are to be patched by `Correlator.target(of:)`.
    case releaseDependent(record: UInt64)
    /// Nothing of this record is waiting any more.
    case finished(record: UInt64)
    /// Nothing has told where this execution belongs, or how it ended: who can look it up should, and give what it finds
    /// to `Correlator.receive`. It may be asked for again.
    case askAbout(execution: String)
}

/// Spans of one record that leave together.
package struct Release: Sendable {
    /// Of the record, what was kept of it, or what was read back.
    package var batch: SpanBatch
    /// Which spans leave and how, in span order; nil for all of them, unchanged.
    package var edits: [SpanEdit]?
    /// What the edits' link ranges point into.
    package var links: [AddedLink]
    /// The record that delivery is owed to: after a crash everything from the oldest undelivered record on is done again.
    package var owner: UInt64

    package var record: UInt64 { batch.record }
}

/// The span that spanbridge makes for an execution.
package struct ExecutionSpan: Sendable, Equatable {
    package var executionID: String
    package var tenant: String
    package var namespace: String
    package var flow: String
    package var traceID: TraceID
    package var spanID: SpanID
    package var parentSpanID: SpanID
    /// Unix nanoseconds.
    package var start: UInt64
    /// Unix nanoseconds.
    package var end: UInt64
    /// Kestra's state if somebody told it, else empty.
    package var state: String
    /// Whether a span of it has status ERROR.
    package var hasErrors: Bool
    package var rule: JoinRule
    package var eventID: String
    package var eventSource: String
    package var eventType: String
    package var links: [AddedLink]
    /// Whether it was exported before.
    package var amended: Bool
    /// The record that delivery is owed to.
    package var owner: UInt64
    /// The tenant whose execution it is (not Kestra's name for it); empty if unknown.
    package var ownerTenant = ""
}

/// A span in an event's own trace that tells that the event was delivered in another one: the other end of the link from
/// the execution's span.
package struct DeliverySpan: Sendable, Equatable {
    /// The event's context: the trace, and the parent.
    package var context: TraceContext
    package var spanID: SpanID
    /// Unix nanoseconds: from the event's time, if it is known, to the start of the execution.
    package var start: UInt64
    package var end: UInt64
    package var eventID: String
    package var eventSource: String
    package var eventType: String
    /// The execution's span.
    package var link: AddedLink
    package var amended: Bool
    /// The record that delivery is owed to.
    package var owner: UInt64
    package var ownerTenant: String
}

/// The spans of one execution in one trace.
package struct GroupName: Sendable, Hashable {
    package var trace: TraceID
    /// Nil for spans without an execution.
    package var execution: ExecutionName?
}

/// Spans that left under another trace id than evidence now tells.
package struct Amendment: Sendable {
    package var trace: TraceID
    /// The executions whose spans moved (nil stands for spans without an execution), each with the records whose spans of
    /// it have not left before.
    package var groups: [ExecutionName?: Set<UInt64>]
    /// Records up to and including this one.
    package var through: UInt64
    /// The record that delivery is owed to.
    package var owner: UInt64

    /// Whether spans of a record may have moved, so that it is worth reading back.
    package func concerns(_ record: UInt64) -> Bool {
        record <= through && groups.values.contains { !$0.contains(record) }
    }
}
