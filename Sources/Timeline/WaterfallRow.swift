package import OTLP

/// One line of the drawing.
package struct WaterfallRow: Sendable, Hashable {
    package enum Kind: String, Sendable {
        /// One span.
        case span
        /// Sibling spans of one name, taken together.
        case group
        /// One execution.
        case execution
        /// The EXECUTOR spans of one execution, taken together.
        case steps
        /// One task run; its only attempt, or all of them.
        case taskRun
        case attempt
        /// Rows that the limits left out: `count` of them.
        case omitted
    }

    package var kind: Kind
    /// Nesting, 0 for roots.
    package var depth: Int
    /// A span's name, a flow, a task's Java class: untrusted text.
    package var name: String
    /// Empty if there is nothing to add.
    package var detail: String
    package var origin: TimelineOrigin
    /// `service.name` of the spans; empty for an execution.
    package var service: String
    /// Unix nanoseconds.
    package var start: UInt64
    /// Unix nanoseconds.
    package var end: UInt64
    /// Nanoseconds at work: for rows that take several spans together less than from start to end.
    package var busyNanos: UInt64
    /// How many spans, attempts or rows the line stands for.
    package var count: Int
    /// Whether a span of it has status ERROR.
    package var hasError: Bool
    package var spanID: SpanID?
    package var executionID: String?
}
