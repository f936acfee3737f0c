import Correlation
import OTLP

extension Scenario {
    /// The kinds of evidence that place an execution, the strongest first (docs/joining.md, "Which trace wins").
    enum Means: Int, CaseIterable {
        case bindingEvent, claimedBySpan, claimedByEvent, eventOnServer, reportedEvent
        case bindingContext, contextOnServer, reportedContext

        /// Whether it stands on the SERVER span.
        var needsServer: Bool { self == .eventOnServer || self == .contextOnServer }
    }

    /// What was told about one execution.
    struct Account {
        /// What the SERVER span must carry.
        var query: [String] = []
        var headers: [(String, String)] = []
        /// The strongest that leads somewhere.
        var place: Place?
        /// The event of the strongest that names one.
        var event = ""
        var means: Set<Means> = []

        /// Whether a second execution below the same SERVER span belongs to the same place: what stands on that span
        /// tells it of both.
        var holdsForReplays: Bool { means.allSatisfy(\.needsServer) || !means.contains(where: \.needsServer) }

        var queryText: String { query.joined(separator: "&") }
    }

    /// An event, and where it leads.
    struct Named {
        var id: String
        var context: TraceContext?
        var earlier: [SpanID] = []
    }

    /// Tells something about an execution, or several things that contradict each other.
    mutating func account(for key: Truth.Key, hasServer: Bool) -> Account {
        var means = Set([some(Means.allCases)])
        while random.chance(30) { means.insert(some(Means.allCases)) }
        if !hasServer { means = means.filter { !$0.needsServer } }
        var account = Account(means: means)
        let isReversed = features.contains(.wrongRule)
        for means in means.sorted(by: { ($0.rawValue < $1.rawValue) != isReversed }) {
            let (context, event, earlier) = tell(key, by: means, on: &account)
            if account.event.isEmpty { account.event = event }
            if account.place == nil, let context {
                account.place = Place(trace: context.traceID, context: context, earlier: earlier, isJoined: true)
            }
        }
        return account
    }

    private mutating func tell(
        _ key: Truth.Key, by means: Means, on account: inout Account
    ) -> (TraceContext?, event: String, earlier: [SpanID]) {
        switch means {
        case .bindingEvent:
            let named = newEvent()
            bind(key, to: named.id)
            return (named.context, named.id, named.earlier)
        case .claimedBySpan:
            let place = newContext()
            add(.portarium(place.spanID.raw, in: place.traceID.low, starts: key.execution, kind: 3))
            return (place, "", [])
        case .claimedByEvent:
            let (place, number) = (newContext(), newName())
            let data =
                random.chance(50)
                ? "{\"executionId\":\"\(key.execution)\"}" : "{\"output\":{\"executionId\":\"\(key.execution)\"}}"
            tell(event("evt-\(number)", tenant: maybeTenant(), at: place, data: data))
            return (place, "evt-\(number)", [])
        case .eventOnServer:
            let named = newEvent()
            name(named.id, on: &account)
            return (named.context, named.id, named.earlier)
        case .reportedEvent:
            let named = newEvent()
            report(named, of: key)
            return (named.context, named.id, named.earlier)
        case .bindingContext:
            let place = newContext()
            tell(BindingCall(executionID: key.execution, traceparent: Traceparent(place)))
            return (place, "", [])
        case .contextOnServer:
            let place = newContext()
            let text = Traceparent(place).text
            if random.chance(30) {
                account.headers.append(("ce-traceparent", text))
            } else {
                account.query.append("traceparent=\(text)")
            }
            return (place, "", [])
        case .reportedContext:
            let place = newContext()
            let isHeader = random.chance(40)
            report(key) {
                // Kestra went on under another trace than the header's.
                if isHeader { $0.callerContext = Traceparent(place) } else { $0.inputContext = Traceparent(place) }
            }
            return (place, "", [])
        }
    }

    mutating func bind(_ key: Truth.Key, to event: String, at context: TraceContext? = nil) {
        tell(
            BindingCall(
                executionID: key.execution, event: .init(id: event, source: source, tenantID: maybeTenant()),
                traceparent: context.map(Traceparent.init)))
    }

    mutating func report(_ named: Named, of key: Truth.Key) {
        let tenant = maybeTenant() ?? ""
        report(key) { $0.event = .init(key: EventKey(tenant: tenant, source: source, id: named.id)) }
    }

    /// A SERVER span names an event, in its query or in captured headers.
    mutating func name(_ event: String, on account: inout Account) {
        let tenant = maybeTenant()
        if random.chance(50) {
            account.query += ["ce-id=\(event)", "ce-source=\(source)"] + (tenant.map { ["ce-tenantid=\($0)"] } ?? [])
        } else {
            account.headers += [("ce-id", event), ("ce-source", source)] + (tenant.map { [("ce-tenantid", $0)] } ?? [])
        }
    }

    mutating func newContext() -> TraceContext { context(newTrace(), newSpan()) }

    // MARK: Events

    /// An event happens: its CloudEvent is told, or its publishing span seen, or both, or neither.
    mutating func newEvent() -> Named {
        var named = Named(id: "evt-\(newName())")
        switch Int.random(in: 0..<7, using: &random) {
        case 0, 1:
            // The caller's context, which may be one that no span ever has.
            let place = newContext()
            tell(event(named.id, tenant: maybeTenant(), at: place))
            if random.chance(50) { add(.shop(place.spanID.raw, in: place.traceID.low)) }
            named.context = place
        case 2:
            named.context = publish(named.id, in: newTrace())
        case 3:
            tell(event(named.id, tenant: maybeTenant(), at: newContext()))
            named.context = publish(named.id, in: newTrace())
        case 4:
            let caller = newContext()
            tell(event(named.id, tenant: maybeTenant(), at: caller))
            named.context = publish(named.id, in: caller.traceID.low, under: caller.spanID.raw)
            named.earlier = [caller.spanID]
        case 5:
            // Of two spans that name it a PRODUCER counts more, of two alike the smaller.
            let isAlike = random.chance(50)
            let first = publish(named.id, in: newTrace(), kind: 4)
            let second = publish(named.id, in: newTrace(), kind: isAlike ? 4 : 3)
            named.context = isAlike ? min(first, second) : first
        default:
            if random.chance(50) { tell(event(named.id, tenant: maybeTenant())) }
        }
        return named
    }

    /// A span of Portarium's publishes an event.
    @discardableResult
    mutating func publish(
        _ event: String, in trace: UInt64, under parent: UInt64 = 0, kind: UInt8? = nil
    ) -> TraceContext {
        let span = newSpan()
        add(
            .portarium(
                span, in: trace, under: parent, publishes: event, tenant: maybeTenant(),
                kind: kind ?? (random.chance(70) ? 4 : 3)))
        return context(trace, span)
    }
}
