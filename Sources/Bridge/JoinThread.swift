import Correlation
import Enrichment
import Exporters
import Journal
import OTLP
import Synchronization
import Transport

/// What the correlator holds and has done, as of its last input.
struct CorrelatorReading: Sendable {
    var executions = 0
    var events = 0
    var traces = 0
    var inMemory = 0
    var heldRecords = 0
    var counters = CorrelatorCounters()
}

/// The correlator's thread: owns all joining state, carries out the correlator's actions and hands what leaves to the
/// exporters. What reaches it is bounded by the memory budget.
final class JoinThread: @unchecked Sendable {
    // Confined to `loop`'s thread: correlator, watch, dependents, feeds, timer. The rest is immutable or safe by itself.
    private let loop: EventLoop
    private let correlator: Correlator
    private let watch: DoctorWatch
    private let journal: Journal
    private let ledger: DeliveryLedger
    private let budget: MemoryBudget
    private let clock: Clock
    private let keys: CompiledKeys
    private let resource: [(String, String)]
    private let tenantExport: TenantExport
    private var feeds: [ExporterFeed] = []
    private var kestra: KestraAPIClient?
    private var dependents: [UInt64: DependentRequest] = [:]
    private var timer: TimerToken?
    private var armedFor: UInt64 = .max
    private var isStarted = false

    private let latest = Mutex(CorrelatorReading())

    /// For metrics; any thread.
    var reading: CorrelatorReading { latest.withLock { $0 } }

    /// A request of logs or metrics that waits until its traces are decided.
    private struct DependentRequest {
        var signal: Signal
        var payload: [UInt8]
        var places: [DependentPlace]
        var count: Int
    }

    init(
        loop: EventLoop, correlator: Correlator, watch: DoctorWatch, journal: Journal, ledger: DeliveryLedger,
        budget: MemoryBudget, clock: Clock, keys: CompiledKeys, resource: [(String, String)], tenantExport: TenantExport
    ) {
        self.loop = loop
        self.correlator = correlator
        self.watch = watch
        self.journal = journal
        self.ledger = ledger
        self.budget = budget
        self.clock = clock
        self.keys = keys
        self.resource = resource
        self.tenantExport = tenantExport
    }

    /// Names the exporters; before the first input.
    func attach(_ feeds: [ExporterFeed]) {
        self.feeds = feeds
    }

    /// Names who looks executions up; before the first input.
    func attach(_ kestra: KestraAPIClient) {
        self.kestra = kestra
    }

    // MARK: Input, from any thread

    /// A journaled batch of spans. `reserved` bytes of the budget are released when it has been dealt with.
    func receive(_ batch: SpanBatch, reserved: Int) {
        loop.post {
            let now = self.clock.now()
            self.correlator.receive(batch, now: now)
            self.carryOut()
            self.watch.observe(batch, self.correlator, now: now)
            self.budget.release(reserved)
        }
    }

    /// A journaled request of logs or metrics.
    func receive(
        _ signal: Signal, record: UInt64, payload: [UInt8], places: [DependentPlace], count: Int, tenant: String?,
        reserved: Int
    ) {
        loop.post {
            self.take(signal, record: record, payload: payload, places: places, count: count, tenant: tenant)
            self.carryOut()
            self.watch.observe(signal, payload, now: self.clock.now())
            self.budget.release(reserved)
        }
    }

    /// - Parameter tenant: the tenant that the sender's credential stands for.
    func receive(_ events: [CloudEvent], record: UInt64, tenant: String?) {
        loop.post {
            let now = self.clock.now()
            for event in events {
                self.correlator.receive(event, record: record, tenant: tenant, now: now)
                self.watch.doctor.observe(event, now: now)
            }
            self.finishEvidence(record)
        }
    }

    func receive(_ call: BindingCall, record: UInt64, tenant: String?) {
        loop.post {
            let now = self.clock.now()
            self.correlator.receive(call, record: record, tenant: tenant, now: now)
            self.watch.doctor.observe(call, now: now)
            self.finishEvidence(record)
        }
    }

    func receive(_ execution: ExecutionRecord, record: UInt64) {
        loop.post {
            let (report, now) = (ReportedExecution(execution), self.clock.now())
            self.correlator.receive(report, record: record, now: now)
            self.watch.doctor.observe(report, now: now)
            self.finishEvidence(record)
        }
    }

    private func finishEvidence(_ record: UInt64) {
        carryOut()
        ledger.settle(record)
    }

    /// What the doctor says now, on the correlator's thread.
    func diagnose(_ body: @escaping @Sendable (DoctorReport) -> Void) {
        loop.post { body(self.watch.examine(self.correlator, now: self.clock.now())) }
    }

