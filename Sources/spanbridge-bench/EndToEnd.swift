import Correlation
import Glibc
import OTLP
import Transport

/// What is measured end to end: one row of the table.
struct Scenario {
    enum Kind {
        case spanbridge(durability: String, joins: Bool)
        case rotel(program: String)
    }

    var kind: Kind
    var intake: WireProtocol
    /// `none`, `gzip` or `zstd`.
    var compression: String
    var output = WireProtocol.http1
    /// Whether TLS is spoken on both sides.
    var hasTLS = false
    /// `threads.event_loops`; 0 is one a core.
    var loops = 0
    var connections = 4
    /// See `LoadGenerator`.
    var inFlight: Int?
    var spansPerRequest = 1_000
    var requestsPerRound = 30
    /// Executions that have come before the first round.
    var live = 0

    var title: String {
        switch kind {
        case .spanbridge(let durability, let joins):
            "\(durability == "fsync" ? "durable" : "memory")\(joins ? ", half Kestra, joined" : ", relayed")"
        case .rotel: "Rotel: memory, relayed"
        }
    }

    var joins: Bool { if case .spanbridge(_, true) = kind { true } else { false } }

    var isDurable: Bool { if case .spanbridge("fsync", _) = kind { true } else { false } }

    var path: String { "\(Self.name(intake)) → \(Self.name(output)) \(compression)\(hasTLS ? ", TLS" : "")" }

    private static func name(_ wireProtocol: WireProtocol) -> String { wireProtocol == .grpc ? "gRPC" : "HTTP/1.1" }

    /// Every combination that the documentation names.
    static func all(peer: String?) -> [Scenario] {
        var all: [Scenario] = []
        let codings = ["none", "gzip", "zstd"]
        for (durability, joins) in [("memory", false), ("fsync", false), ("fsync", true)] {
            for compression in codings {
                all.append(
                    Scenario(
                        kind: .spanbridge(durability: durability, joins: joins), intake: .grpc,
                        compression: compression))
            }
        }
        all.append(
            Scenario(kind: .spanbridge(durability: "fsync", joins: false), intake: .http1, compression: "none"))
        if let peer {
            // 0.0.1a15 compresses whatever it is told.
            all.append(Scenario(kind: .rotel(program: peer), intake: .grpc, compression: "gzip"))
        }
        return all
    }
}

/// What a scenario cost.
struct ScenarioResult {
    var scenario: Scenario
    /// CPU µs a span, a value a round.
    var cost = Samples()
    /// CPU µs a span of all rounds and of what the relay does afterwards: it stores what it has learned every few seconds.
    var wholeCost = 0.0
    var spans = 0
    var executionSpans = 0
    var peakMemory = 0
    /// Bytes that the sink was sent, and what they inflated to.
    var wireBytes = 0
    var bytes = 0
}

/// Runs the release binary as a process of its own between a load generator and a counting sink, both in this process.
struct EndToEnd {
    /// The relay's binary, and the directory in which journals are made.
    var program: String
    var parent: String
    var rounds: Int
    /// Executions in 1,000 spans of the joined scenario; of four, three are bound beforehand, one waits for the hold.
    private static let executions = 25
    /// In this time the relay has stored what it has learned, seconds.
    private static let afterwards: UInt32 = 7

