import OTLP
import Testing
import Transport

@testable import Receivers

/// The rules of OTLP that the receiver answers for, by their ids in docs of the specification (G: gRPC, H: HTTP, J: JSON,
/// R: gRPC on the wire).
@Suite struct OTLPReceiverTests {
    private let intake = FakeIntake()
    private let counters = ReceiverCounters()
    private let limit = 4_096
    private var receiver: OTLPReceiver {
        OTLPReceiver(intake: intake, keys: CompiledKeys(.defaults), requestLimit: limit, counters: counters)
    }

    private func answer(_ request: Request) throws -> Response { try #require(receiver.answer(request)) }

    private static let tracesMethod = Signal.traces.exportMethod

    // MARK: Taking in

    @Test("G-1, H-1, R-1: each signal has its method and its path", arguments: Signal.allCases)
    func signals(signal: Signal) throws {
        let empty = try answer(.grpc(signal.exportMethod))
        #expect(empty.grpc == GRPCStatus(code: 0) && empty.body.isEmpty)
        #expect(try answer(.http("/v1/\(signal.name)")).status == 200)
        // Case matters, and a query does not.
        #expect(try answer(.grpc(signal.exportMethod.lowercased())).grpc.code == 12)
        #expect(try answer(.http("/V1/\(signal.name)")).status == 404)
        #expect(try answer(.http("/v1/\(signal.name)?x=1")).status == 200)
    }

    @Test("G-4, H-6: full success is a message without partial success, empty in protobuf and {} in JSON")
    func success() throws {
        let body = spans(valid: 3)
        let grpc = try answer(.grpc(Self.tracesMethod, body))
        #expect(grpc.grpc == GRPCStatus(code: 0) && grpc.body.isEmpty)
        let protobuf = try answer(.http("/v1/traces", body))
        #expect(
            protobuf.status == 200 && protobuf.body.isEmpty
                && protobuf.header("content-type") == "application/x-protobuf")
        let json = try answer(
            .http("/v1/traces", try OTLPJSON.decode(protobuf: body, message: .tracesRequest), type: "application/json"))
        #expect(json.status == 200 && json.text == "{}" && json.header("content-type") == "application/json")
        #expect(intake.batches.map(\.payload) == [body, body, body] && intake.batches.map(\.count) == [3, 3, 3])
        let values = counters.read(.traces)
        #expect((values.requests, values.accepted, values.rejected, values.refused) == (3, 9, 0, 0) && values.bytes > 0)
    }

    @Test("G-5, H-7, O-4: an empty request succeeds and is not stored")
    func empty() throws {
        let noSpans = SpanBuilder.request(resource: [("service.name", "shop")], scope: "web", version: "1", spans: [])
        for body in [[], noSpans] {
            #expect(try answer(.grpc(Self.tracesMethod, body)).grpc.code == 0)
            #expect(try answer(.http("/v1/traces", body)).status == 200)
        }
        let json = try answer(.http("/v1/logs", Array("{}".utf8), type: "application/json"))
        #expect(json.status == 200 && json.text == "{}")
        #expect(intake.batches.isEmpty && counters.read(.traces).requests == 4)
    }

    @Test(
        "G-6, G-7, H-8: spans without valid ids are counted in the partial success, with a message", arguments: [0, 1])
    func partial(valid: Int) throws {
        let body = spans(valid: valid, invalid: 2)
        let grpc = try answer(.grpc(Self.tracesMethod, body))
        let told = try #require(try PartialSuccess.decode(.traces, protobuf: grpc.body))
        #expect(grpc.grpc.code == 0 && told.rejected == 2 && told.message.contains("2 spans"))
        let protobuf = try answer(.http("/v1/traces", body))
        #expect(protobuf.status == 200 && protobuf.body == grpc.body)
        let json = try answer(
            .http("/v1/traces", try OTLPJSON.decode(protobuf: body, message: .tracesRequest), type: "application/json"))
        #expect(json.text.hasPrefix(#"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"2 spans"#))
        #expect(intake.batches.count == 3 * valid)
        #expect(counters.read(.traces).accepted == 3 * UInt64(valid) && counters.read(.traces).rejected == 6)
    }

