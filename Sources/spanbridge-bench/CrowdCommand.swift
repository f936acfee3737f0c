import Transport

/// `spanbridge-bench crowd`: whether a span costs more when many executions are remembered.
struct CrowdCommand {
    var arguments: Arguments

    func run() throws {
        let rounds = arguments.countedRounds
        let endToEnd = EndToEnd(program: try arguments.relay(), parent: arguments.parentDirectory, rounds: rounds)
        show("\(rounds) rounds after one for warming up, durable, half Kestra, joined. Load before: \(machineLoad()).\n\n")
        var table = Table("executions before", "CPU µs a span", "all rounds and after", "lowest to highest", "peak MiB")
        for count in [1_000, arguments.count] {
            say("measuring after \(grouped(count)) executions")
            var scenario = Scenario(
                kind: .spanbridge(durability: "fsync", joins: true), intake: .grpc, compression: "none")
            scenario.live = count
            let result = try endToEnd.run(scenario)
            table.add(
                grouped(count), decimal(result.cost.median, places: 2), decimal(result.wholeCost, places: 2),
                result.cost.spread, "\(result.peakMemory >> 20)")
        }
        show(table.text)
        show("Load after: \(machineLoad()).\n")
    }
}
