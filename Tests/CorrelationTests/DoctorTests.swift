import CorrelationModel
import FoundationEssentials
import OTLP
import Testing

@testable import Correlation

/// A doctor and a correlator that are given the same, and a clock that only the test moves.
private final class Practice {
    let keys: AttributeKeys
    let correlator = Correlator(settings: .defaults)
    let doctor: Doctor
    var facts = DoctorFacts()
    var now: UInt64 = 100_000 * second
    private var record: UInt64 = 0

    init(origins: [OriginRule] = [], asksKestra: Bool = false) {
        var keys = AttributeKeys.defaults
        keys.origins += origins
        self.keys = keys
        doctor = Doctor(origins: keys.origins, asksKestra: asksKestra, now: now)
    }

    func receive(_ spans: TestSpan...) throws { try receive(spans) }

    func receive(_ spans: [TestSpan]) throws { try receive(payload: TestSpan.request(spans)) }

    func receive(payload: [UInt8]) throws {
        record += 1
        let batch = SpanBatch(record: record, payload: payload, index: try SpanIndex(payload: payload, keys: keys))
        correlator.receive(batch, now: now)
        _ = correlator.takeActions()
        doctor.observe(batch, now: now)
    }

    func receive(_ event: CloudEvent) {
        record += 1
        correlator.receive(event, record: record, now: now)
        doctor.observe(event, now: now)
    }

    func bind(_ call: BindingCall) {
        record += 1
        correlator.receive(call, record: record, now: now)
        doctor.observe(call, now: now)
    }

    /// Moves the clock, with a review every ten seconds.
    func wait(_ seconds: UInt64) {
        let end = now + seconds * second
        while now < end {
            now = min(now + 10 * second, end)
            correlator.tick(now: now)
            _ = correlator.takeActions()
            doctor.review(correlator, facts: facts, now: now)
        }
    }

    var report: DoctorReport { doctor.report(now: now) }

    var codes: Set<FindingCode> { Set(report.findings.map(\.code)) }

    func finding(_ code: FindingCode) -> Finding? { report.findings.first { $0.code == code } }
}

private let webhook = "/api/v1/main/executions/webhook/shop/order/key"

/// A call to Kestra's webhook as the caller sees it.
private func client(_ id: UInt64, in trace: UInt64, under parent: UInt64 = 0, path: String = webhook) -> TestSpan {
    var span = TestSpan.portarium(id, in: trace, under: parent, kind: 3)
    span.attributes.append(("url.path", path))
    return span.at(9 * second, 12 * second)
}

private func numbered(_ number: Int) -> String { "2kzTKuJQ7RfONVlsfMS\(100 + number)" }

@Suite struct DoctorTests {
    // MARK: Kestra's spans

    @Test("calls that start executions of which no span follows mean that kestra.traces.root is DISABLED; it passes when spans come")
    func tracesOff() throws {
        let practice = Practice()
        for n in 0..<5 as Range<UInt64> { try practice.receive(.server(10 + n, in: n + 1, under: 90, path: webhook)) }
        #expect(practice.finding(.kestraTracesOff) == nil, "the executions may follow")
        practice.wait(61)
        let finding = try #require(practice.finding(.kestraTracesOff))
        #expect(finding.severity == .problem && finding.count == 5)
        #expect(finding.evidence.first?.spanID == SpanID(raw: 10) && finding.evidence.first?.traceID == traceID(1))
        #expect(finding.remedies.contains { $0.place == .kestra && $0.setting == "kestra.traces.root" })
        try practice.receive(.executor(50, of: e1, in: 1, under: 10), .worker(51, of: e1, in: 1, under: 10))
        #expect(practice.finding(.kestraTracesOff) == nil && practice.report.checked.contains(.kestraTracesOff))
    }

