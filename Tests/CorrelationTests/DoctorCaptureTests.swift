import CorrelationModel
import FoundationEssentials
import OTLP
import Testing

@testable import Correlation

/// What the doctor says about telemetry that was recorded from real systems.
@Suite struct DoctorCaptureTests {
    /// What a recording of one system alone shows, or one without the tee, whatever else is right.
    private static let ofKestraAlone: Set<FindingCode> = [.portariumSilent, .parentsMissing]
    private static let ofPortariumAlone: Set<FindingCode> = [.kestraSilent]

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "EndToEndTests/Captures")

    private static func names(_ system: String) -> [String] {
        let root = folder.appending(path: system)
        return ((try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []).sorted().map { "\(system)/\($0)" }
    }

    /// Plays a recording at the speed of its arrival, waits for six minutes and asks.
    private func diagnose(_ name: String, tee: Bool) throws -> DoctorReport {
        let folder = Self.folder.appending(path: name)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        let keys = AttributeKeys.defaults
        let correlator = Correlator(settings: .defaults)
        let times = try names.filter { $0.hasSuffix(".meta.json") }.compactMap {
            Self.arrival(try JSONValue.parse(Array(Data(contentsOf: folder.appending(path: $0)))))
        }
        var now = times.min() ?? 1_795_516_000 * second
        let doctor = Doctor(origins: keys.origins, asksKestra: false, now: now)
        func bytes(_ file: String) throws -> [UInt8] { Array(try Data(contentsOf: folder.appending(path: file))) }
        if tee {
            for file in names where file.hasPrefix("cloudevent-") {
                let parsed = try CloudEvent.parse(
                    contentType: "application/cloudevents+json", headers: [], body: bytes(file))
                for event in parsed {
                    correlator.receive(event, record: 1, now: now)
                    doctor.observe(event, now: now)
                }
            }
        }
        var record: UInt64 = 1
        for file in names where file.hasSuffix(".pb") {
            record += 1
            let meta = try JSONValue.parse(bytes("\(file.dropLast(3)).meta.json"))
            if let time = Self.arrival(meta) { now = max(now, time) }
            let payload = try bytes(file)
            if file.contains("-metrics-") { doctor.observe(metrics: payload, now: now) }
            guard file.contains("-traces-"), let index = try? SpanIndex(payload: payload, keys: keys) else { continue }
            let batch = SpanBatch(record: record, payload: payload, index: index)
            correlator.receive(batch, now: now)
            doctor.observe(batch, now: now)
            _ = correlator.takeActions()
            if doctor.isReviewDue(now: now) { doctor.review(correlator, facts: DoctorFacts(), now: now) }
        }
        for _ in 0..<36 {
            now += 10 * second
            correlator.tick(now: now)
            _ = correlator.takeActions()
            doctor.review(correlator, facts: DoctorFacts(), now: now)
        }
        return doctor.report(now: now)
    }

    private static func arrival(_ meta: JSONValue) -> UInt64? {
        meta["received_unix_ns"]?.integer.flatMap { UInt64(exactly: $0) }
    }

    private func found(_ name: String, tee: Bool) throws -> Set<FindingCode> {
        Set(try diagnose(name, tee: tee).findings.map(\.code))
    }

    @Test(
        "nothing is found where both systems are set up well and the events are told",
        arguments: ["1.3.31/p03", "1.3.31/p05", "1.3.31/p07", "2.0.0/p03", "2.0.0/p06"])
    func right(_ name: String) throws {
        #expect(try found("joint/\(name)", tee: true) == [])
        #expect(try found("joint/\(name)", tee: false) == [.noEventIDs])
    }

    @Test("a call without a header is found, a made-up traceparent and one that is not sampled too")
    func wrong() throws {
        for version in ["1.3.31", "2.0.0"] {
            let report = try diagnose("joint/\(version)/p04", tee: true)
            #expect(report.findings.map(\.code) == [.executionsUnjoined])
            #expect(report.findings.first?.count == 4 && report.findings.first?.total == 5)
            #expect(report.findings.first?.evidence.allSatisfy { $0.executionID != nil && $0.traceID != nil } == true)
        }
        #expect(try found("joint/1.3.31/p03-no-inbound", tee: true) == [.eventTraceUnknown])
        #expect(try found("joint/1.3.31/p03-unsampled", tee: true) == [.unsampled, .kestraSilent])
        #expect(try found("portarium/p04-propagators-none", tee: true) == [.eventTraceUnknown, .kestraSilent])
        #expect(
            try found("portarium/p18-odd-traceparent", tee: true)
                == [.eventTraceUnknown, .traceparentMalformed, .kestraSilent])
        #expect(try found("portarium/p17-nopreload", tee: true).isSuperset(of: [.nothingReceived]))
    }

    @Test("what Kestra alone sends shows that its callers are missing, and calls without header", arguments: ["1.3.31", "2.0.0"])
    func kestraAlone(_ version: String) throws {
        for name in Self.names("kestra/\(version)") where !name.hasSuffix("s18-not-sampled") {
            let found = try found(name, tee: false)
            let withoutHeader = ["s02", "s03", "s10"].contains { name.contains("/\($0)-") }
            #expect(found.contains(.executionsUnjoined) == withoutHeader, "\(name)")
            #expect(found.contains(.pollerNoise) == name.contains("s13-burst"), "\(name)")
            #expect(
                found.subtracting(Self.ofKestraAlone).subtracting([.executionsUnjoined, .pollerNoise]).isEmpty,
                "\(name): \(found)")
        }
    }

    @Test("what Portarium alone sends shows that Kestra is missing, and nothing else")
    func portariumAlone() throws {
        for name in Self.names("portarium") {
            guard !["no-inbound", "propagators-none", "p18", "unsampled", "p09", "p17", "json"].contains(where: name.contains)
            else { continue }
            #expect(try found(name, tee: true) == Self.ofPortariumAlone, "\(name)")
        }
    }
}
