import Foundation
import Journal
import OTLP
import Testing

@testable import Bridge
@testable import Correlation

/// What the correlator has learned, in the catalog.
@Suite struct StateStoreTests {
    @Test("state comes back, what was forgotten does not, and what cannot be read is reported once")
    func restore() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "spanbridge-state-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let (catalog, _) = try Catalog.open(directory.appending(path: "catalog.sqlite").path)
        let store = StateStore(catalog: catalog)
        var settings = CorrelationSettings.defaults
        settings.eventLimit = 2
        let correlator = Correlator(settings: settings)
        for number in 1...4 {
            correlator.receive(
                .init(id: "evt-\(number)", source: "shop", type: "t", rawData: []), record: UInt64(number),
                now: UInt64(number))
            try store.store(correlator.takeChangedState(), applied: UInt64(number), delivered: 1, forwarded: 2)
        }
        try catalog.write([.put(id: 9, kind: StoredState.Kind.event.rawValue, time: 9, body: [99, 1, 2])])
        #expect(try store.marks() == (4, 1, 2))
        for expected in [1, 0] {
            let restored = Correlator(settings: settings)
            #expect(try store.restore(into: restored, now: 10) == expected)
            #expect(Set(restored.events.keys.map(\.id)) == ["evt-3", "evt-4"])
        }
    }
}