    @Test("reading executions and other calls start nothing")
    func noStarts() throws {
        let practice = Practice()
        for n in 0..<20 as Range<UInt64> {
            try practice.receive(
                .server(10 + n, in: n + 1, path: "/api/v1/main/executions/2kzTKuJQ7RfONVlsfMSyQI", method: "GET"),
                .server(40 + n, in: n + 30, path: "/api/v1/main/executions/2kzTKuJQ7RfONVlsfMSyQI/resume"))
        }
        practice.wait(120)
        #expect(practice.codes.isDisjoint(with: [.kestraTracesOff, .executionsUnjoined, .tracesApart, .pollerNoise]))
    }

    @Test("WORKER spans that are all missing are told after five executions, and EXECUTOR spans")
    func partial() throws {
        for isExecutorOff in [false, true] {
            let practice = Practice()
            for n in 0..<6 {
                let (id, trace) = (UInt64(100 + n), UInt64(n + 1))
                try practice.receive(
                    .server(10 + trace, in: trace, under: 90),
                    isExecutorOff
                        ? .worker(id, of: numbered(n), in: trace, under: 10 + trace)
                        : .executor(id, of: numbered(n), in: trace, under: 10 + trace))
            }
            #expect(practice.finding(.kestraTracesPartial) == nil)
            practice.wait(61)
            #expect(practice.finding(.kestraTracesPartial)?.severity == (isExecutorOff ? .remark : .warning))
        }
    }

    @Test("a Kestra under a service name that nobody configured is named")
    func unknownService() throws {
        let practice = Practice()
        let server = TestSpan.server(1, in: 1, path: webhook)
        let request = { (scope: String, span: BuiltSpan) in
            SpanBuilder.request(resource: [("service.name", "flows")], scope: scope, version: "1", spans: [span])
        }
        try practice.receive(
            payload: request(
                "io.micronaut.http.server",
                BuiltSpan(
                    traceID: server.trace, spanID: server.id, parentSpanID: .none, name: server.name, kind: 2, start: 1,
                    end: 2, attributes: [("url.path", .string(webhook))], statusCode: 0))
                + request(
                    "kestra",
                    BuiltSpan(
                        traceID: server.trace, spanID: SpanID(raw: 2), parentSpanID: server.id, name: "EXECUTOR - x",
                        kind: 1, start: 1, end: 2, attributes: [("kestra.executionId", .string(e1))], statusCode: 0)))
        let finding = try #require(practice.finding(.kestraServiceUnknown))
        #expect(finding.evidence.first?.service == "flows")
        #expect(finding.remedies.first?.setting == "correlation.origins.kestra.services")
    }

    @Test("metrics that do not come are remarked after three minutes, and then come")
    func metrics() throws {
        let practice = Practice()
        try practice.receive(.executor(1, of: e1, in: 1), .worker(2, of: e1, in: 1))
        practice.doctor.observe(metrics: Array("jvm.memory.used".utf8), now: practice.now)
        practice.wait(170)
        #expect(!practice.codes.contains(.kestraMetricsMissing))
        practice.wait(20)
        #expect(practice.finding(.kestraMetricsMissing)?.severity == .remark)
        practice.doctor.observe(metrics: Array("..kestra.worker.started.count".utf8), now: practice.now)
        #expect(!practice.codes.contains(.kestraMetricsMissing))
    }

    // MARK: Traces

    @Test("a caller's span and Kestra's root of the same call are apart, in both orders of arrival", arguments: [false, true])
    func apart(serverFirst: Bool) throws {
        let practice = Practice()
        for n in 0..<5 as Range<UInt64> {
            let path = "\(webhook)\(n)"
            let server = TestSpan.server(100 + n, in: 20 + n, path: path)
            let executor = TestSpan.executor(200 + n, of: numbered(Int(n)), in: 20 + n, under: 100 + n)
            let call = client(10 + n, in: 1 + n, path: path)
            for spans in serverFirst ? [[server, executor], [call]] : [[call], [server, executor]] {
                try practice.receive(spans)
                practice.wait(5)
            }
        }
        practice.wait(60)
        let finding = try #require(practice.finding(.tracesApart))
        #expect(finding.severity == .problem && finding.count == 5 && finding.total == 5)
        #expect(finding.evidence.last?.traceID == traceID(24) && finding.evidence.last?.what.contains(traceID(5).hex) == true)
        #expect(practice.finding(.executionsUnjoined) == nil, "one cause is one finding")
        practice.wait(660)
        #expect(practice.finding(.tracesApart) == nil, "it fades")
    }

