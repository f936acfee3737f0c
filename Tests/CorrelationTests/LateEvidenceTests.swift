import CorrelationModel
import OTLP
import Testing

@testable import Correlation

/// What `late` does with evidence about spans that have left.
@Suite struct LateEvidenceTests {
    private func unboundWorld(_ late: CorrelationSettings.LatePolicy) throws -> World {
        let world = World { $0.late = late }
        try world.receive(.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1))
        world.wait(3_600 * second)
        #expect(world.backend.count == 2 && world.executionSpans.count == 1)
        return world
    }

    @Test("amend: the action names the groups, up to the last record, without records that had not left")
    func amend() throws {
        let world = try unboundWorld(.amend)
        try world.receive(.worker(3, of: e2, in: 1, under: 1))
        world.bind(e1, traceparent: context(9, 9))
        #expect(world.amendments.count == 1)
        let amendment = try #require(world.amendments.first)
        #expect(amendment.trace == traceID(1) && amendment.through == 3 && amendment.owner == 3)
        // The SERVER span and e2 follow the one execution of the trace that is bound; e2 was held and leaves now.
        #expect(amendment.groups == [ExecutionName(id: e1, tenant: "main"): [], nil: []])
        #expect(!amendment.groups.isEmpty && world.backend[id(3)]?.copies == 1)
        #expect(
            world.backend[id(1)] == .init(trace: traceID(9), parent: id(9), amended: true, rule: .context, copies: 2))
        world.tick()
        #expect(world.executionSpans.count == 2 && world.executionSpans[1].amended)
        #expect(world.executionSpans[1].traceID == traceID(9) && world.executionSpans[1].spanID == own(e1))
        try world.receive(.worker(4, of: e1, in: 1, under: 1))
        #expect(world.backend[id(4)] == .init(trace: traceID(9), parent: own(e1), rule: .context))
        #expect(world.violations.isEmpty)
    }

    @Test("amend: what is held of a group when another part of it has left goes out once")
    func amendExcludesHeld() throws {
        let world = World()
        // The WORKER span of e1 leaves after the hold; those of e2, which began later, still wait.
        try world.receive(.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1))
        world.wait(5 * second)
        try world.receive(.executor(3, of: e2, in: 1, under: 1))
        world.wait(5 * second)
        #expect(world.backend[id(2)] != nil && world.backend[id(3)] == nil)
        world.bind(e2, traceparent: context(9, 9))
        #expect(world.backend[id(3)] == .init(trace: traceID(9), parent: own(e2), rule: .context))
        #expect(world.backend[id(2)]?.trace == traceID(9) && world.backend[id(2)]?.copies == 2)
        #expect(world.violations.isEmpty)
    }

    @Test(
        "link: spans stay, later ones too, and the execution span is exported again with a link",
        arguments: [false, true])
    func link(byEvent: Bool) throws {
        let world = try unboundWorld(.link)
        if byEvent {
            world.bind(e1, event: "evt-1")
            world.tick()
            world.receive(event("evt-1", at: context(9, 9)))
        } else {
            world.bind(e1, traceparent: context(9, 9))
        }
        world.tick()
        #expect(world.executionSpans.count == 2)
        try world.receive(.worker(3, of: e1, in: 1, under: 1))
        world.wait(60 * second)
        #expect(world.amendments.isEmpty && world.backend[id(2)]?.copies == 1)
        #expect(world.backend[id(3)] == .init(trace: traceID(1), parent: own(e1)))
        let span = try #require(world.executionSpans.last)
        #expect(world.executionSpans.count == 2 && span.amended && span.traceID == traceID(1))
        #expect(span.links == [AddedLink(traceID: traceID(9), spanID: id(9), reason: "event_context")])
        // Logs stay where their spans are.
        #expect(world.correlator.target(of: traceID(1), execution: e1) == traceID(1))
        #expect(world.correlator.target(of: traceID(1), execution: nil) == traceID(1))
    }

    @Test("link: what was not late is joined")
    func linkInTime() throws {
        let world = World { $0.late = .link }
        try world.receive(.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1))
        world.bind(e1, traceparent: context(9, 9))
        #expect(world.backend[id(1)]?.trace == traceID(9) && world.backend[id(2)]?.trace == traceID(9))
    }

    @Test("ignore: nothing is exported again, later spans are joined, answers know it")
    func ignore() throws {
        let world = try unboundWorld(.ignore)
        world.bind(e1, traceparent: context(9, 9))
        try world.receive(.worker(3, of: e1, in: 1, under: 1).at(10 * second, 20 * second))
        world.wait(3_600 * second)
        #expect(world.amendments.isEmpty && world.executionSpans.count == 1)
        #expect(world.backend[id(2)]?.trace == traceID(1) && world.backend[id(3)]?.trace == traceID(9))
        #expect(world.correlator.execution(id: e1)?.traceID == traceID(9))
    }

    @Test("evidence that changes nothing amends nothing, however often it comes")
    func again() throws {
        let world = try unboundWorld(.amend)
        for _ in 0..<3 { world.bind(e1, traceparent: context(9, 9)) }
        world.tick()
        #expect(world.amendments.count == 1 && world.executionSpans.count == 2)
        // Nor does evidence that leads nowhere, but the execution's span names the event now.
        world.bind(e1, event: "evt-1")
        world.tick()
        #expect(world.amendments.count == 1 && world.executionSpans.count == 3)
        #expect(world.executionSpans.last?.eventID == "evt-1")
    }

    @Test("a SERVER span below another one in the same trace is amended with the execution below it")
    func innerServer() throws {
        let world = World()
        try world.receive(
            .server(1, in: 1), .executor(2, of: e1, in: 1, under: 1), .server(3, in: 1, under: 2),
            .executor(4, of: e2, in: 1, under: 3))
        world.bind(e1, traceparent: context(8, 8))
        world.wait(10 * second)
        world.bind(e2, traceparent: context(9, 9))
        #expect(world.backend[id(1)]?.trace == traceID(8) && world.backend[id(4)]?.trace == traceID(9))
        #expect(world.backend[id(3)]?.trace == traceID(9))
    }

    @Test("an event published from within a moved trace is followed to where that trace went")
    func chain() throws {
        let world = World()
        world.bind(e1, traceparent: context(9, 9))
        try world.receive(
            .server(1, in: 1), .executor(2, of: e1, in: 1, under: 1), .portarium(3, in: 1, under: 2, publishes: "evt-2")
        )
        try world.receive(
            .server(4, in: 2, query: "ce-id=evt-2&ce-source=portarium"), .executor(5, of: e2, in: 2, under: 4))
        #expect(world.backend[id(3)]?.trace == traceID(9))
        #expect(world.backend[id(5)]?.trace == traceID(9))
    }
}
