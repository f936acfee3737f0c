import CorrelationModel
import OTLP
import Testing

@testable import Correlation

/// What the correlator answers about events and executions.
@Suite struct SnapshotTests {
    @Test("an event's story has its executions, what they started at any depth, and its traces")
    func story() throws {
        let world = World()
        world.receive(event("evt-1", at: context(9, 9)))
        try world.receive(
            .server(1, in: 1, query: "ce-id=evt-1&ce-source=portarium"), .executor(2, of: e1, in: 1, under: 1),
            .executor(3, of: e1, in: 1, under: 1, starts: true), .executor(4, of: e2, in: 1, under: 3),
            .executor(5, of: e2, in: 1, under: 3, starts: true), .executor(6, of: e3, in: 1, under: 5))
        let story = try #require(world.correlator.events(id: "evt-1", source: source, tenant: "").first)
        #expect(story.executions.map(\.id) == [e1, e2, e3])
        #expect(story.traces == [traceID(9)] && story.context == context(9, 9) && story.publisher == nil)
    }

    @Test("lists come newest first, by the event's own time, filtered and cut")
    func list() {
        let world = World()
        for number: UInt64 in 1...5 {
            var told = event("evt-\(number)")
            told.time = number == 1 ? 99_999 * second : number * second
            world.receive(told)
        }
        let found = world.correlator.events(limit: 3) { $0.key.id != "evt-4" }
        #expect(found.map(\.key.id) == ["evt-1", "evt-5", "evt-3"])
        #expect(world.correlator.events(id: "evt-2", source: "elsewhere", tenant: nil).isEmpty)
    }

    @Test("an execution's evidence says what was read, when and where")
    func evidence() throws {
        let world = World()
        world.bind(e1, event: "evt-1", traceparent: context(9, 9), parent: e2)
        try world.receive(.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1))
        let snapshot = try #require(world.correlator.execution(id: e1))
        #expect(
            snapshot.evidence.map { "\($0.kind.name) \($0.value.text) \($0.origin.text)" } == [
                "binding_event evt-1 POST /v1/bindings",
                "binding_traceparent 00000000000000aa0000000000000009-0000000000000009 POST /v1/bindings",
                "started_by \(e2) POST /v1/bindings",
                "no_header 00000000000000aa0000000000000001 span 0000000000000001",
            ])
        #expect(snapshot.evidence.allSatisfy { $0.seenAt == world.now })
        #expect(snapshot.event == EventKey(tenant: "", source: source, id: "evt-1") && snapshot.rule == .claimed)
        #expect(snapshot.originalTraces == [traceID(1)] && snapshot.traceID == traceID(9) && !snapshot.isHeld)
    }

    @Test("two tenants' executions with one id are not joined")
    func tenants() throws {
        let world = World()
        try world.receive(.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1, tenant: "a"))
        try world.receive(.server(3, in: 2), .executor(4, of: e1, in: 2, under: 3, tenant: "b"))
        world.wait(10 * second)
        try world.receive(
            .server(5, in: 3), .executor(6, of: e2, in: 3, under: 5, tenant: "a"),
            .executor(7, of: e2, in: 3, under: 5, tenant: "b"))
        #expect(world.correlator.executions(id: e2).map(\.spanCount) == [1, 1])
        #expect(world.backend[id(2)]?.trace == traceID(1))
        #expect(world.backend[id(4)]?.trace == traceID(2))
    }
}
