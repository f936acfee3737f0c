import Correlation
import OTLP

// Cases behind `Features`.
extension Scenario {
    // MARK: Evidence that leads into traces that move

    /// An execution publishes an event from within its trace, which moves; the event starts the next one, which does so
    /// too. All of it belongs where the first event was published.
    mutating func addChain() {
        let first = newContext()
        var place = Place(trace: first.traceID, context: first, isJoined: true)
        var named = "evt-\(newName())"
        add(.portarium(first.spanID.raw, in: first.traceID.low, publishes: named))
        for _ in 0..<Int.random(in: 2...4, using: &random) {
            let (trace, server, publisher) = (newTrace(), newSpan(), newSpan())
            var account = Account()
            account.event = named
            let isBound = random.chance(50)
            if !isBound { name(named, on: &account) }
            let key = begin(at: place, under: server, account: account)
            if isBound { bind(key, to: named) }
            add(
                .server(server, in: trace, query: account.queryText, headers: account.headers), in: place.trace,
                under: place.context?.spanID)
            let inner = addTasks(of: key, in: trace, under: server)
            named = "evt-\(newName())"
            // The publishing span names its event, or the event's traceparent names the span.
            let isNamed = random.chance(60)
            add(
                .portarium(publisher, in: trace, under: inner, publishes: isNamed ? named : nil), in: place.trace)
            if !isNamed { tell(event(named, tenant: maybeTenant(), at: context(trace, publisher))) }
            place.context = TraceContext(traceID: place.trace, spanID: SpanID(raw: publisher))
        }
    }

    /// A task of a moved execution calls Kestra; the call's own execution belongs to another event.
    mutating func addInnerCall() {
        let (trace, outer, inner) = (newTrace(), newSpan(), newSpan())
        let places = [newContext(), newContext()]
        var task: UInt64 = 0
        for (position, context) in places.enumerated() {
            let server = position == 0 ? outer : inner
            let key = begin(at: Place(trace: context.traceID, context: context, isJoined: true), under: server)
            tell(BindingCall(executionID: key.execution, traceparent: Traceparent(context)))
            if position == 0 {
                add(.server(server, in: trace), in: context.traceID, under: context.spanID)
                task = addTasks(of: key, in: trace, under: server)
            } else {
                add(.server(server, in: trace, under: task), in: context.traceID)
                addTasks(of: key, in: trace, under: server)
            }
        }
    }

    /// Kestra's record tells that an execution was started by one in another trace: it goes where that one goes.
    mutating func addFollower() {
        let first = fragments(isBound: random.chance(70))
        guard let place = self.place(of: first) else { return }
        if random.chance(50) {
            let second = fragments(isBound: false, startedBy: first)
            report(second) { $0.startedBy = first.execution }
        } else {
            let (trace, server) = (newTrace(), newSpan())
            let second = begin(at: place.followed, under: server)
            report(second) { $0.startedBy = first.execution }
            add(.server(server, in: trace), in: place.trace)
            addOthers(in: trace, under: addTasks(of: second, in: trace, under: server), at: place.trace)
        }
    }

    /// Two bindings of one event give different traceparents: the smaller one counts, whatever came first.
    mutating func addContextConflict() {
        let named = "evt-\(newName())"
        let contexts = [newContext(), newContext()]
        let smaller = min(contexts[0], contexts[1])
        var account = Account()
        account.event = named
        var keys: [Truth.Key] = []
        for context in contexts {
            let (trace, server) = (newTrace(), newSpan())
            let place = Place(trace: smaller.traceID, context: smaller, isJoined: true)
            let key = begin(at: place, under: server, account: account)
            keys.append(key)
            bind(key, to: named, at: context)
            add(.server(server, in: trace), in: place.trace, under: smaller.spanID)
            addTasks(of: key, in: trace, under: server)
        }
        link(keys, reason: "redelivery")
    }

    // MARK: Tenants

    /// Two tenants, each with its own credential, whose executions and events have the same ids.
    mutating func addTwins() {
        let (run, named) = (execution(newName()), "evt-\(newName())")
        let tells = Bool.random(using: &random)
        for name in ["ws-1", "ws-2"] {
            become(name)
            let key = Truth.Key(tenant: kestraTenant, execution: run)
            let (home, trace, server) = (newTrace(), newTrace(), newSpan())
            let published = publish(named, in: home)
            let place = Place(trace: published.traceID, context: published, isJoined: true)
            var account = Account()
            account.event = named
            if tells { bind(key, to: named) } else { self.name(named, on: &account) }
            begin(key, at: place, under: server, account: account)
            add(
                .server(server, in: trace, query: account.queryText, headers: account.headers), in: place.trace,
                under: published.spanID)
            addOthers(in: trace, under: addTasks(of: key, in: trace, under: server), at: place.trace)
        }
    }

    /// Evidence of one tenant about an execution of another's, and an event that two tenants have, named without a
    /// tenant: neither joins anything.
    mutating func addStrangers() {
        let named = "evt-\(newName())"
        become("ws-1")
        publish(named, in: newTrace())
        let victim = Truth.Key(tenant: "ws-2", execution: execution(newName()))
        // A span, a binding and a CloudEvent of ws-1 claim the execution of ws-2.
        switch Int.random(in: 0..<3, using: &random) {
        case 0: add(.portarium(newSpan(), in: newTrace(), starts: victim.execution, kind: 3))
        case 1: bind(victim, to: named)
        default:
            tell(
                event(
                    "evt-\(newName())", tenant: tenant, at: newContext(),
                    data: "{\"executionId\":\"\(victim.execution)\"}"))
        }
        become("ws-2")
        addUnjoined(victim, event: "", account: Account())
        publish(named, in: newTrace())
        // Of no known tenant: it could be the event of either.
        tenant = ""
        credential = nil
        kestraTenant = ""
        var account = Account()
        account.query = ["ce-id=\(named)", "ce-source=\(source)"]
        addUnjoined(Truth.Key(tenant: "", execution: execution(newName())), event: nil, account: account)
    }

    private mutating func addUnjoined(_ key: Truth.Key, event: String?, account: Account) {
        let (trace, server) = (newTrace(), newSpan())
        begin(key, at: Place(trace: traceID(trace), isJoined: false), under: server)
        truth.runs[key]?.event = event
        add(.server(server, in: trace, query: account.queryText))
        addTasks(of: key, in: trace, under: server)
    }

    /// Everything from here on is a tenant's, and its credential says so.
    private mutating func become(_ name: String) {
        tenant = name
        credential = name
        kestraTenant = name
    }
}
