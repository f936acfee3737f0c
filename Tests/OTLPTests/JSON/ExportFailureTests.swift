import Foundation
import OTLP
import Testing

@Suite("Failures, retries and partial success")
struct ExportFailureTests {
    @Test(
        "each failure has its gRPC code, HTTP status and whether to try again",
        arguments: [
            (.invalidData("m"), 3, 400, false), (.tooLarge("m"), 8, 413, false),
            (.overloaded("m", retryAfter: 1), 8, 429, true), (.unavailable("m", retryAfter: nil), 14, 503, true),
            (.unavailable("m", retryAfter: 1), 14, 503, true), (.unsupportedMediaType("m"), 3, 415, false),
            (.unsupportedEncoding("m"), 12, 400, false), (.unauthenticated("m"), 16, 401, false),
            (.permissionDenied("m"), 7, 403, false), (.notFound("m"), 12, 404, false),
            (.methodNotAllowed("m"), 12, 405, false), (.deadlineExceeded("m"), 4, 503, true),
            (.internalError("m"), 13, 500, false),
        ] as [(ExportFailure, Int, Int, Bool)])
    func table(_ failure: ExportFailure, _ grpc: Int, _ http: Int, _ isRetryable: Bool) throws {
        #expect(failure.grpcCode == grpc)
        #expect(failure.httpStatus == http)
        #expect(failure.isRetryable == isRetryable)
        #expect(failure.message == "m")
        #expect(ProtobufC.repacked(failure.statusBytes, .status) == failure.statusBytes)
        let json = try JSONValue.parse(failure.statusJSON)
        #expect(json["code"]?.integer == Int64(grpc))
        #expect(json["message"]?.string == "m")
        // What a sender of ours does with it.
        guard case .drop = RetryDecision.classify(grpcCode: grpc, details: failure.statusBytes) else {
            #expect(isRetryable)
            return
        }
        #expect(!isRetryable)
    }

