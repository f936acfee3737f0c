import Glibc
import Transport

/// `spanbridge-bench`: the relay end to end, then its parts.
struct MeasureCommand {
    var arguments: Arguments

    func run() throws {
        let parent = arguments.parentDirectory
        let rounds = arguments.countedRounds
        let (requests, spans) = (30, 1_000)
        let size = RequestTemplate(.services, spans: spans, traces: spans / 20, executions: 0).byteCount
        let joinedSize = RequestTemplate(.halfKestra, spans: spans, traces: spans / 20, executions: 25).byteCount
        show(
            """
            \(rounds) rounds after one for warming up; a round is \(requests) requests of \(spans) spans with 10 \
            attributes, \(size / spans) bytes a span (half Kestra: \(joinedSize / spans)), over 4 connections.
            Load before the run: \(machineLoad()).

            """)
        let endToEnd = EndToEnd(program: try arguments.relay(), parent: parent, rounds: rounds)
        var table = Table(
            "configuration", "way", "spans out", "CPU µs a span", "all rounds and after", "lowest to highest", "peak MiB",
            "sent/payload")
        var references: (relayed: Double?, joined: Double?)
        for scenario in Scenario.all(peer: arguments.peer) {
            if let only = arguments.only, !"\(scenario.title), \(scenario.path)".contains(only) { continue }
            say("measuring \(scenario.title), \(scenario.path)")
            let result = try endToEnd.run(scenario)
            if scenario.isDurable, scenario.intake == .grpc, scenario.compression == "gzip" {
                if scenario.joins { references.joined = result.cost.median } else { references.relayed = result.cost.median }
            }
            table.add(
                result.scenario.title, result.scenario.path, grouped(result.spans),
                decimal(result.cost.median, places: 2), decimal(result.wholeCost, places: 2), result.cost.spread,
                "\(result.peakMemory >> 20)",
                "\(decimal(Double(result.wireBytes) / Double(max(result.bytes, 1)), places: 2))")
        }
        show(table.text)
        show("Every round ended with each span at the sink once: their number and the sum of their ids agree.\n\n")
        if arguments.only == nil {
            say("measuring the parts")
            try showBricks(
                Bricks(parent: parent, rounds: rounds, requestsPerRound: requests, spansPerRequest: spans).run(),
                references)
        }
        show("Load after the run: \(machineLoad()).\n")
    }

    private func showBricks(_ bricks: [Brick], _ references: (relayed: Double?, joined: Double?)) {
        var table = Table("part", "CPU µs a span", "lowest to highest", "of durable gzip")
        for brick in bricks {
            let share = references.relayed.map { decimal(brick.cost.median / $0 * 100, places: 0) + " %" } ?? "-"
            table.add(brick.name, decimal(brick.cost.median, places: 3), brick.cost.spread, share)
        }
        show(table.text)
        for (title, cost, parts) in [
            (
                "durable relay", references.relayed,
                [
                    "gRPC intake", "index", "fingerprint", "journal append and fdatasync", "correlate, nothing to join",
                    "gzip level 1", "HTTP/1.1 send",
                ]
            ),
            (
                "joining relay", references.joined,
                [
                    "gRPC intake", "index, half Kestra", "fingerprint", "journal append and fdatasync",
                    "correlate, half Kestra bound", "rewrite, half of the spans", "store the state of executions",
                    "gzip level 1", "HTTP/1.1 send",
                ]
            ),
        ] {
            guard let cost else { continue }
            let sum = bricks.filter { parts.contains($0.name) }.reduce(0) { $0 + $1.cost.median }
            show(
                """
                The parts of the \(title) with gzip (\(parts.joined(separator: "; "))) add up to \
                \(decimal(sum, places: 2)) µs, \(decimal(sum / cost * 100, places: 0)) % of what it takes end to end.

                """)
        }
    }
}

/// The 1-minute load average, which tells whether the machine had something else to do.
func machineLoad() -> String { String(readText("/proc/loadavg").prefix { $0 != " " }) }

/// Where this program is.
func ownPath() throws -> String {
    var path = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count - 1)
    guard count > 0 else { throw BenchError("/proc/self/exe cannot be read") }
    return String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// What a command found out, on standard output.
func show(_ text: String) {
    print(text, terminator: "")
    fflush(nil)
}

/// How far it is, on standard error.
func say(_ text: String) {
    let line = Array("\(text)\n".utf8)
    _ = write(2, line, line.count)
}

/// A number with commas at the thousands.
func grouped(_ number: Int) -> String {
    var digits = String(number)
    var text = ""
    while digits.count > 3 {
        text = ",\(digits.suffix(3))\(text)"
        digits = String(digits.dropLast(3))
    }
    return digits + text
}
