import Correlation

/// Random worlds, one after the other, until enough spans have passed.
package struct Soak: Sendable {
    package let features: Features
    package private(set) var worlds = 0
    package private(set) var spans = 0
    package private(set) var mistakes = 0

    package init(features: Features = .supported) {
        self.features = features
    }

    /// One world: everything is sent, often to a second replica in another order too, and compared with the truth.
    /// Returns the mistakes, in words.
    package mutating func run(world seed: UInt64) throws -> [String] {
        var random = Seeded(quietly: seed)
        let conditions = Conditions(using: &random, features: features)
        let size = random.chance(80) ? Int.random(in: 2...20, using: &random) : .random(in: 20...60, using: &random)
        let scenario = Scenario(seed: random.next(), size: size, features: features)
        let world = conditions.world(features: features)
        try scenario.play(on: world, order: random.next(), conditions: conditions)
        var found = scenario.mistakes(in: world, conditions: conditions)
        spans += scenario.spans.count
        if conditions.policy == .amend, random.chance(30) {
            let replica = conditions.world(features: features)
            try scenario.play(on: replica, order: random.next(), conditions: conditions)
            found += scenario.mistakes(in: replica, conditions: conditions)
            found += scenario.differences(world, replica)
            spans += scenario.spans.count
        }
        worlds += 1
        mistakes += found.count
        return found.isEmpty ? [] : ["\(conditions)"] + found.sorted()
    }

    /// Several worlds. Calls `found` for those that are not as they should be.
    package mutating func run(worlds seeds: [UInt64], found: (_ seed: UInt64, _ mistakes: [String]) -> Void) throws {
        for seed in seeds {
            let mistakes = try run(world: seed)
            if !mistakes.isEmpty { found(seed, mistakes) }
        }
    }

    package mutating func add(_ other: Soak) {
        worlds += other.worlds
        spans += other.spans
        mistakes += other.mistakes
    }
}
