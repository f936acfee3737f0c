import Configuration
import Exporters
import Journal
import Metrics
import OTLP
import Transport

/// Forwards CloudEvents to webhooks, each to the first route that takes its type, at least once.
///
/// What is owed is in the journal: a record of kind `forwardedEvents` owes each of its events until a record of kind
/// `forwardReceipt` says what became of it. The mark `forwarded` in the stored state only shortens the search at a start.
final class EventForwarding: @unchecked Sendable {
    // Confined to `loop`'s thread once it runs, and to the starting thread before: slots, done, keep. The rest is immutable
    // or safe by itself.
    private let loop: EventLoop
    private let journal: Journal
    private let ledger: DeliveryLedger
    private let log: Log
    private let settings: Configuration.ForwardTo
    private let forwarders: [WebhookForwarder]
    private let clients: [Client]
    private let routes: [ForwardRoute]
    /// Events that have a receipt already, of records after the mark.
    private let done: [UInt64: Set<Int>]
    private var keep:
        (@Sendable (ForwardReceipt, _ tenant: String?, @escaping @Sendable (ExportFailure?) -> Void) -> Void)?

    /// Nil if nothing is to be forwarded.
    ///
    /// - Parameter after: every event up to this record has been forwarded.
    convenience init?(
        _ configuration: Configuration, proxies: ProxyRules, tls: TLSContexts, journal: Journal, after: UInt64, log: Log
    ) throws(BridgeError) {
        guard let settings = configuration.cloudEvents.forwardTo, !settings.routes.isEmpty else { return nil }
        do {
            try self.init(
                settings, loop: EventLoop(name: "forwarding"), proxies: proxies, tls: tls.forwarding, journal: journal,
                after: after, log: log)
        } catch {
            throw BridgeError(description: "\(error)")
        }
    }

    private init(
        _ settings: Configuration.ForwardTo, loop: EventLoop, proxies: ProxyRules, tls: TLSContext?, journal: Journal,
        after: UInt64, log: Log
    ) {
        self.settings = settings
        self.loop = loop
        self.journal = journal
        self.log = log
        let ledger = DeliveryLedger(first: after + 1)
        self.ledger = ledger
        done = Self.receipts(in: journal, after: after)
        let ends = Ends()
        var clients: [Client] = []
        var forwarders: [WebhookForwarder] = []
        var routes: [ForwardRoute] = []
        for (position, route) in settings.routes.enumerated() {
            guard let endpoint = route.endpoint else { continue }
            let webhook = WebhookSettings(route, to: endpoint, settings)
            let place = routes.count
            let client = Client(
                loop: loop, endpoint: ClientEndpoint(endpoint).reached(through: settings.proxyURL, else: proxies),
                connections: webhook.queue.consumers, responseLimit: webhook.responseLimit,
                tls: endpoint.server.scheme == .https ? tls : nil)
            let forwarder = WebhookForwarder(
                settings: webhook, loop: loop, sender: client, onEnd: { ends.take?($0, place) },
                onFailure: {
                    log.limited(.warning, "Forwarding an event failed", from: ("route", route.name), ("message", $0))
                })
            let earlier = settings.routes[..<position]
            clients.append(client)
            forwarders.append(forwarder)
            routes.append(
                ForwardRoute(
                    forwarder: forwarder, journal: journal, ledger: ledger, after: after,
                    takes: { type in route.takes(type: type) && !earlier.contains { $0.takes(type: type) } },
                    onDamage: { record in
                        log.limited(
                            .error, "An event to be forwarded cannot be read back", from: ("route", route.name),
                            ("record", "\(record)"))
                    }))
        }
        (self.clients, self.forwarders, self.routes) = (clients, forwarders, routes)
        oweStored(after: after)
        ends.take = { [unowned self] end, position in self.take(end, of: self.routes[position]) }
    }

    /// Breaks the circle between the webhooks and their owner. Set once, before the loop runs.
    private final class Ends: @unchecked Sendable {
        var take: ((ForwardEnd, Int) -> Void)?
    }

    private static func receipts(in journal: Journal, after: UInt64) -> [UInt64: Set<Int>] {
        var done: [UInt64: Set<Int>] = [:]
        forEachRecord(RecordKeys.forwardReceipts, in: journal, after: after) { id in
            guard let stored = try? journal.read(id), stored.kind == .forwardReceipt,
                let receipt = ForwardReceipt.decode(stored.payload), receipt.event.record > after
            else { return }
            done[receipt.event.record, default: []].insert(receipt.event.position)
        }
        return done
    }

    private func oweStored(after: UInt64) {
        Self.forEachRecord(RecordKeys.forwardedEvents, in: journal, after: after) { owe(inLedger: $0.raw) }
    }

