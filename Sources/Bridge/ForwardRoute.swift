import Configuration
import Exporters
import Journal
import OTLP
import Transport

/// One webhook with what it is owed: reads events from the journal as its queue has room, and settles a record when the
/// journal knows what became of its events. A webhook that is down holds up no other.
final class ForwardRoute: @unchecked Sendable {
    // Confined to the forwarding loop's thread, all of it.
    /// Records of which events are with the webhook, at most; a disk that takes no receipts must not let them pile up.
    private static let openLimit = 10_000

    private let forwarder: WebhookForwarder
    private let journal: Journal
    private let ledger: DeliveryLedger
    /// Whether an event of this type takes this route.
    private let takes: @Sendable (String) -> Bool
    private let onDamage: @Sendable (UInt64) -> Void
    private var owed: OwedRecords
    /// Events of a record that found no room.
    private var overflow: [ForwardItem] = []
    /// How many events of a record have no receipt yet.
    private var open: [UInt64: Int] = [:]
    private var isFilling = false
    private var isStopped = false
    /// Receipts that the journal does not have yet.
    private var unkept = 0
    private var whenKept: (@Sendable () -> Void)?

    init(
        forwarder: WebhookForwarder, journal: Journal, ledger: DeliveryLedger, after: UInt64,
        takes: @escaping @Sendable (String) -> Bool, onDamage: @escaping @Sendable (UInt64) -> Void
    ) {
        self.forwarder = forwarder
        self.journal = journal
        self.ledger = ledger
        self.takes = takes
        self.onDamage = onDamage
        owed = OwedRecords(after: after)
    }

    func owe(_ record: UInt64, done: [UInt64: Set<Int>]) {
        owed.owe(record)
        fill(done: done)
    }

    /// Gives the webhook's queue what it has room for. `done` are events that were forwarded before the start.
    func fill(done: [UInt64: Set<Int>]) {
        // An event that is sent may end at once, which calls this again.
        guard !isFilling, !isStopped else { return }
        isFilling = true
        defer { isFilling = false }
        while true {
            while let item = overflow.last {
                guard forwarder.offer(item) else { return }
                overflow.removeLast()
            }
            guard open.count < Self.openLimit, let record = owed.next(lookUp) else { return }
            overflow = items(of: record, done: done[record] ?? []).reversed()
            if overflow.isEmpty { ledger.settle(record) } else { open[record] = overflow.count }
        }
    }

    private func lookUp(from: UInt64) -> [UInt64] {
        journal.records(key: RecordKeys.forwardedEvents, from: RecordID(raw: from), limit: 256).map(\.raw)
    }

    private func items(of record: UInt64, done: Set<Int>) -> [ForwardItem] {
        guard let stored = try? journal.read(RecordID(raw: record)) else {
            forwarder.noteUnreadable()
            onDamage(record)
            return []
        }
        // Another kind only shares the key.
        guard stored.kind == .forwardedEvents else { return [] }
        return StoredEvents.elements(stored.payload).enumerated().compactMap { position, body in
            guard !done.contains(position), let event = try? CloudEvent.decode(body), takes(event.type) else { return nil }
            var item = ForwardItem(id: ForwardItem.ID(record: record, position: position), body: body, of: event)
            item.tenant = stored.tenant
            return item
        }
    }

    /// An event has ended; its receipt is on its way to the journal.
    func noteEnd() { unkept += 1 }

    /// The journal has the receipt of one of the record's events.
    func settle(_ record: UInt64) {
        unkept -= 1
        if let left = open[record], left > 1 {
            open[record] = left - 1
        } else {
            open[record] = nil
            ledger.settle(record)
        }
        if unkept == 0, let whenKept {
            self.whenKept = nil
            whenKept()
        }
    }

    /// Sends nothing more; calls back when what was sent is answered and the journal knows.
    func stop(_ completion: @escaping @Sendable () -> Void) {
        isStopped = true
        forwarder.stop {
            if self.unkept == 0 { completion() } else { self.whenKept = completion }
        }
    }
}
