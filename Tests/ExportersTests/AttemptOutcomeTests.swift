import Exporters
import OTLP
import Testing
import Transport

@Suite struct AttemptOutcomeTests {
    private func outcome(_ answer: FakeSender.Answer, limit: Int = 4 << 20) -> AttemptOutcome {
        AttemptOutcome(answer, signal: .traces, responseLimit: limit, unixSeconds: 1_700_000_000)
    }

    private enum Kind { case delivered, retry, tooLarge, invalid, failed }

    private func kind(_ outcome: AttemptOutcome) -> Kind {
        switch outcome {
        case .delivered: .delivered
        case .retry: .retry
        case .tooLarge: .tooLarge
        case .invalid: .invalid
        case .failed: .failed
        }
    }

    @Test("C-8: over HTTP only 429, 502, 503, 504 and a proxy's 407 are retried, 413, 400 and 422 are split, the rest of what is not 2xx is dropped")
    func http() {
        for status in 200..<600 {
            let expected: Kind =
                switch status {
                case 200..<300: .delivered
                case 429, 502, 503, 504: .retry
                // A proxy's, not the backend's.
                case 407: .retry
                case 413: .tooLarge
                case 400, 422: .invalid
                default: .failed
                }
            #expect(kind(outcome(FakeSender.http(status))) == expected, "\(status)")
        }
    }

    @Test("C-7: over gRPC 1, 4, 10, 11, 14 and 15 are retried; 8 only with RetryInfo, else it is split, as 3 is")
    func grpc() {
        for code in 0...17 {
            let expected: Kind =
                switch code {
                case 0: .delivered
                case 1, 4, 10, 11, 14, 15: .retry
                case 8: .tooLarge
                case 3: .invalid
                default: .failed
                }
            #expect(kind(outcome(FakeSender.grpc(code))) == expected, "\(code)")
        }
        let busy = ExportFailure.overloaded("busy", retryAfter: 3_000_000_000)
        #expect(
            outcome(FakeSender.grpc(8, message: "busy", details: busy.statusBytes))
                == .retry(after: 3_000_000_000, message: "gRPC status 8 RESOURCE_EXHAUSTED: busy"))
    }

    @Test(
        "C-9: Retry-After is read as seconds and as a date",
        arguments: [
            ("7", 7_000_000_000 as UInt64?), ("Tue, 14 Nov 2023 22:13:30 GMT", 10_000_000_000),
            ("Tue, 14 Nov 2023 22:13:10 GMT", 0), ("soon", nil), ("", nil), ("-1", nil),
        ])
    func retryAfter(value: String, delay: UInt64?) {
        let answer = FakeSender.http(503, [HeaderField("retry-after", value)])
        #expect(outcome(answer) == .retry(after: delay, message: "HTTP status 503"))
    }

    @Test("C-10: what happens to a connection is retried", arguments: [
        ClientError.connect("refused"), .closed("reset"), .timedOut(after: 5_000_000), .protocolViolation("x"),
        .tls("expired"),
    ])
    func connection(error: ClientError) {
        #expect(kind(outcome(.failure(error))) == .retry)
    }

    @Test("C-2: an answer above the limit, as sent or inflated, is not retried")
    func largeAnswers() {
        let limit = 1_000
        let bomb = Compression.compress([UInt8](repeating: 0, count: 1_001), coding: .gzip)
        for answer in [
            .failure(.responseTooLarge(limit: limit)), FakeSender.http(200, body: [UInt8](repeating: 0, count: 1_001)),
            FakeSender.http(200, [HeaderField("content-encoding", "gzip")], body: bomb),
        ] as [FakeSender.Answer] {
            guard case .failed(.responseTooLarge, _) = outcome(answer, limit: limit) else {
                Issue.record("\(outcome(answer, limit: limit))")
                continue
            }
        }
    }

    @Test("C-5: partial success is read from both protocols, compressed or not")
    func partialSuccess() {
        let body = PartialSuccess(signal: .traces, rejected: 3, message: "bad ids").protobuf
        let expected = AttemptOutcome.delivered(rejected: 3, message: "bad ids")
        #expect(outcome(FakeSender.http(200, body: body)) == expected)
        #expect(outcome(FakeSender.grpc(0, body: body)) == expected)
        let small = Compression.compress(body, coding: .gzip)
        #expect(outcome(FakeSender.http(200, [HeaderField("content-encoding", "gzip")], body: small)) == expected)
        let answer = ClientResponse(
            status: 200, headers: [HeaderField("grpc-encoding", "gzip")], body: small, grpcCompressed: true,
            grpcStatus: GRPCStatus(code: 0))
        #expect(outcome(.success(answer)) == expected)
    }

    @Test("an answer that can't be read does not make the data undelivered", arguments: [
        [0xFF, 0xFF], Array("{}".utf8), [0x0A, 0x7F], [0x0A, 0x02, 0x08],
    ] as [[UInt8]])
    func unreadable(body: [UInt8]) {
        #expect(kind(outcome(FakeSender.http(200, body: body))) == .delivered)
        let claimsGzip = FakeSender.http(200, [HeaderField("content-encoding", "gzip")], body: body)
        #expect(kind(outcome(claimsGzip)) == .delivered)
    }

    @Test("messages say what the backend said")
    func messages() {
        #expect(
            outcome(FakeSender.http(400, body: Array("no\nspans".utf8))).failure == "HTTP status 400: nospans")
        #expect(outcome(FakeSender.grpc(16, message: "who?")).failure == "gRPC status 16 UNAUTHENTICATED: who?")
        #expect(outcome(.failure(.timedOut(after: 5_000_000))).failure == "no answer within 5 ms (timeout)")
    }
}
