import CorrelationModel
import OTLP
import Testing

@testable import Correlation

/// Logs and metrics follow the spans that they name.
@Suite struct DependentTests {
    @Test("a request that names no waiting trace leaves at once")
    func free() throws {
        let world = World()
        try world.receive(.server(1, in: 1, under: 90))
        #expect(world.receiveDependent(traceID(1), traceID(2)) == 2 && world.dependents == [2])
        #expect(world.receiveDependent() == 3 && world.dependents == [2, 3])
    }

    @Test("a request waits until all its traces have left and is patched to where they went")
    func waiting() throws {
        let world = World()
        try world.receive(.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1))
        try world.receive(.server(3, in: 2), .executor(4, of: e2, in: 2, under: 3))
        let record = world.receiveDependent(traceID(1), traceID(2))
        world.bind(e1, traceparent: context(9, 9))
        #expect(world.dependents.isEmpty)
        world.bind(e2, traceparent: context(8, 8))
        #expect(world.dependents == [record])
        #expect(world.correlator.target(of: traceID(1), execution: e1) == traceID(9))
        #expect(world.correlator.target(of: traceID(1), execution: nil) == traceID(9))
        #expect(world.correlator.target(of: traceID(2), execution: nil) == traceID(8))
        #expect(world.correlator.target(of: traceID(7), execution: e1) == traceID(7))
    }

    @Test("a log in a trace that splits goes with its execution; one without goes with the SERVER span")
    func split() throws {
        let world = World()
        world.bind(e1, traceparent: context(8, 8))
        world.bind(e2, traceparent: context(9, 9))
        try world.receive(
            .server(1, in: 1), .executor(2, of: e1, in: 1, under: 1), .executor(3, of: e2, in: 1, under: 1))
        #expect(world.correlator.target(of: traceID(1), execution: e2) == traceID(9))
        #expect(world.correlator.target(of: traceID(1), execution: nil) == world.backend[id(1)]?.trace)
    }

    @Test("it waits no longer than the hold, even if new spans of its trace keep waiting")
    func deadline() throws {
        let world = World()
        try world.receive(.server(1, in: 1), .executor(2, of: e1, in: 1, under: 1))
        world.wait(5 * second)
        let record = world.receiveDependent(traceID(1))
        world.wait(4 * second)
        try world.receive(.executor(3, of: e2, in: 1, under: 1))
        world.wait(5 * second)
        #expect(world.dependents.isEmpty)
        world.wait(1 * second)
        #expect(world.dependents == [record])
    }
}
