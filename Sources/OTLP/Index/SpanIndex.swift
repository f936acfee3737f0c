/// What one pass over an `ExportTraceServiceRequest` finds out: where each span lies, its ids and times, and where the
/// evidence lies that joins it to others. Nothing is copied but fixed-size numbers; every range is offsets into the
/// payload, which is at most 4 GiB (the body limit holds long before).
package struct SpanIndex: Sendable {
    /// One entry a `ResourceSpans` message with an entry in `scopes`, in payload order.
    package var resources: [ResourceEntry] = []
    /// One entry a `ScopeSpans` message that is large enough for a valid span, in payload order.
    package var scopes: [ScopeEntry] = []
    /// One entry a valid span, in payload order.
    package var spans: [SpanEntry] = []
    /// The executions named by `kestra.executionId` and `AttributeKeys.executionAttributes`, each once, in the order of their first span.
    package var executions: [ExecutionEntry] = []
    /// Evidence attributes in payload order; those of one span are neighbours.
    package var evidence: [EvidenceEntry] = []
    /// Evidence attributes of resources in payload order; `owner` is an index into `resources`. A join key is there if it
    /// is read from at least one of the resource's scopes (`CompiledKeys.isRead(joinKey:from:)` tells from which).
    package var resourceEvidence: [EvidenceEntry] = []
    /// Bytes of the payload that must be masked before export (webhook keys), in payload order, not overlapping.
    package var redactions: [ByteRange] = []
    /// Spans left out because their trace or span id is missing, zero or of the wrong length (OTLP rules V-1 and V-2).
    package var rejectedSpans = 0

    package init() {}
}

/// A half-open range of payload offsets.
package struct ByteRange: Hashable, Sendable {
    package var start: UInt32
    package var end: UInt32

    @inline(always)
    package init(_ start: UInt32, _ end: UInt32) {
        self.start = start
        self.end = end
    }

    @inline(always)
    package var count: Int { Int(end) - Int(start) }

    @inline(always)
    package var isEmpty: Bool { end == start }

    /// The same bytes as a range of array indices, which are below 4 GiB in every payload that was indexed.
    @inline(always)
    init(_ range: Range<Int>) {
        start = UInt32(truncatingIfNeeded: range.lowerBound)
        end = UInt32(truncatingIfNeeded: range.upperBound)
    }

    /// The empty range, which stands for "not there".
    package static let none = ByteRange(0, 0)

    /// The same range for subscripting an array of bytes.
    @inline(always)
    package var indices: Range<Int> { Int(start)..<Int(end) }
}

/// One `ResourceSpans` (or `ResourceLogs`, `ResourceMetrics`) message.
package struct ResourceEntry: Sendable {
    /// The whole field in the request: tag, length, body.
    package var field: ByteRange
    /// The body of the message.
    package var body: ByteRange
    /// The value of the `service.name` resource attribute.
    package var serviceName: ByteRange
}

/// One `ScopeSpans` message.
package struct ScopeEntry: Sendable {
    package var resource: Int32
    /// The whole field within its `ResourceSpans`: tag, length, body.
    package var field: ByteRange
    package var body: ByteRange
    /// The value of `scope.name`.
    package var name: ByteRange
    package var origin: Origin
    package var role: OriginRole
    /// The spans of this scope: indices into `SpanIndex.spans`.
    package var spans: Range<Int32>
}

/// What kind of Kestra span a span is, as told by its scope, kind and name.
package enum KestraSpanKind: UInt8, Sendable {
    /// Not one of Kestra's own spans.
    case none = 0
    /// Kestra's HTTP server took a call in.
    case server = 1
    /// `EXECUTOR - …`: one message processed by the executor.
    case executor = 2
    /// `WORKER - …`: one attempt of one task run, or one poll of a trigger.
    case worker = 3
}

/// One span.
package struct SpanEntry: Sendable {
    /// The whole field within its `ScopeSpans`: tag, length, body.
    package var field: ByteRange
    /// The body of the `Span` message.
    package var body: ByteRange
    /// Where the 16 bytes of the trace id lie.
    package var traceIDOffset: UInt32
    /// Where the 8 bytes of the parent span id lie, or 0 if the span has none (absent, empty or all zero).
    package var parentOffset: UInt32
    package var traceID: TraceID
    package var spanID: SpanID
    /// `SpanID.none` for a root.
    package var parentSpanID: SpanID
    /// Unix nanoseconds.
    package var start: UInt64
    /// Unix nanoseconds.
    package var end: UInt64
    /// OTLP `flags`; 0 if the sender has none.
    package var flags: UInt32
    /// OTLP span kind: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    package var kind: UInt8
    /// OTLP status code: 0 unset, 1 ok, 2 error.
    package var status: UInt8
    package var kestra: KestraSpanKind
    /// Whether an EXECUTOR span was made by a task that starts executions (`kestra.source` names a plugin class):
    /// spans below it belong to the executions it started.
    package var startsExecutions: Bool
    package var name: ByteRange
    /// The value of `kestra.uid`: a task run's id.
    package var taskRun: ByteRange
    /// The value of `kestra.source`.
    package var source: ByteRange
    /// Index into `SpanIndex.scopes`.
    package var scope: Int32
    /// Index into `SpanIndex.executions`, or -1.
    package var execution: Int32
    /// The span's entries in `SpanIndex.evidence`.
    package var evidence: Range<Int32>
}

/// One execution named in a batch: an id, and a tenant if the id is there under several.
package struct ExecutionEntry: Sendable {
    /// The value of `kestra.executionId`, or of one of `AttributeKeys.executionAttributes`; see `id(in:)`.
    package var id: ByteRange
    package var namespace: ByteRange
    package var flow: ByteRange
    package var tenant: ByteRange
    /// How `id` is written; integers only come from `AttributeKeys.executionAttributes`.
    package var form = EvidenceEntry.Form.text
}

/// One attribute of a span, log record or resource that may join it to something.
package struct EvidenceEntry: Sendable {
    /// Index into `SpanIndex.spans` or `LogIndex.records`, or into their `resources`.
    package var owner: Int32
    package var key: EvidenceKey
    /// For `joinKey`: which of `AttributeKeys.joinKeys` it is.
    package var rule: UInt8 = 0
    /// How `value` is written.
    package var form = Form.text
    /// The attribute's string value; for an array of strings, its first element; for a number, its varint.
    package var value: ByteRange

    package enum Form: UInt8, Sendable {
        case text
        case integer
    }

    package init(owner: Int32, key: EvidenceKey, rule: UInt8 = 0, form: Form = .text, value: ByteRange) {
        self.owner = owner
        self.key = key
        self.rule = rule
        self.form = form
        self.value = value
    }
}

/// What an evidence attribute says. Which attribute names mean which key is configuration (`AttributeKeys`).
package enum EvidenceKey: UInt8, Sendable, CaseIterable {
    case eventID = 1
    case eventSource = 2
    case eventType = 3
    case eventSubject = 4
    case eventTenant = 5
    /// A span of another system names a Kestra execution it started.
    case claimedExecution = 6
    case urlPath = 7
    case urlQuery = 8
    case traceparent = 9
    /// The value of one of `AttributeKeys.joinKeys`.
    case joinKey = 10
    /// The tenant that the span is of.
    case tenant = 11
    /// The full URL of a call, for pairing calls by path; only if it is asked for.
    case urlFull = 12
}
