import CorrelationModel
import OTLP
import Testing

@testable import Correlation

/// Under which trace id spans leave, and when.
@Suite struct PlacementTests {
    // MARK: Native

    @Test("a native execution stays and its top-level spans hang under the execution span")
    func native() throws {
        let world = World()
        try world.receive(
            .server(1, in: 1, under: 90), .executor(2, of: e1, in: 1, under: 1), .worker(3, of: e1, in: 1, under: 2))
        #expect(world.backend[id(1)] == .init(trace: traceID(1), parent: id(90)))
        #expect(world.backend[id(2)] == .init(trace: traceID(1), parent: own(e1), rule: .native))
        #expect(world.backend[id(3)] == .init(trace: traceID(1), parent: id(2), rule: .native))
        #expect(world.finished == [1] && world.violations.isEmpty)
    }

    @Test("a batch in which nothing changes is forwarded whole")
    func whole() throws {
        let correlator = Correlator(settings: .defaults)
        let payload = TestSpan.request([.shop(1, in: 1), .portarium(2, in: 1, under: 1, publishes: "evt-1")])
        let batch = SpanBatch(record: 1, payload: payload, index: try SpanIndex(payload: payload))
        correlator.receive(batch, now: 1)
        let actions = correlator.takeActions()
        guard case .release(let release) = actions.first else { return #expect(Bool(false), "no release first") }
        #expect(release.edits == nil && release.batch === batch && release.owner == 1)
        guard case .finished(record: 1) = actions.last else { return #expect(Bool(false), "not finished last") }
        #expect(actions.count == 2)
    }

    @Test("a binding does not move a native execution")
    func nativeOutweighsClaims() throws {
        let world = World()
        world.bind(e1, event: "evt-1", traceparent: context(9, 9))
        try world.receive(.server(1, in: 1, under: 90), .executor(2, of: e1, in: 1, under: 1))
        #expect(world.backend[id(2)]?.trace == traceID(1))
        #expect(world.correlator.execution(id: e1)?.rule == .native)
    }

    @Test(
        "spans of a native execution in a second trace follow it, in every order",
        arguments: [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
    func secondTraceOfNative(order: [Int]) throws {
        let world = World()
        let spans: [TestSpan] = [
            .server(1, in: 1, under: 90), .executor(2, of: e1, in: 1, under: 1), .worker(3, of: e1, in: 2, under: 91),
        ]
        for position in order {
            try world.receive(spans[position])
            world.wait(11 * second)
        }
        #expect(world.backend.values.allSatisfy { $0.trace == traceID(1) } && world.backend.count == 3)
        #expect(world.violations.isEmpty)
    }

    // MARK: Unbound

    @Test("an execution below a root SERVER span is held for `hold` and leaves under its own trace")
    func unbound() throws {
        let world = World()
        try world.receive(.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1), .worker(3, of: e1, in: 1, under: 1))
        #expect(world.backend.isEmpty && world.correlator.held.records == 1 && world.correlator.held.bytes > 0)
        #expect(world.correlator.execution(id: e1)?.isHeld == true)
        world.wait(10 * second - 1)
        #expect(world.backend.isEmpty)
        world.wait(1)
        #expect(world.backend[id(1)] == .init(trace: traceID(1), parent: .none))
        #expect(world.backend[id(2)] == .init(trace: traceID(1), parent: own(e1)))
        #expect(world.backend.count == 3 && world.finished == [1])
        #expect(world.correlator.held == (0, 0) && world.violations.isEmpty)
    }

    @Test("the hold counts from the execution's first span, so that later spans do not wait anew")
    func holdFromFirst() throws {
        let world = World()
        try world.receive(.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1))
        world.wait(9 * second)
        try world.receive(.worker(3, of: e1, in: 1, under: 1))
        world.wait(1 * second)
        #expect(world.backend.count == 3)
        try world.receive(.worker(4, of: e1, in: 1, under: 1))
        #expect(world.backend[id(4)]?.trace == traceID(1))
    }

    @Test("spans that name no execution and lie in no Kestra trace pass at once")
    func others() throws {
        let world = World()
        try world.receive(.shop(1, in: 1), .portarium(2, in: 1, under: 1))
        #expect(world.backend.count == 2 && world.correlator.sizes == (0, 0, 0))
    }

    @Test("an execution without SERVER span that is in several traces goes to the derived id, with what left before")
    func severalTraces() throws {
        let world = World()
        try world.receive(.executor(1, of: e1, in: 1, under: 91))
        world.wait(10 * second)
        #expect(world.backend[id(1)]?.trace == traceID(1))
        try world.receive(.executor(2, of: e1, in: 2, under: 92))
        #expect(world.backend[id(1)]?.trace == derived(e1))
        #expect(world.backend[id(2)]?.trace == derived(e1))
    }

    // MARK: Evidence

    /// Evidence that is told by itself, each with the rule that it serves. The event is placed at trace 9, span 9.
    enum Evidence: CaseIterable {
        case bindingEvent, bindingContext, eventData, claimingSpan

        var rule: JoinRule { self == .bindingContext ? .context : .claimed }
        var parent: SpanID { self == .claimingSpan ? id(8) : id(9) }

        func tell(_ world: World, about execution: String) throws {
            switch self {
            case .bindingEvent:
                world.receive(event("evt-1", at: context(9, 9)))
                world.bind(execution, event: "evt-1")
            case .bindingContext: world.bind(execution, traceparent: context(9, 9))
            case .eventData:
                world.receive(event("evt-1", at: context(9, 9), data: #"{"output":{"executionId":"\#(execution)"}}"#))
            case .claimingSpan: try world.receive(.portarium(8, in: 9, under: 9, starts: execution))
            }
        }
    }

    @Test(
        "evidence places an execution, whether it comes before its spans, within the hold, or hours later",
        arguments: Evidence.allCases, [0, 5, 7_200])
    func evidence(_ evidence: Evidence, seconds: UInt64) throws {
        let world = World()
        let spans: [TestSpan] = [
            .server(1, in: 1), .executor(2, of: e1, in: 1, under: 1), .worker(3, of: e1, in: 1, under: 2),
        ]
        if seconds == 0 {
            try evidence.tell(world, about: e1)
            try world.receive(spans)
        } else {
            try world.receive(spans)
            world.wait(seconds * second)
            try evidence.tell(world, about: e1)
        }
        let late = seconds > 10
        func seen(_ parent: SpanID) -> World.Seen {
            .init(trace: traceID(9), parent: parent, amended: late, rule: evidence.rule, copies: late ? 2 : 1)
        }
        #expect(world.backend[id(1)] == seen(evidence.parent))
        #expect(world.backend[id(2)] == seen(own(e1)))
        #expect(world.backend[id(3)] == seen(id(2)))
        #expect(world.violations.isEmpty && world.correlator.held.records == 0)
        #expect(world.correlator.execution(id: e1)?.rule == evidence.rule)
    }

    @Test(
        "a SERVER span's evidence places the executions below it: query, headers, traceparent in the query",
        arguments: [
            ("ce-id=evt%2D1&ce-source=portarium", [], JoinRule.event),
            ("", [("ce-id", "evt-1"), ("ce-source", "portarium")], .event),
            ("traceparent=00-00000000000000aa0000000000000009-0000000000000009-01", [], .context),
        ] as [(String, [(String, String)], JoinRule)])
    func server(query: String, headers: [(String, String)], rule: JoinRule) throws {
        let world = World()
        world.receive(event("evt-1", at: context(9, 9)))
        try world.receive(.executor(2, of: e1, in: 1, under: 1))
        #expect(world.backend.isEmpty)
        try world.receive(.server(1, in: 1, query: query, headers: headers))
        #expect(world.backend[id(1)] == .init(trace: traceID(9), parent: id(9), rule: rule))
        #expect(world.backend[id(2)] == .init(trace: traceID(9), parent: own(e1), rule: rule))
        #expect(world.violations.isEmpty)
    }

    @Test("the span that published an event is a better parent than the event's own traceparent")
    func publisher() throws {
        let world = World()
        world.receive(event("evt-1", at: context(9, 9)))
        try world.receive(.portarium(8, in: 9, under: 9, publishes: "evt-1"))
        try world.receive(
            .server(1, in: 1, query: "ce-id=evt-1&ce-source=portarium"), .executor(2, of: e1, in: 1, under: 1))
        #expect(world.backend[id(1)]?.parent == id(8))
    }

    @Test("of several publishing spans a PRODUCER span counts, and of those the smaller, in every order and again")
    func publishers() throws {
        let spans: [TestSpan] = [
            .portarium(6, in: 6, publishes: "evt-1", kind: 1), .portarium(7, in: 7, publishes: "evt-1"),
            .portarium(8, in: 8, publishes: "evt-1"),
        ]
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let correlator = World()
            for position in order { try correlator.receive(spans[position]) }
            #expect(
                correlator.correlator.events(id: "evt-1", source: nil, tenant: nil).first?.publisher == context(7, 7))
        }
    }

    @Test("the stronger rule wins, whatever came first", arguments: [false, true])
    func strength(isReversed: Bool) throws {
        let world = World()
        let told: [() throws -> Void] = [
            { world.bind(e1, traceparent: context(8, 8)) },
            { try world.receive(.portarium(9, in: 9, starts: e1)) },
        ]
        for tell in isReversed ? told.reversed() : told { try tell() }
        try world.receive(.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1))
        #expect(world.backend[id(2)]?.trace == traceID(9))
    }

    @Test("an event named without tenant that exists under two is not joined, and counted")
    func ambiguous() throws {
        let world = World()
        world.receive(event("evt-1", tenant: "a", at: context(8, 8)))
        world.receive(event("evt-1", tenant: "b", at: context(9, 9)))
        try world.receive(
            .server(1, in: 1, query: "ce-id=evt-1&ce-source=portarium"), .executor(2, of: e1, in: 1, under: 1))
        world.wait(10 * second)
        #expect(world.backend[id(2)]?.trace == traceID(1))
        #expect(world.correlator.counters.ambiguousEvents > 0)
        try world.receive(
            .server(3, in: 2, query: "ce-id=evt-1&ce-source=portarium&ce-tenantid=b"),
            .executor(4, of: e2, in: 2, under: 3))
        #expect(world.backend[id(4)]?.trace == traceID(9))
    }

    @Test("an event first named without tenant is the one whose tenant is told later")
    func adopted() throws {
        let world = World()
        try world.receive(
            .server(1, in: 1, query: "ce-id=evt-1&ce-source=portarium"), .executor(2, of: e1, in: 1, under: 1))
        world.receive(event("evt-1", tenant: "a", at: context(9, 9)))
        #expect(world.backend[id(2)]?.trace == traceID(9))
        let events = world.correlator.events(id: "evt-1", source: nil, tenant: nil)
        #expect(events.map(\.key.tenant) == ["a"] && events.first?.executions.map(\.id) == [e1])
    }

    @Test("one trace with executions of two events splits; the SERVER span goes with one of them")
    func split() throws {
        let world = World()
        world.bind(e1, traceparent: context(8, 8))
        world.bind(e2, traceparent: context(9, 9))
        try world.receive(
            .server(1, in: 1), .executor(2, of: e1, in: 1, under: 1), .executor(3, of: e2, in: 1, under: 1),
            .shop(4, in: 1, under: 2))
        #expect(world.backend[id(1)]?.trace == traceID(8))
        #expect(world.backend[id(2)]?.trace == traceID(8))
        #expect(world.backend[id(3)]?.trace == traceID(9))
        #expect(world.correlator.unifiedTraces(of: traceID(1)) == [traceID(8), traceID(9)])
        #expect(world.correlator.originalTraces(of: traceID(9)) == [traceID(9), traceID(1)])
    }

    // MARK: Fragments

    @Test("a fragmented execution, whose every span is a trace of its own, goes to the derived id after the hold")
    func fragments() throws {
        let world = World()
        try world.receive(.executor(1, of: e1, in: 1), .worker(2, of: e1, in: 2))
        world.wait(4 * second)
        try world.receive(.worker(3, of: e1, in: 3))
        #expect(world.backend.isEmpty)
        world.wait(6 * second)
        for number: UInt64 in 1...3 {
            #expect(world.backend[id(number)] == .init(trace: derived(e1), parent: own(e1), rule: .derived))
        }
        try world.receive(.worker(4, of: e1, in: 4))
        #expect(world.backend[id(4)]?.trace == derived(e1) && world.violations.isEmpty)
    }

    @Test("a fragmented execution that is bound within the hold goes to the event")
    func boundFragments() throws {
        let world = World()
        try world.receive(.executor(1, of: e1, in: 1), .worker(2, of: e1, in: 2))
        world.bind(e1, event: "evt-1", traceparent: context(9, 9))
        try world.receive(.worker(3, of: e1, in: 3))
        for number: UInt64 in 1...3 { #expect(world.backend[id(number)]?.trace == traceID(9)) }
        #expect(world.amendments.isEmpty)
    }

    @Test("spans of other systems in a fragment follow it, even if they left before")
    func othersInFragment() throws {
        let world = World()
        try world.receive(.shop(2, in: 1, under: 1))
        #expect(world.backend[id(2)]?.trace == traceID(1))
        try world.receive(.worker(1, of: e1, in: 1))
        world.wait(10 * second)
        #expect(world.backend[id(1)]?.trace == derived(e1))
        #expect(
            world.backend[id(2)] == .init(trace: derived(e1), parent: id(1), amended: true, rule: .derived, copies: 2))
    }

    @Test("a subflow of a fragmented execution follows it")
    func subflowOfFragment() throws {
        let world = World()
        try world.receive(.executor(1, of: e1, in: 1), .executor(2, of: e1, in: 2, starts: true))
        try world.receive(.executor(3, of: e2, in: 2, under: 2), .worker(4, of: e2, in: 2, under: 2))
        world.wait(10 * second)
        #expect(world.backend[id(2)] == .init(trace: derived(e1), parent: own(e1), rule: .derived))
        #expect(world.backend[id(3)] == .init(trace: derived(e1), parent: own(e2), rule: .derived))
        #expect(world.correlator.execution(id: e2)?.startedBy?.id == e1)
    }

    // MARK: Executions that start executions

    @Test("a subflow and its subflow in a moved trace follow, whatever came first", arguments: [false, true])
    func subflows(isReversed: Bool) throws {
        let world = World()
        world.bind(e1, traceparent: context(9, 9))
        let batches: [[TestSpan]] = [
            [.server(1, in: 1)],
            [.executor(2, of: e1, in: 1, under: 1), .executor(3, of: e1, in: 1, under: 1, starts: true)],
            [.executor(4, of: e2, in: 1, under: 3), .executor(5, of: e2, in: 1, under: 3, starts: true)],
            [.executor(6, of: e3, in: 1, under: 5)],
        ]
        for batch in isReversed ? batches.reversed() : batches { try world.receive(batch) }
        for number: UInt64 in 1...6 { #expect(world.backend[id(number)]?.trace == traceID(9), "span \(number)") }
        #expect(world.backend[id(4)]?.parent == own(e2) && world.backend[id(6)]?.parent == own(e3))
        #expect(world.correlator.execution(id: e3)?.startedBy?.id == e2)
        #expect(world.amendments.isEmpty && world.violations.isEmpty)
    }

    @Test("a loop's iteration, below which the loop's own WORKER spans lie, follows too")
    func loop() throws {
        let world = World()
        world.bind(e1, traceparent: context(9, 9))
        try world.receive(
            .server(1, in: 1), .executor(5, of: e1, in: 1, under: 1),
            .executor(2, of: e1, in: 1, under: 1, starts: true),
            .executor(3, of: e2, in: 1, under: 2), .worker(4, of: e1, in: 1, under: 3))
        #expect(world.backend[id(3)] == .init(trace: traceID(9), parent: own(e2), rule: .context))
        #expect(world.backend[id(4)] == .init(trace: traceID(9), parent: id(3), rule: .context))
    }

    @Test("executions that seem to have started each other do not hang the correlator")
    func cycle() throws {
        let world = World()
        try world.receive(
            .server(1, in: 1), .executor(2, of: e1, in: 1, under: 5, starts: false),
            .executor(4, of: e1, in: 1, under: 1, starts: true),
            .executor(3, of: e2, in: 1, under: 4), .executor(5, of: e2, in: 1, under: 4, starts: true),
            .executor(6, of: e3, in: 1, under: 5), .executor(7, of: e3, in: 1, under: 7, starts: true))
        world.wait(100 * second)
        #expect(world.backend.count == 7 && world.executionSpans.count == 3 && world.violations.isEmpty)
        // Of two that claim each other only the first is believed.
        #expect([e1, e2].allSatisfy { world.correlator.execution(id: $0)?.startedBy == nil })
    }

    // MARK: Spans of other systems

    @Test("spans of other systems in a trace that begins in Kestra are held with it and follow it")
    func othersTogether() throws {
        let world = World()
        try world.receive(.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1))
        try world.receive(.shop(3, in: 1, under: 2))
        #expect(world.backend.isEmpty)
        world.bind(e1, traceparent: context(9, 9))
        for number: UInt64 in 1...3 { #expect(world.backend[id(number)]?.trace == traceID(9)) }
        #expect(world.amendments.isEmpty)
    }

    @Test("spans of other systems that left before their trace was known to be Kestra's are amended, without waiting")
    func othersBefore() throws {
        let world = World()
        try world.receive(.shop(3, in: 1, under: 2))
        world.bind(e1, traceparent: context(9, 9))
        try world.receive(.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1))
        #expect(
            world.backend[id(3)] == .init(trace: traceID(9), parent: id(2), amended: true, rule: .context, copies: 2))
        #expect(world.backend[id(1)]?.copies == 1 && world.violations.isEmpty)
    }

