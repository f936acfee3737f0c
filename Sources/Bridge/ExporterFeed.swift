import Exporters
import OTLP
import Synchronization

/// What lies between the correlator and one exporter: hands items over while the exporter has room, and remembers what
/// must be handed over later when it had none. So a backend that is down holds up nobody else.
///
/// Belongs to the correlator's thread.
final class ExporterFeed {
    /// What an item is made of, which decides how it waits.
    enum Source {
        /// All of a record: the journal has it, only the record's number is kept.
        case record
        /// Some spans of a record, the others left before: kept as it is, else the whole record is sent again.
        case partOfRecord
        /// Nothing that the journal has in this form (an execution's span, an amendment): kept as it is.
        case made
    }

    private let exporter: OTLPExporter
    private let ledger: DeliveryLedger
    /// Records in the order in which they found no room.
    private var waiting: [UInt64] = []
    /// Items that cannot be read back, and their bytes; at most as many bytes as the exporter's own queue may hold.
    private var kept: [ExportItem] = []
    private var keptBytes = 0
    /// How many wait, for metrics; read from any thread.
    let waitingCount: WaitingCount

    init(exporter: OTLPExporter, ledger: DeliveryLedger, waitingCount: WaitingCount) {
        self.exporter = exporter
        self.ledger = ledger
        self.waitingCount = waitingCount
    }

    var name: String { exporter.settings.name }

    func takes(_ signal: Signal) -> Bool { exporter.settings.signals.contains(signal) }

    /// Hands an item over. Its receipts are owed in the ledger until the exporter has delivered or dropped it.
    func offer(_ item: ExportItem, from source: Source) {
        let mustWait = !waiting.isEmpty || !kept.isEmpty
        if !mustWait, exporter.submit(item) == .accepted { return }
        if source != .record, keptBytes + item.payload.count <= exporter.settings.queue.queueBytes {
            kept.append(item)
            keptBytes += item.payload.count
        } else if source == .made {
            // There is no room to keep it. It stays owed, so that the next start makes it again.
            waitingCount.noteStranded()
        } else {
            wait(for: item.receipts)
        }
        waitingCount.store(waiting.count + kept.count)
    }

    private func wait(for records: [UInt64]) {
        for record in records {
            // One debt is enough to have the whole record read back.
            if waiting.last == record {
                ledger.settle(record)
            } else {
                waiting.append(record)
            }
        }
    }

    /// Hands over what waits, as long as there is room; `read` makes the item of a record, nil if it is gone.
    func refill(_ read: (UInt64) -> ExportItem?) {
        guard !waiting.isEmpty || !kept.isEmpty else { return }
        var handedOver = 0
        while handedOver < kept.count, exporter.submit(kept[handedOver]) == .accepted {
            keptBytes -= kept[handedOver].payload.count
            handedOver += 1
        }
        kept.removeFirst(handedOver)
        var done = 0
        while kept.isEmpty, done < waiting.count {
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
        waitingCount.store(waiting.count + kept.count)
    }
}

/// How much waits for an exporter to have room.
final class WaitingCount: Sendable {
    private let count = Atomic<Int>(0)
    private let strandedCount = Atomic<UInt64>(0)

    func noteStranded() { strandedCount.add(1, ordering: .relaxed) }

    /// Items there was no room to keep; they are made again after the next start.
    var stranded: UInt64 { strandedCount.load(ordering: .relaxed) }

    func store(_ value: Int) { count.store(value, ordering: .relaxed) }

    var value: Int { count.load(ordering: .relaxed) }
}
