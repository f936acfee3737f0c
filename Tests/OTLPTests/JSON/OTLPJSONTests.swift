import COTLP
import CProtobufC
import Foundation
import OTLP
import Testing

@Suite("OTLP/JSON")
struct OTLPJSONTests {
    /// A traces request with one span of these members.
    private func span(_ members: String) -> [UInt8] {
        Array(#"{"resourceSpans":[{"scopeSpans":[{"spans":[{\#(members)}]}]}]}"#.utf8)
    }

    /// What the same span is after going through protobuf, as JSON; the envelope is left out.
    private func through(_ members: String) throws -> String {
        let protobuf = try OTLPJSON.encodeProtobuf(json: span(members), message: .tracesRequest)
        let json = text(try OTLPJSON.decode(protobuf: protobuf, message: .tracesRequest))
        let start = #"{"resourceSpans":[{"scopeSpans":[{"spans":[{"#
        #expect(json.hasPrefix(start) && json.hasSuffix("}]}]}]}"))
        return String(json.dropFirst(start.count).dropLast(7))
    }

    private func value(_ json: String) throws -> String {
        let result = try through(#""attributes":[{"key":"k","value":\#(json)}]"#)
        return String(result.dropFirst(#""attributes":[{"key":"k","value":"#.count).dropLast(2))
    }

    private func refuses(_ members: String, _ field: String) {
        #expect {
            try OTLPJSON.encodeProtobuf(json: span(members), message: .tracesRequest)
        } throws: {
            guard case .value(field, _, _)? = $0 as? OTLPJSONError else { return false }
            return true
        }
    }

    @Test("J-1: ids are hex of either case, written in lower case")
    func ids() throws {
        #expect(
            try through(
                #""traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19b7ec3c1b174","parentSpanId":"","links":[{"traceId":"0A","spanId":"ff"}]"#
            )
                == #""traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","links":[{"traceId":"0a","spanId":"ff"}]"#
        )
        let metrics =
            #"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{"exemplars":[{"spanId":"AB","traceId":"CD"}]}]}}]}]}]}"#
        let protobuf = try OTLPJSON.encodeProtobuf(json: Array(metrics.utf8), message: .metricsRequest)
        #expect(
            text(try OTLPJSON.decode(protobuf: protobuf, message: .metricsRequest))
                == metrics.replacing("AB", with: "ab").replacing("CD", with: "cd"))
        let logs = #"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"0102","spanId":"03"}]}]}]}"#
        let encoded = try OTLPJSON.encodeProtobuf(json: Array(logs.utf8), message: .logsRequest)
        #expect(text(try OTLPJSON.decode(protobuf: encoded, message: .logsRequest)) == logs)
        refuses(#""traceId":"xyz""#, "traceId")
        refuses(#""spanId":"AAE=""#, "spanId")
        refuses(#""spanId":12"#, "spanId")
        refuses(#""traceId":"\#(String(repeating: "0", count: 66))""#, "traceId")
    }

    @Test("J-2: enums are taken as numbers and names, written as integers")
    func enums() throws {
        #expect(try through(#""kind":2,"status":{"code":"STATUS_CODE_ERROR"}"#) == #""kind":2,"status":{"code":2}"#)
        #expect(try through(#""kind":"SPAN_KIND_SERVER""#) == #""kind":2"#)
        #expect(try through(#""kind":"5""#) == #""kind":5"#)
        #expect(try through(#""kind":17"#) == #""kind":17"#)
        refuses(#""kind":"SPAN_KIND_X""#, "kind")
        refuses(#""kind":1.5"#, "kind")
        refuses(#""kind":{}"#, "kind")
    }

    @Test("J-3: unknown keys are ignored, nested too")
    func unknownKeys() throws {
        #expect(
            try through(
                #""foo":{"bar":[1,{"name":"x"}]},"name":"n","status":{"foo":null,"message":"m"},"deprecatedX":"y""#)
                == #""name":"n","status":{"message":"m"}"#)
    }

    @Test("J-4: keys are written in lowerCamelCase; snake_case is read")
    func keys() throws {
        #expect(
            try through(
                #""trace_id":"01","start_time_unix_nano":"1","dropped_attributes_count":2,"attributes":[{"key":"k","value":{"kvlist_value":{}}}]"#
            )
                == #""traceId":"01","startTimeUnixNano":"1","attributes":[{"key":"k","value":{"kvlistValue":{}}}],"droppedAttributesCount":2"#
        )
        #expect(try through(#""\u006eame":"n""#) == #""name":"n""#)
    }

    @Test("J-5: 64-bit integers are taken as strings and numbers, written as strings")
    func integers() throws {
        #expect(
            try through(#""startTimeUnixNano":1544712660000000000"#) == #""startTimeUnixNano":"1544712660000000000""#)
        #expect(
            try through(#""startTimeUnixNano":"1544712660000000000""#) == #""startTimeUnixNano":"1544712660000000000""#)
        #expect(try through(#""startTimeUnixNano":1.54471266e18"#) == #""startTimeUnixNano":"1544712660000000000""#)
        #expect(
            try through(#""startTimeUnixNano":"18446744073709551615""#)
                == #""startTimeUnixNano":"18446744073709551615""#)
        for good in ["-1", "9223372036854775807", "-9223372036854775808", "0"] {
            #expect(try value(#"{"intValue":\#(good)}"#) == #"{"intValue":"\#(good)"}"#)
            #expect(try value(#"{"intValue":"\#(good)"}"#) == #"{"intValue":"\#(good)"}"#)
        }
        for bad in [
            "1.5", "\"\"", "\" 1\"", "\"1x\"", "9223372036854775808", "-9223372036854775809", "true", "[1]", "\"0x1\"",
        ] {
            refuses(#""attributes":[{"value":{"intValue":\#(bad)}}]"#, "intValue")
        }
        refuses(#""startTimeUnixNano":-1"#, "startTimeUnixNano")
        refuses(#""startTimeUnixNano":"18446744073709551616""#, "startTimeUnixNano")
    }

    @Test("J-6: base64 in both alphabets, doubles as numbers and strings, 32-bit integers in quotes, null as default")
    func scalars() throws {
        for encoded in ["AAH/+w==", "AAH/+w", "AAH_-w==", "AAH_-w", #"AAH\/+w"#] {
            #expect(try value(#"{"bytesValue":"\#(encoded)"}"#) == #"{"bytesValue":"AAH/+w=="}"#)
        }
        refuses(#""attributes":[{"value":{"bytesValue":"A"}}]"#, "bytesValue")
        for (given, written) in [
            ("1.5", "1.5"), ("\"1.5\"", "1.5"), ("1", "1.0"), ("\"NaN\"", "\"NaN\""), ("\"Infinity\"", "\"Infinity\""),
            ("\"-Infinity\"", "\"-Infinity\""), ("0", "0.0"),
        ] {
            #expect(try value(#"{"doubleValue":\#(given)}"#) == #"{"doubleValue":\#(written)}"#)
        }
        for bad in ["\"\"", "\"nan\"", "1e999", "true"] {
            refuses(#""attributes":[{"value":{"doubleValue":\#(bad)}}]"#, "doubleValue")
        }
        #expect(
            try through(#""flags":"257","droppedLinksCount":"4294967295""#)
                == #""droppedLinksCount":4294967295,"flags":257"#)
        refuses(#""flags":4294967296"#, "flags")
        refuses(#""name":5"#, "name")
        refuses(#""attributes":{}"#, "attributes")
        refuses(#""status":"x""#, "status")
        refuses(#""attributes":[{"value":{"boolValue":1}}]"#, "boolValue")
        #expect(
            try through(#""name":null,"kind":null,"attributes":null,"status":null,"traceId":null,"flags":null"#) == "")
        #expect(
            try through(#""name":"","kind":0,"attributes":[],"status":{},"flags":0,"startTimeUnixNano":"0""#)
                == #""status":{}"#)
        #expect(
            try value(#"{"arrayValue":{"values":[null,{"boolValue":false}]}}"#)
                == #"{"arrayValue":{"values":[{},{"boolValue":false}]}}"#)
    }

    @Test(
        "J-7: every kind of AnyValue goes there and back",
        arguments: [
            #"{"stringValue":""}"#, #"{"stringValue":"é\"\\\n"}"#, #"{"boolValue":true}"#, #"{"boolValue":false}"#,
            #"{"intValue":"10"}"#, #"{"doubleValue":1.5}"#, #"{"arrayValue":{}}"#,
            #"{"kvlistValue":{"values":[{"key":"k","value":{}}]}}"#, #"{"bytesValue":"AAE="}"#, #"{"bytesValue":""}"#,
            "{}",
            #"{"arrayValue":{"values":[{"stringValue":"a"},{"arrayValue":{"values":[{"intValue":"-1"}]}}]}}"#,
        ])
    func anyValue(_ json: String) throws {
        #expect(try value(json) == json)
    }

    @Test("J-8: an id of the wrong length becomes bytes of a wrong length, and the request goes on", arguments: 0...64)
    func idLengths(_ digits: Int) throws {
        let id = String(repeating: "a", count: digits)
        let protobuf = try OTLPJSON.encodeProtobuf(
            json: span(#""traceId":"\#(id)","spanId":"\#(id)""#), message: .tracesRequest)
        let json = try JSONValue.parse(OTLPJSON.decode(protobuf: protobuf, message: .tracesRequest))
        let span = try #require(
            json["resourceSpans"]?.array?.first?["scopeSpans"]?.array?.first?["spans"]?.array?.first)
        let expected = digits == 0 ? nil : digits % 2 == 0 ? id : "a0"
        #expect(span["traceId"]?.string == expected)
        #expect(span["spanId"]?.string == expected)
    }

    @Test("the last of duplicate keys wins, whatever the field is")
    func duplicates() throws {
        #expect(try through(#""name":"a","kind":1,"name":"b","kind":0"#) == #""name":"b""#)
        #expect(try through(#""name":"a","name":null"#) == "")
        #expect(
            try through(#""attributes":[{"key":"a"}],"name":"n","attributes":[{"key":"b"},{"key":"c"}]"#)
                == #""name":"n","attributes":[{"key":"b"},{"key":"c"}]"#)
        #expect(try through(#""status":{"message":"m","code":2},"status":{"code":1}"#) == #""status":{"code":1}"#)
        #expect(try through(#""traceId":"01","trace_id":"02""#) == #""traceId":"02""#)
        #expect(try value(#"{"stringValue":"a","intValue":1}"#) == #"{"intValue":"1"}"#)
        #expect(
            try value(
                #"{"arrayValue":{"values":[{"intValue":1,"intValue":2}]},"arrayValue":{"values":[{"stringValue":"x"}],"values":[]}}"#
            ) == #"{"arrayValue":{}}"#)
    }

    @Test("every order of up to five fields, duplicates and default values among them, ends with each field's last value")
    func duplicatesInEveryOrder() throws {
        // JSON as written, the field it is, and what comes out if it is the last of that field.
        let choices: [(text: String, field: Int, kept: String?)] = [
            (#""startTimeUnixNano":"0""#, 2, nil), (#""startTimeUnixNano":"5""#, 2, #""startTimeUnixNano":"5""#),
            (#""kind":0"#, 1, nil), (#""kind":2"#, 1, #""kind":2"#), (#""name":"""#, 0, nil),
            (#""name":"n""#, 0, #""name":"n""#),
        ]
        var orders: [[Int]] = [[]]
        for length in 1...5 {
            orders += orders.filter { $0.count == length - 1 }.flatMap { order in choices.indices.map { order + [$0] } }
        }
        for order in orders {
            var last: [String?] = [nil, nil, nil]
            for choice in order { last[choices[choice].field] = choices[choice].kept }
            let written = order.map { choices[$0].text }.joined(separator: ",")
            #expect(try through(written) == last.compactMap { $0 }.joined(separator: ","), "\(written)")
        }
    }

    @Test("the example of the specification and the golden bytes are the same request")
    func golden() throws {
        let golden = bytes(
            hex:
                "0ac7010a1e0a1c0a0c736572766963652e6e616d65120c0a0a6d792e7365727669636512a4010a130a0a6d792e6c6962726172791205312e302e30128c010a105b8efff798038103d269b633813fc60c1208eee19b7ec3c1b1742208eee19b7ec3c1b1732a1149276d206120736572766572207370616e300239004859e3faeb6f15410012f41efbeb6f154a100a016e120b18ffffffffffffffffff016a210a104bf92f3577b34da6a3ce929d0e0e4736120800f067aa0ba902b735000300007a021802850101010000"
        )
        let json = text(try OTLPJSON.decode(protobuf: golden, message: .tracesRequest))
        #expect(
            json
                == #"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"my.service"}}]},"#
                + #""scopeSpans":[{"scope":{"name":"my.library","version":"1.0.0"},"spans":[{"#
                + #""traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","parentSpanId":"eee19b7ec3c1b173","#
                + #""name":"I'm a server span","kind":2,"startTimeUnixNano":"1544712660000000000","#
                + #""endTimeUnixNano":"1544712661000000000","attributes":[{"key":"n","value":{"intValue":"-1"}}],"#
                + #""links":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","flags":768}],"#
                + #""status":{"code":2},"flags":257}]}]}]}"#)
        #expect(try OTLPJSON.encodeProtobuf(json: Array(json.utf8), message: .tracesRequest) == golden)
        let exemplar = bytes(
            hex:
                "1100002a36fe9c971719000000000000e03f2208eee19b7ec3c1b1742a105b8efff798038103d269b633813fc60c3a080a016b12030a0176"
        )
        let point: [UInt8] = [0x2A, UInt8(exemplar.count)] + exemplar
        let request = wrapped(wrapped(wrapped(wrapped(wrapped(point, 0x0A), 0x2A), 0x12), 0x12), 0x0A)
        let metric = text(try OTLPJSON.decode(protobuf: request, message: .metricsRequest))
        #expect(
            metric.contains(
                #""exemplars":[{"timeUnixNano":"1700000000000000000","asDouble":0.5,"spanId":"eee19b7ec3c1b174","traceId":"5b8efff798038103d269b633813fc60c","filteredAttributes":[{"key":"k","value":{"stringValue":"v"}}]}]"#
            ))
        #expect(try OTLPJSON.encodeProtobuf(json: Array(metric.utf8), message: .metricsRequest) == request)
    }

    private func wrapped(_ body: [UInt8], _ tag: UInt8) -> [UInt8] { [tag, UInt8(body.count)] + body }

    @Test("a log request with everything goes there and back")
    func logs() throws { try sameAfterRoundTrip(Self.logs, .logsRequest) }

    @Test("a metrics request with every kind of point goes there and back")
    func metrics() throws { try sameAfterRoundTrip(Self.metrics, .metricsRequest) }

    private func sameAfterRoundTrip(_ json: String, _ message: OTLPMessage) throws {
        let protobuf = try OTLPJSON.encodeProtobuf(json: Array(json.utf8), message: message)
        #expect(text(try OTLPJSON.decode(protobuf: protobuf, message: message)) == json)
        #expect(ProtobufC.repacked(protobuf, message) == protobuf)
    }

    @Test("an empty request, a body that is no object, bytes after it")
    func envelopes() throws {
        for message in OTLPMessage.allCases {
            #expect(try OTLPJSON.encodeProtobuf(json: Array("{}".utf8), message: message) == [])
            #expect(text(try OTLPJSON.decode(protobuf: [], message: message)) == "{}")
        }
        for bad in ["", "[]", "null", "{}x", "\"\"", "{\"resourceSpans\":[1]}"] {
            #expect(throws: OTLPJSONError.self) {
                try OTLPJSON.encodeProtobuf(json: Array(bad.utf8), message: .tracesRequest)
            }
        }
    }

    @Test("depth is bounded both ways")
    func depth() throws {
        var json = #"{"intValue":"1"}"#
        for _ in 0..<18 { json = #"{"arrayValue":{"values":[\#(json)]}}"# }
        #expect(try value(json) == json)
        for _ in 0..<10 { json = #"{"arrayValue":{"values":[\#(json)]}}"# }
        #expect {
            try value(json)
        } throws: {
            guard case .json(let error)? = $0 as? OTLPJSONError else { return false }
            return error.reason == .tooDeep(limit: 64)
        }
        var nested: [UInt8] = []
        for _ in 0..<60 {
            nested = Self.delimited(0x0A, nested)
            nested = Self.delimited(0x2A, nested)
        }
        let attribute = Self.delimited(0x0A, Self.delimited(0x0A, Self.delimited(0x0A, Self.delimited(0x12, nested))))
        #expect(throws: OTLPJSONError.tooDeep(limit: 100)) {
            try OTLPJSON.decode(protobuf: attribute, message: .tracesRequest)
        }
    }

    private static func delimited(_ tag: UInt8, _ body: [UInt8]) -> [UInt8] {
        var length: [UInt8] = []
        var rest = body.count
        while rest > 0x7F {
            length.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return [tag] + length + [UInt8(rest)] + body
    }

    @Test(
        "fields in any order, in parts, packed or not, of unknown number and of wrong wire type are read like protobuf does"
    )
    func oddWire() throws {
        // Status in two parts around the name; an unknown field 999; kind as fixed32, which is not its type.
        let span = bytes(hex: "7a0312016d" + "2a016e" + "7a021802" + "ba3e0178" + "3502000000" + "2a0162")
        let json = text(
            try OTLPJSON.decode(
                protobuf: Self.delimited(0x0A, Self.delimited(0x12, Self.delimited(0x12, span))),
                message: .tracesRequest))
        #expect(
            json == #"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"b","status":{"message":"m","code":2}}]}]}]}"#)
        // bucket_counts packed and then single; oneof as_int, as_double, as_int is in other messages.
        let point = bytes(hex: "3208" + "0100000000000000" + "310200000000000000")
        let metric = Self.delimited(0x4A, Self.delimited(0x0A, point))
        let request = Self.delimited(0x0A, Self.delimited(0x12, Self.delimited(0x12, metric)))
        #expect(
            text(try OTLPJSON.decode(protobuf: request, message: .metricsRequest)).contains(
                #""bucketCounts":["1","2"]"#))
        let value = bytes(hex: "0a0161" + "1801" + "0a0162")
        let attribute = Self.delimited(0x0A, Self.delimited(0x0A, Self.delimited(0x0A, Self.delimited(0x12, value))))
        #expect(
            text(try OTLPJSON.decode(protobuf: attribute, message: .tracesRequest)).contains(#"{"stringValue":"b"}"#))
    }

    @Test("damaged JSON is refused or makes protobuf that protobuf-c reads")
    func damagedJSON() throws {
        for (json, message) in [
            (Self.traces, .tracesRequest), (Self.metrics, .metricsRequest), (Self.logs, .logsRequest),
        ] as [(String, OTLPMessage)] {
            for count in 0..<json.utf8.count {
                #expect(throws: OTLPJSONError.self) {
                    try OTLPJSON.encodeProtobuf(json: Array(json.utf8.prefix(count)), message: message)
                }
            }
            ByteMutations.everyPrefixAndFlip(of: Array(json.utf8)) { encodes($0, message, "flipped") }
            ByteMutations.random(of: Array(json.utf8)) { encodes($0, message, $1) }
        }
    }

    private func encodes(_ json: [UInt8], _ message: OTLPMessage, _ comment: Comment) {
        guard let protobuf = try? OTLPJSON.encodeProtobuf(json: json, message: message) else { return }
        #expect(ProtobufC.repacked(protobuf, message) != nil, "\(comment): \(text(json))")
        guard let back = try? OTLPJSON.decode(protobuf: protobuf, message: message) else {
            Issue.record("\(comment): \(text(json))")
            return
        }
        #expect((try? JSONSerialization.jsonObject(with: Data(back))) != nil, comment)
        let again = try? OTLPJSON.encodeProtobuf(json: back, message: message)
        #expect((try? OTLPJSON.decode(protobuf: again ?? [], message: message)) == back, "\(comment): \(text(json))")
    }

    @Test("damaged protobuf is refused or says what protobuf-c says")
    func damagedProtobuf() throws {
        for (json, message) in [
            (Self.traces, .tracesRequest), (Self.metrics, .metricsRequest), (Self.logs, .logsRequest),
        ] as [(String, OTLPMessage)] {
            let protobuf = try OTLPJSON.encodeProtobuf(json: Array(json.utf8), message: message)
            ByteMutations.everyPrefixAndFlip(of: protobuf) { decodes($0, message, "flipped") }
            ByteMutations.random(of: protobuf) { decodes($0, message, $1) }
        }
    }

    private func decodes(_ protobuf: [UInt8], _ message: OTLPMessage, _ comment: Comment) {
        let json = try? OTLPJSON.decode(protobuf: protobuf, message: message)
        if let json { #expect((try? JSONValue.parse(json, depthLimit: 400)) != nil, comment) }
        guard let repacked = ProtobufC.repacked(protobuf, message), ProtobufC.isReliable(protobuf, message) else {
            return
        }
        let expected = try? OTLPJSON.decode(protobuf: repacked, message: message)
        #expect(json.map(text) == expected.map(text), "\(comment): \(protobuf)")
    }
}

/// protobuf-c, which reads and writes the messages in its own way.
enum ProtobufC {
    typealias Descriptor = UnsafePointer<ProtobufCMessageDescriptor>

    /// The message as protobuf-c writes it after it has read `bytes`; nil if it does not read them.
    static func repacked(_ bytes: [UInt8], _ message: OTLPMessage) -> [UInt8]? {
        with(message) { descriptor in
            guard let read = protobuf_c_message_unpack(descriptor, nil, bytes.count, bytes) else { return nil }
            defer { protobuf_c_message_free_unpacked(read, nil) }
            var written = [UInt8](repeating: 0, count: protobuf_c_message_get_packed_size(read))
            let count = protobuf_c_message_pack(read, &written)
            return Array(written.prefix(count))
        }
    }

    /// Whether protobuf-c 1.4.1 can be believed about the bytes. It ends strings at a NUL, takes booleans of any wire
    /// type, and loses fields when it merges the parts of a message.
    static func isReliable(_ bytes: [UInt8], _ message: OTLPMessage) -> Bool {
        with(message) { isReliable(bytes[...], $0) }
    }

    private static func isReliable(_ bytes: ArraySlice<UInt8>, _ descriptor: Descriptor) -> Bool {
        let fields = UnsafeBufferPointer(start: descriptor.pointee.fields, count: Int(descriptor.pointee.n_fields))
        var seen: Set<UInt32> = []
        var rest = bytes
        func varint() -> UInt64? {
            var value: UInt64 = 0
            for shift: UInt64 in stride(from: 0, to: 64, by: 7) {
                guard let byte = rest.popFirst() else { return nil }
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return value }
            }
            return nil
        }
        while !rest.isEmpty {
            guard let tag = varint() else { return true }
            let field = fields.first { UInt64($0.id) == tag >> 3 }
            if field?.type == PROTOBUF_C_TYPE_BOOL, tag & 7 != 0 { return false }
            switch tag & 7 {
            case 0: if varint() == nil { return true }
            case 1: rest = rest.dropFirst(8)
            case 5: rest = rest.dropFirst(4)
            default:
                guard let count = varint(), count <= rest.count else { return true }
                let body = rest.prefix(Int(count))
                rest = rest.dropFirst(Int(count))
                guard let field else { continue }
                if field.type == PROTOBUF_C_TYPE_STRING, body.contains(0) { return false }
                guard field.type == PROTOBUF_C_TYPE_MESSAGE, let type = field.descriptor else { continue }
                if field.label != PROTOBUF_C_LABEL_REPEATED, !seen.insert(field.id).inserted { return false }
                if !isReliable(body, type.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)) { return false }
            }
        }
        return true
    }

    private static func with<T>(_ message: OTLPMessage, _ body: (Descriptor) -> T) -> T {
        var descriptor =
            switch message {
            case .tracesRequest: opentelemetry__proto__collector__trace__v1__export_trace_service_request__descriptor
            case .metricsRequest:
                opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__descriptor
            case .logsRequest: opentelemetry__proto__collector__logs__v1__export_logs_service_request__descriptor
            default: google__rpc__status__descriptor
            }
        return withUnsafePointer(to: &descriptor, body)
    }
}

extension OTLPJSONTests {
    static let traces =
        #"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"s"}}],"droppedAttributesCount":1,"#
        + #""entityRefs":[{"schemaUrl":"u","type":"t","idKeys":["a","b"],"descriptionKeys":["c"]}]},"#
        + #""scopeSpans":[{"scope":{"name":"l","version":"1"},"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","#
        + #""spanId":"eee19b7ec3c1b174","traceState":"a=b","parentSpanId":"eee19b7ec3c1b173","name":"n","kind":2,"#
        + #""startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712661000000000","#
        + #""attributes":[{"key":"k","value":{"intValue":"-1"}},{"key":"a","value":{"arrayValue":{"values":[{"doubleValue":1.5},{}]}}}],"#
        + #""events":[{"timeUnixNano":"3","name":"e"}],"links":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","flags":768}],"#
        + #""status":{"message":"m","code":2},"flags":257}],"schemaUrl":"u"}],"schemaUrl":"v"}]}"#

    static let logs =
        #"{"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{"name":"l"},"logRecords":[{"timeUnixNano":"1","severityNumber":9,"#
        + #""severityText":"INFO","body":{"kvlistValue":{"values":[{"key":"k","value":{"bytesValue":"AAE="}}]}},"#
        + #""attributes":[{"key":"b","value":{"boolValue":false}}],"droppedAttributesCount":4294967295,"flags":1,"#
        + #""traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","observedTimeUnixNano":"2","eventName":"e"}],"schemaUrl":"u"}]}]}"#

    static let metrics =
        #"{"resourceMetrics":[{"scopeMetrics":[{"metrics":["#
        + #"{"name":"g","description":"d","unit":"s","gauge":{"dataPoints":[{"startTimeUnixNano":"1","timeUnixNano":"2","#
        + #""exemplars":[{"timeUnixNano":"3","asDouble":0.5,"spanId":"01","traceId":"02","filteredAttributes":[{"key":"f"}]}],"#
        + #""asInt":"-5","attributes":[{"key":"a"}],"flags":1},{"asDouble":0.0}]},"metadata":[{"key":"m"}]},"#
        + #"{"name":"s","sum":{"dataPoints":[{"asDouble":"NaN"}],"aggregationTemporality":2,"isMonotonic":true}},"#
        + #"{"name":"h","histogram":{"dataPoints":[{"count":"3","sum":0.0,"bucketCounts":["1","0","2"],"explicitBounds":[0.0,-1.5],"min":-1.0,"max":2.0}],"aggregationTemporality":1}},"#
        + #"{"name":"x","exponentialHistogram":{"dataPoints":[{"count":"3","scale":-3,"zeroCount":"1","positive":{"offset":-7,"bucketCounts":["1","300"]},"negative":{},"zeroThreshold":0.25}]}},"#
        + #"{"name":"q","summary":{"dataPoints":[{"count":"1","sum":2.5,"quantileValues":[{"quantile":0.5,"value":1.0},{}]}]}}"#
        + #"]}]}]}"#
}
