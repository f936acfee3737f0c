// Builds the relay's parts, starts them in the order in which they need each other, and stops them the other way round.
// Read this file first: it is the picture of docs/architecture.md in code.

package import Configuration
import Correlation
import Enrichment
import Exporters
import Glibc
import Journal
import Metrics
import OTLP
import QueryAPI
import Receivers
import Synchronization
import Transport

/// Why the relay did not start.
package struct BridgeError: Error, CustomStringConvertible {
    package var description: String
}

/// The whole relay.
package final class Bridge: @unchecked Sendable {
    // Belongs to the thread that calls init, start and stop; other threads see only the parts, which are Sendable.
    package let configuration: Configuration
    private let log: Log
    private let clock = Clock()
    private let journal: Journal
    private let store: StateStore
    private let ledger: DeliveryLedger
    private let budget: MemoryBudget
    private let join: JoinThread
    private let watch: DoctorWatch
    private let joinLoop: EventLoop
    private let housekeeping: EventLoop
    private let loops: [EventLoop]
    private let queryLoops: [EventLoop]
    private let server: Server
    private let apiServer: Server
    private let tls: TLSContexts
    private let proxies: ProxyRules
    private let intake: JournalIntake
    private let forwarding: EventForwarding?
    private var kestra: (client: KestraAPIClient, loop: EventLoop)?
    private var exporters: [OTLPExporter] = []
    private var clients: [any RequestSender] = []
    private var feeds: [ExporterFeed] = []
    private let receiverCounters = ReceiverCounters()
    private let tenantExport: TenantExport
    private let keys: CompiledKeys
    private let resource = [("service.name", "spanbridge"), ("service.version", Version.current)]
    private let isStopping = Atomic<Bool>(false)
    /// Belongs to the housekeeping thread.
    private var pace = StatePace()
    /// What could not be stored; nothing newer is taken before it is. Belongs to the housekeeping thread.
    private var unstored: LearnedState?
    /// The last record that the stored state includes. Belongs to the housekeeping thread once that runs.
    private var applied: UInt64
    private let delivered: UInt64
    private let forwarded: UInt64

    /// The bound addresses, by listener: `grpc`, `http`, `api`.
    package private(set) var addresses: [(listener: String, address: String)] = []

    /// Opens the journal and the stored state and builds every part; nothing listens yet.
    package init(configuration: Configuration) throws(BridgeError) {
        self.configuration = configuration
        tenantExport = TenantExport(configuration.correlation.tenancy.export)
        EventLoop.ignoreBrokenPipes()
        Allocation.keepFreedPages(bytes: 64 << 20, largest: 64 << 20)
        let loopCount = configuration.threads.eventLoops > 0 ? configuration.threads.eventLoops : processorCount()
        Allocation.sharePools(max(loopCount, 2))
        log = Log(configuration.log, clock: clock)
        tls = try TLSContexts(configuration)
        proxies = ProxyRules(configuration.proxies)
        do {
            journal = try Journal(settings: JournalSettings(configuration), now: clock.now())
            let (catalog, opening) = try Catalog.open("\(configuration.journal.directory)/catalog.sqlite")
            store = StateStore(catalog: catalog)
            if case .recreated(let reason, let movedTo) = opening {
                log.warning(
                    "The stored state was unusable and is learned from the journal again", ("reason", reason),
                    ("movedTo", movedTo))
            }
        } catch {
            throw BridgeError(description: "\(error)")
        }
        let marks: (applied: UInt64, delivered: UInt64, forwarded: UInt64)
        let correlator: Correlator
        do {
            correlator = Correlator(
                settings: CorrelationSettings(configuration),
                spillStore: try CorrelatorSpill(directory: configuration.journal.directory, log: log))
            marks = try store.marks()
            let damaged = try store.restore(into: correlator, now: clock.now())
            // What could not be read is learned from the journal again.
            applied = damaged == 0 ? min(marks.applied, journal.lastID.raw) : 0
            delivered = min(marks.delivered, journal.lastID.raw)
            forwarded = min(marks.forwarded, journal.lastID.raw)
        } catch {
            throw BridgeError(description: "\(error)")
        }
        let vocabulary = AttributeKeys(configuration)
        keys = CompiledKeys(vocabulary)
        watch = DoctorWatch(
            doctor: Doctor(
                origins: vocabulary.origins, asksKestra: configuration.enrichment.kestraAPI != nil, now: clock.now()))
        ledger = DeliveryLedger(first: delivered + 1)
        budget = MemoryBudget(limit: configuration.memory.limit)
        do {
            joinLoop = try EventLoop(name: "join")
            housekeeping = try EventLoop(name: "housekeeping")
            loops = try (0..<loopCount).map { position throws(TransportError) in try EventLoop(name: "loop-\(position)") }
            queryLoops = try (0..<2).map { position throws(TransportError) in try EventLoop(name: "query-\(position)") }
        } catch {
            throw BridgeError(description: "\(error)")
        }
        join = JoinThread(
            loop: joinLoop, correlator: correlator, watch: watch, journal: journal, ledger: ledger, budget: budget,
            clock: clock, keys: keys, resource: resource, tenantExport: tenantExport)
        forwarding = try EventForwarding(
            configuration, proxies: proxies, tls: tls, journal: journal, after: forwarded, log: log)
        intake = JournalIntake(
            journal: journal, join: join, ledger: ledger, budget: budget, clock: clock, forwarding: forwarding)
        let limits = ServerLimits(configuration.receivers.limits)
        server = Server(
            loops: loops, limits: limits, connectionLimit: configuration.receivers.limits.connections)
        apiServer = Server(loops: [loops[0]], limits: limits, connectionLimit: configuration.receivers.limits.connections)
        buildExporters()
        try buildEnrichment()
        watch.watch(receiverCounters, kestra?.client)
    }

    private func buildEnrichment() throws(BridgeError) {
        guard
            let settings = configuration.enrichment.kestraAPI.flatMap({
                KestraAPISettings($0, proxies: proxies, tls: tls.kestra)
            })
        else { return }
        let loop: EventLoop
        do {
            loop = try EventLoop(name: "kestra-api")
        } catch {
            throw BridgeError(description: "\(error)")
        }
        let (intake, log, watch) = (intake, log, watch)
        let client = KestraAPIClient(
            settings: settings, loop: loop, onRecord: { intake.submit($0) },
            onFailure: {
                watch.noteFailure($0)
                log.limited(.warning, "Asking the Kestra API failed", ("message", $0))
            })
        join.attach(client)
        kestra = (client, loop)
    }

    private func buildExporters() {
        for exporter in configuration.exporters {
            // Signals with an address of their own get an exporter of their own.
            var byAddress: [ClientEndpoint: Set<Signal>] = [:]
            var settings = ExporterSettings(exporter)
            for named in exporter.signals {
                guard let remote = exporter.endpoint(for: named) else { continue }
                let signal = Signal(named)
                settings.paths[signal] = exporter.kind == .http ? remote.path : nil
                let endpoint = ClientEndpoint(
                    host: remote.host, port: remote.port, tls: exporter.usesTLS(to: remote), wireProtocol: settings.wireProtocol
                ).reached(through: exporter.proxyURL, else: proxies)
                byAddress[endpoint, default: []].insert(signal)
            }
            for (endpoint, signals) in byAddress.sorted(by: { $0.key.authority < $1.key.authority }) {
                var part = settings
                part.signals = signals
                if byAddress.count > 1 { part.name += " to \(endpoint.authority)" }
                build(
                    part, to: endpoint, tls: tls.context(of: exporter), connections: exporter.sendingQueue.consumers)
            }
        }
        join.attach(feeds)
    }

    private func build(
        _ settings: ExporterSettings, to endpoint: ClientEndpoint, tls: TLSContext?, connections: Int
    ) {
        // From the last loop on, so that intake on the first does not wait for compression.
        let position = feeds.count
        let loop = loops[loops.count - 1 - position % loops.count]
        let client = Client(
            loop: loop, endpoint: endpoint, connections: connections, responseLimit: settings.responseLimit,
            tls: tls)
        let (ledger, join, log, name) = (ledger, join, log, settings.name)
        let exporter = OTLPExporter(
            settings: settings, loop: loop, sender: client,
            onFinished: { finished in
                // What a shutdown left undelivered stays owed: the next start sends it.
                if finished.outcome != .dropped(.shutdown) {
                    for record in finished.receipts { ledger.settle(record) }
                }
                if case .dropped(let reason) = finished.outcome, reason != .shutdown {
                    log.limited(
                        .error, "An exporter dropped telemetry", from: ("exporter", name), ("reason", reason.rawValue),
                        ("records", "\(finished.records)"), ("message", finished.message))
                }
                join.exporterHasRoom(position)
            },
            onFailure: { message in
                log.limited(.warning, "An export failed", from: ("exporter", name), ("message", message))
            })
        clients.append(client)
        exporters.append(exporter)
        feeds.append(ExporterFeed(exporter: exporter, ledger: ledger, waitingCount: WaitingCount()))
    }

    // MARK: Starting and stopping

    /// Learns from the journal, starts the threads and opens the ports.
    package func start() throws(BridgeError) {
        do {
            try join.replay(from: min(applied, delivered) + 1, delivered: delivered)
        } catch {
            throw BridgeError(description: "\(error)")
        }
        for loop in [joinLoop, housekeeping] + loops + queryLoops { loop.start() }
        kestra?.loop.start()
        join.start()
        forwarding?.start(keeping: intake)
        keepHouse()
        do {
            try listen()
        } catch {
            throw BridgeError(description: "\(error)")
        }
        if configuration.exporters.isEmpty {
            log.warning("No exporter is configured: telemetry is stored and can be asked about, but goes nowhere else")
        }
        log.info("spanbridge listens", values: addresses.map { ($0.listener, $0.address) })
    }

    private func listen() throws(TransportError) {
        let senders = BearerAuthentication(configuration.receivers.otlp.auth)
        let cors = configuration.receivers.otlp.protocols.cors
        let receiver = OTLPReceiver(
            intake: intake, keys: keys, requestLimit: configuration.receivers.otlp.maxRequestSize,
            counters: receiverCounters, authentication: senders,
            crossOrigin: CrossOrigin(
                origins: cors.allowedOrigins, headers: cors.allowedHeaders, maxAge: Int(cors.maxAge / 1_000_000_000)))
        let protocols = configuration.receivers.otlp.protocols
        for (name, endpoint, tls) in [("grpc", protocols.grpc, tls.grpc), ("http", protocols.http, tls.http)] {
            guard let endpoint else { continue }
            let port = try server.listen(
                name: name, host: endpoint.host, port: endpoint.port, handler: receiver, tls: tls)
            addresses.append((name, ListenEndpoint(host: endpoint.host, port: port).description))
        }
        let api = configuration.api
        let viewers = BearerAuthentication(api.auth)
        let events = EventReceiver(intake: intake, requestLimit: api.maxRequestSize)
        let bindings = BindingReceiver(intake: intake, requestLimit: api.maxRequestSize)
        let metrics = RelayMetrics(
            receiver: receiverCounters, budget: budget, ledger: ledger, journal: journal, join: join, server: server,
            apiServer: apiServer, exporters: exporters, waiting: feeds.map { ($0.name, $0.waitingCount) },
            kestra: kestra?.client, forwarding: forwarding, watch: watch)
        metrics.register(senders, listeners: ["grpc", "http"])
        metrics.register(viewers, listeners: ["api"])
        metrics.registerTenantConflicts([
            ("/v1/cloudevents", { events.tenantConflicts }), ("/v1/bindings", { bindings.tenantConflicts }),
        ])
        let isStopping: @Sendable () -> Bool = { [self] in self.isStopping.load(ordering: .acquiring) }
        let journal = journal
        let queries = Queries(
            join: join, journal: journal, loops: queryLoops, clock: clock, keys: keys, resource: resource,
            tenantExport: tenantExport, quiet: configuration.correlation.executionSpan.quiet, recordLimit: 10_000,
            parallelLimit: 64, explanationLimit: api.maxResults, asksKestra: kestra != nil, timeout: api.queryTimeout,
            metricsText: { metrics.text(accept: $0) },
            readiness: {
                if isStopping() { return "spanbridge is shutting down." }
                return journal.failure.map { "The journal cannot be written: \($0)" }
            },
            statusJSON: { metrics.status() })
        let router = Router(
            routes: NativeAPI.routes(backend: queries, resultLimit: api.maxResults) + [
                Route("POST", "/v1/cloudevents", handler: events),
                Route("POST", "/v1/bindings", handler: bindings),
            ],
            authentication: viewers)
        let port = try apiServer.listen(
            name: "api", host: api.endpoint.host, port: api.endpoint.port, handler: router, tls: tls.api)
        addresses.append(("api", ListenEndpoint(host: api.endpoint.host, port: port).description))
    }

    /// Stops taking requests, finishes what was taken in, sends on what the exporters hold as long as `patience` lasts
    /// (nanoseconds), and stores what was learned. What was not delivered is sent after the next start.
    package func stop(patience: UInt64) {
        isStopping.store(true, ordering: .releasing)
        intake.close()
        kestra?.client.close()
        kestra?.loop.stop()
        let half = EventLoop.deadline(after: patience / 2)
        wait { done in
            let open = Countdown(self.forwarding == nil ? 2 : 3, done)
            self.forwarding?.stop(deadline: half) { open.count() }
            self.server.shutdown(deadline: half) { open.count() }
            self.apiServer.shutdown(deadline: half) { open.count() }
        }
        // Everything journaled so far has been handed to the exporters when this comes back.
        wait { done in self.join.ask { _ in done() } }
        let end = EventLoop.deadline(after: patience / 2)
        if !exporters.isEmpty {
            wait { done in
                let open = Countdown(self.exporters.count, done)
                for exporter in self.exporters { exporter.drain(deadline: end) { open.count() } }
            }
        }
        wait { done in self.storeState(then: done) }
        for client in clients { client.close() }
        forwarding?.close()
        for loop in loops + queryLoops + [housekeeping, joinLoop] { loop.stop() }
        store.close()
        journal.close()
        log.info("spanbridge has stopped")
    }

    /// Blocks the calling thread until `body` calls back.
    private func wait(_ body: (@escaping @Sendable () -> Void) -> Void) {
        let signal = Signalled()
        body { signal.raise() }
        signal.wait()
    }

    // MARK: Housekeeping

    private func keepHouse() {
        _ = housekeeping.schedule(after: 1_000_000_000) {
            self.join.reviewIfDue()
            self.storeState(withChanges: self.pace.isDue()) {
                self.tidy()
                self.keepHouse()
            }
        }
    }

    private func tidy() {
        tls.reloadIfChanged(now: EventLoop.now(), log: log)
        let now = clock.now()
        do {
            try journal.seal(now: now)
        } catch {
            log.limited(.error, "A segment's index could not be written", ("error", "\(error)"))
        }
        journal.enforceRetention(now: now)
        store.tidy()
    }

    /// Stores what is delivered and, with changes, what the correlator has learned since the last time.
    private func storeState(withChanges: Bool = true, then done: @escaping @Sendable () -> Void) {
        housekeeping.post {
            let takesChanges = withChanges && self.unstored == nil
            self.join.ask { correlator in
                let last = correlator.lastRecord
                let taken = takesChanges ? LearnedState(pieces: correlator.takeChangedState(), through: last) : nil
                // Read after the state: a record that is settled by now was settled with everything before it.
                let delivered = self.ledger.oldestOwed.map { $0 - 1 } ?? last
                // Without forwarding what was owed is given up: it would start old work when it is turned on again.
                let forwarded = self.forwarding?.oldestOwed.map { $0 - 1 } ?? last
                self.housekeeping.post {
                    self.store(taken, delivered: delivered, forwarded: forwarded)
                    done()
                }
            }
        }
    }

    /// On the housekeeping thread.
    private func store(_ taken: LearnedState?, delivered: UInt64, forwarded: UInt64) {
        let learned = taken ?? unstored
        let applied = learned?.through ?? self.applied
        do {
            try store.store(learned?.pieces ?? [], applied: applied, delivered: delivered, forwarded: forwarded)
            if let learned { pace.stored(learned.pieces.count) }
            unstored = nil
            self.applied = applied
            // A start reads from what is not applied on.
            journal.pin(RecordID(raw: min(applied, delivered, forwarded) + 1))
        } catch {
            unstored = learned
            log.limited(.error, "The state could not be stored", ("error", "\(error)"))
        }
    }
}

/// What the correlator has learned up to a record since its state was taken last.
private struct LearnedState: Sendable {
    var pieces: [StoredState]
    var through: UInt64
}

/// Calls back when it has been counted down.
private final class Countdown: Sendable {
    private let left: Atomic<Int>
    private let done: @Sendable () -> Void

    init(_ count: Int, _ done: @escaping @Sendable () -> Void) {
        left = Atomic(count)
        self.done = done
    }

    func count() {
        if left.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { done() }
    }
}

private func processorCount() -> Int {
    max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
}
