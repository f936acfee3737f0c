/// What one pass over an `ExportLogsServiceRequest` finds out: which records belong to a trace or an execution.
package struct LogIndex: Sendable {
    /// The records that name a trace, an execution or any evidence, in payload order.
    package var records: [LogEntry] = []
    /// Evidence attributes in payload order; `owner` is an index into `records`.
    package var evidence: [EvidenceEntry] = []
    /// All records, also those without an entry.
    package var count = 0

    package init() {}
}

/// One log record that belongs to something.
package struct LogEntry: Sendable {
    /// The body of the `LogRecord` message.
    package var body: ByteRange
    /// Where the 16 bytes of the trace id lie, or 0 if there is no valid one (OTLP rule V-10: such a record is kept).
    package var traceIDOffset: UInt32
    /// All zero if there is no valid trace id.
    package var traceID: TraceID
    /// `SpanID.none` if there is no valid span id.
    package var spanID: SpanID
    /// Unix nanoseconds: when it happened, or when it was observed if that is all that is known.
    package var time: UInt64
    /// The value of `kestra.executionId`, or of `executionId` as Kestra's log exporter spells it.
    package var execution: ByteRange
    /// The record's entries in `LogIndex.evidence`.
    package var evidence: Range<Int32>
}
