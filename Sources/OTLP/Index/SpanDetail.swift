/// All of one span, decoded for queries; never on the way of a span. Secrets are masked as they are on export.
package struct SpanDetail: Sendable, Hashable {
    package var traceID: TraceID
    package var spanID: SpanID
    /// `SpanID.none` for a root.
    package var parentSpanID: SpanID
    package var traceState = ""
    package var name = ""
    /// OTLP span kind: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    package var kind: UInt8
    /// Unix nanoseconds.
    package var start: UInt64
    /// Unix nanoseconds.
    package var end: UInt64
    /// OTLP status code: 0 unset, 1 ok, 2 error.
    package var statusCode: UInt8
    package var statusMessage = ""
    package var flags: UInt32
    /// In the order of the sender, duplicates included: the last of a name counts.
    package var attributes: [Attribute] = []
    package var events: [Event] = []
    package var links: [Link] = []

    package struct Event: Sendable, Hashable {
        /// Unix nanoseconds.
        package var time: UInt64 = 0
        package var name = ""
        package var attributes: [Attribute] = []
    }

    package struct Link: Sendable, Hashable {
        package var traceID = TraceID(high: 0, low: 0)
        package var spanID = SpanID.none
        package var attributes: [Attribute] = []
    }

    /// The string value of an attribute; nil if it is not there or no string.
    package func string(_ name: String) -> String? {
        guard case .string(let value)? = attributes.last(where: { $0.name == name })?.value else { return nil }
        return value
    }
}