    @Test("calls whose header arrived are together, whoever else calls the same webhook without one")
    func together() throws {
        let practice = Practice()
        for n in 0..<6 as Range<UInt64> {
            try practice.receive(
                client(10 + n, in: 1 + n), .server(100 + n, in: 1 + n, under: 10 + n, path: webhook),
                .executor(200 + n, of: numbered(Int(n)), in: 1 + n, under: 100 + n))
        }
        for n in 0..<5 as Range<UInt64> {
            try practice.receive(
                .server(300 + n, in: 50 + n, path: webhook),
                .executor(400 + n, of: numbered(20 + Int(n)), in: 50 + n, under: 300 + n))
        }
        practice.wait(90)
        #expect(practice.finding(.tracesApart) == nil && practice.report.checked.contains(.tracesApart))
        let finding = try #require(practice.finding(.executionsUnjoined))
        #expect(finding.count == 5 && finding.total == 11)
        #expect(practice.report.checked.contains(.parentsMissing) && practice.report.checked.contains(.clockSkew))
    }

    @Test("a binding joins, and what is joined is no finding")
    func bound() throws {
        let practice = Practice()
        for n in 0..<5 as Range<UInt64> {
            try practice.receive(
                .server(100 + n, in: 20 + n, path: webhook),
                .executor(200 + n, of: numbered(Int(n)), in: 20 + n, under: 100 + n))
            practice.bind(
                BindingCall(
                    executionID: numbered(Int(n)),
                    traceparent: Traceparent(traceID: traceID(70 + n), parentID: SpanID(raw: 7), flags: 1)))
        }
        practice.wait(90)
        #expect(practice.finding(.executionsUnjoined) == nil && practice.report.checked.contains(.executionsUnjoined))
    }

    @Test("executions that a flow told about and of which no span comes are named, and unsampled traceparents")
    func missing() throws {
        let practice = Practice()
        try practice.receive(.executor(1, of: e1, in: 1))
        practice.bind(BindingCall(executionID: e1, state: "RUNNING"))
        for n in 0..<5 {
            practice.bind(
                BindingCall(
                    executionID: numbered(n),
                    traceparent: Traceparent(traceID: traceID(9), parentID: SpanID(raw: 7), flags: 0)))
        }
        practice.wait(130)
        #expect(practice.finding(.executionSpansMissing)?.count == 5)
        #expect(practice.finding(.executionSpansMissing)?.evidence.first?.executionID == numbered(0))
        #expect(practice.finding(.unsampled)?.count == 5)
    }

    @Test("Kestra's record with an unsampled traceParent tells why there are no spans")
    func unsampledRecord() {
        let practice = Practice()
        var report = ReportedExecution(executionID: e1)
        report.nativeContext = Traceparent("00-7cd4c694e538fd34a0848c8a72f6b814-209205af46df1dbc-00")
        practice.doctor.observe(report, now: practice.now)
        #expect(practice.finding(.unsampled) == nil, "one case needs a minute")
        #expect(practice.report.unjudged.contains { $0.code == .unsampled })
        practice.wait(61)
        #expect(practice.finding(.unsampled)?.evidence.first?.executionID == e1)
    }

    @Test("parents that never come are remarked, those that come late or came before are not")
    func parents() throws {
        let practice = Practice()
        try practice.receive(client(1, in: 1))
        try practice.receive(
            .server(11, in: 1, under: 1, path: webhook), .server(12, in: 2, under: 2, path: webhook),
            .server(13, in: 3, under: 3, path: webhook))
        practice.wait(20)
        try practice.receive(.portarium(2, in: 2))
        practice.wait(50)
        #expect(practice.finding(.parentsMissing) == nil)
        practice.wait(70)
        let finding = try #require(practice.finding(.parentsMissing))
        #expect(finding.count == 1 && finding.total == 3 && finding.evidence.first?.spanID == SpanID(raw: 13))
    }

