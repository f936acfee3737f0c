import Correlation
import OTLP

// What Kestra does with the calls it gets.
extension Scenario {
    // MARK: Executions

    /// An execution begins. Its top-level spans hang under `entry`, or are roots.
    mutating func begin(
        at place: Place, under entry: UInt64 = 0, startedBy starter: Truth.Key? = nil, account: Account? = nil,
        named name: String? = nil
    ) -> Truth.Key {
        let key = Truth.Key(tenant: kestraTenant, execution: name ?? execution(newName()))
        begin(key, at: place, under: entry, startedBy: starter, account: account)
        return key
    }

    mutating func begin(
        _ key: Truth.Key, at place: Place, under entry: UInt64 = 0, startedBy starter: Truth.Key? = nil,
        account: Account? = nil
    ) {
        var run = Truth.Run(
            trace: place.trace, span: DerivedIDs.executionSpan(tenant: key.tenant, execution: key.execution),
            parent: SpanID(raw: entry), isJoined: place.isJoined,
            isNative: place.isNative, event: account?.event ?? "", tenant: tenant)
        if place.isNative, run.event?.isEmpty == true { run.event = nil }
        if entry == 0 {
            run.parent = place.context?.spanID ?? starter.flatMap { truth.runs[$0]?.span } ?? .none
            run.earlierParents = place.earlier
        }
        if random.chance(40) { run.state = some(["SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED"]) }
        truth.runs[key] = run
        tellState(of: key, run.state)
    }

    private mutating func tellState(of key: Truth.Key, _ state: String) {
        guard !state.isEmpty else { return }
        // What Kestra's API tells has no credential: it can't be told of which of two tenants' executions it is, before
        // spans have come.
        if credential == nil, random.chance(30) { report(key) { $0.state = "RUNNING" } }
        if credential != nil || random.chance(50) {
            tell(BindingCall(executionID: key.execution, state: state))
        } else {
            report(key) { $0.state = state }
        }
    }

    func place(of key: Truth.Key) -> Place? {
        truth.runs[key].map { Place(trace: $0.trace, isJoined: $0.isJoined, isNative: $0.isNative) }
    }

    /// The spans of an execution below a SERVER span or a starting task, and of what it starts. Returns one span of it
    /// below which others may hang.
    @discardableResult
    mutating func addTasks(of key: Truth.Key, in trace: UInt64, under entry: UInt64, depth: Int = 0) -> UInt64 {
        guard let place = self.place(of: key) else { return entry }
        var dispatchers: [UInt64] = []
        var inner = entry
        for position in 0..<Int.random(in: 2...10, using: &random) {
            let span = newSpan()
            if position > 0, depth < 3, random.chance(12) {
                add(
                    .executor(span, of: key.execution, in: trace, under: entry, starts: true, tenant: kestraTenant),
                    in: place.trace, isTopLevel: true, of: key)
                startAnother(from: key, in: trace, under: span, place: place, depth: depth)
            } else if position == 0 || random.chance(55) {
                dispatchers.append(span)
                add(
                    .executor(span, of: key.execution, in: trace, under: entry, tenant: kestraTenant), in: place.trace,
                    isTopLevel: true, of: key)
            } else if !random.chance(4) {
                let parent = isNested ? some(dispatchers) : entry
                add(
                    .worker(span, of: key.execution, in: trace, under: parent, tenant: kestraTenant), in: place.trace,
                    isTopLevel: parent == entry, of: key)
                inner = span
            }
        }
        return inner
    }

