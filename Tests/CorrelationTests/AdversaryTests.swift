import CorrelationModel
import OTLP
import Testing

@testable import Correlation

/// Senders that mean harm or are broken: what is remembered stays within the limits, every span leaves once, and a counter
/// tells what was cut. The numbers are small here; `spanbridge-bench adversaries` does the same with a million.
@Suite("Adversaries")
struct AdversaryTests {
    static let count: UInt64 = 1_000
    static let limit = 64

    /// A world with small limits.
    static func small(_ change: (inout CorrelationSettings) -> Void = { _ in }) -> World {
        World {
            $0.executionLimit = limit
            $0.eventLimit = limit
            $0.traceLimit = limit
            $0.relationLimit = limit
            $0.tracesOfExecutionLimit = limit
            $0.holdBytes = 64 << 10
            change(&$0)
        }
    }

    /// What the correlator remembers: things by kind, and relations between them. Every one has a limit.
    static func remembered(by correlator: Correlator) -> [String: Int] {
        let sizes = correlator.sizes
        return [
            "executions": sizes.executions, "events": sizes.events, "traces": sizes.traces,
            "events by trace": correlator.eventsByTrace.count, "events by name": correlator.eventNames.count,
            "moved traces": correlator.movedTraces.count,
            "traces of an execution": correlator.executions.values.map(\.groups.count).max() ?? 0,
            "claims of an execution": correlator.executions.values.map(\.claims.count).max() ?? 0,
            "evidence of an execution": correlator.executions.values.map(\.evidence.count).max() ?? 0,
            "executions of an event": correlator.events.values.map(\.executions.count).max() ?? 0,
            "executions of a trace": correlator.traces.values.map(\.groups.count).max() ?? 0,
            "SERVER spans of a trace": correlator.traces.values.map(\.servers.count).max() ?? 0,
            "originals of a moved trace": correlator.movedTraces.values.map(\.count).max() ?? 0,
        ]
    }

    /// Nothing is above its limit once nothing waits any more and the next span has come.
    static func expectBounded(_ world: World, _ location: SourceLocation = #_sourceLocation) throws {
        world.wait(3_600 * second)
        try world.receive(.server(999_999, in: 999_999, under: 50))
        world.wait(3_600 * second)
        for (what, count) in remembered(by: world.correlator) {
            #expect(count <= limit + limit / 10, "\(what)", sourceLocation: location)
        }
        #expect(world.correlator.held == (0, 0), sourceLocation: location)
        #expect(world.violations.isEmpty, sourceLocation: location)
        world.store()
        let largest = world.storedStates.map(\.body.count).max() ?? 0
        #expect(largest < 200 * limit, "the largest stored state", sourceLocation: location)
    }

    /// In batches of a hundred spans, with a second between them.
    static func send(_ spans: [TestSpan], to world: World, pause: UInt64 = second) throws {
        for start in stride(from: 0, to: spans.count, by: 100) {
            try world.receive(Array(spans[start..<min(start + 100, spans.count)]))
            world.wait(pause)
        }
    }

    /// A SERVER span that is the root of a trace, and an execution of its own below it.
    private func delivery(_ number: UInt64, of event: String) -> [TestSpan] {
        let (trace, server) = (1_000 + number, 100_000 + number)
        return [
            .server(server, in: trace, query: "ce-id=\(event)&ce-source=portarium"),
            .executor(200_000 + number, of: execution(Int(number)), in: trace, under: server),
        ]
    }

    @Test("a join bomb: deliveries without end of one event")
    func deliveriesOfOneEvent() throws {
        let world = Self.small()
        world.receive(event("evt-1", at: context(9, 9)))
        try Self.send((0..<Self.count).flatMap { delivery($0, of: "evt-1") }, to: world)
        #expect(world.backend.count == Int(2 * Self.count))
        #expect(world.backend.values.allSatisfy { $0.trace == traceID(9) })
        #expect(world.correlator.counters.relationsCut > 0 && world.correlator.counters.forgotten > 0)
        #expect(world.executionSpans.allSatisfy { $0.links.count <= 32 })
        try Self.expectBounded(world)
    }

