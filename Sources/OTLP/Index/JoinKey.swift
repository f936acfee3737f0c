/// A named value that two systems share, as the configuration describes it: spans of a follower that carry it belong to
/// the trace of the home that carries it too.
package struct JoinKey: Sendable, Equatable {
    package enum Kind: Sendable {
        /// A business key: an order number, a run id. It is scoped by tenant; it says where things belong, not who called.
        case business
        /// The id of one message or task run: the PRODUCER or CLIENT span that carries it is the home of the others,
        /// whichever system it is of.
        case taskRun
    }

    package enum Strength: Sendable {
        /// Followers move to the home's trace.
        case join
        /// Followers stay where they are and get a link.
        case link
    }

    package var name: String
    package var kind: Kind
    package var strength: Strength
    /// How far the start of a follower's span may lie from that of the home's span, in nanoseconds; nil for any distance.
    package var lifetime: UInt64?
    /// The systems whose spans are read for it; empty for all.
    package var origins: [Origin]
    /// Attributes of spans in which it stands (request headers as `http.request.header.<name>`).
    package var spanAttributes: [[UInt8]]
    /// Attributes of resources.
    package var resourceAttributes: [[UInt8]]
    /// Attributes of log records, which tell it of the span that the record names.
    package var logAttributes: [[UInt8]]
    /// Parameters of a URL's query.
    package var queryParameters: [String]
    /// Where it may stand in a CloudEvent's data, outermost member first: the event's trace is a home of it.
    package var dataPaths: [[String]]

    package init(name: String, kind: Kind = .business, strength: Strength = .join, lifetime: UInt64? = nil) {
        self.name = name
        self.kind = kind
        self.strength = strength
        self.lifetime = lifetime
        origins = []
        spanAttributes = []
        resourceAttributes = []
        logAttributes = []
        queryParameters = []
        dataPaths = []
    }

    /// Whether it is read from spans, log records and resources of a system.
    package func isRead(from origin: Origin) -> Bool { origins.isEmpty || origins.contains(origin) }
}
