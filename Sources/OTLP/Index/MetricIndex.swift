/// What one pass over an `ExportMetricsServiceRequest` finds out: its exemplars, which name traces, and its size.
package struct MetricIndex: Sendable {
    /// The exemplars with a valid trace id, in payload order.
    package var exemplars: [ExemplarEntry] = []
    /// Data points of all kinds.
    package var dataPoints = 0
    package var metrics = 0

    package init() {}
}

/// One exemplar that names a trace.
package struct ExemplarEntry: Sendable {
    /// Where the 16 bytes of the trace id lie.
    package var traceIDOffset: UInt32
    package var traceID: TraceID
    /// `SpanID.none` if there is no valid span id.
    package var spanID: SpanID
}
