// Timeline turns the unified spans of one event into a story that a person reads: phases, executions, task runs and their
// attempts, waiting, the critical path and warnings. Pure: everything comes in as values, time too. It must not know where
// spans come from, how they were joined, or who draws the result.

package import OTLP

/// Everything that is known about one event (or one execution) when its timeline is asked for.
package struct TimelineInput: Sendable {
    /// Nil if no event is known, only executions.
    package var event: TimelineEvent?
    /// The trace that the event's spans are exported under.
    package var traceID: TraceID
    /// The executions that the correlator knows; executions that only spans name are found by the timeline itself.
    package var executions: [ExecutionInput]
    /// Spans after unification, in any order, duplicates allowed.
    package var spans: [TimelineSpan]
    /// Unix nanoseconds.
    package var now: UInt64
    /// Nanoseconds without a span after which an execution counts as quiet (`correlation.execution_span.quiet`).
    package var quiet: UInt64

    package init(
        event: TimelineEvent?, traceID: TraceID, executions: [ExecutionInput], spans: [TimelineSpan], now: UInt64,
        quiet: UInt64
    ) {
        self.event = event
        self.traceID = traceID
        self.executions = executions
        self.spans = spans
        self.now = now
        self.quiet = quiet
    }
}