    @Test("publishers without end of one event: the event's place is moved a bounded number of times")
    func publishersOfOneEvent() throws {
        let world = Self.small()
        try world.receive(
            .server(1, in: 1, query: "ce-id=evt-1&ce-source=portarium"), .executor(2, of: e1, in: 1, under: 1))
        try Self.send(
            (0..<Self.count).map { .portarium(100_000 + $0, in: 1_000 + $0, publishes: "evt-1") }, to: world)
        #expect(world.backend.count == Int(Self.count) + 2 && world.amendments.isEmpty)
        #expect(world.backend[id(2)]?.trace == traceID(1_000))
        try Self.expectBounded(world)
    }

    @Test("one execution id in traces without end, as fragments and with parents", arguments: [false, true])
    func executionEverywhere(hasParents: Bool) throws {
        let world = Self.small()
        try Self.send(
            (0..<Self.count).map { .worker(100_000 + $0, of: e1, in: 1_000 + $0, under: hasParents ? 50 : 0) },
            to: world)
        #expect(world.backend.count == Int(Self.count))
        #expect(world.correlator.counters.forgotten + world.correlator.counters.relationsCut > 0)
        try Self.expectBounded(world)
    }

    @Test("one trace with SERVER spans without end, each naming an event of its own")
    func serversOfOneTrace() throws {
        let world = Self.small()
        try Self.send(
            (0..<Self.count).map {
                .server(100_000 + $0, in: 1, under: 50, query: "ce-id=evt-\($0)&ce-source=portarium")
            }, to: world)
        #expect(world.backend.count == Int(Self.count))
        try Self.expectBounded(world)
    }

    @Test("distinct ids without end: executions, events and traces, each joined")
    func distinct() throws {
        let world = Self.small()
        for number in 0..<Self.count / 10 {
            let names = 10 * number..<10 * number + 10
            for name in names { world.receive(event("evt-\(name)", at: context(1_000_000 + name, 9))) }
            try world.receive(names.flatMap { delivery($0, of: "evt-\($0)") })
            world.wait(second)
        }
        #expect(world.backend.count == Int(2 * Self.count))
        #expect(world.backend.values.allSatisfy { $0.rule == .event })
        #expect(world.correlator.counters.forgotten > UInt64(Self.count))
        try Self.expectBounded(world)
    }

    @Test("unbound executions without end at one time: the memory for waiting spans is a limit")
    func waiting() throws {
        let world = Self.small()
        try Self.send(
            (0..<Self.count).map { .executor(100_000 + $0, of: execution(Int($0)), in: 1_000 + $0, under: 50) },
            to: world, pause: 0)
        #expect(world.correlator.held.bytes <= 64 << 10 && world.correlator.counters.forgotten > 0)
        world.wait(100 * second)
        #expect(world.backend.count == Int(Self.count))
        try Self.expectBounded(world)
    }