    func run(_ scenario: Scenario) throws -> ScenarioResult {
        let certificate = scenario.hasTLS ? try Certificate(in: parent) : nil
        let sink = try CountingSink(tls: certificate?.server())
        defer { sink.stop() }
        let sinkPort = try sink.listen()
        let subject: Subject
        switch scenario.kind {
        case .spanbridge(let durability, _):
            subject = try RelaySettings(
                durability: durability, compression: scenario.compression, output: scenario.output,
                loops: scenario.loops, certificate: certificate
            ).start(program: program, sinkPort: sinkPort, in: parent)
        case .rotel(let peer):
            subject = try RotelPeer.start(
                program: peer, compression: scenario.compression, sinkPort: sinkPort, in: parent)
        }
        defer { subject.process.stop() }
        let load = try LoadGenerator(
            wireProtocol: scenario.intake, port: scenario.intake == .grpc ? subject.grpcPort : subject.httpPort,
            connections: scenario.connections, inFlight: scenario.inFlight, tls: certificate?.client())
        defer { load.close() }
        try crowd(scenario.live, subject, load, sink)
        let template = RequestTemplate(
            scenario.joins ? .halfKestra : .services, spans: scenario.spansPerRequest,
            traces: max(1, scenario.spansPerRequest / 20), executions: scenario.spansPerRequest * Self.executions / 1_000)

        var result = ScenarioResult(scenario: scenario)
        var start: UInt64 = 0
        var binding: UInt64 = 0
        // The first round fills caches and pools and is not counted.
        for round in 0...rounds {
            let serials = (0..<scenario.requestsPerRound).map { UInt64(round * scenario.requestsPerRound + $0 + 1) }
            if round == 1 { start = try subject.process.cpuTime() }
            if let api = subject.apiPort, scenario.joins {
                let before = try subject.process.cpuTime()
                try Self.bind(serials, template, api)
                if round > 0 { binding += try subject.process.cpuTime() - before }
            }
            let used = try measure(serials, template, subject, load, sink)
            let totals = sink.totals
            if round == 0 { continue }
            result.cost.add(Double(used) / 1_000 / Double(totals.spans))
            result.spans += totals.spans
            result.executionSpans += totals.executionSpans
            result.wireBytes += totals.wireBytes
            result.bytes += totals.bytes
        }
        if scenario.joins { sleep(Self.afterwards) }
        let whole = try subject.process.cpuTime() - start - binding
        result.wholeCost = Double(whole) / 1_000 / Double(max(result.spans, 1))
        result.peakMemory = subject.process.peakMemory
        return result
    }

    /// Sends executions of two spans each.
    private func crowd(_ count: Int, _ subject: Subject, _ load: LoadGenerator, _ sink: CountingSink) throws {
        let template = RequestTemplate(.halfKestra, spans: 1_000, traces: 1, executions: 250)
        let requests = UInt64(count / template.executionCount)
        // Other ids than those of the rounds.
        let first = UInt64(1) << 32
        let atOnce: UInt64 = 100
        for start in stride(from: 0, to: requests, by: Int(atOnce)) {
            let serials = (start..<min(start + atOnce, requests)).map { first + $0 }
            _ = try measure(serials, template, subject, load, sink)
        }
        // What was learned of so many is stored in pieces.
        if requests > atOnce { sleep(3 * Self.afterwards) }
    }

    /// One round: from before the first request until the sink has everything. Returns the CPU time of the relay.
    private func measure(
        _ serials: [UInt64], _ template: RequestTemplate, _ subject: Subject, _ load: LoadGenerator, _ sink: CountingSink
    ) throws -> UInt64 {
        let bodies = serials.map(template.request)
        let spans = template.spanCount * serials.count
        let executionSpans = template.executionCount * serials.count
        sink.expect(spans: spans, executionSpans: executionSpans)
        let before = try subject.process.cpuTime()
        try load.sendTraces(bodies)
        let isComplete = sink.wait(seconds: 20)
        let used = try subject.process.cpuTime() - before
        let totals = sink.totals
        let checksum = serials.reduce(0) { $0 &+ template.checksum($1) }
        guard isComplete, totals.spans == spans, totals.executionSpans == executionSpans, totals.checksum == checksum,
            totals.mistakes == 0
        else {
            throw BenchError(
                """
                not everything came out: the sink has \(totals.spans) of \(spans) spans and \(totals.executionSpans) of \
                \(executionSpans) execution spans, checksum \(totals.checksum) of \(checksum), \(totals.mistakes) \
                requests that cannot be read. The relay wrote:
                \(subject.process.output)
                """)
        }
        return used
    }

    /// Posts a binding for three of four executions, as their flows would.
    static func bind(_ serials: [UInt64], _ template: RequestTemplate, _ port: Int) throws {
        let api = try LoadGenerator(wireProtocol: .http1, port: port, connections: 16)
        defer { api.close() }
        var calls: [[UInt8]] = []
        for serial in serials {
            for number in 0..<template.executionCount where number % 4 != 3 {
                let context = Traceparent(
                    traceID: RequestTemplate.traceID(serial, number),
                    parentID: SpanID(raw: RequestTemplate.spanID(serial, number)), flags: 1)
                calls.append(
                    BindingCall(executionID: RequestTemplate.execution(serial, number), traceparent: context).encode())
            }
        }
        try api.send(calls, target: "/v1/bindings", headers: [HeaderField("content-type", "application/json")])
    }
}
