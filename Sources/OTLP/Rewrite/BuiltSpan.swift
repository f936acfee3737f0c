/// A span that the relay makes itself, in plain values; see `SpanBuilder`.
package struct BuiltSpan: Sendable {
    /// The value of an attribute.
    package enum Value: Sendable, Hashable {
        case string(String)
        case int(Int64)
        case bool(Bool)
    }

    package var traceID: TraceID
    package var spanID: SpanID
    /// `SpanID.none` for a root.
    package var parentSpanID: SpanID
    package var name: String
    /// OTLP span kind: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    package var kind: UInt8
    /// Unix nanoseconds.
    package var start: UInt64
    /// Unix nanoseconds.
    package var end: UInt64
    package var attributes: [(String, Value)]
    package var links: [AddedLink]
    /// OTLP status code: 0 unset, 1 ok, 2 error.
    package var statusCode: UInt8
    package var statusMessage: String
    /// OTLP `flags`: the W3C trace flags in bits 0 to 7, 0x100 and 0x200 for what is known about the parent.
    package var flags: UInt32

    package init(
        traceID: TraceID, spanID: SpanID, parentSpanID: SpanID, name: String, kind: UInt8, start: UInt64, end: UInt64,
        attributes: [(String, Value)] = [], links: [AddedLink] = [], statusCode: UInt8 = 0, statusMessage: String = "",
        flags: UInt32 = 0
    ) {
        self.traceID = traceID
        self.spanID = spanID
        self.parentSpanID = parentSpanID
        self.name = name
        self.kind = kind
        self.start = start
        self.end = end
        self.attributes = attributes
        self.links = links
        self.statusCode = statusCode
        self.statusMessage = statusMessage
        self.flags = flags
    }
}
