import Correlation
import Dispatch
import Journal
import OTLP
import Synchronization
import Transport
import Wire

/// Measures the parts of a span's way in this process, one after the other, on the same requests as the end-to-end runs.
/// Each value is CPU time of the thread (or, for the journal, of the threads) that does the part, without what feeds it.
struct Bricks {
    var parent: String
    var rounds: Int
    var requestsPerRound: Int
    var spansPerRequest: Int
    private let keys = CompiledKeys(.defaults)

    init(parent: String, rounds: Int, requestsPerRound: Int, spansPerRequest: Int) {
        self.parent = parent
        self.rounds = rounds
        self.requestsPerRound = requestsPerRound
        self.spansPerRequest = spansPerRequest
    }

    func run() throws -> [Brick] {
        let services = RequestTemplate(
            .services, spans: spansPerRequest, traces: spansPerRequest / 20, executions: 0)
        let joined = RequestTemplate(
            .halfKestra, spans: spansPerRequest, traces: spansPerRequest / 20, executions: 25)
        var bricks: [Brick] = []
        bricks += try transport(services, .grpc, "gRPC")
        bricks += try transport(services, .http1, "HTTP/1.1")
        bricks.append(try index(services, "index"))
        bricks.append(try index(joined, "index, half Kestra"))
        bricks.append(perRequest("fingerprint", services) { _ = Fingerprint.of($0) })
        bricks.append(try journal(services))
        bricks += try correlation(services, joined)
        for (name, coding) in [("gzip level 1", ContentCoding.gzip), ("zstd level 1", .zstd)] {
            bricks.append(
                perRequest(name, services) { _ = Compression.compress($0, coding: coding) })
        }
        for (name, coding) in [("inflate gzip", ContentCoding.gzip), ("inflate zstd", .zstd)] {
            bricks.append(
                perRequest(
                    name, services, prepare: { Compression.compress($0, coding: coding) },
                    { _ = try? Inflation.inflate($0, coding: coding, limit: 64 << 20) }))
        }
        bricks.append(perRequest("copy (memcpy)", services) { body in
            var copy: [UInt8] = []
            copy.reserveCapacity(body.count)
            WireWriter.copy(body, to: &copy)
        })
        return bricks
    }

    // MARK: On this thread

    private func requests(_ template: RequestTemplate, _ round: Int) -> [[UInt8]] {
        (0..<requestsPerRound).map { template.request(UInt64(round * requestsPerRound + $0 + 1)) }
    }

    private var spansPerRound: Double { Double(requestsPerRound * spansPerRequest) }

    /// Calls `measure` once for warming up and then once a round.
    private func repeated(_ name: String, _ measure: (Int) throws -> UInt64) rethrows -> Brick {
        var brick = Brick(name: name)
        for round in 0...rounds {
            let used = try measure(round)
            if round > 0 { brick.cost.add(Double(used) / 1_000 / spansPerRound) }
        }
        return brick
    }

    private func perRequest(
        _ name: String, _ template: RequestTemplate, prepare: ([UInt8]) -> [UInt8] = { $0 }, _ work: ([UInt8]) -> Void
    ) -> Brick {
        repeated(name) { round in
            let bodies = requests(template, round).map(prepare)
            let before = CPUTime.ofThread
            for body in bodies { work(body) }
            return CPUTime.ofThread - before
        }
    }

    private func index(_ template: RequestTemplate, _ name: String) throws -> Brick {
        try repeated(name) { round in
            let bodies = requests(template, round)
            let before = CPUTime.ofThread
            var found = 0
            for body in bodies { found += try SpanIndex(payload: body, keys: keys).spans.count }
            guard found == Int(spansPerRound) else { throw BenchError("the index finds \(found) spans") }
            return CPUTime.ofThread - before
        }
    }

