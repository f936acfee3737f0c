import FoundationEssentials
import Testing

@testable import Bridge

@Suite struct DeliveryLedgerTests {
    @Test("the oldest owed record is the oldest with a debt, whatever the order of settling")
    func order() {
        let ledger = DeliveryLedger(first: 1)
        #expect(ledger.oldestOwed == nil && ledger.span == 0)
        for record: UInt64 in [1, 2, 2, 5] { ledger.owe(record) }
        #expect(ledger.oldestOwed == 1 && ledger.span == 5)
        ledger.settle(2)
        ledger.settle(1)
        #expect(ledger.oldestOwed == 2)
        ledger.settle(2)
        #expect(ledger.oldestOwed == 5 && ledger.span == 1)
        ledger.settle(5)
        #expect(ledger.oldestOwed == nil && ledger.span == 0)
    }

    @Test("a record long delivered may be owed again")
    func older() {
        let ledger = DeliveryLedger(first: 1)
        ledger.owe(7)
        ledger.owe(3)
        ledger.owe(3)
        ledger.settle(7)
        #expect(ledger.oldestOwed == 3)
        ledger.settle(3)
        #expect(ledger.oldestOwed == 3)
        ledger.settle(3)
        #expect(ledger.oldestOwed == nil)
    }

    @Test("settling what is not owed does nothing")
    func unowed() {
        let ledger = DeliveryLedger(first: 10)
        ledger.settle(3)
        ledger.settle(99)
        ledger.owe(11)
        ledger.settle(3)
        ledger.settle(99)
        #expect(ledger.oldestOwed == 11)
    }

    @Test("it says what a plain table of debts says")
    func model() {
        let seed =
            ProcessInfo.processInfo.environment["SPANBRIDGE_SEED"].flatMap { UInt64($0) } ?? .random(in: 0 ... .max)
        print("DeliveryLedgerTests.model: SPANBRIDGE_SEED=\(seed)")
        var state = seed
        func random(_ limit: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % limit
        }
        let ledger = DeliveryLedger(first: 1)
        var debts: [UInt64: Int] = [:]
        var newest: UInt64 = 1
        for step in 0..<20_000 {
            // Debts grow for a while and are paid for a while, down to none.
            if random(10) < (step / 1_000 % 2 == 0 ? 7 : 2) {
                let record = random(10) == 0 ? 1 + random(newest) : newest + random(3)
                newest = max(newest, record)
                debts[record, default: 0] += 1
                ledger.owe(record)
            } else if let record = debts.keys.sorted().dropFirst(Int(random(3))).first {
                debts[record] = debts[record].flatMap { $0 == 1 ? nil : $0 - 1 }
                ledger.settle(record)
            }
            guard ledger.oldestOwed == debts.keys.min() else {
                Issue.record(
                    "step \(step): \(String(describing: ledger.oldestOwed)), not \(String(describing: debts.keys.min()))"
                )
                return
            }
        }
    }
}