    @Test("H-14: every gRPC code has an HTTP status")
    func grpcToHTTP() {
        let expected = [
            0: 200, 1: 503, 2: 500, 3: 400, 4: 503, 5: 500, 6: 500, 7: 403, 8: 429, 9: 500, 10: 503, 11: 503, 12: 404,
            13: 500,
            14: 503, 15: 503, 16: 401,
        ]
        for code in GRPCCode.allCases { #expect(code.httpStatus == expected[code.rawValue]) }
        #expect(GRPCCode.allCases.count == 17)
        #expect(GRPCCode.allCases.map(\.name)[13] == "INTERNAL")
    }

    @Test("R-9: a reply without grpc-status is classified by its HTTP status")
    func httpToGRPC() {
        for (http, code) in [
            (400, 13), (431, 13), (401, 16), (403, 7), (404, 12), (429, 14), (502, 14), (503, 14), (504, 14), (200, 2),
            (500, 2),
        ] {
            #expect(GRPCCode(httpStatus: http).rawValue == code)
        }
    }

    @Test("the golden status, in protobuf and JSON")
    func golden() throws {
        let failure = ExportFailure.unavailable("overloaded", retryAfter: 30_000_000_000)
        #expect(
            failure.statusBytes
                == bytes(
                    hex:
                        "080e120a6f7665726c6f616465641a300a28747970652e676f6f676c65617069732e636f6d2f676f6f676c652e7270632e5265747279496e666f12040a02081e"
                ))
        #expect(
            Base64.encode(failure.statusBytes, padded: false)
                == "CA4SCm92ZXJsb2FkZWQaMAoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbxIECgIIHg")
        let file = try #require(
            Bundle.module.url(forResource: "status_unavailable_retryinfo", withExtension: "pb", subdirectory: "Golden"))
        #expect(try Array(Data(contentsOf: file)) == failure.statusBytes)
        let json =
            #"{"code":14,"message":"overloaded","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"30s"}]}"#
        #expect(text(failure.statusJSON) == json)
        #expect(try OTLPJSON.encodeProtobuf(json: Array(json.utf8), message: .status) == failure.statusBytes)
        #expect(failure.retryAfterSeconds == 30)
        #expect(ExportFailure.overloaded("", retryAfter: 1).retryAfterSeconds == 1)
        #expect(ExportFailure.overloaded("", retryAfter: 1_000_000_001).retryAfterSeconds == 2)
        #expect(
            text(ExportFailure.invalidData("bad").statusJSON)
                == #"{"code":3,"message":"bad","details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"body","description":"bad"}]}]}"#
        )
    }

    @Test("details of unknown type and durations with fractions go through JSON")
    func details() throws {
        let json = #"{"details":[{"@type":"type.googleapis.com/a.B","value":"AAE="}]}"#
        let decoded = text(
            try OTLPJSON.decode(
                protobuf: bytes(hex: "1a1d" + "0a17" + "747970652e676f6f676c65617069732e636f6d2f612e42" + "12020001"),
                message: .status))
        #expect(decoded == json)
        let delayed = ExportFailure.overloaded("", retryAfter: 1_500_000_000)
        #expect(text(delayed.statusJSON).contains(#""retryDelay":"1.500s""#))
        #expect(try OTLPJSON.encodeProtobuf(json: delayed.statusJSON, message: .status) == delayed.statusBytes)
        for bad in ["1", "s", "1.s", "x", "1.0000000001s", "--1s"] {
            #expect(throws: OTLPJSONError.self) {
                try OTLPJSON.encodeProtobuf(
                    json: Array(#"{"details":[{"@type":"t/google.rpc.RetryInfo","retryDelay":"\#(bad)"}]}"#.utf8),
                    message: .status)
            }
        }
    }

    @Test("C-7: which gRPC codes are tried again")
    func grpcRetries() {
        let retryable: Set = [1, 4, 10, 11, 14, 15]
        for code in 1...16 {
            let decision = RetryDecision.classify(grpcCode: code, details: [])
            #expect((decision == .retry(after: nil)) == retryable.contains(code))
        }
        #expect(RetryDecision.classify(grpcCode: 0, details: []) == .accepted)
        guard case .drop = RetryDecision.classify(grpcCode: 99, details: []) else {
            Issue.record("99 is retried")
            return
        }
        let delayed = ExportFailure.overloaded("m", retryAfter: 2_000_000_003).statusBytes
        #expect(RetryDecision.classify(grpcCode: 8, details: delayed) == .retry(after: 2_000_000_003))
        #expect(RetryDecision.classify(grpcCode: 14, details: delayed) == .retry(after: 2_000_000_003))
        #expect(
            RetryDecision.classify(grpcCode: 3, details: delayed) == .drop(reason: "gRPC status 3 INVALID_ARGUMENT"))
        #expect(
            RetryDecision.classify(grpcCode: 8, details: ExportFailure.tooLarge("m").statusBytes)
                == .drop(reason: "gRPC status 8 RESOURCE_EXHAUSTED"))
    }

    @Test("damaged details never trap")
    func damagedDetails() {
        let details = ExportFailure.overloaded("m", retryAfter: 2_000_000_003).statusBytes
        ByteMutations.everyPrefixAndFlip(of: details) { _ = RetryDecision.classify(grpcCode: 14, details: $0) }
        ByteMutations.random(of: details) { damaged, _ in
            _ = RetryDecision.classify(grpcCode: 14, details: damaged)
            _ = try? OTLPJSON.decode(protobuf: damaged, message: .status)
        }
        ByteMutations.random(of: ExportFailure.invalidData("m").statusJSON) { damaged, comment in
            guard let protobuf = try? OTLPJSON.encodeProtobuf(json: damaged, message: .status) else { return }
            #expect(ProtobufC.repacked(protobuf, .status) != nil, comment)
        }
    }

    @Test("C-8 and C-9: which HTTP statuses are tried again, and when")
    func httpRetries() {
        for status in 100..<600 {
            let decision = RetryDecision.classify(httpStatus: status, retryAfter: "1", now: 0)
            switch status {
            case 200..<300: #expect(decision == .accepted)
            case 429, 502, 503, 504: #expect(decision == .retry(after: 1_000_000_000))
            default: #expect(decision == .drop(reason: "HTTP status \(status)"))
            }
        }
        let now: UInt64 = 784_111_770
        for (header, delay) in [
            (nil, nil), ("0", 0), ("120", 120), (" 5", 5), ("99999999999999999999999", 1_000_000_000),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 7),
            ("Sun, 06 Nov 1994 08:49:29 GMT", 0), ("Fri, 31 Dec 9999 23:59:59 GMT", 1_000_000_000), ("-1", nil),
            ("1.5", nil), ("", nil), ("soon", nil), ("Sun, 06 Nov 1994 08:49:37 UTC", nil),
            ("Sunday, 06-Nov-94 08:49:37 GMT", nil), ("Sun, 31 Feb 1994 08:49:37 GMT", nil),
            ("Sun, 06 Nov 1994 24:49:37 GMT", nil), ("Sun, 06 Nov 0001 08:49:37 GMT", nil),
        ] as [(String?, UInt64?)] {
            #expect(
                RetryDecision.classify(httpStatus: 503, retryAfter: header, now: now)
                    == .retry(after: delay.map { $0 * 1_000_000_000 }), "\(header ?? "none")")
        }
    }

    @Test("partial success, in protobuf and JSON, there and back", arguments: Signal.allCases)
    func partialSuccess(_ signal: Signal) throws {
        let partial = PartialSuccess(signal: signal, rejected: 2, message: "bad ids")
        #expect(partial.protobuf == bytes(hex: "0a0b0802120762616420696473"))
        #expect(try PartialSuccess.decode(signal, protobuf: partial.protobuf) == partial)
        #expect(try PartialSuccess.decode(signal, json: partial.json) == partial)
        #expect(try OTLPJSON.decode(protobuf: partial.protobuf, message: .response(signal)) == partial.json)
        for warning in [
            PartialSuccess(signal: signal, rejected: 0, message: "w"),
            PartialSuccess(signal: signal, rejected: 1, message: ""),
        ] {
            #expect(try PartialSuccess.decode(signal, protobuf: warning.protobuf) == warning)
            #expect(try PartialSuccess.decode(signal, json: warning.json) == warning)
        }
        let empty = PartialSuccess(signal: signal, rejected: 0, message: "")
        #expect(empty.protobuf.isEmpty && text(empty.json) == "{}")
        #expect(try PartialSuccess.decode(signal, protobuf: []) == nil)
        #expect(try PartialSuccess.decode(signal, protobuf: [0x0A, 0]) == nil)
        #expect(try PartialSuccess.decode(signal, json: Array("{}".utf8)) == nil)
        ByteMutations.everyPrefixAndFlip(of: partial.protobuf) { _ = try? PartialSuccess.decode(signal, protobuf: $0) }
        ByteMutations.everyPrefixAndFlip(of: partial.json) { _ = try? PartialSuccess.decode(signal, json: $0) }
    }

    @Test("a long message is cut between characters")
    func longMessage() throws {
        for padding in 0..<4 {
            let long = String(repeating: "x", count: padding) + String(repeating: "😀", count: 2000)
            let partial = PartialSuccess(signal: .traces, rejected: 1, message: long)
            let kept = try #require(try PartialSuccess.decode(.traces, protobuf: partial.protobuf)).message
            #expect(kept.utf8.count <= PartialSuccess.messageLimit && kept.utf8.count > PartialSuccess.messageLimit - 9)
            #expect(long.hasPrefix(kept))
        }
    }
}
