import CorrelationModel
import Testing

/// Random worlds against a model: whatever the order, the batches, the crashes and the time of the evidence, everything
/// ends where the generator, which knows everything, says. `make soak` plays as many as one likes.
@Suite struct ModelTests {
    @Test("every span and every execution's span ends where it belongs, on every replica")
    func worlds() throws {
        var random = Seeded("ModelTests.worlds")
        var soak = Soak()
        while soak.spans < 20_000 {
            let seed = random.next()
            let mistakes = try soak.run(world: seed)
            #expect(mistakes.isEmpty, "spanbridge-soak world \(seed)")
        }
        print("ModelTests.worlds: \(soak.spans) spans, \(soak.worlds) worlds")
    }

    @Test("a fault that is planted is noticed, and named", arguments: Fault.allCases)
    func canary(fault: Fault) throws {
        var random = Seeded("ModelTests.canary")
        var planted = 0
        for _ in 0..<20 where planted < 3 {
            let scenario = Scenario(seed: random.next(), size: 8)
            let (world, conditions) = (World(), Conditions())
            guard fault.plant(in: world, of: scenario) else { continue }
            planted += 1
            try scenario.play(on: world, order: random.next(), conditions: conditions)
            let mistakes = scenario.mistakes(in: world, conditions: conditions)
            #expect(mistakes.contains { $0.contains(fault.symptom) }, "world \(scenario.seed): \(mistakes.prefix(3))")
        }
        #expect(planted == 3)
    }

    @Test("a wrong rule is noticed: the weakest evidence wins")
    func wrongRule() throws {
        var random = Seeded("ModelTests.wrongRule")
        let (world, conditions) = (World(), Conditions())
        let scenario = Scenario(seed: random.next(), size: 80, features: .wrongRule)
        try scenario.play(on: world, order: random.next(), conditions: conditions)
        #expect(scenario.mistakes(in: world, conditions: conditions).contains { $0.contains("lies in") })
    }

    @Test("the generator does not contradict itself, with any feature", arguments: Features.names.map(\.name) + ["all"])
    func truth(feature: String) throws {
        var random = Seeded("ModelTests.truth")
        let features = try #require(Features(text: feature))
        for _ in 0..<5 {
            let scenario = Scenario(seed: random.next(), size: 40, features: features)
            #expect(scenario.truth.contradictions.isEmpty, "\(scenario.seed)")
            // Whatever becomes of it, nothing traps and nothing is lost.
            let world = Conditions().world(features: features)
            try scenario.play(on: world, order: random.next(), conditions: Conditions())
            #expect(scenario.spans.allSatisfy { world.backend[$0.id] != nil } && world.violations.isEmpty)
        }
    }

    @Test("two replicas of which one joins otherwise are told apart")
    func replicas() throws {
        var random = Seeded("ModelTests.replicas")
        let scenario = Scenario(seed: random.next(), size: 10)
        let (one, other) = (Conditions().world(features: .supported), Conditions().world(features: .supported))
        #expect(Fault.movedExecution.plant(in: other, of: scenario))
        for world in [one, other] { try scenario.play(on: world, order: random.next(), conditions: Conditions()) }
        #expect(scenario.mistakes(in: one, conditions: Conditions()).isEmpty)
        #expect(!scenario.differences(one, other).isEmpty)
    }
}
