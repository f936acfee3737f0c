import Correlation
import Enrichment
import Journal
import OTLP
import Receivers
import Synchronization
import Wire

/// Between the receivers and the correlator: takes bytes from the memory budget, has the journal store what came, and
/// hands it on once it is stored. An answer is given only then.
final class JournalIntake: Intake {
    private let journal: Journal
    private let join: JoinThread
    private let ledger: DeliveryLedger
    private let budget: MemoryBudget
    private let clock: Clock
    private let isClosed = Atomic<Bool>(false)
    private let forwarding: EventForwarding?

    init(
        journal: Journal, join: JoinThread, ledger: DeliveryLedger, budget: MemoryBudget, clock: Clock,
        forwarding: EventForwarding?
    ) {
        self.forwarding = forwarding
        self.journal = journal
        self.join = join
        self.ledger = ledger
        self.budget = budget
        self.clock = clock
    }

    /// Refuses everything from now on; what was taken in is finished.
    func close() {
        isClosed.store(true, ordering: .releasing)
    }

    func unreadiness() -> ExportFailure? {
        if isClosed.load(ordering: .acquiring) {
            return .unavailable("spanbridge is shutting down.", retryAfter: 1_000_000_000)
        }
        return nil
    }

    func submit(_ batch: ReceivedBatch, completion: @escaping @Sendable (ExportFailure?) -> Void) {
        let bytes = batch.payload.count
        guard budget.reserve(bytes) else {
            completion(overloaded)
            return
        }
        var keys: [UInt64] = []
        if case .spans(let index) = batch.index { keys = RecordKeys.of(index, in: batch.payload) }
        let entry = JournalEntry(
            kind: RecordKind(batch.signal), time: clock.now(), payload: batch.payload, keys: keys,
            fingerprint: fingerprint(batch), tenant: batch.tenant)
        journal.append(entry) { result in
            switch result {
            case .failure(let error):
                self.budget.release(bytes)
                completion(error.exportFailure)
            case .success(.duplicate):
                self.budget.release(bytes)
                completion(nil)
            case .success(.stored(let id)):
                self.ledger.owe(id.raw)
                completion(nil)
                self.handOn(batch, record: id.raw, reserved: bytes)
            }
        }
    }

    /// The same bytes of two tenants are two requests. Odd for "something", as the parts are.
    private func fingerprint(_ batch: ReceivedBatch) -> UInt64 {
        let payload = Fingerprint.of(batch.payload)
        guard let tenant = batch.tenant else { return payload }
        return payload &+ Fingerprint.of(Array(tenant.utf8)) << 1
    }

    private func handOn(_ batch: ReceivedBatch, record: UInt64, reserved: Int) {
        switch batch.index {
        case .spans(let index):
            join.receive(
                SpanBatch(record: record, payload: batch.payload, index: index, tenant: batch.tenant), reserved: reserved)
        case .logs(let index):
            join.receive(
                .logs, record: record, payload: batch.payload, places: DependentPlace.places(in: index),
                count: index.count, tenant: batch.tenant, reserved: reserved)
        case .metrics(let index):
            join.receive(
                .metrics, record: record, payload: batch.payload, places: DependentPlace.places(in: index),
                count: index.dataPoints, tenant: batch.tenant, reserved: reserved)
        }
    }

    func submit(
        _ events: [CloudEvent], tenant: String?, completion: @escaping @Sendable (ExportFailure?) -> Void
    ) {
        guard let forwarding, forwarding.wants(events) else {
            append(.cloudEvents, StoredEvents.encode(events), tenant: tenant, completion) { record in
                self.join.receive(events, record: record, tenant: tenant)
            }
            return
        }
        append(
            .forwardedEvents, StoredEvents.encodeStructured(events), keys: [RecordKeys.forwardedEvents], tenant: tenant,
            completion
        ) { record in
            // Before the correlator has it, so that no stored mark can leave it out.
            forwarding.owe(record)
            self.join.receive(events, record: record, tenant: tenant)
        }
    }

    /// What became of forwarding an event, for the tenant whose credential brought the event. `completion` is told whether
    /// the journal has it.
    func submit(
        _ receipt: ForwardReceipt, tenant: String?, completion: @escaping @Sendable (ExportFailure?) -> Void
    ) {
        append(
            .forwardReceipt, receipt.encode(), keys: [RecordKeys.forwardReceipts], tenant: tenant, completion
        ) { record in
            if let call = receipt.binding {
                self.join.receive(call, record: record, tenant: tenant)
            } else {
                self.ledger.settle(record)
            }
        }
    }

    func submit(_ call: BindingCall, tenant: String?, completion: @escaping @Sendable (ExportFailure?) -> Void) {
        append(.binding, call.encode(), tenant: tenant, completion) { record in
            self.join.receive(call, record: record, tenant: tenant)
        }
    }

    /// What the Kestra API told, so that a restart knows it too. If the journal takes nothing it is lost, and asked for
    /// again with the execution's next spans.
    func submit(_ execution: ExecutionRecord) {
        append(
            .execution, execution.encode(), keys: [RecordKeys.report(execution.id)], tenant: nil, { _ in }
        ) { record in
            self.join.receive(execution, record: record)
        }
    }

    private func append(
        _ kind: RecordKind, _ payload: [UInt8], keys: [UInt64] = [], tenant: String?,
        _ completion: @escaping @Sendable (ExportFailure?) -> Void,
        then handOn: @escaping @Sendable (UInt64) -> Void
    ) {
        let entry = JournalEntry(kind: kind, time: clock.now(), payload: payload, keys: keys, tenant: tenant)
        journal.append(entry) { result in
            switch result {
            case .failure(let error): completion(error.exportFailure)
            case .success(.duplicate): completion(nil)
            case .success(.stored(let id)):
                self.ledger.owe(id.raw)
                completion(nil)
                handOn(id.raw)
            }
        }
    }

    private var overloaded: ExportFailure {
        .overloaded(
            """
            \(budget.inUse) of \(budget.limit) bytes are in use by requests that are not yet dealt with. Send more \
            slowly, or raise memory.limit.
            """, retryAfter: 1_000_000_000)
    }
}

extension JournalError {
    /// Always one that the sender tries again: recorded senders drop a batch on 400 and 500.
    var exportFailure: ExportFailure {
        .unavailable("\(self)", retryAfter: 1_000_000_000)
    }
}

extension RecordKind {
    init(_ signal: Signal) {
        switch signal {
        case .traces: self = .traces
        case .metrics: self = .metrics
        case .logs: self = .logs
        }
    }
}
