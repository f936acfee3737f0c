import CorrelationModel
import OTLP
import Testing

@testable import Correlation

/// What is stored, restored and replayed.
@Suite struct StateTests {
    /// A world in which everything that is stored occurs.
    private func richWorld() throws -> World {
        let world = World()
        world.receive(event("evt-1", tenant: "a", at: context(9, 9)))
        try world.receive(.portarium(8, in: 9, under: 9, publishes: "evt-1", tenant: "a"))
        try world.receive(
            .server(1, in: 1, query: "ce-id=evt-1&ce-source=portarium&ce-tenantid=a"),
            .executor(2, of: e1, in: 1, under: 1),
            .executor(3, of: e1, in: 1, under: 1, starts: true), .executor(4, of: e2, in: 1, under: 3).failed,
            .shop(5, in: 1, under: 2))
        try world.receive(.executor(10, of: e3, in: 3), .worker(11, of: e3, in: 4))
        try world.receive(.server(20, in: 5, under: 93, path: "/executions/\(e1)/resume"))
        try world.receive(.server(30, in: 6, under: 94), .executor(31, of: execution(4), in: 6, under: 30))
        world.bind(execution(4), event: "evt-2", state: "SUCCESS")
        try world.receive(.server(40, in: 7), .executor(41, of: execution(5), in: 7, under: 40))
        world.wait(100 * second)
        return world
    }

    /// Everything that is answered, in words.
    private func answers(_ world: World) -> [String] {
        let correlator = world.correlator
        let executions = (1...6).compactMap { correlator.execution(id: execution($0)).map { "\($0)" } }
        let events = correlator.events(limit: 10) { _ in true }.map { "\($0)" }
        let batches = world.journal.sorted { $0.key < $1.key }.map { "\(correlator.unify($0.value))" }
        let traces = (1...9 as ClosedRange<UInt64>).map {
            "\(correlator.unifiedTraces(of: traceID($0))) \(correlator.originalTraces(of: traceID($0)))"
        }
        let spans = (1...6).map { "\(String(describing: correlator.executionSpan(id: execution($0))))" }
        return executions + events + batches + traces + spans
    }

