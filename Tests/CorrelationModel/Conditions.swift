package import Correlation

/// What happens to a world's data on its way: order, repetition, pauses, crashes, limits.
package struct Conditions: Sendable {
    /// One story after the other, with limits that hold no more than the last few.
    package var isSequential = false
    package var isShuffled = false
    package var isCrashing = false
    /// How many of 100 batches come twice, and how many pieces of evidence or batches come after everything has left.
    package var repeated = 15
    package var late = 0
    package var pauses = 30
    package var largestBatch = 20
    package var holdBytes = 64 << 20
    package var policy = CorrelationSettings.LatePolicy.amend
    package var mode = CorrelationSettings.ExecutionSpanMode.all
    package var asks = false
    /// How many executions, events and traces stay in memory; nil: all.
    package var memoryLimit: Int?

    package init() {}

    package init(using random: inout Seeded, features: Features) {
        isSequential = random.chance(12)
        isShuffled = random.chance(30)
        isCrashing = !isSequential && random.chance(25)
        late = random.chance(50) ? 0 : .random(in: 1...100, using: &random)
        largestBatch = random.chance(70) ? 20 : .random(in: 1...200, using: &random)
        if random.chance(30) { holdBytes = .random(in: 0...10_000, using: &random) }
        asks = random.chance(30)
        if random.chance(8) { mode = features.contains(.joinedMode) && random.chance(60) ? .joined : .none }
        if !isCrashing, random.chance(8) {
            policy = features.contains(.linkPolicy) && random.chance(50) ? .link : .ignore
        }
        if random.chance(40) { memoryLimit = .random(in: 0...40, using: &random) }
    }

    /// A world for them.
    package func world(features: Features) -> World {
        World(keys: features.contains(.configuredSystems) ? World.configuredKeys : World.keys) {
            $0.holdBytes = holdBytes
            $0.late = policy
            $0.executionSpan = mode
            $0.asksAboutExecutions = asks
            if let memoryLimit { $0.memoryLimit = memoryLimit }
            if features.contains(.configuredSystems) {
                $0.joinKeys = World.configuredJoinKeys
                $0.hasOtherFollowers = true
            }
            if isSequential { ($0.executionLimit, $0.eventLimit, $0.traceLimit) = (160, 160, 480) }
        }
    }
}

extension Scenario {
    private enum Step {
        case spans(ArraySlice<TestSpan>)
        case told(World.Told)
        case pause(UInt64)
    }

    /// Sends everything to a world, in an order that depends on `order`, and waits until nothing more can happen.
    package func play(on world: World, order: UInt64, conditions: Conditions) throws {
        var random = Seeded(quietly: order)
        var (firstSpan, firstTold) = (0, 0)
        let parts = conditions.isSequential ? stories : [(spans.count, told.count)]
        for part in parts {
            for step in steps(
                Array(spans[firstSpan..<part.0]), Array(told[firstTold..<part.1]), conditions, &random)
            {
                try take(step, on: world)
                guard conditions.isCrashing else { continue }
                if random.chance(10) { world.store() }
                if random.chance(3) { world.crash() }
            }
            (firstSpan, firstTold) = part
            world.wait(1_000 * second)
        }
        world.wait(1_000 * second)
    }

    private func steps(
        _ spans: [TestSpan], _ told: [World.Told], _ conditions: Conditions, _ random: inout Seeded
    ) -> [Step] {
        var batches: [Step] = []
        // Mostly spans arrive near their neighbours, sometimes anywhere.
        let ordered = conditions.isShuffled ? spans.shuffled(using: &random) : spans
        var position = 0
        while position < ordered.count {
            let end = min(ordered.count, position + Int.random(in: 1...conditions.largestBatch, using: &random))
            batches.append(.spans(ordered[position..<end].shuffled(using: &random)[...]))
            position = end
        }
        batches += batches.filter { _ in random.chance(conditions.repeated) }
        var (now, later): ([Step], [Step]) = ([], [])
        for step in batches + told.map(Step.told) {
            if random.chance(conditions.late) { later.append(step) } else { now.append(step) }
        }
        let traces = (0..<3).compactMap { _ in spans.randomElement(using: &random)?.trace }
        now.append(.told(.dependent(traces)))
        now.shuffle(using: &random)
        later.shuffle(using: &random)
        if !later.isEmpty { later.insert(.pause(.random(in: 100...10_000, using: &random) * second), at: 0) }
        return (now + later).flatMap { step in
            random.chance(conditions.pauses) ? [step, .pause(Self.pause(&random))] : [step]
        }
    }

    /// Mostly within the hold, sometimes a good deal longer.
    private static func pause(_ random: inout Seeded) -> UInt64 {
        random.chance(90)
            ? .random(in: 0...8 * second, using: &random) : .random(in: 10 * second...300 * second, using: &random)
    }

    private func take(_ step: Step, on world: World) throws {
        switch step {
        case .told(let told): world.tell(told)
        case .pause(let duration): world.wait(duration)
        case .spans(let spans):
            for (credential, spans) in Dictionary(grouping: spans, by: \.credential).sorted(by: {
                ($0.key ?? "") < ($1.key ?? "")
            }) {
                try world.receive(spans, tenant: credential)
            }
        }
    }
}
