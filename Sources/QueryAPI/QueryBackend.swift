package import OTLP

/// What answers the API's questions. An answer shows a viewer what is theirs, and speaks of the rest as if it did not
/// exist. Every method may be called from an event loop, must not block it, and calls
/// `completion` once, from any thread.
package protocol QueryBackend: AnyObject, Sendable {
    /// The latest events that pass the filter: `{"events": […], "nextCursor"}`.
    func events(_ filter: EventFilter, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void)
    /// One event, or the candidates if the id alone is ambiguous.
    func event(_ name: EventQuery, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void)
    func timeline(event name: EventQuery, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void)
    func timeline(execution id: String, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void)
    /// Why an execution is where it is, or the candidates if several tenants have the id.
    func explain(
        execution id: String, tenant: String?, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void)
    /// The same for all executions of an event.
    func explain(event name: EventQuery, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void)
    /// The same for all executions of which spans arrived in a trace or belong to it.
    func explain(trace id: TraceID, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void)
    /// The unified trace that an original or unified trace id leads to, as OTLP.
    func trace(
        _ id: TraceID, asProtobuf: Bool, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void)
    /// What is mis-set-up, as live telemetry shows it.
    func doctor(completion: @escaping @Sendable (QueryAnswer) -> Void)
    func status(completion: @escaping @Sendable (QueryAnswer) -> Void)
    /// The metrics of the relay, in the format that `accept` asks for.
    func metrics(accept: String?) -> QueryAnswer
    /// Why the relay cannot take requests now, or nil if it can.
    func unreadiness() -> String?
}

/// Who asks, as far as answers depend on it.
package struct Viewer: Sendable, Equatable {
    /// The tenant that the credential stands for; nil sees everything.
    package var tenant: String?

    package init(tenant: String?) {
        self.tenant = tenant
    }

    /// Whether something of a tenant may be shown. What is nobody's (nil or empty) is for those only who see everything.
    package func mayView(tenant owner: String?) -> Bool {
        guard let tenant else { return true }
        // Byte by byte: two spellings of a letter are two tenants.
        return (owner ?? "").utf8.elementsEqual(tenant.utf8) && !tenant.isEmpty
    }
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
