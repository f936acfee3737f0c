/// What one pass over an `ExportLogsServiceRequest` finds out: which records belong to a trace or an execution.
package struct LogIndex: Sendable {
    /// The records that name a trace, an execution or any evidence, in payload order.
    package var records: [LogEntry] = []
    /// Evidence attributes in payload order; `owner` is an index into `records`.
    package var evidence: [EvidenceEntry] = []
    /// The `ResourceLogs` messages in which there can be a record with an entry, in payload order.
    package var resources: [ResourceEntry] = []
    /// Evidence attributes of resources, as in `SpanIndex.resourceEvidence`.
    package var resourceEvidence: [EvidenceEntry] = []
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
    /// The value of `kestra.executionId`, of `executionId` as Kestra's log exporter spells it, or of one of
    /// `AttributeKeys.executionAttributes`; see `execution(in:)`. In a home's record it is a claim, as in its spans.
    package var execution: ByteRange
    /// How `execution` is written; integers only come from `AttributeKeys.executionAttributes`.
    package var executionForm: EvidenceEntry.Form
    /// Index into `LogIndex.resources`.
    package var resource: Int32
    package var origin: Origin
    package var role: OriginRole
    /// The record's entries in `LogIndex.evidence`.
    package var evidence: Range<Int32>
}
