import Exporters
import OTLP
import Testing

@testable import Bridge

@Suite struct ForwardingTests {
    /// SplitMix64.
    private struct Numbers: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    @Test("what is owed is told by number, looked up when there is much of it, and comes once and in order")
    func owedRecords() {
        for seed in 0..<UInt64(20) {
            var random = Numbers(state: seed)
            let stored = Int.random(in: 0...600, using: &random)
            var journal = (0..<stored).map { UInt64($0 * 3 + 11) }
            var owed = OwedRecords(after: 10)
            var read: [UInt64] = []
            var told = 0
            let lookUp: (UInt64) -> [UInt64] = { from in Array(journal.filter { $0 >= from }.prefix(100)) }
            for _ in 0..<3 {
                for _ in 0..<Int.random(in: 0...OwedRecords.limit, using: &random) {
                    journal.append((journal.last ?? 10) + UInt64.random(in: 1...3, using: &random))
                }
                // What is in the journal may be told later than it is looked up.
                for _ in 0..<Int.random(in: 0...300, using: &random) {
                    if let next = owed.next(lookUp) { read.append(next) }
                }
                while told < journal.count {
                    owed.owe(journal[told])
                    told += 1
                }
            }
            while let next = owed.next(lookUp) { read.append(next) }
            #expect(read == journal, "seed \(seed)")
        }
    }

    @Test("a receipt comes back from the journal as it was, with the execution and who told it")
    func receipt() throws {
        let item = ForwardItem(
            id: ForwardItem.ID(record: 1 << 40, position: 3), body: [], headers: [],
            event: BindingCall.EventReference(id: "evt \"1\"", source: "s", tenantID: "ws", type: "t"))
        let answer = WebhookAnswer(executionID: "4FteK", tenant: "main")
        let started = ForwardReceipt(ForwardEnd(item: item, outcome: .started(answer), message: ""))
        #expect(started.binding?.executionID == "4FteK" && started.binding?.event == item.event)
        #expect(started.binding?.tenant == "main" && started.binding?.origin == .webhook)
        #expect(ForwardReceipt.decode(started.encode()) == started)
        let refused = ForwardReceipt(ForwardEnd(item: item, outcome: .refused(status: 404), message: "x"))
        #expect(refused.binding == nil && ForwardReceipt.decode(refused.encode()) == refused)
        var long = item
        long.event.tenantID = String(repeating: "t", count: BindingCall.idLimit + 1)
        let nameless = ForwardReceipt(ForwardEnd(item: long, outcome: .started(answer), message: ""))
        #expect(ForwardReceipt.decode(nameless.encode()) == nameless && nameless.binding?.event?.tenantID == nil)
        let bytes = started.encode()
        for count in bytes.indices {
            #expect(ForwardReceipt.decode(Array(bytes.prefix(count))) == nil)
            var damaged = bytes
            damaged[count] ^= 0x01
            _ = ForwardReceipt.decode(damaged)
        }
    }

    @Test("events are stored for forwarding as they were written, and read as the events that they are")
    func structured() throws {
        let written = [
            #"{ "specversion":"1.0","id":"1","source":"s","type":"t","x":null,"num":1e2,"data":{"a":"\ud800","b":[1.0]} }"#,
            #"{"specversion":"1.0","id":"2","source":"s","type":"t","nested":{"y":1},"datacontenttype":"text/plain","data":"é"}"#,
        ]
        let batch = try CloudEvent.parse(
            contentType: "application/cloudevents-batch+json", headers: [],
            body: Array(" [ \(written[0]) ,\n \(written[1]) ] ".utf8))
        let stored = StoredEvents.encodeStructured(batch)
        #expect(StoredEvents.elements(stored).map { String(decoding: $0, as: UTF8.self) } == written)
        #expect(StoredEvents.decode(stored) == batch)
        for text in written {
            let one = try CloudEvent.parse(
                contentType: "application/cloudevents+json; charset=utf-8", headers: [], body: Array(text.utf8))
            #expect(one.map(\.structured) == [Array(text.utf8)])
        }
    }

    @Test("binary mode becomes structured mode with the same meaning")
    func binary() throws {
        let headers = [
            ("ce-id", "1"), ("ce-source", "/s"), ("ce-type", "t"), ("ce-specversion", "1.0"),
            ("ce-subject", "Euro%20%E2%82%AC"), ("ce-time", "2026-06-01T10:15:30.130Z"), ("ce-tenantid", "ws"),
            ("ce-x", "7"),
        ]
        for (type, body, member, wanted) in [
            ("application/json", #"{"a": 1}"#, "data", JSONValue.object([.init(key: "a", value: .number("1"))])),
            ("application/json", "{broken", "data_base64", .string("e2Jyb2tlbg==")),
            ("text/plain; charset=utf-8", "a\"b", "data", .string("a\"b")),
            ("application/octet-stream", "abc", "data_base64", .string("YWJj")),
        ] {
            let event = try CloudEvent.parse(contentType: type, headers: headers, body: Array(body.utf8))
            let form = event[0].structured
            let value = try JSONValue.parse(form)
            #expect(value[member] == wanted && value["datacontenttype"] == .string(type))
            #expect(value["subject"] == .string("Euro €") && value["x"] == .string("7"))
            let again = try CloudEvent.parse(contentType: "application/cloudevents+json", headers: [], body: form)
            #expect(again == event)
        }
    }
}