    // MARK: Where the SERVER span is in the order

    @Test("evidence from a SERVER span that comes last, within the hold, needs no amendment")
    func serverLast() throws {
        let world = World()
        world.receive(event("evt-1", at: context(9, 9)))
        try world.receive(.executor(2, of: e1, in: 1, under: 1))
        try world.receive(.worker(3, of: e1, in: 1, under: 1))
        try world.receive(.server(1, in: 1, query: "ce-id=evt-1&ce-source=portarium"))
        #expect(
            world.backend.count == 3 && world.backend.values.allSatisfy { $0.trace == traceID(9) && $0.copies == 1 })
    }

    @Test(
        "without its SERVER span an execution waits for the hold and leaves as far as is known",
        arguments: [false, true])
    func serverNever(isBound: Bool) throws {
        let world = World()
        if isBound { world.bind(e1, traceparent: context(9, 9)) }
        try world.receive(.executor(2, of: e1, in: 1, under: 1))
        #expect(world.backend.isEmpty)
        world.wait(10 * second)
        #expect(world.backend[id(2)]?.trace == traceID(isBound ? 9 : 1))
    }

    @Test("a SERVER span after the hold sends its execution where it belongs, each span of its own batch once")
    func serverLate() throws {
        let world = World()
        world.receive(event("evt-1", at: context(9, 9)))
        try world.receive(.executor(2, of: e1, in: 1, under: 1))
        world.wait(20 * second)
        try world.receive(
            .server(1, in: 1, query: "ce-id=evt-1&ce-source=portarium"), .worker(3, of: e1, in: 1, under: 1))
        #expect(world.backend[id(2)]?.amended == true && world.backend[id(2)]?.trace == traceID(9))
        #expect(world.backend[id(1)] == .init(trace: traceID(9), parent: id(9), rule: .event))
        #expect(world.backend[id(3)] == .init(trace: traceID(9), parent: own(e1), rule: .event))
        #expect(world.violations.isEmpty)
    }

    @Test("a bound execution that left before its SERVER span told that it is native comes back to its trace")
    func nativeLate() throws {
        let world = World()
        world.bind(e1, traceparent: context(9, 9))
        try world.receive(.executor(2, of: e1, in: 1, under: 1))
        world.wait(10 * second)
        #expect(world.backend[id(2)]?.trace == traceID(9))
        try world.receive(.server(1, in: 1, under: 90))
        #expect(
            world.backend[id(2)] == .init(trace: traceID(1), parent: own(e1), amended: true, rule: .native, copies: 2))
    }
}