    // MARK: Clocks

    @Test("a call that is taken in before it is made shows that clocks differ")
    func skew() throws {
        let practice = Practice()
        for n in 0..<5 as Range<UInt64> {
            try practice.receive(
                client(10 + n, in: 1 + n),
                .server(100 + n, in: 1 + n, under: 10 + n, path: webhook).at(8 * second, 9 * second))
        }
        practice.wait(20)
        let finding = try #require(practice.finding(.clockSkew))
        #expect(finding.count == 5 && finding.evidence.first?.what.contains("1000 ms before") == true)
    }

    @Test("spans of the future show a clock that is ahead; five seconds are forgiven")
    func ahead() throws {
        let practice = Practice()
        try practice.receive(TestSpan.shop(1, in: 1).at(practice.now, practice.now + 4 * second))
        #expect(practice.doctor.cases[.clockAhead] == nil)
        for n in 2..<8 as Range<UInt64> {
            try practice.receive(TestSpan.shop(n, in: n).at(practice.now, practice.now + 9 * second))
        }
        #expect(practice.finding(.clockAhead)?.evidence.first?.service == "shop")
        practice.wait(660)
        #expect(practice.finding(.clockAhead) == nil)
    }

    // MARK: Noise and names

    @Test("many traces of pollers are a remark")
    func pollers() throws {
        let practice = Practice()
        for n in 0..<100 as Range<UInt64> {
            try practice.receive(
                .server(1000 + n, in: 1000 + n, path: "/api/v1/main/executions/2kzTKuJQ7RfONVlsfMSyQI", method: "GET"))
        }
        #expect(practice.finding(.pollerNoise)?.remedies.first?.setting == "otel.exclusions")
    }

    @Test("spans that come twice are counted, however they are batched")
    func duplicates() throws {
        let practice = Practice()
        let spans = (1...60).map { TestSpan.shop(UInt64($0) &* 0x9E37_79B9_7F4A_7C15, in: 1) }
        try practice.receive(spans)
        #expect(practice.finding(.duplicateSpans) == nil)
        try practice.receive(Array(spans.reversed()))
        #expect(practice.finding(.duplicateSpans)?.count == 60)
    }

    @Test("senders without a name and two systems under one are told")
    func services() throws {
        let practice = Practice()
        func send(_ service: String, _ scope: String, _ id: UInt64) throws {
            try practice.receive(
                payload: SpanBuilder.request(
                    resource: [("service.name", service)], scope: scope, version: "1",
                    spans: [
                        BuiltSpan(
                            traceID: traceID(id), spanID: SpanID(raw: id), parentSpanID: .none, name: "x", kind: 1, start: 1,
                            end: 2, attributes: [], statusCode: 0)
                    ]))
        }
        for n in 0..<5 as Range<UInt64> { try send("unknown_service:node", "undici", 10 + n) }
        #expect(practice.finding(.serviceUnnamed)?.evidence.first?.what == "service.name is unknown_service:node")
        #expect(practice.finding(.serviceShared) == nil)
        try send("main", "kestra", 20)
        try send("main", "portarium.application", 21)
        #expect(practice.finding(.serviceShared)?.evidence.first?.what == "service 'main' counts as portarium and kestra")
    }

    @Test("a configured system of which nothing comes is named after five minutes")
    func silentOrigin() throws {
        let shop = OriginRule(name: "shop", role: .bystander, scopes: [], services: ["shop"])
        let depot = OriginRule(name: "depot", role: .bystander, scopes: [], services: ["depot"])
        let practice = Practice(origins: [shop, depot])
        try practice.receive(.shop(1, in: 1))
        practice.wait(290)
        #expect(practice.codes.isEmpty)
        practice.wait(20)
        #expect(practice.codes == [.originSilent, .kestraSilent, .portariumSilent])
        #expect(practice.finding(.originSilent)?.evidence.map(\.what) == ["nothing fits correlation.origins.depot"])
    }

