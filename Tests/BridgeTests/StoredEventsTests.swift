import OTLP
import Testing

@testable import Bridge

@Suite struct StoredEventsTests {
    private func event(_ number: Int) -> CloudEvent {
        var event = CloudEvent(
            id: "evt-\(number) \"é\u{0}", source: "urn:x", type: "t", dataContentType: "application/octet-stream",
            rawData: (0..<64).map { UInt8(truncatingIfNeeded: $0 &* number) })
        event.subject = "s"
        event.time = 1_700_000_000_123_456_789
        event.tenantID = "ws-1"
        event.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        event.extensions = [.init(name: "priority", value: "7")]
        return event
    }

    @Test("as many events as a request may have come back as they were")
    func roundTrip() {
        for count in [0, 1, CloudEventLimits().events] {
            let events = (0..<count).map(event)
            #expect(StoredEvents.decode(StoredEvents.encode(events)) == events)
        }
    }

    @Test("damaged bytes give no event and no trap")
    func damage() {
        let stored = StoredEvents.encode([event(1), event(2)])
        for count in stored.indices {
            #expect(StoredEvents.decode(Array(stored.prefix(count))).isEmpty)
            for bits: UInt8 in [0x01, 0x80] {
                var damaged = stored
                damaged[count] ^= bits
                #expect(StoredEvents.decode(damaged).count <= 2)
            }
        }
    }
}
