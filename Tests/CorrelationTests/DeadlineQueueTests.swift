import CorrelationModel
import OTLP
import Testing

@testable import Correlation

@Suite struct DeadlineQueueTests {
    @Test("elements come out by deadline, those that are due only")
    func order() {
        var random = Seeded("DeadlineQueueTests.order")
        var queue = DeadlineQueue<UInt64>()
        let deadlines = (0..<500).map { _ in UInt64.random(in: 0..<200, using: &random) }
        for deadline in deadlines { queue.insert(deadline, deadline: deadline) }
        var due: [UInt64] = []
        while let next = queue.popDue(now: 99) { due.append(next) }
        #expect(due == deadlines.filter { $0 <= 99 }.sorted())
        #expect(queue.first == deadlines.filter { $0 > 99 }.min())
        while let next = queue.popDue(now: .max) { due.append(next) }
        #expect(due == deadlines.sorted() && queue.first == nil)
    }
}

@Suite struct RecentTracesTests {
    @Test("an id is remembered for one turn at least and forgotten after two")
    func turns() {
        var recent = RecentTraces()
        recent.insert(traceID(1))
        #expect(recent.mayContain(traceID(1)) && !recent.mayContain(traceID(2)))
        recent.turn()
        #expect(recent.mayContain(traceID(1)))
        recent.turn()
        #expect(!recent.mayContain(traceID(1)))
        recent.forgetNothing()
        recent.turn()
        #expect(recent.mayContain(traceID(2)))
        recent.turn()
        #expect(!recent.mayContain(traceID(2)))
    }

    @Test("it grows with what it has seen, so that few are taken for seen that were not")
    func growth() {
        var recent = RecentTraces()
        var random = SystemRandomNumberGenerator()
        let seen = (0..<400_000).map { _ in TraceID(high: random.next(), low: random.next()) }
        for trace in seen { recent.insert(trace) }
        #expect(seen.allSatisfy(recent.mayContain))
        func mistakes() -> Int {
            (0..<10_000).count { _ in recent.mayContain(TraceID(high: random.next(), low: random.next())) }
        }
        // Expected 850, with a deviation of 28.
        #expect(mistakes() < 1_200)
        recent.turn()
        #expect(seen.allSatisfy(recent.mayContain))
        recent.turn()
        #expect(mistakes() == 0)
    }
}