    private static func forEachRecord(_ key: UInt64, in journal: Journal, after: UInt64, _ body: (RecordID) -> Void) {
        var from = after &+ 1
        while true {
            let found = journal.records(key: key, from: RecordID(raw: from), limit: 10_000)
            found.forEach(body)
            guard let last = found.last else { return }
            from = last.raw &+ 1
        }
    }

    // MARK: From any thread

    /// Whether one of the events takes a route.
    func wants(_ events: [CloudEvent]) -> Bool {
        events.contains { event in settings.routes.contains { $0.takes(type: event.type) } }
    }

    /// A record of events is in the journal. Called in the order of records.
    func owe(_ record: UInt64) {
        owe(inLedger: record)
        loop.post { for route in self.routes { route.owe(record, done: self.done) } }
    }

    /// Each route settles the record for itself.
    private func owe(inLedger record: UInt64) {
        for _ in routes { ledger.owe(record) }
    }

    /// The oldest record of which an event has no receipt.
    var oldestOwed: UInt64? { ledger.oldestOwed }

    // MARK: Starting and stopping

    /// Begins with what was owed before the start. `intake` keeps the receipts.
    func start(keeping intake: JournalIntake) {
        keep = { [weak intake] receipt, tenant, completion in
            intake?.submit(receipt, tenant: tenant, completion: completion)
        }
        loop.start()
        loop.post { for route in self.routes { route.fill(done: self.done) } }
    }

    /// Sends nothing more, and waits for answers until `deadline` (of the event loops' clock). What is not answered stays
    /// owed.
    func stop(deadline: UInt64, then completion: @escaping @Sendable () -> Void) {
        loop.post {
            let waiting = Waiting(count: self.routes.count, completion)
            let now = EventLoop.now()
            _ = self.loop.schedule(after: deadline > now ? deadline - now : 0) { waiting.finish() }
            for route in self.routes { route.stop { waiting.countDown() } }
        }
    }

    func close() {
        for client in clients { client.close() }
        loop.stop()
    }

    /// Calls back once, when all have come or the time is over. Belongs to the loop's thread.
    private final class Waiting: @unchecked Sendable {
        private var count: Int
        private var completion: (@Sendable () -> Void)?

        init(count: Int, _ completion: @escaping @Sendable () -> Void) {
            self.count = count
            self.completion = completion
        }

        func countDown() {
            count -= 1
            if count == 0 { finish() }
        }

        func finish() {
            completion?()
            completion = nil
        }
    }

    // MARK: On the loop

    private func take(_ end: ForwardEnd, of route: ForwardRoute) {
        if !end.outcome.isDelivered {
            log.limited(
                .error, "An event was not forwarded and is given up", ("reason", end.outcome.name),
                ("event", end.item.event.id), ("message", end.message))
        }
        route.noteEnd()
        store(ForwardReceipt(end), tenant: end.item.tenant, of: route)
        // There is room again.
        loop.post { route.fill(done: self.done) }
    }

    private func store(_ receipt: ForwardReceipt, tenant: String?, of route: ForwardRoute) {
        keep?(receipt, tenant) { failure in
            self.loop.post {
                guard failure != nil else { return route.settle(receipt.event.record) }
                // The event stays owed until the journal knows better.
                _ = self.loop.schedule(after: 1_000_000_000) { self.store(receipt, tenant: tenant, of: route) }
            }
        }
    }

    // MARK: Metrics

    func register(in registry: MetricRegistry) {
        for forwarder in forwarders { forwarder.register(in: registry) }
        let ledger = ledger
        registry.register(
            "spanbridge_forward_owed_records", .gauge,
            help: "Journal records from the oldest with an event that is still to be forwarded to the newest with one."
        ) { Double(ledger.span) }
    }
}

extension ClientEndpoint {
    init(_ webhook: WebhookEndpoint) {
        let server = webhook.server
        self.init(host: server.host, port: server.port, tls: server.scheme == .https, wireProtocol: .http1)
    }
}

extension WebhookSettings {
    init(_ route: Configuration.ForwardTo.Route, to endpoint: WebhookEndpoint, _ settings: Configuration.ForwardTo) {
        self.init(name: route.name, target: endpoint.target, version: Version.current)
        headers = settings.headers.map { HeaderField($0.name, $0.value) }
        timeout = settings.timeout
        queue.queueBytes = settings.sendingQueue.size
        queue.consumers = settings.sendingQueue.consumers
        let retry = settings.retryOnFailure
        queue.initialInterval = retry.initialInterval
        queue.maxInterval = retry.maxInterval
        queue.multiplier = retry.multiplier
        queue.randomization = retry.randomizationFactor
        // One nanosecond: the first failure is the last attempt.
        queue.maxElapsedTime = retry.enabled ? retry.maxElapsedTime : 1
    }
}
