package import OTLP

/// What names an event: never the id alone. Names are the same only if their bytes are (CloudEvents compares exactly),
/// where Swift's strings would also take different spellings of one accented letter for the same.
///
/// A business key's value is named in the same way, with `key:<name of the key>` for the source.
package struct EventKey: Hashable, Sendable {
    /// Empty if the sender told none.
    package var tenant: String
    package var source: String
    package var id: String

    package init(tenant: String, source: String, id: String) {
        self.tenant = tenant
        self.source = source
        self.id = id
    }

    /// What begins the source of a key's value.
    static let keyPrefix = "key:"

    init(tenant: String, key: JoinKey, value: String) {
        self.init(tenant: tenant, source: Self.keyPrefix + key.name, id: value)
    }

    package static func == (a: EventKey, b: EventKey) -> Bool {
        a.id.isExactly(b.id) && a.source.isExactly(b.source) && a.tenant.isExactly(b.tenant)
    }

    // Equal bytes are equal strings, which have equal hashes.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(tenant)
        hasher.combine(source)
        hasher.combine(id)
    }

    /// The same name without a tenant.
    var nameless: EventKey { EventKey(tenant: "", source: source, id: id) }
}

/// A place in a trace: what a traceparent names.
package struct TraceContext: Hashable, Sendable, Comparable {
    package var traceID: TraceID
    package var spanID: SpanID

    package init(traceID: TraceID, spanID: SpanID) {
        self.traceID = traceID
        self.spanID = spanID
    }

    package static func < (a: TraceContext, b: TraceContext) -> Bool {
        (a.traceID, a.spanID) < (b.traceID, b.spanID)
    }
}

/// A span that stands for an event or a key where it came from.
struct Home: Equatable {
    var context: TraceContext
    /// Start of the span, unix nanoseconds; 0 if unknown.
    var start: UInt64 = 0
    /// Which execution's span it is, if it is one's.
    var execution: Execution?

    static func == (a: Home, b: Home) -> Bool { a.context == b.context }
}

/// One CloudEvent, or one value of a business key, as far as the relay has heard of it. Belongs to the correlator's
/// thread.
final class EventState {
    let key: EventKey
    /// All of this source and id, whatever their tenant.
    let name: EventName
    /// For a value of a configured key: which of `CorrelationSettings.joinKeys` it is.
    let joinKey: Int?
    var type = ""
    var subject = ""
    /// The event's own `time`, unix nanoseconds; 0 if unknown.
    var time: UInt64 = 0
    /// The `traceparent` it carries.
    var context: TraceContext?
    /// Whether the event itself told it.
    var isContextOwn = false
    /// The span that published or dispatched it: a better parent than the context, which is its grandparent.
    var publisher: Home?
    /// Whether the publisher is a PRODUCER span, which counts more than others that name the event.
    var isPublisherProducer = false
    /// For a key: the spans of homes that carry it, at most one a trace, the earliest first.
    var homes: [Home] = []
    /// Keys that stand in its data: where it is, they are at home.
    var carriedKeys: [EventKey] = []
    /// The extensions `runid` and `correlationid`, which only make links.
    var runID = ""
    var correlationID = ""
    /// What it started or what carries it, in the order it was learned.
    var executions: [Execution] = []
    var traces: [TraceState] = []
    /// Unix nanoseconds of the first and the last arrival.
    var firstSeen: UInt64
    var lastSeen: UInt64
    /// Whether it has changed since it was last given out for storing.
    var isDirty = false
    /// The number under which it is stored; 0 if it was not yet.
    var storedID: UInt64 = 0

    init(key: EventKey, name: EventName, joinKey: Int?, now: UInt64) {
        self.key = key
        self.name = name
        self.joinKey = joinKey
        firstSeen = now
        lastSeen = now
    }

    /// Every context by which it can be found.
    var contexts: [TraceContext] {
        var all = allHomes.map(\.context)
        if let context { all.append(context) }
        return all
    }

    /// Every span that stands for it.
    var allHomes: [Home] { homes + [publisher].compactMap { $0 } }
}

/// The events of one source and id: those whose tenant is known, and what was said without one.
///
/// A name without tenant means the one event of that source and id, whatever its tenant; if there are several it means
/// none of them, since guessing could show one tenant the other's spans. This is decided when it is asked, so that the
/// order of arrival does not matter.
final class EventName {
    var nameless: EventState?
    var tenanted: [EventState] = []

    var isEmpty: Bool { nameless == nil && tenanted.isEmpty }

    enum Meaning {
        /// What was said without a tenant about the same event counts too.
        case event(EventState, also: EventState?)
        case ambiguous(count: Int)
        case tenantDiffers(String)
    }

    /// Which event somebody of this tenant (empty if unknown) means by `event`.
    func meaning(of event: EventState, for owner: String) -> Meaning {
        let only = tenanted.count == 1 ? tenanted[0] : nil
        guard event.key.tenant.isEmpty else {
            guard owner.isEmpty || owner.isExactly(event.key.tenant) else { return .tenantDiffers(event.key.tenant) }
            return .event(event, also: only === event ? nameless : nil)
        }
        if !owner.isEmpty {
            guard let own = tenanted.first(where: { $0.key.tenant.isExactly(owner) }) else {
                return only.map { .tenantDiffers($0.key.tenant) } ?? .event(event, also: nil)
            }
            return .event(own, also: only === own ? event : nil)
        }
        if let only { return .event(only, also: event) }
        return tenanted.isEmpty ? .event(event, also: nil) : .ambiguous(count: tenanted.count)
    }
}

extension EventKey: Comparable {
    package static func < (a: EventKey, b: EventKey) -> Bool {
        (a.source, a.id, a.tenant) < (b.source, b.id, b.tenant)
    }
}
