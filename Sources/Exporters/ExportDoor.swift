import OTLP
import Synchronization

/// Says at once, to any thread, whether an exporter's queue has room: the bytes and items held are counted here when
/// they come and let go when they have ended, so that also what is on its way to the loop is bounded.
package final class ExportDoor: Sendable {
    private let bytesLimit: Int
    private let itemsLimit: Int
    private let bytes = Atomic<Int>(0)
    private let items = Atomic<Int>(0)
    private let closed = Atomic<Bool>(false)
    private let refusedItems = Atomic<Int>(0)
    private let refusedTraces = Atomic<Int>(0)
    private let refusedMetrics = Atomic<Int>(0)
    private let refusedLogs = Atomic<Int>(0)

    package init(settings: ExportQueueSettings) {
        bytesLimit = settings.queueBytes
        itemsLimit = settings.queueItems
    }

    /// Reserves room. An empty queue has room for an item of any size. Two threads that come at the same time for the
    /// last room may both be refused.
    package func enter(_ item: ExportItem) -> Bool {
        let size = item.payload.count
        let itemsBefore = items.wrappingAdd(1, ordering: .acquiringAndReleasing).oldValue
        let bytesBefore = bytes.wrappingAdd(size, ordering: .acquiringAndReleasing).oldValue
        if itemsBefore == 0 || itemsBefore < itemsLimit && size <= bytesLimit - bytesBefore { return true }
        leave(items: 1, bytes: size)
        refuse(item)
        return false
    }

    /// Gives room back.
    package func leave(items count: Int, bytes size: Int) {
        // In this order: whoever sees no items also sees no bytes.
        bytes.wrappingSubtract(size, ordering: .acquiringAndReleasing)
        items.wrappingSubtract(count, ordering: .acquiringAndReleasing)
    }

    /// Counts an item that was turned away.
    package func refuse(_ item: ExportItem) {
        refusedItems.wrappingAdd(1, ordering: .relaxed)
        switch item.signal {
        case .traces: refusedTraces.wrappingAdd(item.records, ordering: .relaxed)
        case .metrics: refusedMetrics.wrappingAdd(item.records, ordering: .relaxed)
        case .logs: refusedLogs.wrappingAdd(item.records, ordering: .relaxed)
        }
    }

    package func close() { closed.store(true, ordering: .releasing) }
    package var isClosed: Bool { closed.load(ordering: .acquiring) }

    /// Bytes held, those on their way to the loop included.
    package var heldBytes: Int { bytes.load(ordering: .relaxed) }

    /// Items turned away.
    package var refused: Int { refusedItems.load(ordering: .relaxed) }

    /// Records of the items turned away.
    package var refusedRecords: PerSignal<Int> {
        PerSignal(
            traces: refusedTraces.load(ordering: .relaxed), metrics: refusedMetrics.load(ordering: .relaxed),
            logs: refusedLogs.load(ordering: .relaxed))
    }
}
