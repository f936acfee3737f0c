import Transport

/// `spanbridge-bench scaling`: the durable relay with requests, connections, threads and protocols of other kinds.
struct ScalingCommand {
    var arguments: Arguments

    func run() throws {
        let rounds = arguments.countedRounds
        let endToEnd = EndToEnd(program: try arguments.relay(), parent: arguments.parentDirectory, rounds: rounds)
        show("\(rounds) rounds after one for warming up, durable, relayed. Load before the run: \(machineLoad()).\n\n")
        var table = Table(
            "way", "spans a request", "connections", "at a time", "event loops", "CPU µs a span", "lowest to highest",
            "CPU µs a request", "peak MiB")
        for scenario in Self.scenarios {
            let senders = scenario.inFlight.map { " of \($0)" } ?? ""
            let name = "\(scenario.path), \(scenario.spansPerRequest) spans, \(scenario.connections) connections\(senders)"
            if let only = arguments.only, !name.contains(only) { continue }
            say("measuring \(name)")
            let result = try endToEnd.run(scenario)
            table.add(
                scenario.path, "\(scenario.spansPerRequest)", "\(scenario.connections)", scenario.inFlight.map { "\($0)" } ?? "",
                scenario.loops == 0 ? "one a core" : "\(scenario.loops)", decimal(result.cost.median, places: 2),
                result.cost.spread, decimal(result.cost.median * Double(scenario.spansPerRequest), places: 1),
                "\(result.peakMemory >> 20)")
        }
        show(table.text)
        show("Load after the run: \(machineLoad()).\n")
    }

    private static let scenarios: [Scenario] = {
        func scenario(
            _ intake: WireProtocol = .grpc, out: WireProtocol = .http1, tls: Bool = false, loops: Int = 0,
            connections: Int = 4, inFlight: Int? = nil, spans: Int = 1_000, requests: Int = 30
        ) -> Scenario {
            Scenario(
                kind: .spanbridge(durability: "fsync", joins: false), intake: intake, compression: "none", output: out,
                hasTLS: tls, loops: loops, connections: connections, inFlight: inFlight, spansPerRequest: spans,
                requestsPerRound: requests)
        }
        var all = [(10, 3_000), (100, 300), (1_000, 30), (10_000, 6)].map { scenario(spans: $0, requests: $1) }
        all += [WireProtocol.grpc, .http1].map { scenario($0, connections: 64, spans: 10, requests: 3_000) }
        all.append(scenario(connections: 4, inFlight: 16, spans: 10, requests: 3_000))
        all += [1, 16, 64, 256].map { scenario(connections: $0, spans: 100, requests: 600) }
        all += [1, 2].map { scenario(loops: $0) }
        all += [scenario(.http1), scenario(out: .grpc), scenario(tls: true), scenario(.http1, tls: true)]
        return all
    }()
}
