import Exporters
import OTLP
import Synchronization

/// What lies between the correlator and one exporter: hands items over while the exporter has room, and remembers the
/// records that must be read back from the journal when it had none. So a backend that is down holds up nobody else.
///
/// Belongs to the correlator's thread.
final class ExporterFeed {
    private let exporter: OTLPExporter
    private let ledger: DeliveryLedger
    /// Records in the order in which they found no room.
    private var waiting: [UInt64] = []
    /// How many waited last, for metrics; read from any thread.
    let waitingCount: WaitingCount

    init(exporter: OTLPExporter, ledger: DeliveryLedger, waitingCount: WaitingCount) {
        self.exporter = exporter
        self.ledger = ledger
        self.waitingCount = waitingCount
    }

    var name: String { exporter.settings.name }

    func takes(_ signal: Signal) -> Bool { exporter.settings.signals.contains(signal) }

    /// Hands an item over. Its receipts are owed in the ledger until the exporter has delivered or dropped it.
    func offer(_ item: ExportItem) {
        if waiting.isEmpty, exporter.submit(item) == .accepted { return }
        for record in item.receipts {
            // One debt is enough to have the whole record read back.
            if waiting.last == record {
                ledger.settle(record)
            } else {
                waiting.append(record)
            }
        }
        waitingCount.store(waiting.count)
    }

    /// Hands over what waits, as long as there is room; `read` makes the item of a record, nil if it is gone.
    func refill(_ read: (UInt64) -> ExportItem?) {
        var done = 0
        while done < waiting.count {
            let record = waiting[done]
            guard let item = read(record) else {
                ledger.settle(record)
                done += 1
                continue
            }
            guard exporter.submit(item) == .accepted else { break }
            done += 1
        }
        waiting.removeFirst(done)
        waitingCount.store(waiting.count)
    }
}

/// How many records wait in the journal for an exporter to have room.
final class WaitingCount: Sendable {
    private let count = Atomic<Int>(0)

    func store(_ value: Int) { count.store(value, ordering: .relaxed) }

    var value: Int { count.load(ordering: .relaxed) }
}
