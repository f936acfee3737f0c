import Glibc
import Transport

/// `spanbridge-bench idle`: what the relay costs while nobody sends anything.
struct IdleCommand {
    var arguments: Arguments
    private static let connections = 400
    private static let seconds: UInt32 = 10

    func run() throws {
        var table = Table("idle", "CPU µs a second", "memory MiB", "KiB a connection")
        try run(nil, &table)
        try run(Certificate(in: arguments.parentDirectory), &table)
        show(table.text)
    }

    private func run(_ certificate: Certificate?, _ table: inout Table) throws {
        let sink = try CountingSink(tls: certificate?.server())
        defer { sink.stop() }
        var settings = RelaySettings(durability: "fsync", compression: "none")
        settings.certificate = certificate
        let subject = try settings.start(program: try arguments.relay(), sinkPort: sink.listen(), in: arguments.parentDirectory)
        defer { subject.process.stop() }
        let suffix = certificate == nil ? "" : ", TLS"
        let alone = try measure(subject)
        table.add("no connection\(suffix)", alone.cpu, decimal(Double(alone.memory) / 1_048_576, places: 1), "-")
        for (wireProtocol, name) in [(WireProtocol.grpc, "gRPC"), (.http1, "HTTP/1.1")] {
            let port = wireProtocol == .grpc ? subject.grpcPort : subject.httpPort
            // What requests leave behind is there before the connections are.
            try send(over: 4, wireProtocol, port, certificate).close()
            sleep(2)
            let before = subject.process.memory
            let load = try send(over: Self.connections, wireProtocol, port, certificate)
            defer { load.close() }
            let open = try measure(subject)
            let more = Double(max(0, open.memory - before)) / 1_024 / Double(Self.connections)
            table.add(
                "\(Self.connections) connections, \(name)\(suffix)", open.cpu,
                decimal(Double(open.memory) / 1_048_576, places: 1), decimal(more, places: 1))
        }
    }

    /// Sends as many small requests as there are connections to be measured, over so many.
    private func send(
        over connections: Int, _ wireProtocol: WireProtocol, _ port: Int, _ certificate: Certificate?
    ) throws -> LoadGenerator {
        let load = try LoadGenerator(
            wireProtocol: wireProtocol, port: port, connections: connections, tls: certificate?.client())
        let template = RequestTemplate(.services, spans: 10, traces: 1, executions: 0)
        try load.sendTraces((0..<Self.connections).map { template.request(UInt64($0 + 1)) })
        return load
    }

    private func measure(_ subject: Subject) throws -> (cpu: String, memory: Int) {
        sleep(2)
        let before = try subject.process.cpuTime()
        sleep(Self.seconds)
        let used = try subject.process.cpuTime() - before
        return (decimal(Double(used) / 1_000 / Double(Self.seconds), places: 0), subject.process.memory)
    }
}
