import CorrelationModel
import OTLP
import Testing

@testable import Correlation

/// Every limit is reached.
@Suite struct LimitTests {
    @Test("beyond `holdBytes` the oldest waiting records are read back from the journal when they leave")
    func holdBytes() throws {
        let one = TestSpan.request([.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1)]).count
        let world = World { $0.holdBytes = 2 * one }
        for number: UInt64 in 0..<4 {
            try world.receive(
                .server(10 + number, in: number),
                .executor(20 + number, of: execution(Int(number)), in: number, under: 10 + number))
        }
        #expect(world.correlator.held.records == 4 && world.correlator.held.bytes == 2 * one)
        #expect(world.correlator.counters.evictedRecords == 2)
        world.bind(execution(0), traceparent: context(9, 9))
        #expect(
            world.reloads == 1
                && world.backend[id(20)] == .init(trace: traceID(9), parent: own(execution(0)), rule: .context))
        world.wait(10 * second)
        #expect(world.reloads == 2 && world.backend.count == 8 && world.finished.count == 4)
        #expect(world.correlator.held == (0, 0) && world.violations.isEmpty)
    }

    @Test("an event that is told again as it was is not looked for in all that it started")
    func eventToldAgain() throws {
        let world = World()
        world.receive(event("evt-1", at: context(9, 9)))
        world.bind(e1, event: "evt-1")
        try world.receive(.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1))
        let group = try #require(world.correlator.executionsOf(e1).first?.firstGroup)
        let turn = group.visits.turn
        world.receive(event("evt-1", at: context(9, 9)))
        #expect(group.visits.turn == turn)
        world.receive(event("evt-1", at: context(8, 8)))
        #expect(group.visits.turn > turn && world.correlator.execution(id: e1)?.traceID == traceID(8))
    }

    @Test("of a request only the spans that wait are kept, if they are at most half of it", arguments: [(0, 1), (1, 1), (5, 1), (1, 2), (1, 3)])
    func keptPart(others: Int, waiting count: Int) throws {
        let world = World()
        let waiting = (0..<count).map { TestSpan.executor(2 + UInt64($0), of: e1, in: 1, under: 1) }
        let spans = (0..<others).map { TestSpan.portarium(UInt64(91 + $0), in: UInt64(5 + $0), publishes: "evt-\($0)") } + waiting
        try world.receive(spans)
        #expect(world.backend.count == others)
        let kept = others >= count ? waiting : spans
        #expect(world.correlator.held.bytes == TestSpan.request(kept).count)
        world.bind(e1, traceparent: context(9, 9))
        world.wait(10 * second)
        for span in waiting {
            #expect(world.backend[span.id] == .init(trace: traceID(9), parent: own(e1), rule: .context))
        }
        #expect(world.backend.count == others + count && world.finished == [1] && world.violations.isEmpty)
        #expect(world.correlator.held == (0, 0))
    }

    @Test("a record of two groups that leave apart is read back for each")
    func twoGroups() throws {
        let world = World { $0.holdBytes = 0 }
        try world.receive(
            .server(1, in: 1), .executor(2, of: e1, in: 1, under: 1), .server(3, in: 2),
            .executor(4, of: e2, in: 2, under: 3))
        world.bind(e1, traceparent: context(9, 9))
        #expect(world.backend.count == 2 && world.finished.isEmpty)
        world.wait(10 * second)
        #expect(world.reloads == 2 && world.backend.count == 4 && world.finished == [1] && world.violations.isEmpty)
    }

    @Test("spans that are read back leave even if their trace was forgotten in the same moment")
    func forgottenWhileLeaving() throws {
        let world = World {
            $0.holdBytes = 0
            $0.traceLimit = 1
        }
        try world.receive(.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1))
        world.wait(5 * second)
        try world.receive(.server(3, in: 2), .executor(4, of: e2, in: 2, under: 3))
        world.now += 5 * second
        try world.receive(.worker(5, of: e2, in: 2, under: 3))
        world.now += 5 * second
        world.bind(e3, traceparent: context(9, 9))
        world.bind(e1, traceparent: context(8, 8))
        world.wait(100 * second)
        #expect(world.backend.count == 5 && world.violations.isEmpty)
        #expect(world.correlator.counters.forgotten > 0)
    }

    @Test("executions, events and traces beyond their limits are forgotten, the longest quiet first")
    func forgetting() throws {
        let world = World {
            $0.executionLimit = 10
            $0.eventLimit = 10
            $0.traceLimit = 10
        }
        for number: UInt64 in 1...30 {
            let execution = execution(Int(number))
            world.receive(event("evt-\(number)", at: context(100 + number, 9)))
            try world.receive(
                .server(10 * number, in: number, query: "ce-id=evt-\(number)&ce-source=portarium"),
                .executor(10 * number + 1, of: execution, in: number, under: 10 * number))
            world.now += second
        }
        let sizes = world.correlator.sizes
        for size in [sizes.executions, sizes.events, sizes.traces] { #expect((9...10).contains(size)) }
        // Each limit is passed again and again, by one, and then a tenth of it is freed on top.
        #expect(world.correlator.counters.forgotten >= 60)
        #expect(
            world.correlator.execution(id: execution(30)) != nil && world.correlator.execution(id: execution(1)) == nil)
        #expect(world.correlator.events(id: "evt-30", source: nil, tenant: nil).count == 1)
        #expect(world.correlator.events(id: "evt-1", source: nil, tenant: nil).isEmpty)
        #expect(world.correlator.originalTraces(of: traceID(101)) == [traceID(101)])
        #expect(world.backend.count == 60 && world.violations.isEmpty)
        #expect(world.correlator.eventsByTrace.count <= 10 && world.correlator.movedTraces.count <= 10)
    }

    @Test("what waits leaves before it is forgotten")
    func heldIsKept() throws {
        let world = World {
            $0.executionLimit = 2
            $0.traceLimit = 2
        }
        for number: UInt64 in 1...5 {
            try world.receive(
                .server(10 + number, in: number),
                .executor(20 + number, of: execution(Int(number)), in: number, under: 10 + number))
        }
        #expect(world.correlator.sizes.executions == 2 && world.backend.count == 6)
        world.wait(10 * second)
        try world.receive(.server(99, in: 99))
        #expect(world.correlator.sizes.executions <= 2 && world.correlator.sizes.traces <= 3)
        #expect(world.backend.count == 10)
    }

    @Test("an event whose traceparent keeps changing is found by its last one only")
    func changingContext() {
        let world = World { $0.eventLimit = 1 }
        for number: UInt64 in 1...50 { world.receive(event("evt-1", at: context(number, 9))) }
        #expect(world.correlator.eventsByTrace.count == 1)
        for name in ["evt-2", "evt-3"] {
            world.now += second
            world.receive(event(name))
        }
        #expect(world.correlator.eventsByTrace.isEmpty)
    }

    @Test("an execution keeps as many claims and pieces of evidence as `evidenceLimit` says")
    func evidenceLimit() throws {
        let world = World { $0.evidenceLimit = 3 }
        for number: UInt64 in 1...5 { world.bind(e1, event: "evt-\(number)", traceparent: context(number, 9)) }
        #expect(world.correlator.execution(id: e1)?.evidence.count == 3)
        #expect(world.correlator.executionsOf(e1).first?.claims.count == 3)
    }

    @Test("an execution keeps 16 calls, a trace 64 SERVER spans, an execution span 32 links")
    func fixedLimits() throws {
        let world = World()
        try world.receive(.server(1, in: 1, under: 90), .executor(2, of: e1, in: 1, under: 1))
        try world.receive((0..<80).map { .server(100 + $0, in: 5, under: 92, path: "/executions/\(e1)/resume") })
        #expect(world.correlator.execution(id: e1)?.calls.count == 16)
        #expect(world.correlator.traces[traceID(5)]?.servers.count == 64)
        for number in 0..<40 {
            let redelivered = execution(100 + number)
            try world.receive(.executor(500 + UInt64(number), of: redelivered, in: 1, under: 1))
            world.bind(redelivered, event: "evt-1")
        }
        world.bind(e1, event: "evt-1")
        #expect(world.correlator.executionSpan(id: e1)?.links.count == 32)
        #expect(world.backend.count == 122)
    }

    @Test("a CloudEvent claims at most 16 executions")
    func claimedExecutions() {
        let world = World()
        let ids = (0..<20).map { "\"\(execution($0))\"" }.joined(separator: ",")
        world.receive(event("evt-1", data: "{\"executionId\":[\(ids)]}"))
        #expect(world.correlator.sizes.executions == 16)
    }

    @Test("evidence beyond 4,096 bytes, and what comes after 64 parameters of a query, is not read")
    func longValues() throws {
        let world = World()
        let many = (0..<70).map { "p\($0)=1" }.joined(separator: "&")
        try world.receive(
            .server(1, in: 1, headers: [("ce-id", String(repeating: "x", count: 4_097)), ("ce-source", source)]),
            .executor(2, of: e1, in: 1, under: 1),
            .server(3, in: 2, query: many + "&ce-id=evt-1&ce-source=portarium"), .executor(4, of: e2, in: 2, under: 3))
        #expect(world.correlator.sizes.events == 0)
    }

    @Test("a trace and an event keep as many executions as `relationLimit` says; the rest are joined by themselves")
    func relations() throws {
        let world = World { $0.relationLimit = 3 }
        world.receive(event("evt-1", at: context(9, 9)))
        for number in 1...6 {
            world.bind(execution(number), event: "evt-1")
            try world.receive(.executor(UInt64(number) + 10, of: execution(number), in: 1, under: 1))
        }
        try world.receive(.server(1, in: 1))
        world.wait(100 * second)
        #expect(world.correlator.traces[traceID(1)]?.groups.count == 3)
        #expect(world.correlator.events(id: "evt-1", source: nil, tenant: nil).first?.executions.count == 3)
        #expect(world.correlator.counters.relationsCut > 0)
        #expect(world.backend.count == 7 && world.backend.values.allSatisfy { $0.trace == traceID(9) })
        #expect(world.executionSpans.count == 6 && world.executionSpans.allSatisfy { $0.traceID == traceID(9) })
    }

    @Test("a trace keeps as many starting tasks, a trace and a name as many events, an execution as many traces")
    func otherRelations() throws {
        let world = World {
            $0.relationLimit = 3
            $0.tracesOfExecutionLimit = 4
        }
        try world.receive((1...6).map { .executor(10 + $0, of: e1, in: 1, under: 1, starts: true) })
        #expect(world.correlator.traces[traceID(1)]?.starters.count == 3)
        for number in 1...6 {
            world.receive(event("evt-\(number)", at: context(9, 9)))
            world.receive(event("evt", tenant: "t\(number)"))
        }
        #expect(world.correlator.eventsByTrace[traceID(9)]?.count == 3)
        #expect(world.correlator.eventNames.values.map(\.tenanted.count).max() == 3)
        try world.receive((1...6).map { .worker(20 + $0, of: e2, in: 20 + $0) })
        #expect(world.correlator.execution(id: e2)?.originalTraces.count == 4)
        world.wait(100 * second)
        #expect(world.backend.count == 12)
    }

    @Test("an execution beyond `relationLimit` of its trace has its own span where its other spans are")
    func homeOfCut() throws {
        let world = World { $0.relationLimit = 1 }
        try world.receive(
            .server(1, in: 1), .executor(2, of: e1, in: 1, under: 1), .executor(3, of: e2, in: 1, under: 1))
        world.wait(100 * second)
        #expect(world.backend[id(3)]?.trace == traceID(1))
        #expect(world.executionSpans.map(\.traceID) == [traceID(1), traceID(1)])
    }
}
