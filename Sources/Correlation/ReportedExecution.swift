package import OTLP

/// What the record that Kestra keeps of an execution tells about it. Every member but the id may be unknown.
package struct ReportedExecution: Equatable, Sendable {
    /// The event that started it.
    package struct Event: Equatable, Sendable {
        package var key: EventKey
        /// Empty if unknown, and so the subject.
        package var type: String
        package var subject: String
        /// Unix nanoseconds.
        package var time: UInt64?
        /// The traceparent that the event carries.
        package var context: Traceparent?

        package init(
            key: EventKey, type: String = "", subject: String = "", time: UInt64? = nil, context: Traceparent? = nil
        ) {
            self.key = key
            self.type = type
            self.subject = subject
            self.time = time
            self.context = context
        }
    }

    package var executionID: String
    /// Kestra's tenant.
    package var tenant = ""
    package var namespace = ""
    package var flow = ""
    /// Kestra's name of its state.
    package var state = ""
    /// When it came into that state, by Kestra's clock; unix nanoseconds.
    package var stateAt: UInt64?
    /// Unix nanoseconds.
    package var started: UInt64?
    /// Unix nanoseconds; only if it has ended.
    package var ended: UInt64?
    package var event: Event?
    /// The traceparent that it was given as an input, label or in a body that is no event.
    package var inputContext: Traceparent?
    /// The traceparent in the header of the call that created it.
    package var callerContext: Traceparent?
    /// The context under which Kestra runs it.
    package var nativeContext: Traceparent?
    /// The execution whose task started it, or of which it is a replay.
    package var startedBy: String?
    /// The execution whose end triggered it.
    package var triggeredBy: String?

    package init(executionID: String) { self.executionID = executionID }
}
