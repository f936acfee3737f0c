package import OTLP

/// What answers the API's questions. Every method may be called from an event loop, must not block it, and calls
/// `completion` once, from any thread.
package protocol QueryBackend: AnyObject, Sendable {
    /// The latest events that pass the filter: `{"events": […], "nextCursor"}`.
    func events(_ filter: EventFilter, completion: @escaping @Sendable (QueryAnswer) -> Void)
    /// One event, or the candidates if the id alone is ambiguous.
    func event(_ name: EventQuery, completion: @escaping @Sendable (QueryAnswer) -> Void)
    func timeline(event name: EventQuery, completion: @escaping @Sendable (QueryAnswer) -> Void)
    func timeline(execution id: String, completion: @escaping @Sendable (QueryAnswer) -> Void)
    /// Why an execution is where it is, or the candidates if several tenants have the id.
    func explain(execution id: String, tenant: String?, completion: @escaping @Sendable (QueryAnswer) -> Void)
    /// The same for all executions of an event.
    func explain(event name: EventQuery, completion: @escaping @Sendable (QueryAnswer) -> Void)
    /// The same for all executions of which spans arrived in a trace or belong to it.
    func explain(trace id: TraceID, completion: @escaping @Sendable (QueryAnswer) -> Void)
    /// The unified trace that an original or unified trace id leads to, as OTLP.
    func trace(_ id: TraceID, asProtobuf: Bool, completion: @escaping @Sendable (QueryAnswer) -> Void)
    func status(completion: @escaping @Sendable (QueryAnswer) -> Void)
    /// The metrics of the relay, in the format that `accept` asks for.
    func metrics(accept: String?) -> QueryAnswer
    /// Why the relay cannot take requests now, or nil if it can.
    func unreadiness() -> String?
}

/// Which events a list is about. Empty optionals do not filter.
package struct EventFilter: Sendable, Equatable {
    package var tenant: String?
    package var source: String?
    package var type: String?
    package var flow: String?
    package var state: String?
    /// Unix nanoseconds, inclusive.
    package var since: UInt64?
    /// Unix nanoseconds, exclusive.
    package var until: UInt64?
    package var limit: Int
    /// Where the last page ended.
    package var cursor: String?
}

/// What a request names an event by.
package struct EventQuery: Sendable, Equatable {
    package var id: String
    package var source: String?
    package var tenant: String?
}

/// An answer of the API.
package enum QueryAnswer: Sendable {
    case json([UInt8])
    case bytes([UInt8], contentType: String)
    case problem(Problem)
}
