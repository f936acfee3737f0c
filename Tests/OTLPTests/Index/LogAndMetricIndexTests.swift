import OTLP
import Testing
import Wire

@Suite struct LogAndMetricIndexTests {
    private let trace = bytes(1) + bytes(2)

    private func logs(_ records: [[UInt8]]) -> [UInt8] {
        message(10) { resource in
            resource += message(10) { $0 += attribute(10, "service.name", .string("kestra")) }
            resource += message(18) { scope in
                scope += message(10) { $0 += field(10, "lib") }
                for record in records { scope += field(18, record) }
            }
        }
    }

    private func record(trace: [UInt8] = [], span: [UInt8] = [], _ attributes: [(String, AttributeValue)] = [])
        -> [UInt8]
    {
        var body: [UInt8] = []
        WireWriter.fixed64(9, 0, to: &body)
        WireWriter.varint(16, 9, to: &body)
        body += field(26, "INFO") + message(42) { $0 += field(10, "text") }
        for (name, value) in attributes { body += attribute(50, name, value) }
        WireWriter.fixed32(69, 1, to: &body)
        body += field(74, trace) + field(82, span)
        WireWriter.fixed64(89, 77, to: &body)
        return body + unknownField
    }

    @Test("Records that belong to something are found, all are counted")
    func records() throws {
        let payload = logs([
            record(trace: trace, span: bytes(3)), record(), record(trace: [1, 2]),
            record(trace: [UInt8](repeating: 0, count: 16)), record([("executionId", .string("one"))]),
            record([("kestra.executionId", .string("two")), ("cloudevents.event_id", .string("e"))]),
            record(trace: trace, span: [1]), [],
        ])
        let index = try LogIndex(payload: payload)
        #expect(index.count == 8)
        #expect(index.records.map { text($0.execution, of: payload) } == ["", "one", "two", ""])
        #expect(index.records.map(\.spanID.raw) == [3, 0, 0, 0])
        #expect(index.records[0].traceID == TraceID(high: 1, low: 2) && index.records[0].time == 77)
        #expect(Array(payload[Int(index.records[3].traceIDOffset)...].prefix(16)) == trace)
        #expect(index.records[1].traceIDOffset == 0)
        #expect(index.evidence.count == 1 && index.evidence[0].owner == 2 && index.records[2].evidence == 0..<1)
        let patched = IDPatch.patch(payload: payload, at: [(index.records[0].traceIDOffset, TraceID(high: 8, low: 9))])
        #expect(try LogIndex(payload: patched).records[0].traceID == TraceID(high: 8, low: 9))
    }

    private var metrics: [UInt8] {
        func exemplar(_ tag: UInt32, _ trace: [UInt8], _ span: [UInt8]) -> [UInt8] {
            message(tag) { body in
                WireWriter.fixed64(17, 5, to: &body)
                WireWriter.fixed64(25, 5, to: &body)
                body += field(34, span) + field(42, trace) + attribute(58, "k", .string("v"))
            }
        }
        func metric(_ data: UInt32, _ exemplars: UInt32, _ attributes: UInt32) -> [UInt8] {
            message(18) { metric in
                metric += field(10, "name") + field(26, "s")
                metric += message(data) { points in
                    points += message(10) { point in
                        WireWriter.fixed64(25, 9, to: &point)
                        point += attribute(attributes, "a", .string("b")) + attribute(attributes, "n", .int(5))
                        if exemplars != 0 {
                            point += exemplar(exemplars, trace, bytes(4)) + exemplar(exemplars, [1], bytes(4))
                        }
                    }
                    points += message(10) { _ in }
                }
                metric += attribute(98, "meta", .bool(true))
            }
        }
        return message(10) { resource in
            resource += message(10) { $0 += attribute(10, "service.name", .string("x")) }
            resource += message(18) { scope in
                scope += metric(42, 42, 58) + metric(58, 42, 58) + metric(74, 66, 74) + metric(82, 90, 10)
                scope += metric(90, 0, 58)
            }
        }
    }

    @Test("Exemplars of all kinds of points are found, points and metrics counted")
    func exemplars() throws {
        let payload = metrics
        let index = try MetricIndex(payload: payload)
        #expect(index.metrics == 5 && index.dataPoints == 10)
        #expect(index.exemplars.count == 4)
        for exemplar in index.exemplars {
            #expect(exemplar.traceID == TraceID(high: 1, low: 2) && exemplar.spanID.raw == 4)
            #expect(Array(payload[Int(exemplar.traceIDOffset)...].prefix(16)) == trace)
        }
    }

    @Test("Every prefix and every changed byte of logs and metrics is refused or indexed, never fatal")
    func hostile() {
        let logs = logs([record(trace: trace, span: bytes(3), [("executionId", .string("one"))])])
        for payload in [logs, metrics] {
            for position in payload.indices {
                _ = try? LogIndex(payload: Array(payload.prefix(position)))
                _ = try? MetricIndex(payload: Array(payload.prefix(position)))
                for bit in 0..<8 {
                    var changed = payload
                    changed[position] ^= 1 << UInt8(bit)
                    _ = try? LogIndex(payload: changed)
                    _ = try? MetricIndex(payload: changed)
                }
            }
        }
    }
}