    /// A subflow, or an iteration of a loop: its EXECUTOR spans are its own, the WORKER spans below them the loop's.
    private mutating func startAnother(
        from key: Truth.Key, in trace: UInt64, under span: UInt64, place: Place, depth: Int
    ) {
        let child = begin(at: place.followed, under: span, startedBy: key)
        guard isNested, random.chance(40) else {
            addTasks(of: child, in: trace, under: span, depth: depth + 1)
            return
        }
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let (dispatcher, worker) = (newSpan(), newSpan())
            add(
                .executor(dispatcher, of: child.execution, in: trace, under: span, tenant: kestraTenant),
                in: place.trace, isTopLevel: true, of: child)
            add(
                .worker(worker, of: key.execution, in: trace, under: dispatcher, tenant: kestraTenant),
                in: place.trace, of: key)
        }
    }

    /// Spans of other systems that a task called, and calls of its to Kestra itself.
    mutating func addOthers(in trace: UInt64, under parent: UInt64, at place: TraceID, callsKestra: Bool = true) {
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            add(.shop(newSpan(), in: trace, under: parent), in: place)
        }
        if callsKestra, random.chance(10) {
            add(.server(newSpan(), in: trace, under: parent, path: "/api/v1/main/flows/shop"), in: place)
        }
    }

    /// Each of them has links to the others.
    mutating func link(_ keys: [Truth.Key], reason: String) {
        for key in keys {
            truth.runs[key]?.links += keys.filter { $0 != key }.map { .run($0, reason: reason) }
        }
    }

    /// Somebody resumes, restarts, kills or replays an execution: the call lies in a trace of its own.
    mutating func addCall(to key: Truth.Key) {
        let verb = some(["resume", "restart", "kill", "replay"])
        let (trace, server) = (newTrace(), newSpan())
        var caller: UInt64 = 0
        if random.chance(70) {
            caller = newSpan()
            if random.chance(70) { add(.portarium(caller, in: trace, kind: 3)) }
        }
        add(
            .server(
                server, in: trace, under: caller, path: "/api/v1/main/executions/\(key.execution)/\(verb)"),
            links: [.run(key, reason: "call")])
        truth.runs[key]?.links.append(.place(traceID(trace), SpanID(raw: server), reason: "call"))
    }

    // MARK: Stories

    /// One trace goes on in Kestra, for one event or several: what else is told moves nothing.
    mutating func addNative() {
        let trace = newTrace()
        let count = random.chance(25) ? Int.random(in: 2...4, using: &random) : 1
        // Then nothing shows that the trace was continued.
        let isServerLost = count == 1 && random.chance(8)
        let home = Place(trace: traceID(trace), isJoined: !isServerLost, isNative: !isServerLost)
        for _ in 0..<count {
            let (caller, server) = (newSpan(), newSpan())
            let isPhantom = random.chance(30)
            let published = isPhantom || random.chance(50) ? nil : "evt-\(newName())"
            if !isPhantom { add(.portarium(caller, in: trace, publishes: published, tenant: maybeTenant())) }
            let name = Truth.Key(tenant: kestraTenant, execution: execution(newName()))
            var account: Account?
            if random.chance(35) { account = self.account(for: name, hasServer: !isServerLost) }
            let place = isServerLost ? account?.place ?? home : home
            begin(name, at: place, under: server, account: account)
            if !isServerLost {
                add(
                    .server(
                        server, in: trace, under: caller, query: account?.queryText ?? "",
                        headers: account?.headers ?? []))
                if let context = account?.place?.context {
                    truth.runs[name]?.links.append(.place(context.traceID, context.spanID, reason: "event_context"))
                }
            }
            let inner = addTasks(of: name, in: trace, under: server)
            if !isServerLost { addOthers(in: trace, under: inner, at: traceID(trace)) }
            if random.chance(15) { addCall(to: name) }
        }
    }

    /// Begins in Kestra, and nothing tells anything.
    mutating func addUnbound() {
        let (trace, server) = (newTrace(), newSpan())
        let home = Place(trace: traceID(trace), isJoined: false)
        let key = begin(at: home, under: server)
        let isServerLost = random.chance(8)
        if !isServerLost { add(.server(server, in: trace)) }
        addOthers(
            in: trace, under: addTasks(of: key, in: trace, under: server), at: home.trace, callsKestra: !isServerLost)
        if random.chance(20) { addCall(to: key) }
    }

    /// Begins in Kestra and belongs elsewhere, as something tells, or several things of different strength.
    mutating func addBound() {
        let (trace, server) = (newTrace(), newSpan())
        let key = Truth.Key(tenant: kestraTenant, execution: execution(newName()))
        let isServerLost = random.chance(8)
        let account = self.account(for: key, hasServer: !isServerLost)
        let home = Place(trace: traceID(trace), isJoined: false)
        let place = account.place ?? home
        begin(key, at: place, under: server, account: account)
        if !isServerLost {
            add(
                .server(server, in: trace, query: account.queryText, headers: account.headers), in: place.trace,
                under: account.place?.context?.spanID, earlier: place.earlier)
        }
        let inner = addTasks(of: key, in: trace, under: server)
        // A replay runs under the first call, and nothing else binds it.
        if account.holdsForReplays, random.chance(20) {
            let replay = begin(at: place.followed, under: server)
            if !isServerLost, !account.means.isEmpty, account.means.allSatisfy(\.needsServer), !account.event.isEmpty {
                truth.runs[replay]?.event = account.event
                link([key, replay], reason: "redelivery")
            }
            addTasks(of: replay, in: trace, under: server)
            if random.chance(50) { addCall(to: key) }
        }
        if !isServerLost { addOthers(in: trace, under: inner, at: place.trace) }
        if random.chance(20) { addCall(to: key) }
    }

    /// Two executions below one call that belong to two events; what is of neither goes with the smaller trace.
    mutating func addSplit() {
        let (trace, server) = (newTrace(), newSpan())
        let places = [newContext(), newContext()]
        for context in places {
            let key = begin(
                at: Place(trace: context.traceID, context: context, isJoined: true), under: server)
            if random.chance(50) {
                tell(BindingCall(executionID: key.execution, traceparent: Traceparent(context)))
            } else {
                add(.portarium(context.spanID.raw, in: context.traceID.low, starts: key.execution, kind: 3))
            }
            addTasks(of: key, in: trace, under: server)
        }
        let smaller = min(places[0], places[1])
        add(.server(server, in: trace), in: smaller.traceID, under: smaller.spanID)
        addOthers(in: trace, under: server, at: smaller.traceID, callsKestra: false)
        // Evidence does not agree about one that nothing binds.
        if random.chance(20) {
            let key = begin(at: Place(trace: traceID(trace), isJoined: false), under: server)
            addTasks(of: key, in: trace, under: server)
        }
    }

    /// Scheduled: no context was carried, every message and task is a trace of its own.
    mutating func addFragmented() {
        _ = fragments(isBound: random.chance(50))
    }

    mutating func fragments(isBound: Bool, startedBy starter: Truth.Key? = nil) -> Truth.Key {
        let key = Truth.Key(tenant: kestraTenant, execution: execution(newName()))
        let derived = DerivedIDs.trace(tenant: key.tenant, execution: key.execution)
        let account = isBound ? self.account(for: key, hasServer: false) : nil
        let followed = starter.flatMap { self.place(of: $0) }
        let place = account?.place ?? followed ?? Place(trace: derived, isJoined: false)
        begin(key, at: place, startedBy: starter, account: account)
        for position in 0..<Int.random(in: 2...10, using: &random) {
            let (trace, span) = (newTrace(), newSpan())
            if position == 0 || random.chance(50) {
                let starts = position > 0 && random.chance(25)
                add(
                    .executor(span, of: key.execution, in: trace, starts: starts, tenant: kestraTenant),
                    in: place.trace, isTopLevel: true, of: key)
                if starts {
                    startAnother(from: key, in: trace, under: span, place: place, depth: 2)
                } else if isNested, random.chance(50) {
                    let worker = newSpan()
                    add(
                        .worker(worker, of: key.execution, in: trace, under: span, tenant: kestraTenant),
                        in: place.trace, of: key)
                    addOthers(in: trace, under: worker, at: place.trace)
                }
            } else {
                add(
                    .worker(span, of: key.execution, in: trace, tenant: kestraTenant), in: place.trace,
                    isTopLevel: true, of: key)
                if random.chance(30) { addOthers(in: trace, under: span, at: place.trace) }
            }
        }
        if random.chance(10) { addCall(to: key) }
        return key
    }

    /// One event is delivered several times, with a header of each delivery's own or with none.
    mutating func addRedelivery() {
        let named = newEvent()
        var runs: [Truth.Key] = []
        for _ in 0..<Int.random(in: 2...4, using: &random) {
            let (trace, server) = (newTrace(), newSpan())
            let isNative = random.chance(40)
            let key = Truth.Key(tenant: kestraTenant, execution: execution(newName()))
            var account = Account()
            account.event = named.id
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bind(key, to: named.id)
            case 1: name(named.id, on: &account)
            default: report(named, of: key)
            }
            let home = Place(trace: traceID(trace), isJoined: isNative, isNative: isNative)
            if isNative {
                let caller = newSpan()
                if random.chance(70) { add(.portarium(caller, in: trace, kind: 3)) }
                begin(key, at: home, under: server, account: account)
                add(.server(server, in: trace, under: caller, query: account.queryText, headers: account.headers))
                if let context = named.context {
                    truth.runs[key]?.links.append(.place(context.traceID, context.spanID, reason: "event_context"))
                }
            } else {
                let place =
                    named.context.map {
                        Place(trace: $0.traceID, context: $0, earlier: named.earlier, isJoined: true)
                    } ?? home
                begin(key, at: place, under: server, account: account)
                add(
                    .server(server, in: trace, query: account.queryText, headers: account.headers), in: place.trace,
                    under: named.context?.spanID, earlier: named.earlier)
            }
            addTasks(of: key, in: trace, under: server, depth: 2)
            runs.append(key)
        }
        link(runs, reason: "redelivery")
    }

    /// The end of one execution triggers another: two traces, linked.
    mutating func addTriggered() {
        let first = fragments(isBound: random.chance(50))
        let second = fragments(isBound: random.chance(20))
        report(second) { $0.triggeredBy = first.execution }
        link([first, second], reason: "started_by")
    }

    /// What belongs to nothing: people who look at executions, polling triggers, other systems, events without takers.
    mutating func addNoise() {
        add(.server(newSpan(), in: newTrace(), path: "/api/v1/main/executions/\(execution(newName()))", method: "GET"))
        add(
            TestSpan(
                sender: .kestra, trace: traceID(newTrace()), id: SpanID(raw: newSpan()), parent: .none,
                name: "WORKER - io.kestra.plugin.core.http.Trigger", kind: 1,
                attributes: [("kestra.namespace", "shop"), ("kestra.flowId", "flow")]))
        _ = newEvent()
        let (trace, root) = (newTrace(), newSpan())
        add(.portarium(root, in: trace, under: newSpan(), kind: 2))
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            add(.shop(newSpan(), in: trace, under: random.chance(50) ? root : newSpan()))
        }
    }
}