    @Test("a relay that nothing reaches says so after five minutes, and nothing else")
    func nothing() {
        let practice = Practice()
        #expect(practice.codes.isEmpty && practice.report.unjudged.contains { $0.code == .nothingReceived })
        practice.wait(301)
        #expect(practice.codes == [.nothingReceived])
    }

    // MARK: Others' counters

    @Test("conflicts of tenants, misplaced requests and failures of the Kestra API are read from their counters")
    func counters() throws {
        let practice = Practice(asksKestra: true)
        try practice.receive(.shop(1, in: 1))
        practice.facts.ambiguousEvents = 4
        practice.facts.tenantRefusals = 2
        practice.facts.misplacedRequests = 9
        var lookups = DoctorFacts.Lookups()
        lookups.unavailable = 5
        lookups.isPaused = true
        lookups.lastFailure = "kestra:8080: HTTP 401."
        practice.facts.lookups = lookups
        practice.wait(10)
        #expect(practice.codes == [.tenantConflicts, .wrongPort, .kestraAPIFailing])
        #expect(practice.finding(.tenantConflicts)?.count == 6)
        #expect(practice.finding(.kestraAPIFailing)?.evidence.first?.what == "kestra:8080: HTTP 401.")
        lookups.isPaused = false
        lookups.found = 20
        practice.facts.lookups = lookups
        practice.wait(10)
        #expect(practice.finding(.kestraAPIFailing) == nil)
    }

    // MARK: Limits, texts

    @Test("samples are bounded, and what does not fit is left out without a false finding")
    func limits() throws {
        let practice = Practice()
        for n in 0..<3000 as Range<UInt64> {
            try practice.receive(
                client(10_000 + n, in: 1 + n), .server(20_000 + n, in: 5000 + n, path: webhook),
                .executor(30_000 + n, of: "2kzTKuJQ7RfONVlsf\(10_000 + n)", in: 5000 + n, under: 20_000 + n))
            practice.bind(BindingCall(executionID: "x\(n)"))
        }
        let doctor = practice.doctor
        #expect(doctor.clients.count == Doctor.sampleLimit && doctor.roots.count == Doctor.sampleLimit)
        #expect(doctor.executions.count == Doctor.sampleLimit && doctor.bindings.count == Doctor.sampleLimit)
        practice.wait(120)
        #expect(practice.finding(.tracesApart) == nil, "the samples are not complete")
        #expect(doctor.clients.isEmpty && doctor.roots.isEmpty && doctor.executions.isEmpty && doctor.bindings.isEmpty)
        #expect(practice.report.findings.allSatisfy { $0.evidence.count <= 3 })
    }

    @Test("every code is in the report once, and its JSON is well-formed")
    func report() throws {
        let practice = Practice()
        try practice.receive(.server(1, in: 1, path: webhook), .executor(2, of: e1, in: 1, under: 1))
        practice.wait(90)
        let report = practice.report
        let codes = report.findings.map(\.code) + report.checked + report.unjudged.map(\.code)
        #expect(codes.count == FindingCode.allCases.count && Set(codes).count == codes.count)
        var writer = JSONWriter()
        report.write(to: &writer)
        let json = try JSONValue.parse(writer.bytes)
        let finding = json["findings"]?.array?.first { $0["code"]?.string == "executions_unjoined" }
        #expect(finding?["evidence"]?.array?.first?["executionId"]?.string == e1)
        #expect(finding?["docs"]?.string == "docs/set-up.md#executions_unjoined")
        #expect(json["spans"]?.integer == 2)
    }

    @Test("every finding has a section in docs/set-up.md, a text and a remedy")
    func documentation() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/set-up.md")
        let lines = Set(String(decoding: try Data(contentsOf: file), as: UTF8.self).split(separator: "\n").map(String.init))
        for code in FindingCode.allCases {
            #expect(lines.contains("### \(code.rawValue)"), "\(code.docs)")
            #expect(!code.title.isEmpty && !code.explanation.isEmpty && !code.remedies.isEmpty)
            for remedy in code.remedies { #expect(!remedy.setting.isEmpty && !remedy.example.isEmpty) }
        }
    }
}