    /// The correlator with requests in which nothing is Kestra's and with requests of which half is; then the rewriting of
    /// the latter, in which all spans of Kestra change, and the storing of what was learned, which the relay does once a
    /// second.
    private func correlation(_ services: RequestTemplate, _ joined: RequestTemplate) throws -> [Brick] {
        var forwarding = Brick(name: "correlate, nothing to join")
        var joining = Brick(name: "correlate, half Kestra bound")
        var rewriting = Brick(name: "rewrite, half of the spans")
        var storing = Brick(name: "store the state of executions")
        let correlator = Correlator(settings: .defaults)
        let scratch = try ScratchDirectory(in: parent)
        let catalog = try Catalog.open("\(scratch.path)/catalog.sqlite").catalog
        defer { catalog.close() }
        var record: UInt64 = 0
        for round in 0...rounds {
            func batches(_ template: RequestTemplate) throws -> [SpanBatch] {
                try requests(template, round).map { body in
                    record += 1
                    return SpanBatch(record: record, payload: body, index: try SpanIndex(payload: body, keys: keys))
                }
            }
            func correlate(_ batches: [SpanBatch]) -> (time: UInt64, releases: [Release]) {
                var releases: [Release] = []
                let before = CPUTime.ofThread
                for batch in batches {
                    correlator.receive(batch, now: batch.record)
                    for case .release(let release) in correlator.takeActions() { releases.append(release) }
                }
                return (CPUTime.ofThread - before, releases)
            }
            let plain = correlate(try batches(services))
            for request in 0..<requestsPerRound {
                let serial = UInt64(round * requestsPerRound + request + 1)
                for number in 0..<joined.executionCount {
                    let context = Traceparent(
                        traceID: RequestTemplate.traceID(serial, number), parentID: SpanID(raw: 1), flags: 1)
                    let call = BindingCall(
                        executionID: RequestTemplate.execution(serial, number), traceparent: context)
                    correlator.receive(call, record: record, now: record)
                }
            }
            _ = correlator.takeActions()
            let bound = correlate(try batches(joined))
            let before = CPUTime.ofThread
            var bytes = 0
            for release in bound.releases {
                guard let edits = release.edits else { continue }
                bytes += TraceRewriter.rewrite(
                    payload: release.batch.payload, index: release.batch.index, edits: edits, links: release.links).count
            }
            let rewritten = CPUTime.ofThread - before
            guard plain.releases.count == requestsPerRound, bytes > requestsPerRound * joined.byteCount else {
                throw BenchError("the correlator did not release everything at once, or did not change it")
            }
            let beforeStoring = CPUTime.ofThread
            try catalog.write(
                correlator.takeChangedState().map {
                    .put(id: $0.id, kind: $0.kind.rawValue, time: $0.time, body: $0.body)
                })
            let stored = CPUTime.ofThread - beforeStoring
            if round == 0 { continue }
            forwarding.cost.add(Double(plain.time) / 1_000 / spansPerRound)
            joining.cost.add(Double(bound.time) / 1_000 / spansPerRound)
            rewriting.cost.add(Double(rewritten) / 1_000 / spansPerRound)
            storing.cost.add(Double(stored) / 1_000 / spansPerRound)
        }
        return [forwarding, joining, rewriting, storing]
    }

    // MARK: With other threads

    /// The CPU time of the receiving and of the sending loop while requests go over the loopback.
    private func transport(_ template: RequestTemplate, _ wireProtocol: WireProtocol, _ name: String) throws -> [Brick] {
        let loop = try EventLoop(name: "intake")
        loop.start()
        defer { loop.stop() }
        let server = Server(loops: [loop], limits: .defaults, connectionLimit: 16)
        let port = try server.listen(name: "intake", host: "127.0.0.1", port: 0, handler: Discarding())
        let load = try LoadGenerator(wireProtocol: wireProtocol, port: port, connections: 4)
        defer { load.close() }
        var intake = Brick(name: "\(name) intake")
        var sending = Brick(name: "\(name) send")
        for round in 0...rounds {
            let bodies = requests(template, round)
            let before = (loop.threadTime, load.cpuTime)
            try load.sendTraces(bodies)
            let used = (loop.threadTime - before.0, load.cpuTime - before.1)
            if round == 0 { continue }
            intake.cost.add(Double(used.0) / 1_000 / spansPerRound)
            sending.cost.add(Double(used.1) / 1_000 / spansPerRound)
        }
        return [intake, sending]
    }

    private func journal(_ template: RequestTemplate) throws -> Brick {
        let scratch = try ScratchDirectory(in: parent)
        let journal = try Journal(settings: JournalSettings(directory: scratch.path + "/journal"), now: 1)
        defer { journal.close() }
        return try repeated("journal append and fdatasync") { round in
            let entries = try requests(template, round).map { body in
                let index = try SpanIndex(payload: body, keys: keys)
                return JournalEntry(
                    kind: .traces, time: 1, payload: body, keys: Array(Set(index.spans.map(\.traceID.low))),
                    fingerprint: Fingerprint.of(body))
            }
            let failure = Mutex<JournalError?>(nil)
            let stored = DispatchSemaphore(value: 0)
            let before = CPUTime.ofProcess
            for (position, entry) in entries.enumerated() {
                journal.append(entry) { result in
                    if case .failure(let error) = result { failure.withLock { $0 = error } }
                    stored.signal()
                }
                // As many wait for the disk at once as the end-to-end runs have in flight.
                if position >= 7 { stored.wait() }
            }
            for _ in 0..<min(7, entries.count) { stored.wait() }
            let used = CPUTime.ofProcess - before
            if let error = failure.withLock({ $0 }) { throw error }
            return used
        }
    }
}

/// Takes requests and throws them away.
private final class Discarding: RequestHandler {
    func admit(_ head: RequestHead) -> Admission { .accept(bodyLimit: 64 << 20) }

    func bodyTooLarge(_ head: RequestHead, limit: Int) -> Response { .http(413) }

    func handle(_ request: Request, responder: Responder) {
        responder.send(
            request.head.wireProtocol == .grpc ? .grpc(GRPCStatus(code: 0)) : .http(200))
    }
}