    @Test("G-9, H-12: the reply stays small however many spans are bad")
    func boundedReply() throws {
        let receiver = OTLPReceiver(
            intake: intake, keys: CompiledKeys(.defaults), requestLimit: 16 << 20, counters: counters)
        let reply = try #require(receiver.answer(.grpc(Self.tracesMethod, spans(valid: 0, invalid: 20_000))))
        #expect(reply.grpc.code == 0 && reply.body.count < 4_200)
    }

    @Test("O-1, O-2: unknown fields are taken in as they came")
    func unknownFields() throws {
        let body = spans(valid: 1) + [UInt8](hex: "ba3e03616263")
        #expect(try answer(.grpc(Self.tracesMethod, body)).grpc.code == 0)
        #expect(intake.batches.first?.payload == body)
    }

    // MARK: Compression

    @Test(
        "O-1, H-5, H-15, R-5: gzip, zstd and deflate bodies are inflated",
        arguments: ["gzip", "zstd", "deflate", "GZIP"])
    func compressed(encoding: String) throws {
        let body = spans(valid: 2)
        let coding = try #require(ContentCoding(name: encoding))
        let compressed = Compression.compress(body, coding: coding)
        #expect(try answer(.http("/v1/traces", compressed, encoding: encoding)).status == 200)
        #expect(try answer(.grpc(Self.tracesMethod, compressed, encoding: encoding)).grpc.code == 0)
        #expect(intake.batches.map(\.payload) == [body, body])
    }

    @Test("R-5: an uncompressed message may come with an encoding; a compressed one must name one that is known")
    func compressedFlag() throws {
        let body = spans(valid: 1)
        #expect(try answer(.grpc(Self.tracesMethod, body, encoding: "gzip", isCompressed: false)).grpc.code == 0)
        #expect(try answer(.grpc(Self.tracesMethod, body, encoding: nil, isCompressed: true)).grpc.code == 13)
        #expect(try answer(.grpc(Self.tracesMethod, body, encoding: "identity", isCompressed: true)).grpc.code == 13)
        let unknown = try answer(.grpc(Self.tracesMethod, body, encoding: "br"))
        #expect(unknown.grpc.code == 12 && unknown.grpc.message.contains("br"))
    }

    @Test("H-13: an unknown content encoding is refused before the body is read")
    func unknownEncoding() throws {
        guard case .refuse(let response) = receiver.admit(Request.http("/v1/traces", encoding: "br").head) else {
            return #expect(Bool(false), "admitted")
        }
        #expect(response.status == 400)
        #expect(try response.status()["message"]?.string?.contains("br") == true)
    }

    @Test("H-10: a truncated or damaged gzip body is bad data", arguments: ["gzip", "zstd", "deflate"])
    func truncated(encoding: String) throws {
        let coding = try #require(ContentCoding(name: encoding))
        let compressed = Compression.compress(spans(valid: 9), coding: coding)
        for body in [Array(compressed.dropLast(3)), [], Array("no such format".utf8)] {
            #expect(try answer(.http("/v1/traces", body, encoding: encoding)).status == 400)
            #expect(try answer(.grpc(Self.tracesMethod, body, encoding: encoding)).grpc.code == 3)
        }
        #expect(intake.batches.isEmpty && counters.read(.traces).refused == 6)
    }

    // MARK: Limits

    @Test("G-2, G-3, H-4: above the limit, as sent or inflated: 413, and RESOURCE_EXHAUSTED without RetryInfo")
    func tooLarge() throws {
        let large = spans(valid: 1, nameLength: limit)
        let bomb = Compression.compress([UInt8](repeating: 0, count: 64 << 20), coding: .gzip)
        let small = Compression.compress(large, coding: .zstd)
        for (body, encoding) in [(large, nil), (bomb, "gzip"), (small, "zstd")] as [([UInt8], String?)] {
            let http = try answer(.http("/v1/traces", body, encoding: encoding))
            #expect(http.status == 413 && http.header("retry-after") == nil)
            #expect(try http.status()["message"]?.string?.contains("receivers.otlp.max_request_size") == true)
            let grpc = try answer(.grpc(Self.tracesMethod, body, encoding: encoding))
            #expect(grpc.grpc.code == 8 && grpc.grpc.details.isEmpty && grpc.body.isEmpty)
        }
        #expect(intake.batches.isEmpty && counters.read(.traces).refused == 6)
    }

