import Glibc
import Transport

/// `spanbridge-bench steady`: the durable, joining relay under a load that is even and far from what it can do.
struct SteadyCommand {
    var arguments: Arguments
    private static let seconds = 30
    /// Ten times a second so many requests of so many spans.
    private static let requests = 10
    private static let spans = 100

    func run() throws {
        let sink = try CountingSink()
        defer { sink.stop() }
        let subject = try RelaySettings(durability: "fsync", compression: "none")
            .start(program: try arguments.relay(), sinkPort: sink.listen(), in: arguments.parentDirectory)
        defer { subject.process.stop() }
        guard let api = subject.apiPort else { throw BenchError("the relay has no API") }
        let load = try LoadGenerator(wireProtocol: .grpc, port: subject.grpcPort, connections: 10)
        defer { load.close() }
        let template = RequestTemplate(.halfKestra, spans: Self.spans, traces: 5, executions: 2)
        let turns = Self.seconds * 10
        sink.expect(
            spans: turns * Self.requests * Self.spans, executionSpans: turns * Self.requests * template.executionCount)
        let before = try subject.process.cpuTime()
        let start = EventLoop.now()
        for turn in 0..<turns {
            let serials = (0..<Self.requests).map { UInt64(turn * Self.requests + $0 + 1) }
            if turn % 2 == 0 { try EndToEnd.bind(serials, template, api) }
            try load.sendTraces(serials.map(template.request))
            let next = start + UInt64(turn + 1) * 100_000_000
            let now = EventLoop.now()
            if next > now { usleep(UInt32((next - now) / 1_000)) }
        }
        let took = EventLoop.now() - start
        guard sink.wait(seconds: 20), sink.totals.mistakes == 0 else {
            throw BenchError("not everything came out: the sink has \(sink.totals.spans) spans")
        }
        let used = try subject.process.cpuTime() - before
        var table = Table("spans a second", "CPU % of a core", "peak MiB")
        table.add(
            grouped(Int(UInt64(sink.totals.spans) * 1_000_000_000 / took)),
            decimal(Double(used) / Double(took) * 100, places: 1),
            decimal(Double(subject.process.peakMemory) / 1_048_576, places: 1))
        show(table.text)
        show("Half Kestra; the binding calls of half of the executions included.\n")
    }
}
