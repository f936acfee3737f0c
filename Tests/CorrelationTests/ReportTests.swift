import CorrelationModel
import OTLP
import Testing

@testable import Correlation

/// What Kestra's records of executions tell, and when they are asked for.
@Suite struct ReportTests {
    private let uncalled: [TestSpan] = [.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1)]
    private let native: [TestSpan] = [.server(1, in: 1, under: 90), .executor(2, of: e1, in: 1, under: 1)]

    private func asking(_ change: (inout CorrelationSettings) -> Void = { _ in }) -> World {
        World {
            $0.asksAboutExecutions = true
            change(&$0)
        }
    }

    private func reported(_ name: String, at context: TraceContext?, tenant: String = "") -> ReportedExecution.Event {
        ReportedExecution.Event(
            key: EventKey(tenant: tenant, source: source, id: name), type: "run.started",
            context: context.map { Traceparent($0) })
    }

    private func told(_ name: String, at context: TraceContext) -> CloudEvent {
        var event = CloudEvent(id: name, source: source, type: "run.started", rawData: [])
        event.traceparent = Traceparent(context).text
        return event
    }

    // MARK: Asking

    @Test("an execution is asked about once, if nothing tells where it belongs")
    func asks() throws {
        let world = asking()
        try world.receive(uncalled)
        try world.receive(.worker(3, of: e1, in: 1, under: 1))
        #expect(world.asked == [e1])
        // Native, and bound.
        try world.receive(.server(11, in: 2, under: 90), .executor(12, of: e2, in: 2, under: 11))
        world.bind(e3, traceparent: context(9, 9))
        try world.receive(.server(21, in: 3), .executor(22, of: e3, in: 3, under: 21))
        #expect(world.asked == [e1])
        // Bound to an event of which no trace is known.
        world.bind(execution(4), event: "evt-1")
        try world.receive(.server(31, in: 4), .executor(32, of: execution(4), in: 4, under: 31))
        #expect(world.asked == [e1, execution(4)])
    }

    @Test("nothing is asked if nobody can answer")
    func asksNobody() throws {
        let world = World()
        try world.receive(uncalled)
        world.wait(1_000 * second)
        #expect(world.asked.isEmpty && world.executionSpans.count == 1)
    }

    @Test("before its span is exported an execution is asked for its state, and its span waits for that")
    func asksForState() throws {
        let world = asking()
        try world.receive(native)
        #expect(world.asked.isEmpty)
        world.wait(60 * second)
        #expect(world.asked == [e1] && world.executionSpans.isEmpty)
        world.report(e1) { $0.state = "FAILED" }
        world.tick()
        #expect(world.executionSpans.map(\.state) == ["FAILED"])
        world.wait(1_000 * second)
        #expect(world.asked == [e1] && world.executionSpans.count == 1 && world.correlator.deadline == nil)
    }

    @Test("without an answer the span leaves after the hold")
    func noAnswer() throws {
        let world = asking()
        try world.receive(native)
        world.wait(70 * second)
        #expect(world.asked == [e1] && world.executionSpans.map(\.state) == [""])
        world.report(e1) { $0.state = "SUCCESS" }
        world.tick()
        #expect(world.executionSpans.map(\.state) == ["", "SUCCESS"] && world.executionSpans[1].amended)
    }

    @Test("an execution that ended is not asked for its state")
    func ended() throws {
        let world = asking()
        try world.receive(native)
        world.bind(e1, state: "SUCCESS")
        world.wait(1_000 * second)
        #expect(world.asked.isEmpty && world.executionSpans.count == 1)
    }

    // MARK: Places

    @Test("a reported event releases what waits, by rule event")
    func reportedEvent() throws {
        let world = asking()
        try world.receive(uncalled)
        #expect(world.backend.isEmpty)
        world.report(e1) { $0.event = reported("evt-1", at: context(9, 8), tenant: "a") }
        #expect(world.backend[id(1)] == .init(trace: traceID(9), parent: id(8), rule: .event))
        #expect(world.backend[id(2)] == .init(trace: traceID(9), parent: own(e1), rule: .event))
        let snapshot = world.correlator.execution(id: e1)
        #expect(snapshot?.event == EventKey(tenant: "a", source: source, id: "evt-1"))
        #expect(snapshot?.evidence.map(\.kind) == [.noHeader, .reportedEvent])
        #expect(world.correlator.events(id: "evt-1", source: nil, tenant: nil).first?.type == "run.started")
        #expect(world.violations.isEmpty)
    }

    @Test("a reported traceparent joins by rule context, a header that Kestra did not follow too")
    func reportedContext() throws {
        let world = asking()
        try world.receive(uncalled)
        try world.receive(.server(11, in: 2), .executor(12, of: e2, in: 2, under: 11))
        world.report(e1) { $0.inputContext = Traceparent(context(9, 8)) }
        world.report(e2) {
            $0.callerContext = Traceparent(context(7, 7))
            $0.nativeContext = Traceparent(context(2, 11))
        }
        #expect(world.backend[id(2)] == .init(trace: traceID(9), parent: own(e1), rule: .context))
        #expect(world.backend[id(12)] == .init(trace: traceID(7), parent: own(e2), rule: .context))
    }

    @Test("a header that Kestra followed makes no claim")
    func followed() throws {
        let world = asking()
        try world.receive(native)
        world.report(e1) {
            $0.callerContext = Traceparent(context(1, 90))
            $0.nativeContext = Traceparent(context(1, 1))
        }
        #expect(world.correlator.execution(id: e1)?.evidence.map(\.kind) == [.header])
    }

    @Test("native wins over a report, and so does a binding; a report's event wins over a binding's traceparent")
    func strength() throws {
        let world = asking()
        try world.receive(native)
        try world.receive(.server(11, in: 2), .executor(12, of: e2, in: 2, under: 11))
        try world.receive(.server(21, in: 3), .executor(22, of: e3, in: 3, under: 21))
        for execution in [e1, e2, e3] { world.report(execution) { $0.event = reported("evt-1", at: context(9, 8)) } }
        #expect(world.backend[id(2)]?.trace == traceID(1))
        #expect(world.backend[id(12)]?.trace == traceID(9))
        world.receive(told("evt-2", at: context(5, 5)))
        world.bind(e2, event: "evt-2")
        #expect(
            world.backend[id(12)] == .init(trace: traceID(5), parent: own(e2), amended: true, rule: .claimed, copies: 2)
        )
        world.bind(e3, traceparent: context(6, 6))
        #expect(world.backend[id(22)]?.trace == traceID(9))
        #expect(world.violations.isEmpty)
    }

    @Test("a late report amends")
    func late() throws {
        let world = asking()
        try world.receive(uncalled)
        world.wait(10 * second)
        #expect(world.backend[id(2)] == .init(trace: traceID(1), parent: own(e1)))
        world.report(e1) { $0.event = reported("evt-1", at: context(9, 8)) }
        #expect(
            world.backend[id(2)] == .init(trace: traceID(9), parent: own(e1), amended: true, rule: .event, copies: 2))
        #expect(world.violations.isEmpty)
    }

    // MARK: Relatives, times, state

    @Test("a replay follows the execution that it repeats")
    func replay() throws {
        let world = asking()
        try world.receive(uncalled)
        world.bind(e1, traceparent: context(9, 9))
        try world.receive(.executor(12, of: e2, in: 2), .worker(13, of: e2, in: 3))
        world.report(e2) { $0.startedBy = e1 }
        world.wait(10 * second)
        #expect(world.backend[id(12)]?.trace == traceID(9) && world.backend[id(13)]?.trace == traceID(9))
        #expect(world.correlator.execution(id: e2)?.startedBy?.id == e1)
    }

    @Test("an execution that another's end triggered is linked both ways and not merged")
    func triggered() throws {
        let world = asking()
        try world.receive(native)
        world.bind(e1, state: "SUCCESS")
        try world.receive(.executor(12, of: e2, in: 2), .worker(13, of: e2, in: 3))
        world.report(e2) {
            $0.triggeredBy = e1
            $0.state = "SUCCESS"
        }
        world.wait(100 * second)
        #expect(world.backend[id(12)]?.trace == derived(e2))
        let spans = Dictionary(world.executionSpans.map { ($0.executionID, $0) }) { $1 }
        #expect(spans[e2]?.links == [AddedLink(traceID: traceID(1), spanID: own(e1), reason: "started_by")])
        #expect(spans[e1]?.links == [AddedLink(traceID: derived(e2), spanID: own(e2), reason: "started_by")])
    }

    @Test("times and state are those of the report; a running state does not undo an end")
    func state() throws {
        let world = asking()
        try world.receive(native)
        world.report(e1) {
            $0.state = "SUCCESS"
            $0.started = 5 * second
            $0.ended = 30 * second
        }
        world.report(e1) { $0.state = "RUNNING" }
        world.wait(10 * second)
        #expect(world.executionSpans.map(\.state) == ["SUCCESS"])
        #expect(world.executionSpans[0].start == 5 * second && world.executionSpans[0].end == 30 * second)
        #expect(world.correlator.execution(id: e1)?.evidence.last?.value.text == "SUCCESS")
    }

    @Test("a restarted execution runs again: the later state counts, not the one that was told last",
        arguments: [false, true])
    func restarted(isRestored: Bool) throws {
        let world = asking()
        try world.receive(native)
        func tell(_ state: String, at time: UInt64) {
            world.report(e1) {
                $0.state = state
                $0.stateAt = time * second
            }
        }
        func state() -> String? { world.correlator.execution(id: e1)?.state }
        tell("FAILED", at: 2_000)
        if isRestored {
            world.store()
            world.restart()
        }
        tell("RUNNING", at: 1_900)
        #expect(state() == "FAILED")
        tell("RUNNING", at: 2_500)
        #expect(state() == "RUNNING")
        let evidence = world.correlator.execution(id: e1)?.evidence.filter { $0.kind == .reportedState }
        #expect(evidence?.map(\.value.text) == ["RUNNING"] && evidence?.first?.seenAt == world.now)
        // An answer that was under way for long.
        tell("FAILED", at: 2_000)
        #expect(state() == "RUNNING")
        tell("SUCCESS", at: 2_600)
        #expect(state() == "SUCCESS")
    }

    @Test("a call's state is overruled by a state that began after the call, and by an end if the call told none")
    func restartedAfterCall() throws {
        let world = asking()
        try world.receive(native)
        func state() -> String? { world.correlator.execution(id: e1)?.state }
        world.bind(e1, state: "RUNNING")
        world.report(e1) {
            $0.state = "SUCCESS"
            $0.stateAt = world.now - second
        }
        #expect(state() == "SUCCESS")
        world.bind(e1, state: "FAILED")
        world.report(e1) {
            $0.state = "RUNNING"
            $0.stateAt = world.now - second
        }
        #expect(state() == "FAILED")
        world.report(e1) {
            $0.state = "RUNNING"
            $0.stateAt = world.now + second
        }
        #expect(state() == "RUNNING")
    }

    @Test("an execution whose spans go on after its end is asked for its state again")
    func wentOn() throws {
        let world = asking()
        try world.receive(native)
        world.bind(e1, state: "SUCCESS")
        world.wait(100 * second)
        #expect(world.asked.isEmpty)
        var later = TestSpan.worker(3, of: e1, in: 1, under: 1)
        (later.start, later.end) = (2_000 * second, 2_001 * second)
        try world.receive(later)
        world.wait(100 * second)
        #expect(world.asked == [e1])
    }

    @Test("the record's tenant is the execution's, if no span told one")
    func tenant() throws {
        let world = asking()
        try world.receive(.executor(12, of: e2, in: 2), .executor(13, of: e1, in: 3, tenant: ""))
        for execution in [e1, e2] { world.report(execution) { $0.tenant = "other" } }
        #expect(world.correlator.execution(id: e2)?.tenant == "main")
        #expect(world.correlator.execution(id: e1)?.tenant == "other")
        world.wait(100 * second)
        let derivedWithTenant = DerivedIDs.trace(tenant: "other", execution: e1)
        #expect(world.backend[id(13)]?.trace == derivedWithTenant && world.violations.isEmpty)
        world.bind(e3, state: "RUNNING")
        world.report(e3) { $0.tenant = "other" }
        #expect(world.correlator.execution(id: e3)?.tenant == "other")
    }

    @Test("what was reported survives a restart, and what nobody answered is asked again")
    func restart() throws {
        let world = asking()
        try world.receive(uncalled)
        try world.receive(.server(11, in: 2), .executor(12, of: e2, in: 2, under: 11))
        world.report(e1) {
            $0.event = reported("evt-1", at: context(9, 8), tenant: "a")
            $0.state = "SUCCESS"
            $0.triggeredBy = e3
        }
        world.wait(100 * second)
        let before = world.correlator.execution(id: e1)
        world.store()
        world.restart()
        #expect(world.correlator.execution(id: e1).map { "\($0)" } == before.map { "\($0)" })
        try world.receive(.worker(3, of: e1, in: 1, under: 1), .worker(13, of: e2, in: 2, under: 11))
        #expect(world.backend[id(3)]?.trace == traceID(9))
        #expect(world.asked.filter { $0 == e1 }.count == 1 && world.asked.last == e2)
        #expect(world.violations.isEmpty)
    }
}