    /// Lets the doctor judge what has waited long enough, also while nothing comes.
    func reviewIfDue() {
        loop.post {
            let now = self.clock.now()
            if self.watch.doctor.isReviewDue(now: now) { _ = self.watch.examine(self.correlator, now: now) }
        }
    }

    /// Runs `body` with the correlator on its thread.
    func ask(_ body: @escaping @Sendable (Correlator) -> Void) {
        loop.post { body(self.correlator) }
    }

    /// An exporter has room again.
    func exporterHasRoom(_ position: Int) {
        loop.post { self.refill(self.feeds[position]) }
    }

    // MARK: Starting

    /// Learns from what the journal holds; before the first input, on any one thread.
    ///
    /// Records up to `delivered` are learned from and nothing leaves; later ones are treated as if they came now.
    func replay(from first: UInt64, delivered: UInt64) throws {
        (correlator.isReplaying, correlator.isCatchingUp) = (true, true)
        if journal.lastID.raw > 0 { correlator.passedTraces.forgetNothing() }
        defer { (correlator.isReplaying, correlator.isCatchingUp) = (false, false) }
        try journal.replay(from: RecordID(raw: max(first, 1)), through: nil) { record in
            if record.id.raw > delivered { correlator.isReplaying = false }
            self.replay(record)
        }
    }

    private func replay(_ record: JournalRecord) {
        let id = record.id.raw
        let isLive = !correlator.isReplaying
        let now = isLive ? clock.now() : record.time
        if isLive { ledger.owe(id) }
        switch record.kind {
        case .traces:
            guard let index = try? SpanIndex(payload: record.payload, keys: keys) else { break }
            correlator.receive(
                SpanBatch(record: id, payload: record.payload, index: index, tenant: record.tenant), now: now)
            carryOut()
            return
        case .logs where !isLive && keys.readsLogs:
            guard let index = try? LogIndex(payload: record.payload, keys: keys) else { return }
            correlator.receive(logs: index, payload: record.payload, record: id, tenant: record.tenant, now: now)
        case .logs, .metrics:
            guard isLive else { return }
            let signal: Signal = record.kind == .logs ? .logs : .metrics
            let places = DependentPlace.places(in: record.payload, signal: signal, keys: keys)
            take(
                signal, record: id, payload: record.payload, places: places.places, count: places.count,
                tenant: record.tenant)
            carryOut()
            return
        case .cloudEvents, .forwardedEvents:
            for event in StoredEvents.decode(record.payload) {
                correlator.receive(event, record: id, tenant: record.tenant, now: now)
            }
        case .binding:
            if let call = try? BindingCall.decode(record.payload) {
                correlator.receive(call, record: id, tenant: record.tenant, now: now)
            }
        case .forwardReceipt:
            if let call = ForwardReceipt.decode(record.payload)?.binding {
                correlator.receive(call, record: id, tenant: record.tenant, now: now)
            }
        case .execution:
            if let execution = ExecutionRecord.parse(record.payload) {
                correlator.receive(ReportedExecution(execution), record: id, now: now)
            }
        }
        carryOut()
        if isLive { ledger.settle(id) }
    }

    /// Starts the timers, after `replay`.
    func start() {
        loop.post {
            self.isStarted = true
            self.rearm()
        }
    }

    // MARK: Actions

    private func take(
        _ signal: Signal, record: UInt64, payload: [UInt8], places: [DependentPlace], count: Int, tenant: String?
    ) {
        dependents[record] = DependentRequest(
            signal: signal, payload: payload, places: places, count: count)
        if signal == .logs, keys.readsLogs, let index = try? LogIndex(payload: payload, keys: keys) {
            correlator.receive(logs: index, payload: payload, record: record, tenant: tenant, now: clock.now())
        } else {
            correlator.receiveDependent(record: record, traces: places.lazy.map(\.traceID), now: clock.now())
        }
    }

    private func carryOut() {
        // Spans that the relay makes come in numbers when executions have been quiet: they leave together.
        var made = MadeSpans()
        for action in correlator.takeActions() {
            switch action {
            case .release(let release): send(release)
            case .executionSpan(let span): made.append(span.built(tenants: tenantExport), owner: span.owner)
            case .deliverySpan(let span): made.append(span.built(tenants: tenantExport), owner: span.owner)
            case .amend(let amendment): amend(amendment)
            case .reload(let record, let groups, let isLast):
                if let batch = readBack(record), let release = correlator.reloaded(batch, groups: groups) {
                    send(release)
                }
                if isLast { ledger.settle(record) }
            case .releaseDependent(let record): sendDependent(record)
            case .finished(let record): ledger.settle(record)
            case .askAbout(let execution): kestra?.ask(execution)
            }
            if made.isFull { send(made.take()) }
        }
        if !made.isEmpty { send(made.take()) }
        let (sizes, held) = (correlator.sizes, correlator.held)
        let reading = CorrelatorReading(
            executions: sizes.executions, events: sizes.events, traces: sizes.traces, inMemory: correlator.unitsInMemory, heldRecords: held.records,
            counters: correlator.counters)
        latest.withLock { $0 = reading }
        if isStarted { rearm() }
    }