    @Test("a body of exactly the limit is taken, and JSON that is larger as protobuf than the limit is not")
    func atTheLimit() throws {
        let overhead = spans(valid: 1, nameLength: 1_000).count - 1_000
        #expect(try answer(.http("/v1/traces", spans(valid: 1, nameLength: limit - overhead))).status == 200)
        #expect(try answer(.http("/v1/traces", spans(valid: 1, nameLength: limit - overhead + 1))).status == 413)
        // Two bytes of JSON make a bound of eight.
        let bounds = Array(repeating: "1", count: 1_000).joined(separator: ",")
        let json =
            #"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"explicitBounds":[\#(bounds)]}]}}]}]}]}"#
        let response = try answer(.http("/v1/metrics", Array(json.utf8), type: "application/json"))
        #expect(json.utf8.count < limit && response.status == 413)
    }

    // MARK: Refusing

    @Test("G-11, H-10, R-7: what is no protobuf or no JSON is bad data, with BadRequest in the status")
    func badData() throws {
        let garbage = Array("garbage".utf8)
        let grpc = try answer(.grpc(Self.tracesMethod, garbage))
        #expect(grpc.grpc.code == 3 && grpc.body.isEmpty && !grpc.grpc.message.isEmpty)
        for signal in Signal.allCases {
            for type in ["application/x-protobuf", "application/json"] {
                let response = try answer(.http("/v1/\(signal.name)", garbage, type: type))
                let status = try response.status()
                #expect(response.status == 400 && response.header("content-type") == type)
                #expect(status["code"]?.integer == 3 && status["message"]?.string?.contains(signal.name) == true)
                #expect("\(String(describing: status["details"]))".contains("google.rpc.BadRequest"))
            }
        }
    }

    @Test("every prefix and flipped byte of a request is answered with success or bad data")
    func mutations() throws {
        let body = spans(valid: 1)
        for count in body.indices {
            let code = try answer(.grpc(Self.tracesMethod, Array(body.prefix(count)))).grpc.code
            #expect([0, 3].contains(code))
            for bits: UInt8 in [0x01, 0x80, 0xFF] {
                var damaged = body
                damaged[count] ^= bits
                #expect([0, 3].contains(try answer(.grpc(Self.tracesMethod, damaged)).grpc.code))
            }
        }
    }

    @Test(
        "H-2, H-13: the content type decides; others are 415",
        arguments: [
            ("application/json; charset=utf-8", 200, "application/json"), ("Application/JSON", 200, "application/json"),
            ("application/protobuf", 400, "application/x-protobuf"), ("text/plain", 415, "application/json"),
            (nil, 415, "application/json"), ("application/grpc", 415, "application/json"),
        ] as [(String?, Int, String)])
    func contentTypes(type: String?, status: Int, answered: String) throws {
        let response = try answer(.http("/v1/traces", Array("{}".utf8), type: type))
        #expect(response.status == status && response.header("content-type") == answered)
    }

    @Test(
        "H-9, H-13: another method is 405 with Allow, another path 404, both as a Status",
        arguments: ["GET", "PUT", "DELETE"])
    func methodsAndPaths(method: String) throws {
        let wrongMethod = try answer(.http("/v1/traces", method: method))
        #expect(wrongMethod.status == 405 && wrongMethod.header("allow") == "POST")
        #expect(try wrongMethod.status()["message"]?.string?.contains(method) == true)
        let wrongPath = try answer(.http("/v1/profiles", type: nil, method: method))
        #expect(wrongPath.status == 404 && wrongPath.header("content-type") == "application/json")
        #expect(try wrongPath.status()["message"]?.string?.contains("/v1/traces") == true)
    }

