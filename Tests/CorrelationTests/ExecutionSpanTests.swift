import CorrelationModel
import OTLP
import Testing

@testable import Correlation

/// The span that spanbridge makes for an execution.
@Suite struct ExecutionSpanTests {
    private let native: [TestSpan] = [.server(1, in: 1, under: 90), .executor(2, of: e1, in: 1, under: 1)]

    @Test("it is exported once, when nothing has arrived for the quiet time")
    func once() throws {
        let world = World()
        try world.receive(native)
        world.wait(50 * second)
        try world.receive(.worker(3, of: e1, in: 1, under: 1).at(12 * second, 13 * second))
        world.wait(60 * second - 1)
        #expect(world.executionSpans.isEmpty)
        world.wait(1)
        world.wait(10_000 * second)
        #expect(
            world.executionSpans == [
                ExecutionSpan(
                    executionID: e1, tenant: "main", namespace: "shop", flow: "flow", traceID: traceID(1),
                    spanID: own(e1),
                    parentSpanID: id(1), start: 10 * second, end: 13 * second, state: "", hasErrors: false,
                    rule: .native,
                    eventID: "", eventSource: "", eventType: "", links: [], amended: false, owner: 2)
            ])
        #expect(world.correlator.deadline == nil && world.correlator.counters.executionSpans == 1)
    }

    @Test(
        "it is exported again only when the end grew, and only with `late: amend`",
        arguments: [CorrelationSettings.LatePolicy.amend, .link, .ignore])
    func again(late: CorrelationSettings.LatePolicy) throws {
        let world = World { $0.late = late }
        try world.receive(native)
        world.wait(60 * second)
        try world.receive(.worker(3, of: e1, in: 1, under: 1).at(10 * second, 11 * second))
        world.wait(60 * second)
        #expect(world.executionSpans.count == 1)
        try world.receive(.worker(4, of: e1, in: 1, under: 1).at(70 * second, 80 * second))
        world.wait(60 * second)
        #expect(world.executionSpans.count == (late == .amend ? 2 : 1))
        if late == .amend { #expect(world.executionSpans[1].amended && world.executionSpans[1].end == 80 * second) }
    }

    @Test("a known end brings it after the hold, with the state that was told")
    func knownEnd() throws {
        let world = World()
        try world.receive(native)
        world.wait(2 * second)
        world.bind(e1, state: "FAILED")
        world.wait(8 * second)
        #expect(world.executionSpans.map(\.state) == ["FAILED"])
    }

    @Test("a state that comes after it is exported again, soon")
    func lateState() throws {
        let world = World()
        try world.receive(native)
        world.wait(60 * second)
        world.bind(e1, state: "SUCCESS")
        world.wait(10 * second)
        #expect(world.executionSpans.map(\.state) == ["", "SUCCESS"])
    }

    @Test("it does not leave before its execution's spans, however short the quiet time")
    func afterHeld() throws {
        let world = World { $0.quiet = second }
        try world.receive(.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1))
        world.wait(9 * second)
        #expect(world.executionSpans.isEmpty)
        world.wait(10 * second)
        #expect(world.executionSpans.count == 1)
    }

    @Test("an execution without spans has none")
    func noSpans() {
        let world = World()
        world.bind(e1, event: "evt-1", state: "SUCCESS")
        world.wait(1_000 * second)
        #expect(world.executionSpans.isEmpty && world.correlator.executionSpan(id: e1) == nil)
    }

    @Test("`joined` makes it for those that evidence places, `none` for nobody; parents follow")
    func modes() throws {
        let joined = World { $0.executionSpan = .joined }
        try joined.receive(native)
        try joined.receive(.server(3, in: 2), .executor(4, of: e2, in: 2, under: 3))
        joined.wait(100 * second)
        #expect(joined.executionSpans.map(\.executionID) == [e1])
        #expect(joined.backend[id(2)]?.parent == own(e1) && joined.backend[id(4)]?.parent == id(3))
        // Joined late, it gets its span late.
        joined.bind(e2, traceparent: context(9, 9))
        joined.tick()
        #expect(joined.backend[id(4)]?.parent == own(e2))
        #expect(joined.executionSpans.map(\.executionID) == [e1, e2])

        let none = World { $0.executionSpan = .none }
        try none.receive(native)
        none.bind(e1, state: "SUCCESS")
        none.wait(1_000 * second)
        #expect(none.executionSpans.isEmpty && none.backend[id(2)]?.parent == id(1))
    }

    @Test("with `joined` a binding before the quiet time does not hurry it")
    func joinedInTime() throws {
        let world = World { $0.executionSpan = .joined }
        try world.receive(.server(3, in: 2), .executor(4, of: e2, in: 2, under: 3))
        world.bind(e2, traceparent: context(9, 9))
        world.wait(59 * second)
        #expect(world.executionSpans.isEmpty)
        world.wait(1 * second)
        #expect(world.executionSpans.count == 1)
    }

    @Test("its parent is the SERVER span or the starting task; else the event's place; else it is a root")
    func parents() throws {
        let world = World()
        try world.receive(
            .server(1, in: 1, under: 90), .executor(4, of: e1, in: 1, under: 1),
            .executor(2, of: e1, in: 1, under: 1, starts: true), .executor(3, of: e2, in: 1, under: 2),
            .executor(10, of: e3, in: 3), .worker(11, of: execution(4), in: 4))
        world.bind(e3, traceparent: context(9, 9))
        world.wait(100 * second)
        let parents = Dictionary(uniqueKeysWithValues: world.executionSpans.map { ($0.executionID, $0.parentSpanID) })
        #expect(parents == [e1: id(1), e2: id(2), e3: id(9), execution(4): .none])
    }

    @Test("it tells errors, the event and the rule")
    func contents() throws {
        let world = World()
        var told = event("evt-1", at: context(9, 9))
        told.subject = "order"
        world.receive(told)
        try world.receive(
            .server(1, in: 1, query: "ce-id=evt-1&ce-source=portarium"), .executor(2, of: e1, in: 1, under: 1).failed)
        world.wait(60 * second)
        let span = try #require(world.executionSpans.first)
        #expect(span.hasErrors && span.rule == .event && span.traceID == traceID(9) && span.parentSpanID == id(1))
        #expect((span.eventID, span.eventSource, span.eventType) == ("evt-1", "portarium", "run.started"))
    }

    @Test("a native execution's event is the only one of its trace")
    func eventOfTrace() throws {
        let world = World()
        try world.receive(.portarium(90, in: 1, publishes: "evt-1"))
        try world.receive(native)
        world.wait(60 * second)
        #expect(world.executionSpans.first?.eventID == "evt-1")
        #expect(world.correlator.events(id: "evt-1", source: nil, tenant: nil).first?.executions.map(\.id) == [e1])
        try world.receive(.portarium(91, in: 1, publishes: "evt-2"))
        #expect(world.correlator.execution(id: e1)?.event == nil)
    }

    @Test("a WORKER span before any EXECUTOR span hangs under it if its parent is known to start executions, else as it came")
    func workerFirst() throws {
        let world = World()
        try world.receive(.server(1, in: 1, under: 90))
        try world.receive(.worker(3, of: e1, in: 1, under: 1), .worker(4, of: e1, in: 1, under: 7))
        try world.receive(.executor(5, of: e1, in: 1, under: 1, starts: true))
        try world.receive(.worker(6, of: e2, in: 1, under: 5))
        #expect(world.backend[id(3)]?.parent == own(e1) && world.backend[id(4)]?.parent == id(7))
        #expect(world.backend[id(6)]?.parent == own(e2))
        #expect(world.correlator.execution(id: e2)?.startedBy?.id == e1)
    }

    // MARK: Links

    @Test("two executions of one event, native in two traces, stay there and are linked both ways")
    func redelivery() throws {
        let world = World()
        try world.receive(native)
        world.bind(e1, event: "evt-1")
        world.wait(100 * second)
        try world.receive(.server(3, in: 2, under: 91), .executor(4, of: e2, in: 2, under: 3))
        world.bind(e2, event: "evt-1")
        world.wait(100 * second)
        #expect(world.backend[id(2)]?.trace == traceID(1) && world.backend[id(4)]?.trace == traceID(2))
        let last = Dictionary(world.executionSpans.map { ($0.executionID, $0) }) { $1 }
        #expect(last[e1]?.links == [AddedLink(traceID: traceID(2), spanID: own(e2), reason: "redelivery")])
        #expect(last[e2]?.links == [AddedLink(traceID: traceID(1), spanID: own(e1), reason: "redelivery")])
        #expect(last[e1]?.amended == true && world.executionSpans.count == 3)
    }

    @Test("the link to another execution of the event comes with that one's first span, if it was bound before")
    func redeliveryBoundFirst() throws {
        let world = World()
        try world.receive(native)
        world.bind(e1, event: "evt-1")
        world.bind(e2, event: "evt-1")
        world.wait(100 * second)
        #expect(world.executionSpans.last?.links == [])
        try world.receive(.worker(4, of: e2, in: 2, under: 3))
        world.wait(5 * second)
        #expect(world.executionSpans.last?.executionID == e1)
        #expect(world.executionSpans.last?.links == [AddedLink(traceID: traceID(2), spanID: own(e2), reason: "redelivery")])
    }

    @Test("a resume call in the approver's trace and the execution are linked both ways; reading it is no call")
    func resume() throws {
        let world = World()
        try world.receive(native)
        world.wait(100 * second)
        let path = "/api/v1/main/executions/\(e1)/resume"
        try world.receive(
            .server(5, in: 5, under: 92, path: path),
            .server(6, in: 6, path: "/api/v1/main/executions/\(e1)", method: "GET"),
            .server(7, in: 7, path: "/api/v1/main/executions/webhook/shop/flow/key"))
        world.wait(100 * second)
        #expect(world.backend[id(5)]?.links == [AddedLink(traceID: traceID(1), spanID: own(e1), reason: "call")])
        #expect(
            world.backend[id(5)]?.trace == traceID(5) && world.backend[id(6)]?.links == []
                && world.backend[id(7)]?.links == [])
        #expect(world.executionSpans.count == 2)
        #expect(world.executionSpans[1].links == [AddedLink(traceID: traceID(5), spanID: id(5), reason: "call")])
        #expect(world.correlator.execution(id: e1)?.evidence.map(\.kind) == [.header, .call])
    }

    @Test("an event delivered in another trace than its own and the execution are linked both ways, or move together")
    func detachedDelivery() throws {
        func deliver(_ change: (inout CorrelationSettings) -> Void = { _ in }) throws -> World {
            let world = World(change)
            world.receive(event("evt-1", at: context(9, 9)))
            world.bind(e1, event: "evt-1")
            try world.receive(native)
            world.wait(100 * second)
            return world
        }
        let linked = try deliver()
        #expect(linked.executionSpans.last?.traceID == traceID(1))
        let there = AddedLink(traceID: traceID(9), spanID: id(9), reason: "event_context")
        #expect(linked.executionSpans.last?.links == [there])
        let back = try #require(linked.deliverySpans.first)
        #expect(linked.deliverySpans.count == 1 && back.context == context(9, 9) && back.eventID == "evt-1")
        #expect(back.link == AddedLink(traceID: traceID(1), spanID: own(e1), reason: "delivery"))

        let moved = try deliver { $0.detachedDelivery = .move }
        #expect(moved.executionSpans.last?.traceID == traceID(9) && moved.deliverySpans.isEmpty)
        #expect(!moved.backend.isEmpty && moved.backend.values.allSatisfy { $0.trace == traceID(9) })
    }
}
