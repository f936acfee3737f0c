import Exporters
import Metrics
import OTLP
import Testing
import Transport

@Suite struct OTLPExporterTests {
    private func settings(
        _ wireProtocol: WireProtocol = .http1, _ change: (inout ExporterSettings) -> Void = { _ in }
    ) -> ExporterSettings {
        var settings = ExporterSettings(
            name: "otlp_http/backend", wireProtocol: wireProtocol, basePath: "/base/", version: "1.2.3")
        settings.queue.batchTimeout = 0
        change(&settings)
        return settings
    }

    private func item(_ payload: [UInt8], _ receipt: UInt64 = 0, _ signal: Signal = .traces) -> ExportItem {
        ExportItem(signal: signal, payload: payload, records: 1, receipts: [receipt])
    }

    private func exporter(
        _ settings: ExporterSettings, _ loop: FakeLoop, _ sender: FakeSender, _ ledger: Ledger = Ledger()
    ) -> OTLPExporter {
        OTLPExporter(
            settings: settings, loop: loop, sender: sender, random: FixedRandom(bits: 1 << 63),
            onFinished: { ledger.add($0) }, onFailure: { ledger.fail($0) })
    }

    // MARK: Requests

    @Test(
        "C-12, C-14: HTTP requests say what they are, gzipped or not",
        arguments: [ContentCoding.gzip, .zstd, .identity])
    func http(coding: ContentCoding) throws {
        let loop = FakeLoop()
        let sender = FakeSender()
        let exporter = exporter(
            settings {
                $0.compression = coding
                $0.headers = [HeaderField("Authorization", "Bearer x"), HeaderField("content-type", "text/plain")]
                $0.paths.logs = "own"
            }, loop, sender)
        let payload = [UInt8](repeating: 7, count: 1_000)
        for signal in Signal.allCases { #expect(exporter.submit(item(payload, 0, signal)) == .accepted) }
        loop.run()
        #expect(sender.requests.map(\.target) == ["/base/v1/traces", "/base/v1/metrics", "/own"])
        for request in sender.requests {
            func all(_ name: String) -> [String] { request.headers.filter { $0.name == name }.map(\.value) }
            #expect(request.method == "POST")
            #expect(all("content-type") == ["application/x-protobuf"])
            #expect(all("content-encoding") == (coding == .identity ? [] : [coding.name]))
            #expect(all("user-agent") == ["OTel-OTLP-Exporter-spanbridge/1.2.3"])
            #expect(all("authorization") == ["Bearer x"])
            #expect(!request.grpcCompressed)
            #expect(request.timeout == 10_000_000_000)
            #expect(try Inflation.inflate(request.body, coding: coding, limit: 1_000) == payload)
        }
        #expect(exporter.counters.payloadBytes == 3_000)
        #expect(exporter.counters.wireBytes == sender.requests.reduce(0) { $0 + $1.body.count })
    }

    @Test("gRPC requests go to the three services with metadata, encoding and timeout")
    func grpc() throws {
        let loop = FakeLoop()
        let sender = FakeSender()
        let exporter = exporter(
            settings(.grpc) {
                $0.headers = [HeaderField("X-Tenant", "a")]
                $0.timeout = 2_500_000_000
            }, loop, sender)
        for signal in Signal.allCases { _ = exporter.submit(item([1, 2, 3], 0, signal)) }
        loop.run()
        #expect(
            sender.requests.map(\.target) == [
                "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
                "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
                "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            ])
        let request = try #require(sender.requests.first)
        #expect(request.grpcCompressed)
        #expect(
            request.headers == [
                HeaderField("user-agent", "OTel-OTLP-Exporter-spanbridge/1.2.3"), HeaderField("grpc-timeout", "2500m"),
                HeaderField("grpc-encoding", "gzip"), HeaderField("x-tenant", "a"),
            ])
        #expect(try Inflation.inflate(request.body, coding: .gzip, limit: 10) == [1, 2, 3])
    }

    @Test("the path is the base and the signal's own with one slash between", arguments: [
        ("", "/v1/traces"), ("/", "/v1/traces"), ("/a", "/a/v1/traces"), ("a//", "/a/v1/traces"),
        ("/a/?key=x/", "/a/v1/traces?key=x/"),
    ])
    func paths(base: String, target: String) {
        let requests = ExportRequests(
            ExporterSettings(name: "x", wireProtocol: .http1, basePath: base, version: "1"))
        let dispatch = ExportQueueTests.dispatch()
        #expect(requests.request(for: dispatch).target == target)
    }

    // MARK: The door

    @Test("submit says full at the door, before the loop has run, and room comes back when items end")
    func full() {
        let loop = FakeLoop()
        let sender = FakeSender()
        let exporter = exporter(
            settings {
                $0.queue.queueBytes = 10
                $0.queue.queueItems = 3
            }, loop, sender)
        #expect(exporter.submit(item([1, 2, 3, 4, 5, 6])) == .accepted)
        #expect(exporter.submit(item([1, 2, 3, 4, 5])) == .full)
        #expect(exporter.submit(item([1, 2, 3])) == .accepted)
        #expect(exporter.submit(item([1])) == .accepted)
        #expect(exporter.submit(item([])) == .full)
        loop.run()
        sender.sent.first?.complete(FakeSender.http(200))
        #expect(exporter.submit(item([1, 2, 3, 4, 5, 6])) == .accepted)
        #expect(exporter.counters.refusedItems == 2)
        #expect(exporter.counters.refusedRecords.traces == 2)
    }

    @Test("many threads at the door never hold more than the limit, and nothing is lost")
    func threads() async {
        let loop = FakeLoop()
        let sender = FakeSender { _ in FakeSender.http(200) }
        let ledger = Ledger()
        let exporter = exporter(settings { $0.queue.queueBytes = 1_000 }, loop, sender, ledger)
        let accepted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    (0..<1_000).count { _ in exporter.submit(item([1, 2, 3, 4])) == .accepted }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(accepted <= 250)
        loop.run()
        #expect(ledger.finished.reduce(0) { $0 + $1.items } == accepted)
        #expect(exporter.counters.refusedItems == 4_000 - accepted)
        #expect(exporter.counters.queueItems == 0)
        #expect(exporter.submit(item([1])) == .accepted)
    }

    @Test("signals that are not exported are not taken")
    func disabled() {
        let exporter = exporter(settings { $0.signals = [.traces] }, FakeLoop(), FakeSender())
        #expect(exporter.submit(item([1], 0, .logs)) == .disabled)
    }

    // MARK: Sending

    @Test("small items are merged when the batch's time is over")
    func merging() {
        let loop = FakeLoop()
        let sender = FakeSender()
        let exporter = exporter(
            settings {
                $0.queue.batchTimeout = 200_000_000
                $0.compression = .identity
            }, loop, sender)
        _ = exporter.submit(item([1]))
        loop.advance(by: 100_000_000)
        _ = exporter.submit(item([2]))
        #expect(sender.requests.isEmpty)
        loop.advance(by: 99_999_999)
        #expect(sender.requests.isEmpty)
        loop.advance(by: 1)
        #expect(sender.requests.map(\.body) == [[1, 2]])
    }

    @Test("a backend that comes back gets the same request again", arguments: [
        FakeSender.http(503), FakeSender.grpc(14), .failure(.connect("refused")), .failure(.closed("reset")),
    ])
    func retry(failure: FakeSender.Answer) {
        let loop = FakeLoop()
        let sender = FakeSender()
        let ledger = Ledger()
        let exporter = exporter(settings { $0.queue.multiplier = 2 }, loop, sender, ledger)
        _ = exporter.submit(item([1, 2], 9))
        loop.run()
        sender.sent[0].complete(failure)
        loop.advance(by: seconds(4.9))
        #expect(sender.requests.count == 1)
        loop.advance(by: seconds(0.2))
        #expect(sender.requests.count == 2)
        sender.sent[1].complete(failure)
        loop.advance(by: seconds(9.8))
        #expect(sender.requests.count == 2)
        loop.advance(by: seconds(0.3))
        #expect(sender.requests.count == 3)
        #expect(Set(sender.requests.map(\.body)).count == 1)
        #expect(ledger.finished.isEmpty)
        #expect(exporter.counters.retries == 2)
        sender.sent[2].complete(FakeSender.http(200))
        #expect(ledger.finished.map(\.receipts) == [[9]])
        #expect(ledger.outcomes == [.delivered(rejected: 0)])
        #expect(ledger.failures.count == 2)
    }

    @Test("C-6: 400 is one attempt")
    func permanent() {
        let loop = FakeLoop()
        let sender = FakeSender { _ in FakeSender.http(400, body: Array("no".utf8)) }
        let ledger = Ledger()
        let exporter = exporter(settings(), loop, sender, ledger)
        _ = exporter.submit(item([1]))
        loop.advance(by: seconds(1_000))
        #expect(sender.requests.count == 1)
        #expect(ledger.outcomes == [.dropped(.refused)])
        #expect(exporter.counters.lastError == "HTTP status 400: no")
    }

    @Test("C-9, C-11: Retry-After silences the exporter")
    func retryAfter() {
        let loop = FakeLoop()
        let sender = FakeSender()
        let exporter = exporter(settings(), loop, sender)
        _ = exporter.submit(item([1]))
        loop.run()
        sender.sent[0].complete(FakeSender.http(429, [HeaderField("retry-after", "30")]))
        _ = exporter.submit(item([2]))
        loop.advance(by: seconds(29.9))
        #expect(sender.requests.count == 1)
        loop.advance(by: seconds(4))
        #expect(sender.requests.count == 3)
    }

    @Test("answers that come before send returns are taken in turn")
    func immediate() {
        let loop = FakeLoop()
        let sender = FakeSender { _ in FakeSender.http(200) }
        let ledger = Ledger()
        let exporter = exporter(
            settings {
                $0.queue.batchMaxBytes = 1
                $0.queue.consumers = 2
            }, loop, sender, ledger)
        for receipt in 0..<1_000 { _ = exporter.submit(item([1], UInt64(receipt))) }
        loop.run()
        #expect(ledger.finished.flatMap(\.receipts).sorted() == (0..<1_000).map { UInt64($0) })
    }

    // MARK: Shutting down

    @Test("C-4: draining sends what waits, closes the sender and says when it is done")
    func drain() {
        let loop = FakeLoop()
        let sender = FakeSender()
        let ledger = Ledger()
        let exporter = exporter(settings { $0.queue.batchTimeout = seconds(60) }, loop, sender, ledger)
        _ = exporter.submit(item([1], 1))
        loop.run()
        #expect(sender.requests.isEmpty)
        let done = Ledger()
        exporter.drain(deadline: loop.time + seconds(5)) { done.fail("done") }
        #expect(exporter.submit(item([2])) == .closed)
        loop.run()
        #expect(sender.requests.count == 1)
        #expect(done.failures.isEmpty)
        sender.sent[0].complete(FakeSender.http(200))
        #expect(done.failures == ["done"])
        #expect(sender.isClosed)
        #expect(ledger.outcomes == [.delivered(rejected: 0)])
    }

    @Test("C-4: a slow backend is given up at the deadline and the undelivered data is recorded")
    func drainDeadline() {
        let loop = FakeLoop()
        let sender = FakeSender()
        let ledger = Ledger()
        let exporter = exporter(settings(), loop, sender, ledger)
        _ = exporter.submit(item([1], 1))
        loop.run()
        let done = Ledger()
        exporter.drain(deadline: loop.time + seconds(5)) { done.fail("done") }
        loop.advance(by: seconds(4.9))
        #expect(done.failures.isEmpty)
        loop.advance(by: seconds(0.2))
        #expect(done.failures == ["done"])
        #expect(ledger.outcomes == [.dropped(.shutdown)])
        sender.sent[0].complete(FakeSender.http(200))
        #expect(ledger.outcomes == [.dropped(.shutdown)])
        let counters = exporter.counters.signals.traces
        #expect(counters.accounted == counters.accepted)
    }

    @Test("an exporter that holds nothing is drained at once")
    func drainEmpty() {
        let loop = FakeLoop()
        let done = Ledger()
        exporter(settings(), loop, FakeSender()).drain(deadline: seconds(100)) { done.fail("done") }
        loop.run()
        #expect(done.failures == ["done"])
    }

    // MARK: Metrics

    @Test("all series carry the exporter's name, and two exporters share the names")
    func metrics() {
        let loop = FakeLoop()
        let sender = FakeSender { _ in FakeSender.http(400) }
        let first = exporter(settings { $0.compression = .identity }, loop, sender)
        let second = exporter(settings { $0.name = "otlp/other" }, loop, sender)
        let registry = MetricRegistry()
        first.register(in: registry)
        second.register(in: registry)
        _ = first.submit(item([1, 2, 3]))
        loop.run()
        let text = String(decoding: ExpositionEncoder.encode(registry.scrape(), as: .text), as: UTF8.self)
        for line in [
            #"spanbridge_exporter_accepted_records_total{exporter="otlp_http/backend",signal="traces"} 1"#,
            #"spanbridge_exporter_dropped_records_total{exporter="otlp_http/backend",signal="traces",reason="refused"} 1"#,
            #"spanbridge_exporter_dropped_records_total{exporter="otlp/other",signal="traces",reason="refused"} 0"#,
            #"spanbridge_exporter_sent_records_total{exporter="otlp/other",signal="logs"} 0"#,
            #"spanbridge_exporter_queue_capacity_bytes{exporter="otlp/other"} 268435456"#,
            #"spanbridge_exporter_wire_bytes_total{exporter="otlp_http/backend"} 3"#,
        ] {
            #expect(text.contains("\n" + line + "\n"), "\(line)")
        }
    }
}

extension ExportQueueTests {
    /// A batch of one item.
    static func dispatch(_ payload: [UInt8] = [1]) -> Dispatch {
        Dispatch(id: 1, signal: .traces, payload: payload, records: 1, attempt: 1)
    }
}
