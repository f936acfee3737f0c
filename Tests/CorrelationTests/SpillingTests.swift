import CorrelationModel
import OTLP
import Testing

@testable import Correlation

/// What has been quiet leaves memory and is there again when somebody asks for it.
@Suite struct SpillingTests {
    /// A joined execution with its event, all of it quiet.
    private func settled(_ change: (inout CorrelationSettings) -> Void = { _ in }) throws -> World {
        let world = World {
            $0.memoryLimit = 0
            change(&$0)
        }
        try tell(1, to: world)
        world.wait(100 * second)
        // Looked at after the next input.
        try world.receive(.server(900, in: 900))
        return world
    }

    private func tell(_ number: UInt64, to world: World) throws {
        world.receive(event("evt-\(number)", at: context(100 + number, 9)))
        try world.receive(
            .server(10 * number, in: number, query: "ce-id=evt-\(number)&ce-source=portarium"),
            .executor(10 * number + 1, of: execution(Int(number)), in: number, under: 10 * number))
    }

    @Test("nothing is left in memory, everything is still counted, and every question is answered")
    func questions() throws {
        let world = try settled()
        let correlator = world.correlator
        #expect(correlator.executions.isEmpty && correlator.events.isEmpty && correlator.eventNames.isEmpty)
        #expect(correlator.eventsByTrace.isEmpty && correlator.movedTraces.isEmpty && correlator.unitsByTrace.isEmpty)
        #expect(correlator.sizes.executions == 1 && correlator.sizes.events == 1 && correlator.counters.spilledClusters > 0)
        let recalled = correlator.counters.recalledClusters
        #expect(correlator.execution(id: e1)?.traceID == traceID(101))
        #expect(correlator.counters.recalledClusters == recalled + 1 && correlator.executions.count == 1)
        // It is only tried once a second as long as nothing can leave.
        world.now += 2 * second
        try world.receive(.server(901, in: 901))
        #expect(correlator.executions.isEmpty)
        for ask in [
            { correlator.events(id: "evt-1", source: nil, tenant: nil).count == 1 },
            { correlator.events(id: "evt-1", source: source, tenant: nil).first?.executions.first?.id == e1 },
            { correlator.originalTraces(of: traceID(101)) == [traceID(101), traceID(1)] },
            { correlator.unifiedTraces(of: traceID(1)) == [traceID(101)] },
            { correlator.explain(execution: e1, tenant: nil).first?.execution.rule == .event },
            { correlator.target(of: traceID(1), execution: nil) == traceID(101) },
        ] {
            #expect(ask())
            world.now += 2 * second
            try world.receive(.server(902, in: 902))
            #expect(correlator.executions.isEmpty)
        }
    }

    @Test("late spans and late evidence find what was spilled")
    func late() throws {
        let world = try settled()
        try world.receive(.worker(12, of: e1, in: 1, under: 11))
        #expect(world.backend[id(12)]?.trace == traceID(101))
        world.wait(100 * second)
        try world.receive(.server(901, in: 901))
        #expect(world.correlator.executions.isEmpty)
        // Stronger evidence: everything goes elsewhere, once.
        world.receive(event("evt-2", at: context(200, 8)))
        world.bind(e1, event: "evt-2")
        #expect(world.backend[id(11)]?.trace == traceID(200) && world.backend[id(12)]?.trace == traceID(200))
        #expect(world.backend[id(11)]?.amended == true && world.violations.isEmpty)
    }

    @Test("what was learned just before it was spilled is stored all the same")
    func restart() throws {
        let world = try settled()
        #expect(world.correlator.executions.isEmpty)
        world.store()
        world.restart()
        #expect(world.correlator.execution(id: e1)?.traceID == traceID(101))
    }

    @Test("what waits or is due stays in memory, up to the maximum, and leaves before it is forgotten")
    func crowded() throws {
        let world = World {
            $0.memoryLimit = 0
            $0.memoryMaximum = 30
        }
        for number: UInt64 in 1...40 { try tell(number, to: world) }
        #expect((1...30).contains(world.correlator.unitsInMemory))
        #expect(world.correlator.counters.forgotten > 0)
        world.wait(100 * second)
        #expect(world.backend.count == 80 && world.violations.isEmpty)
    }

    @Test("beyond the limits of what is remembered the longest spilled is forgotten first")
    func forgetting() throws {
        let world = try settled { $0.executionLimit = 3 }
        for number: UInt64 in 2...6 {
            try tell(number, to: world)
            world.wait(100 * second)
        }
        try world.receive(.server(901, in: 901))
        #expect(world.correlator.sizes.executions == 3 && world.correlator.counters.forgotten >= 3)
        #expect(world.correlator.execution(id: e1) == nil && world.correlator.execution(id: execution(6)) != nil)
        // It is not stored any longer either.
        world.store()
        world.restart()
        #expect(world.correlator.sizes.executions == 3)
    }

    @Test("a store that fails keeps everything in memory, and says so")
    func failingStore() throws {
        let world = World { $0.memoryLimit = 0 }
        world.spillStore.isFull = true
        try tell(1, to: world)
        world.wait(100 * second)
        try world.receive(.server(900, in: 900))
        #expect(world.correlator.counters.spillFailures > 0 && world.correlator.counters.spilledClusters == 0)
        #expect(world.correlator.execution(id: e1)?.traceID == traceID(101))
    }

    @Test("what can't be read back or is damaged is forgotten, and the next like it is made anew")
    func damage() throws {
        for damage in [{ _ in nil }, { Array($0.dropLast()) }, { _ in [] }] as [([UInt8]) -> [UInt8]?] {
            let world = try settled()
            world.spillStore.damage = damage
            #expect(world.correlator.execution(id: e1)?.traceID != traceID(101))
            #expect(world.correlator.counters.spillFailures > 0)
            world.spillStore.damage = { $0 }
            try tell(1, to: world)
            #expect(world.correlator.execution(id: e1)?.traceID == traceID(101))
        }
    }

    @Test("a world whose spilled things are lost is noticed by the model")
    func canary() throws {
        var random = Seeded("SpillingTests.canary")
        var conditions = Conditions()
        conditions.late = 50
        conditions.memoryLimit = 0
        for isLosing in [false, true] {
            let scenario = Scenario(seed: random.next(), size: 40)
            let world = conditions.world(features: .supported)
            if isLosing { world.spillStore.damage = { _ in nil } }
            try scenario.play(on: world, order: random.next(), conditions: conditions)
            #expect(scenario.mistakes(in: world, conditions: conditions).isEmpty == !isLosing)
            #expect(world.correlator.counters.spilledClusters > 20)
            if !isLosing { #expect(world.correlator.counters.recalledClusters > 20) }
        }
    }
}