    private func send(_ release: Release) {
        let batch = release.batch
        let payload: [UInt8]
        let count: Int
        if let edits = release.edits {
            payload = TraceRewriter.rewrite(
                payload: batch.payload, index: batch.index, edits: edits, links: release.links)
            count = edits.count
        } else {
            payload = TraceRewriter.forward(payload: batch.payload, index: batch.index)
            count = batch.index.spans.count
        }
        let source: ExporterFeed.Source =
            release.owner != release.record
            ? .made : count == batch.index.spans.count && !batch.isPart ? .record : .partOfRecord
        offer(.traces, payload, count: count, owners: [release.owner], from: source)
    }

    private func send(_ made: MadeSpans) {
        let payload = made.encoded(resource: resource)
        // One that is very large must not take the others along when it is refused.
        if payload.count > MadeSpans.largest, let parts = made.split() { return parts.forEach(send) }
        offer(.traces, payload, count: made.count, owners: made.owners, from: .made)
    }

    private func sendDependent(_ record: UInt64) {
        guard let request = dependents.removeValue(forKey: record) else { return }
        let payload = patched(request.payload, request.places)
        offer(request.signal, payload, count: request.count, owners: [record], from: .record)
        ledger.settle(record)
    }

    /// The payload with its trace ids where their spans' are now.
    private func patched(_ payload: [UInt8], _ places: [DependentPlace]) -> [UInt8] {
        let patches = places.compactMap { place -> (offset: UInt32, traceID: TraceID)? in
            let target = correlator.target(of: place.traceID, execution: place.execution(in: payload))
            return target == place.traceID ? nil : (place.offset, target)
        }
        return patches.isEmpty ? payload : IDPatch.patch(payload: payload, at: patches)
    }

    private func amend(_ amendment: Amendment) {
        let records = journal.records(key: RecordKeys.trace(amendment.trace), limit: 100_000)
        for id in records where amendment.concerns(id.raw) {
            if let batch = readBack(id.raw), let release = correlator.amend(batch, amendment) { send(release) }
        }
    }

    private func readBack(_ record: UInt64) -> SpanBatch? {
        guard let stored = try? journal.read(RecordID(raw: record)), stored.kind == .traces,
            let index = try? SpanIndex(payload: stored.payload, keys: keys)
        else { return nil }
        return SpanBatch(record: record, payload: stored.payload, index: index, tenant: stored.tenant)
    }

    private func offer(
        _ signal: Signal, _ payload: [UInt8], count: Int, owners: [UInt64], from source: ExporterFeed.Source
    ) {
        for feed in feeds where feed.takes(signal) {
            for owner in owners { ledger.owe(owner) }
            feed.offer(ExportItem(signal: signal, payload: payload, records: count, receipts: owners), from: source)
        }
    }

    /// Gives an exporter what it had no room for: whole records, read back from the journal.
    private func refill(_ feed: ExporterFeed) {
        feed.refill { record in
            guard let stored = try? journal.read(RecordID(raw: record)) else { return nil }
            switch stored.kind {
            case .traces:
                guard let batch = readBack(record) else { return nil }
                let (edits, links) = correlator.unify(batch, leavingOutHeld: true)
                let payload = TraceRewriter.rewrite(
                    payload: batch.payload, index: batch.index, edits: edits, links: links)
                return ExportItem(signal: .traces, payload: payload, records: edits.count, receipts: [record])
            case .logs, .metrics:
                let signal: Signal = stored.kind == .logs ? .logs : .metrics
                let found = DependentPlace.places(in: stored.payload, signal: signal, keys: keys)
                let payload = patched(stored.payload, found.places)
                return ExportItem(signal: signal, payload: payload, records: found.count, receipts: [record])
            case .cloudEvents, .binding, .execution, .forwardedEvents, .forwardReceipt: return nil
            }
        }
    }

    // MARK: Time

    private func rearm() {
        let next = correlator.deadline ?? .max
        guard next != armedFor else { return }
        timer?.cancel()
        timer = nil
        armedFor = next
        guard next != .max else { return }
        let now = clock.now()
        timer = loop.schedule(after: next > now ? next - now : 0) {
            self.armedFor = .max
            self.correlator.tick(now: self.clock.now())
            self.carryOut()
        }
    }
}
