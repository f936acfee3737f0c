package import OTLP

extension World {
    /// The usual keys, and a home `store` and a follower `store-worker` that share order ids, message ids and a context
    /// in a task's arguments.
    package static let configuredKeys: CompiledKeys = {
        var keys = AttributeKeys.defaults
        keys.evidence.append((Array("app.traceparent".utf8), .traceparent))
        keys.origins += [
            OriginRule(name: "store", role: .home, scopes: [], services: ["store"]),
            OriginRule(name: "store-worker", role: .follower, scopes: [], services: ["store-worker*"]),
        ]
        keys.tenantAttributes = [Array("tenant.id".utf8)]
        keys.joinKeys = configuredJoinKeys
        return CompiledKeys(keys)
    }()

    package static let configuredJoinKeys: [JoinKey] = {
        var order = JoinKey(name: "order")
        order.spanAttributes = [Array("order.id".utf8)]
        var message = JoinKey(name: "message", kind: .taskRun)
        message.spanAttributes = [Array("messaging.message.id".utf8)]
        return [order, message]
    }()
}

// A web shop and a task queue whose workers get no context: what their instrumentations send (FastAPI and Celery).
extension Scenario {
    /// One order: the store takes it in, its workers do the rest, each run of a task in a trace of its own.
    mutating func addOrder() {
        let order = "order-\(newName())"
        let home = takeIn(order)
        for _ in 0..<Int.random(in: 1...4, using: &random) { addTask(of: order, from: home, in: home.trace) }
        // The same order again, later: the home that was first counts.
        if random.chance(25) { takeIn(order, isLater: true) }
        // A run of which nothing tells what it is of stays where it is.
        if random.chance(40) {
            let (trace, root) = (newTrace(), newSpan())
            add(.configured(.storeWorker, root, in: trace, kind: 5))
            addSteps(in: trace, under: root, at: traceID(trace), key: [])
        }
        // A run of two orders at once belongs to neither.
        if random.chance(20) {
            let other = "order-\(newName())"
            _ = takeIn(other)
            let (trace, root) = (newTrace(), newSpan())
            add(.configured(.storeWorker, root, in: trace, kind: 5, attributes: attributes(order)))
            add(.configured(.storeWorker, newSpan(), in: trace, under: root, attributes: attributes(other)))
        }
    }

    /// Two tenants have an order of the same number; a run that tells no tenant belongs to neither.
    mutating func addSharedOrder() {
        let order = "order-\(newName())"
        for name in ["ws-1", "ws-2"] {
            tenant = name
            let home = takeIn(order)
            for _ in 0..<Int.random(in: 1...2, using: &random) { addTask(of: order, from: home, in: home.trace) }
        }
        tenant = ""
        let (trace, root) = (newTrace(), newSpan())
        add(.configured(.storeWorker, root, in: trace, kind: 5, attributes: attributes(order)))
        addSteps(in: trace, under: root, at: traceID(trace), key: [])
    }

    /// A call that the store takes in. Returns its trace and span.
    @discardableResult
    private mutating func takeIn(_ order: String, isLater: Bool = false) -> (trace: UInt64, span: UInt64) {
        let (trace, span) = (newTrace(), newSpan())
        let before = clock
        if isLater { clock &+= 1_000 * second }
        add(.configured(.store, span, in: trace, kind: 2, attributes: attributes(order)))
        for _ in 0..<Int.random(in: 0...3, using: &random) { add(.configured(.store, newSpan(), in: trace, under: span)) }
        clock = before
        return (trace, span)
    }

    private func attributes(_ order: String) -> [(String, String)] {
        [("order.id", order)] + (tenant.isEmpty ? [] : [("tenant.id", tenant)])
    }

    /// A task is sent from a trace, which may itself have moved, and run: once, or again and again.
    private mutating func addTask(of order: String, from home: (trace: UInt64, span: UInt64), in trace: UInt64, depth: Int = 0) {
        let (sender, target) = (newSpan(), traceID(home.trace))
        let message = [("messaging.message.id", "message-\(newName())")]
        let isSenderSeen = random.chance(85)
        if isSenderSeen {
            add(
                .configured(
                    depth == 0 ? .store : .storeWorker, sender, in: trace, under: depth == 0 ? home.span : newSpan(), kind: 4,
                    attributes: message),
                in: target)
        }
        let context = [("app.traceparent", Traceparent(traceID: target, parentID: SpanID(raw: home.span), flags: 1).text)]
        for _ in 0..<(random.chance(20) ? Int.random(in: 2...3, using: &random) : 1) {
            let (run, root) = (newTrace(), newSpan())
            // A killed run exports what is below its root, never the root.
            let isRootLost = random.chance(15)
            // Something must tell: the key, the message that was seen being sent, or the context in the arguments.
            let canFollow = isSenderSeen && !isRootLost
            let means = Int.random(in: (canFollow ? 0 : 1)..<4, using: &random)
            var carried = message
            if means == 1, !isRootLost { carried += attributes(order) }
            if means == 2, !isRootLost { carried += context }
            if !isRootLost {
                add(.configured(.storeWorker, root, in: run, kind: 5, attributes: carried), in: target)
                // Who its parent is now is not what this model is about.
                truth.spans[SpanID(raw: root)]?.parent = nil
            }
            addSteps(
                in: run, under: root, at: target,
                key: means == 3 || isRootLost ? (means == 2 ? context : attributes(order)) : [])
            if depth < 2, random.chance(20) { addTask(of: order, from: home, in: run, depth: depth + 1) }
        }
    }

    /// What a run does; one of its steps may carry the key.
    private mutating func addSteps(in trace: UInt64, under root: UInt64, at target: TraceID, key: [(String, String)]) {
        for position in 0..<Int.random(in: 1...4, using: &random) {
            add(
                .configured(.storeWorker, newSpan(), in: trace, under: root, attributes: position == 0 ? key : []),
                in: target)
        }
    }
}