    @Test("R-7: an unknown gRPC method or service is UNIMPLEMENTED")
    func unknownMethods() throws {
        for path in ["/opentelemetry.proto.collector.trace.v1.TraceService/Import", "/x.Y/Z", "/v1/traces", "/"] {
            #expect(try answer(.grpc(path)).grpc.code == 12)
        }
    }

    @Test(
        "G-10, G-12, H-11, R-8: a refusal by the intake is UNAVAILABLE or RESOURCE_EXHAUSTED with a delay, never 500",
        arguments: [
            (.unavailable("stopping", retryAfter: 1_500_000_000), 503, 14),
            (.overloaded("full", retryAfter: 1_500_000_000), 429, 8),
        ] as [(ExportFailure, Int, Int)], [false, true])
    func refusals(failure: (ExportFailure, Int, Int), isAtTheDoor: Bool) throws {
        if isAtTheDoor { intake.close(failure.0) } else { intake.refuse(failure.0) }
        for type in ["application/x-protobuf", "application/json"] {
            let body =
                type.hasSuffix("json")
                ? try OTLPJSON.decode(protobuf: spans(valid: 1), message: .tracesRequest) : spans(valid: 1)
            let http = try answer(.http("/v1/traces", body, type: type))
            #expect(
                http.status == failure.1 && http.header("retry-after") == "2" && http.header("content-type") == type)
            let status = try http.status()
            #expect(status["code"]?.integer == Int64(failure.2))
            #expect("\(String(describing: status["details"]))".contains("1.500s"))
        }
        let grpc = try answer(.grpc(Self.tracesMethod, spans(valid: 1)))
        #expect(grpc.grpc.code == failure.2 && grpc.grpc.message == failure.0.message && !grpc.grpc.details.isEmpty)
        #expect(try RetryDelay.of(grpc.grpc.details) == "1.500s")
        #expect(counters.read(.traces).refused == 3 && counters.read(.traces).accepted == 0)
    }

    private enum RetryDelay {
        static func of(_ status: [UInt8]) throws -> String? {
            try JSONValue.parse(OTLPJSON.decode(protobuf: status, message: .status))["details"]?.array?.first?[
                "retryDelay"]?.string
        }
    }

    @Test("a Status with a delay is on the wire as the specification's example has it")
    func statusBytes() throws {
        intake.refuse(.unavailable("overloaded", retryAfter: 30_000_000_000))
        let expected = [UInt8](
            hex:
                "080e120a6f7665726c6f616465641a300a28747970652e676f6f676c65617069732e636f6d2f676f6f676c652e7270632e5265747279496e666f12040a02081e"
        )
        #expect(try answer(.grpc(Self.tracesMethod, spans(valid: 1))).grpc.details == expected)
        #expect(try answer(.http("/v1/traces", spans(valid: 1))).body == expected)
    }

    // MARK: JSON

    @Test(
        "J-1 to J-7: ids in any case, enum names, unknown keys and both spellings of numbers are taken",
        arguments: [
            #""kind":2"#, #""kind":"SPAN_KIND_SERVER""#, #""startTimeUnixNano":"1""#, #""startTimeUnixNano":1"#,
            #""foo":{"bar":[1]}"#,
            #""attributes":[{"key":"b","value":{"bytesValue":"AAE="}},{"key":"d","value":{"doubleValue":"NaN"}}]"#,
            #""parentSpanId":null"#,
            #""attributes":[{"key":"l","value":{"arrayValue":{"values":[{},{"intValue":"10"}]}}}]"#,
        ])
    func json(field: String) throws {
        let body = #"""
            {"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5B8EFFF798038103d269b633813fc60c","spanId":"EEE19b7ec3c1b174",
            "name":"a",\#(field)}]}]}]}
            """#
        #expect(try answer(.http("/v1/traces", Array(body.utf8), type: "application/json")).text == "{}")
        guard case .spans(let index) = try #require(intake.batches.first).index else { return #expect(Bool(false)) }
        #expect(index.spans.first?.traceID.hex == "5b8efff798038103d269b633813fc60c")
    }

    @Test("J-8: a span whose id has the wrong length is rejected, the rest is kept")
    func jsonWrongID() throws {
        let body = #"""
            {"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"},
            {"traceId":"5b8efff798038103d269b633813fc6","spanId":"eee19b7ec3c1b175"}]}]}]}
            """#
        let response = try answer(.http("/v1/traces", Array(body.utf8), type: "application/json"))
        #expect(response.status == 200 && response.text.contains(#""rejectedSpans":"1""#))
        #expect(intake.batches.first?.count == 1)
    }

    // MARK: Browsers

    @Test("H-18: pages of allowed origins may send, others are told nothing", arguments: [
        ("https://shop.example.org", true), ("https://a.b.example.org", true), ("https://example.org", false),
        ("https://.example.org", true), ("http://shop.example.org", false), ("https://shop.example.org.evil.net", false),
        ("https://one.example.com", true), ("https://one.example.com:8080", false), ("", false),
    ])
    func crossOrigin(origin: String, isAllowed: Bool) throws {
        let receiver = OTLPReceiver(
            intake: intake, keys: CompiledKeys(.defaults), requestLimit: 100, counters: counters,
            crossOrigin: CrossOrigin(
                origins: ["https://*.example.org", "https://one.example.com"], headers: ["x-token"], maxAge: 600))
        func head(_ method: String, _ more: [HeaderField]) -> RequestHead {
            RequestHead(
                method: method, target: "/v1/traces", wireProtocol: .http1,
                headers: [HeaderField("origin", origin), HeaderField("content-type", "application/json")] + more,
                peer: "p", listener: "http")
        }
        guard case .refuse(let answer) = receiver.admit(head("OPTIONS", [HeaderField("access-control-request-method", "POST")]))
        else {
            Issue.record("a preflight is answered at once")
            return
        }
        func value(_ name: String, of response: Response) -> String? { response.headers.first { $0.name == name }?.value }
        #expect(answer.status == 204)
        #expect(value("access-control-allow-origin", of: answer) == (isAllowed ? origin : nil))
        #expect(value("access-control-allow-headers", of: answer)?.contains("x-token") == (isAllowed ? true : nil))
        #expect(value("access-control-max-age", of: answer) == (isAllowed ? "600" : nil))
        let tooLarge = receiver.bodyTooLarge(head("POST", []), limit: 100)
        #expect(value("access-control-allow-origin", of: tooLarge) == (isAllowed ? origin : nil))
    }

    // MARK: Health

    @Test("the gRPC health check serves as long as the intake does, by the names of the services")
    func health() throws {
        func check(_ body: [UInt8]) throws -> Response { try answer(.grpc("/grpc.health.v1.Health/Check", body)) }
        let service = "opentelemetry.proto.collector.trace.v1.TraceService"
        let named = [0x0A, UInt8(service.utf8.count)] + Array(service.utf8)
        #expect(try check([]).body == [0x08, 1] && check(named).body == [0x08, 1])
        #expect(try check([0x0A, 1, 0x78]).grpc.code == 5)
        #expect(
            try check([0x0A, 9, 0x78]).grpc.code == 3 && check([0x0A]).grpc.code == 3
                && check([0x12, 0]).grpc.code == 3)
        intake.close(.unavailable("stopping", retryAfter: nil))
        #expect(try check([]).body == [0x08, 2] && check([]).grpc.code == 0)
        // Its messages are short.
        #expect(try check([UInt8](repeating: 0, count: 5_000)).grpc.code == 8)
        #expect(try answer(.http("/grpc.health.v1.Health/Check")).status == 404)
        let watched = try answer(.grpc("/grpc.health.v1.Health/Watch", named))
        #expect(watched.body == [0x08, 2] && watched.farewell?.message == [0x08, 2] && watched.farewell?.status.code == 14)
        #expect(try answer(.grpc("/grpc.health.v1.Health/Watch", [0x0A, 1, 0x78])).body == [0x08, 3])
        #expect(try answer(.grpc("/grpc.health.v1.Health/List", [])).body.starts(with: [0x0A, 6, 0x0A, 0, 0x12, 2, 0x08, 2]))
    }
}
