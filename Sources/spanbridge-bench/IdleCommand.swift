import Glibc
import Transport

/// `spanbridge-bench idle`: what the relay costs while nobody sends anything.
struct IdleCommand {
    var arguments: Arguments
    private static let connections = 400
    private static let seconds: UInt32 = 10

    func run() throws {
        let sink = try CountingSink()
        defer { sink.stop() }
        let subject = try RelaySettings(durability: "fsync", compression: "none")
            .start(program: try arguments.relay(), sinkPort: sink.listen(), in: arguments.parentDirectory)
        defer { subject.process.stop() }
        var table = Table("idle", "CPU µs a second", "memory MiB", "KiB a connection")
        let alone = try measure(subject)
        table.add("no connection", alone.cpu, decimal(Double(alone.memory) / 1_048_576, places: 1), "-")
        for (wireProtocol, name) in [(WireProtocol.grpc, "gRPC"), (.http1, "HTTP/1.1")] {
            let port = wireProtocol == .grpc ? subject.grpcPort : subject.httpPort
            let before = subject.process.memory
            let load = try LoadGenerator(wireProtocol: wireProtocol, port: port, connections: Self.connections)
            defer { load.close() }
            // A request on each, so that all are open and have done something.
            let template = RequestTemplate(.services, spans: 10, traces: 1, executions: 0)
            try load.sendTraces((0..<Self.connections).map { template.request(UInt64($0 + 1)) })
            let open = try measure(subject)
            let more = Double(max(0, open.memory - before)) / 1_024 / Double(Self.connections)
            table.add(
                "\(Self.connections) connections, \(name)", open.cpu, decimal(Double(open.memory) / 1_048_576, places: 1),
                decimal(more, places: 1))
        }
        show(table.text)
    }

    private func measure(_ subject: Subject) throws -> (cpu: String, memory: Int) {
        sleep(2)
        let before = try subject.process.cpuTime()
        sleep(Self.seconds)
        let used = try subject.process.cpuTime() - before
        return (decimal(Double(used) / 1_000 / Double(Self.seconds), places: 0), subject.process.memory)
    }
}