    @Test("bindings without end for one execution, each to another place: it moves a bounded number of times")
    func bindings() throws {
        let world = Self.small()
        try world.receive(.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1))
        // Each new context is smaller, and so would win.
        for number in (0..<Self.count).reversed() {
            world.bind(e1, event: "evt-\(number)", traceparent: context(100 + number, 9))
            world.wait(second)
        }
        #expect((world.backend[id(2)]?.copies ?? 0) <= 17 && world.amendments.count <= 17)
        try Self.expectBounded(world)
    }

    @Test("tenants without end forge one event id: nobody is joined who names no tenant")
    func tenantsOfOneEvent() throws {
        let world = Self.small()
        for number in 0..<Self.count { world.receive(event("evt-1", tenant: "t\(number)", at: context(number + 10, 9))) }
        try world.receive(
            .server(1, in: 1, query: "ce-id=evt-1&ce-source=portarium"), .executor(2, of: e1, in: 1, under: 1))
        world.wait(100 * second)
        #expect(world.backend[id(2)]?.trace == traceID(1))
        #expect(world.correlator.counters.ambiguousEvents > 0)
        try Self.expectBounded(world)
    }

    @Test("a delivery that names the wrong tenant is not joined to the event of that id")
    func wrongTenant() throws {
        let world = Self.small()
        world.receive(event("evt-1", tenant: "acme", at: context(9, 9)))
        try world.receive(
            .server(1, in: 1, query: "ce-id=evt-1&ce-source=portarium&ce-tenantid=globex"),
            .executor(2, of: e1, in: 1, under: 1))
        world.bind(e2, event: "evt-1", tenant: "globex")
        try world.receive(.server(3, in: 2), .executor(4, of: e2, in: 2, under: 3))
        world.wait(100 * second)
        #expect(world.backend[id(2)]?.trace == traceID(1) && world.backend[id(4)]?.trace == traceID(2))
        #expect(world.correlator.events(id: "evt-1", source: nil, tenant: "acme").first?.executions.isEmpty == true)
    }

    // MARK: Circles

    @Test("executions that started each other, in a ring of any length, leave once and have one span each", arguments: [1, 2, 3, 20])
    func ring(length: Int) throws {
        let world = Self.small()
        for number in 0..<length { world.bind(execution(number), parent: execution((number + 1) % length)) }
        try world.receive(
            (0..<length).flatMap { number -> [TestSpan] in
                let trace = UInt64(number + 1)
                return [
                    .server(100 + trace, in: trace),
                    .executor(200 + trace, of: execution(number), in: trace, under: 100 + trace),
                ]
            })
        world.wait(100 * second)
        #expect(world.backend.count == 2 * length && world.executionSpans.count == length)
        #expect(world.amendments.isEmpty && world.violations.isEmpty)
        #expect((world.correlator.counters.circles > 0) == (length > 1), "nobody starts itself")
        // At least one of them is nobody's child.
        let snapshots = (0..<length).compactMap { world.correlator.execution(id: execution($0)) }
        #expect(snapshots.contains { $0.startedBy == nil })
        try Self.expectBounded(world)
    }

    @Test("a chain of executions that started each other, far longer than any real one")
    func chain() throws {
        let world = Self.small { $0.executionLimit = 1_000; $0.traceLimit = 1_000 }
        for number in 0..<500 { world.bind(execution(number), parent: execution(number + 1)) }
        for number: UInt64 in 0...500 {
            try world.receive(
                .server(1_000 + number, in: number + 1),
                .executor(2_000 + number, of: execution(Int(number)), in: number + 1, under: 1_000 + number))
        }
        world.wait(100 * second)
        #expect(world.backend.count == 1_002 && world.executionSpans.count >= 501 && world.violations.isEmpty)
    }

    @Test("an event whose context lies in the trace that it would move")
    func intoItself() throws {
        let world = Self.small()
        world.receive(event("evt-1", at: context(1, 2)))
        world.bind(e1, event: "evt-1")
        try world.receive(.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1))
        world.wait(100 * second)
        #expect(world.backend[id(1)]?.trace == traceID(1) && world.backend[id(2)]?.trace == traceID(1))
        #expect(world.amendments.isEmpty && world.violations.isEmpty)
    }

    @Test("no span becomes its own ancestor when an event's context is below its own execution")
    func belowItself() throws {
        let world = Self.small()
        world.receive(event("evt-1", at: context(1, 2)))
        world.bind(e1, event: "evt-1")
        try world.receive(.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1))
        world.wait(100 * second)
        for start in world.backend.keys { #expect(!Self.hasCircle(from: start, in: world)) }
    }

    /// Whether going from parent to parent comes back.
    static func hasCircle(from start: SpanID, in world: World) -> Bool {
        var parents = world.backend.mapValues(\.parent)
        for span in world.executionSpans { parents[span.spanID] = span.parentSpanID }
        var seen: Set<SpanID> = []
        var current = start
        while let parent = parents[current], seen.insert(current).inserted { current = parent }
        return seen.contains(current)
    }
}
