import OTLP
import Testing
import Wire

@Suite struct RequestHalvesTests {
    /// Each record with all that is around it, as protobuf-c reads it, in order.
    private func records(_ payload: [UInt8], _ message: OTLPMessage) throws -> [String] {
        let root = try JSONValue.parse(OTLPJSON.decode(protobuf: payload, message: message))
        let path: [String]
        switch message {
        case .metricsRequest: path = ["resourceMetrics", "scopeMetrics", "metrics"]
        case .logsRequest: path = ["resourceLogs", "scopeLogs", "logRecords"]
        default: path = ["resourceSpans", "scopeSpans", "spans"]
        }
        return leaves(of: root, path[...], envelope: "", points: message == .metricsRequest)
    }

    private func leaves(of value: JSONValue, _ path: ArraySlice<String>, envelope: String, points: Bool) -> [String] {
        guard case .object(let members) = value else { return [] }
        if let name = path.first {
            let around = envelope + "\(members.filter { $0.key != name })"
            return (value[name]?.array ?? []).flatMap {
                leaves(of: $0, path.dropFirst(), envelope: around, points: points)
            }
        }
        guard points else { return [envelope + "\(value)"] }
        let data = members.filter { $0.value["dataPoints"] != nil }
        let around = envelope + "\(members.filter { $0.value["dataPoints"] == nil })"
        return data.flatMap { member in
            leaves(of: member.value, ["dataPoints"], envelope: around + member.key, points: false)
        }
    }

    /// Cuts until nothing can be cut.
    private func pieces(of payload: [UInt8], _ signal: Signal) throws -> [(payload: [UInt8], records: Int?)] {
        var pieces: [(payload: [UInt8], records: Int?)] = []
        var rest: [(payload: [UInt8], records: Int?)] = [(payload, nil)]
        while let next = rest.popLast() {
            if let halves = try RequestHalves(of: next.payload, signal: signal) {
                if let records = next.records { #expect(halves.first.records + halves.second.records == records) }
                rest.append((halves.second.payload, halves.second.records))
                rest.append((halves.first.payload, halves.first.records))
            } else {
                pieces.append(next)
            }
        }
        return pieces
    }

    private func metrics(_ data: UInt32, points: Int) -> [UInt8] {
        message(10) { resource in
            resource += message(10) { $0 += attribute(10, "service.name", .string("x")) }
            resource += message(18) { scope in
                scope += message(10) { $0 += field(10, "lib") }
                scope += message(18) { metric in
                    metric += field(10, "name")
                    metric += message(data) { list in
                        for number in 0..<points {
                            list += message(10) { point in
                                WireWriter.fixed64(25, UInt64(number + 1), to: &point)
                                point += attribute(data == 74 ? 74 : data == 82 ? 10 : 58, "a", .string("a longer text"))
                            }
                        }
                        if data == 58 { WireWriter.varint(16, 2, to: &list) }
                    }
                    metric += field(26, "s") + unknownField
                }
                scope += field(26, "https://opentelemetry.io/schemas/1.29.0")
            }
        }
    }

    @Test("the pieces hold the same records in the same envelopes and order, of traces")
    func traces() throws {
        for seed in UInt64(0)..<200 {
            var maker = RequestMaker(seed: seed)
            let payload = maker.request()
            let pieces = try pieces(of: payload, .traces)
            let cut = try pieces.flatMap { try #require(Oracle.spans($0.payload)) }
            #expect(cut == Oracle.spans(payload), "seed \(seed)")
            #expect(pieces.reduce(0) { $0 + $1.payload.count } <= 4 * payload.count, "seed \(seed)")
        }
    }

    @Test("and of metrics down to single points, and of logs", arguments: [UInt32(42), 58, 74, 82, 90])
    func metricsAndLogs(data: UInt32) throws {
        let payload = metrics(data, points: 40) + metrics(42, points: 3)
        let cut = try pieces(of: payload, .metrics)
        #expect(cut.count > 10)
        #expect(try cut.flatMap { try records($0.payload, .metricsRequest) } == records(payload, .metricsRequest))
        #expect(cut.compactMap(\.records).reduce(0, +) == 43)
        let logs = message(10) { resource in
            resource += message(18) { scope in
                for number in 0..<10 {
                    scope += message(18) { $0 += field(26, "text \(number)") + attribute(50, "k", .int(Int64(number))) }
                }
            }
        }
        let lines = try pieces(of: logs, .logs)
        #expect(lines.count == 10 && lines.allSatisfy { $0.records == 1 })
        #expect(try lines.flatMap { try records($0.payload, .logsRequest) } == records(logs, .logsRequest))
    }

    @Test("about half of the bytes are on each side")
    func balance() throws {
        let payload = request((1...64).map { TestSpan(spanID: SpanID(raw: $0)) })
        let halves = try #require(try RequestHalves(of: payload, signal: .traces))
        #expect(halves.first.records == 32 && halves.second.records == 32)
        let large = TestSpan(extra: field(26, String(repeating: "x", count: 5_000)))
        let uneven = try #require(try RequestHalves(of: request([large, TestSpan(), TestSpan()]), signal: .traces))
        #expect(uneven.first.records == 1 && uneven.second.records == 2)
    }

    @Test("one record is not cut, nor what would mostly be repeated, nor a metric with two kinds of data")
    func whole() throws {
        #expect(try RequestHalves(of: request([TestSpan()]), signal: .traces) == nil)
        #expect(try RequestHalves(of: [], signal: .traces) == nil)
        let heavy = request(service: String(repeating: "x", count: 1_000), [TestSpan(), TestSpan()])
        #expect(try RequestHalves(of: heavy, signal: .traces) == nil)
        let both = message(10) { resource in
            resource += message(18) { scope in
                scope += message(18) { metric in
                    for tag: UInt32 in [42, 58] { metric += message(tag) { $0 += message(10) { $0 += unknownField } } }
                }
            }
        }
        #expect(try RequestHalves(of: both, signal: .metrics) == nil)
    }

    @Test("every prefix and every changed byte is refused or cut, never fatal")
    func hostile() {
        for (payload, signal) in [(request([TestSpan(), TestSpan()]), Signal.traces), (metrics(58, points: 3), .metrics)] {
            ByteMutations.everyPrefixAndFlip(of: payload) { _ = try? RequestHalves(of: $0, signal: signal) }
        }
    }
}
