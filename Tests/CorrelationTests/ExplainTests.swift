import CorrelationModel
import OTLP
import Testing

@testable import Correlation

/// What is told about why an execution is where it is.
@Suite struct ExplainTests {
    private let uncalled: [TestSpan] = [.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1)]

    private func told(_ name: String, at context: TraceContext) -> CloudEvent {
        var event = CloudEvent(id: name, source: source, type: "run.started", rawData: [])
        event.traceparent = Traceparent(context).text
        return event
    }

    private func verdicts(_ world: World, _ id: String) throws -> [Verdict] {
        let found = world.correlator.explain(execution: id, tenant: nil)
        #expect(found.count == 1)
        return try #require(found.first).verdicts
    }

    @Test("nobody knows an execution that nobody named, or that is another tenant's")
    func unknown() throws {
        let world = World()
        try world.receive(uncalled)
        #expect(world.correlator.explain(execution: e2, tenant: nil).isEmpty)
        #expect(world.correlator.explain(trace: traceID(7)).isEmpty)
        let tenant = try #require(world.correlator.execution(id: e1)?.tenant)
        #expect(world.correlator.explain(execution: e1, tenant: tenant).count == 1)
        #expect(world.correlator.explain(execution: e1, tenant: "someone").count == (tenant.isEmpty ? 1 : 0))
    }

    @Test("the winner stands first; what leads elsewhere is weaker, what leads to the same place agrees")
    func winner() throws {
        let world = World()
        try world.receive(uncalled)
        world.receive(told("evt-1", at: context(9, 8)))
        world.bind(e1, traceparent: context(7, 7))
        world.bind(e1, event: "evt-1")
        world.report(e1) { $0.inputContext = Traceparent(context(9, 5)) }
        let verdicts = try verdicts(world, e1)
        #expect(verdicts.map(\.kind) == [.bindingEvent, .bindingContext, .reportedContext, .noHeader])
        #expect(verdicts.map(\.outcome) == [.won, .weaker(than: .claimed), .agrees, .informs])
        #expect(verdicts.map(\.target) == [traceID(9), traceID(7), traceID(9), nil])
        #expect(verdicts.map(\.rule) == [.claimed, .context, .context, nil])
    }

    @Test("a name of which no trace is known leads nowhere until the event comes")
    func noTrace() throws {
        let world = World()
        try world.receive(uncalled)
        world.bind(e1, event: "evt-1")
        world.bind(e1, traceparent: nil, state: "RUNNING")
        #expect(try verdicts(world, e1).map(\.outcome) == [.noTraceKnown, .informs])
        world.receive(told("evt-1", at: context(9, 8)))
        #expect(try verdicts(world, e1).map(\.outcome) == [.won, .informs])
    }

    @Test("the header outweighs everything")
    func native() throws {
        let world = World()
        try world.receive(.server(1, in: 1, under: 90), .executor(2, of: e1, in: 1, under: 1))
        world.bind(e1, traceparent: context(7, 7))
        world.bind(e1, traceparent: context(1, 90))
        let verdicts = try verdicts(world, e1)
        #expect(verdicts.map(\.kind) == [.header, .bindingContext, .bindingContext])
        #expect(verdicts.map(\.outcome) == [.won, .staysInCallersTrace(traceID(1)), .agrees])
    }

    @Test("an execution that another one started follows it, unless evidence of its own says otherwise")
    func started() throws {
        let world = World()
        try world.receive(uncalled)
        world.bind(e1, traceparent: context(9, 9))
        try world.receive(.executor(12, of: e2, in: 2), .worker(13, of: e2, in: 3))
        world.report(e2) { $0.startedBy = e1 }
        #expect(try verdicts(world, e2).map(\.outcome) == [.won])
        #expect(try verdicts(world, e2).map(\.target) == [traceID(9)])
        world.bind(e2, traceparent: context(5, 5))
        #expect(try verdicts(world, e2).map(\.outcome) == [.won, .weaker(than: .context)])
    }

    @Test("a trace is explained by the executions of which spans came in it or went to it")
    func traces() throws {
        let world = World()
        try world.receive(uncalled)
        try world.receive(.server(11, in: 2), .executor(12, of: e2, in: 2, under: 11))
        world.bind(e1, traceparent: context(9, 9))
        world.wait(20 * second)
        func explained(_ trace: UInt64) -> [String] {
            world.correlator.explain(trace: traceID(trace)).map(\.execution.id)
        }
        #expect(explained(1) == [e1] && explained(9) == [e1] && explained(2) == [e2])
    }
}