    @Test("a correlator that was restored answers and goes on like the one that was stored")
    func restore() throws {
        let world = try richWorld()
        let before = answers(world)
        world.store()
        world.restart()
        #expect(answers(world) == before)
        #expect(world.correlator.takeActions().isEmpty)
        // What was late before the restart is late after it.
        world.bind(execution(5), traceparent: context(8, 8))
        #expect(
            world.backend[id(41)]
                == .init(trace: traceID(8), parent: own(execution(5)), amended: true, rule: .context, copies: 2))
        try world.receive(.worker(6, of: e2, in: 1, under: 4))
        #expect(world.backend[id(6)]?.trace == traceID(9) && world.violations.isEmpty)
        world.tick()
        #expect(world.executionSpans.last?.executionID == execution(5) && world.executionSpans.last?.amended == true)
    }

    @Test("state is given out once a change, and all of it adds up")
    func changes() throws {
        let world = try richWorld()
        world.store()
        #expect(world.correlator.takeChangedState().isEmpty)
        world.bind(e1, state: "SUCCESS")
        world.store()
        let before = answers(world)
        world.restart()
        #expect(answers(world) == before)
    }

    @Test("what changes replaces what was stored of it, across restarts, and what is new takes no one's place")
    func replaced() throws {
        let world = try richWorld()
        world.store()
        let before = world.storedStates
        world.restart()
        world.bind(e1, state: "SUCCESS")
        world.store()
        #expect(world.storedStates.map(\.id).sorted() == before.map(\.id).sorted())
        try world.receive(.server(60, in: 60, under: 95), .executor(61, of: execution(60), in: 60, under: 60))
        world.store()
        let after = world.storedStates.filter { state in !before.contains { $0.id == state.id } }
        #expect(Set(after.map(\.kind)) == [.execution, .trace])
        world.restart()
        #expect(world.correlator.execution(id: execution(60)) != nil && world.correlator.execution(id: e1)?.state == "SUCCESS")
    }

    @Test("of what is stored twice the older is deleted")
    func storedTwice() throws {
        let world = try richWorld()
        world.store()
        for state in world.storedStates {
            let correlator = Correlator(settings: .defaults)
            var later = state
            later.id += 100
            #expect(correlator.restore(state, now: 1) && correlator.restore(later, now: 1))
            let changed = correlator.takeChangedState()
            #expect(changed.map(\.id) == [state.id])
            #expect(changed.allSatisfy { $0.body.isEmpty })
        }
    }

    @Test("an execution that is forgotten leaves what is stored to its namesake")
    func namesakes() throws {
        let world = World { $0.executionLimit = 2 }
        for (number, tenant) in [(1, "a"), (2, "b")] as [(UInt64, String)] {
            try world.receive([.executor(10 + number, of: e1, in: number)], tenant: tenant)
            world.store()
            world.wait(100 * second)
        }
        #expect(world.correlator.executions(id: e1).map(\.owner) == ["a", "b"])
        try world.receive(.executor(20, of: e2, in: 3))
        world.store()
        #expect(world.storedStates.filter { $0.kind == .execution }.count == 2)
        world.restart()
        #expect(world.correlator.executions(id: e1).map(\.owner) == ["b"])
        #expect(world.correlator.execution(id: e2)?.spanCount == 1)
    }

    @Test("an execution span that was due before a restart is exported after it")
    func dueSpan() throws {
        let world = World()
        try world.receive(.server(1, in: 1, under: 90), .executor(2, of: e1, in: 1, under: 1))
        world.store()
        world.restart()
        world.wait(60 * second)
        #expect(world.executionSpans.map(\.executionID) == [e1])
    }

    @Test("an event that was stored before its tenant was known is one event after a restart")
    func adopted() throws {
        let world = World()
        try world.receive(
            .server(1, in: 1, query: "ce-id=evt-1&ce-source=portarium"), .executor(2, of: e1, in: 1, under: 1))
        world.store()
        world.receive(event("evt-1", tenant: "a", at: context(9, 9)))
        world.store()
        world.restart()
        let events = world.correlator.events(id: "evt-1", source: nil, tenant: nil)
        #expect(events.map(\.key.tenant) == ["a"] && events.first?.executions.map(\.id) == [e1])
        #expect(world.correlator.execution(id: e1)?.traceID == traceID(9))
        try world.receive(
            .server(3, in: 2, query: "ce-id=evt-1&ce-source=portarium"), .executor(4, of: e2, in: 2, under: 3))
        #expect(world.backend[id(4)]?.trace == traceID(9))
    }

    @Test("damaged state never traps: every prefix, every flipped byte, and life goes on after it")
    func damage() throws {
        let world = try richWorld()
        world.store()
        let states = world.storedStates
        #expect(states.count > 10)
        let batches = world.journal.sorted { $0.key < $1.key }.map(\.value)
        func restore(_ damaged: StoredState, goesOn: Bool) -> Bool {
            let correlator = Correlator(settings: .defaults)
            if goesOn { for state in states { _ = correlator.restore(state, now: world.now) } }
            let isRead = correlator.restore(damaged, now: world.now)
            guard goesOn else { return isRead }
            for batch in batches { correlator.receive(batch, now: world.now) }
            correlator.tick(now: .max)
            _ = correlator.takeActions()
            _ = correlator.takeChangedState()
            return isRead
        }
        for state in states {
            for count in state.body.indices {
                var damaged = state
                damaged.body.removeSubrange(count...)
                #expect(!restore(damaged, goesOn: false), "prefix \(count)")
            }
        }
        // One body of each kind suffices for flips: the largest, which has everything.
        for kind in StoredState.Kind.allCases {
            let largest = try #require(states.filter { $0.kind == kind }.max { $0.body.count < $1.body.count })
            for position in largest.body.indices {
                for bits: UInt8 in [0x01, 0x80, 0xFF] {
                    var damaged = largest
                    damaged.body[position] ^= bits
                    _ = restore(damaged, goesOn: position % 3 == 0)
                }
            }
        }
    }

    @Test("huge counts and executions that start each other in stored state do no harm")
    func hostileState() throws {
        let world = World()
        try world.receive(
            .server(1, in: 1, under: 90), .executor(2, of: e1, in: 1, under: 1, starts: true),
            .executor(3, of: e2, in: 1, under: 2, starts: true), .executor(6, of: e2, in: 1, under: 2))
        let (first, second) = try (#require(world.correlator.executionsOf(e1).first), #require(world.correlator.executionsOf(e2).first))
        first.startedBy = second
        (first.spanCount, first.errorCount) = (.max, .max)
        for execution in [first, second] { world.correlator.mark(execution) }
        world.store()
        world.restart()
        try world.receive(.executor(4, of: e3, in: 1, under: 3), .executor(5, of: e1, in: 1, under: 1).failed)
        #expect(world.correlator.execution(id: e3)?.startedBy?.id == e2)
        first.startedBy = nil
    }

    @Test("state of another format is refused")
    func format() throws {
        let world = try richWorld()
        world.store()
        for var state in world.storedStates {
            state.body[0] = 99
            #expect(!Correlator(settings: .defaults).restore(state, now: 1))
        }
    }

    @Test("replaying emits nothing and learns the same")
    func replay() throws {
        let world = try richWorld()
        let replayed = Correlator(settings: .defaults)
        replayed.isReplaying = true
        for (_, batch) in world.journal.sorted(by: { $0.key < $1.key }) {
            replayed.receive(batch, now: world.now)
            replayed.receiveDependent(record: batch.record, traces: [traceID(7)], now: world.now)
        }
        replayed.receive(event("evt-1", tenant: "a", at: context(9, 9)), record: 50, now: world.now)
        replayed.receive(
            BindingCall(executionID: execution(5), traceparent: Traceparent(context(8, 8))), record: 51, now: world.now)
        #expect(replayed.takeActions().isEmpty && replayed.held.records == 0)
        replayed.isReplaying = false
        #expect(replayed.execution(id: e1)?.traceID == traceID(9))
        // What left before, as a replay must suppose, is amended by what comes now.
        let call = BindingCall(executionID: e3, traceparent: Traceparent(context(8, 8)))
        replayed.receive(call, record: 52, now: world.now)
        let amended = replayed.takeActions().compactMap {
            if case .amend(let amendment) = $0 { amendment.trace } else { nil }
        }
        #expect(amended == [traceID(3), traceID(4)])
    }

    @Test("a task that starts executions is remembered even if that is all that a batch told")
    func starter() throws {
        let world = World()
        world.bind(e1, traceparent: context(9, 9))
        try world.receive(.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1))
        world.store()
        try world.receive(.executor(3, of: e1, in: 1, under: 1, starts: true))
        world.store()
        world.restart()
        try world.receive(.executor(4, of: e2, in: 1, under: 3))
        #expect(world.correlator.execution(id: e2)?.startedBy?.id == e1)
    }

    @Test("an execution span that left for elsewhere after the state was stored comes back after a crash")
    func takenBackSpan() throws {
        let world = World()
        world.receive(event("evt-1", at: context(9, 9)))
        world.bind(e1, event: "evt-1")
        try world.receive(.worker(2, of: e1, in: 1, under: 5))
        world.wait(100 * second)
        world.store()
        world.receive(event("evt-1", at: context(8, 8)))
        world.wait(second)
        let first = world.executionSpans.map(\.traceID)
        #expect(first.count == 2 && first.first == traceID(9) && first.last != traceID(9))
        try world.receive(.portarium(9, in: 9, publishes: "evt-1"))
        world.crash()
        world.wait(100 * second)
        #expect(world.correlator.execution(id: e1)?.traceID == traceID(9))
        #expect(world.executionSpans.map(\.traceID) == first + [traceID(9)])
        #expect(world.backend[id(2)]?.trace == traceID(9))
    }

    @Test("an execution span that was to be exported again before a restart is exported after it")
    func urgentSpan() throws {
        let world = World()
        try world.receive(
            .server(1, in: 1), .executor(2, of: e1, in: 1, under: 1),
            .executor(3, of: e1, in: 1, under: 1, starts: true),
            .executor(4, of: e2, in: 1, under: 3))
        world.wait(100 * second)
        world.store()
        world.bind(e1, traceparent: context(9, 9))
        world.store()
        world.restart()
        world.tick()
        let moved = world.executionSpans.filter { $0.traceID == traceID(9) && $0.amended }
        #expect(Set(moved.map(\.executionID)) == [e1, e2] && moved.count == 2)
    }

    @Test("an amendment that was not delivered before a restart is made again when its record is read again")
    func owedAmendment() throws {
        let world = World()
        try world.receive(.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1))
        world.wait(10 * second)
        world.bind(e1, traceparent: context(9, 9))
        #expect(world.amendments.map(\.owner) == [2])
        world.store()
        world.restart()
        // Record 2 is owed still, so that a start reads it again, as if it came now.
        let call = BindingCall(executionID: e1, traceparent: Traceparent(context(9, 9)))
        world.correlator.receive(call, record: 2, now: world.now)
        let again = world.correlator.takeActions().contains { if case .amend = $0 { true } else { false } }
        #expect(again)
    }

    @Test("a record that is read again counts no span twice")
    func countedOnce() throws {
        let world = World()
        let record = try world.receive(.server(1, in: 1, under: 90), .executor(2, of: e1, in: 1, under: 1).failed)
        world.correlator.receive(try #require(world.journal[record]), now: world.now)
        let execution = try #require(world.correlator.execution(id: e1))
        #expect(execution.spanCount == 1 && execution.errorCount == 1)
    }
}
