import OTLP
import Testing

@testable import Timeline

@Suite("Drawing what the doctor found")
struct DiagnosisTextTests {
    private static let json = """
        {"findings": [{"code": "traces_apart", "severity": "problem", "title": "The caller's trace does not reach Kestra",
          "explanation": "The caller has a span of the call, and Kestra's span of the same call is a root.",
          "count": 7, "of": 9, "firstSeen": "2026-11-24T10:15:30.130000000Z", "lastSeen": "2026-11-24T10:19:02.441000000Z",
          "evidence": [{"what": "apart\\u001b[31m", "traceId": "a11c0f3e9d5b4c7f8a6b2d1e0c9f8a7b", "spanId": "319754b87a6d13e5",
            "executionId": "4FteK191E7XlY62dHkB2Xm", "eventId": "evt-1", "service": "kestra",
            "seenAt": "2026-11-24T10:19:02.441000000Z"}],
          "remedies": [{"where": "portarium", "setting": "OTEL_PROPAGATORS", "example": "tracecontext,baggage"}],
          "docs": "docs/set-up.md#traces_apart"}],
         "checked": ["clock_skew", "unsampled"], "unjudged": [{"code": "no_event_ids", "why": "too few"}],
         "since": "2026-11-24T10:02:11.000000000Z", "spans": 48210}
        """

    @Test("a finding has its evidence, the setting to change and where to read on")
    func finding() throws {
        let text = DiagnosisText.render(try Diagnosis(json: Array(Self.json.utf8)), width: 100, color: false, ascii: true)
        #expect(
            text == """
                1 finding in 48210 spans since 2026-11-24 10:02:11 UTC

                problem: The caller's trace does not reach Kestra
                  The caller has a span of the call, and Kestra's span of the same call is a root.
                  traces_apart: 7 of 9, first 2026-11-24 10:15:30, last 2026-11-24 10:19:02 UTC
                  - apart?[31m
                      event evt-1, execution 4FteK191E7XlY62dHkB2Xm, trace a11c0f3e9d5b4c7f8a6b2d1e0c9f8a7b, span
                      319754b87a6d13e5, 10:19:02.441
                  portarium   OTEL_PROPAGATORS: tracecontext,baggage
                  see         docs/set-up.md#traces_apart

                fine
                  clock_skew  unsampled

                cannot be told yet
                  no_event_ids: too few

                """, "\(text)")
    }

    @Test("without findings it says so, and every line fits", arguments: [60, 80, 200])
    func fine(width: Int) throws {
        var diagnosis = try Diagnosis(json: Array(Self.json.utf8))
        let lines = DiagnosisText.render(diagnosis, width: width, color: false, ascii: true).split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= width })
        diagnosis.findings = []
        let text = DiagnosisText.render(diagnosis, width: width, color: true)
        #expect(text.contains("nothing wrong found in 48210 spans since 2026-11-24 10:02:11 UTC"))
    }

    @Test("an answer that lacks something is refused with its place")
    func broken() throws {
        let json = Self.json.replacing("\"title\"", with: "\"headline\"")
        #expect(throws: AnswerError(path: "findings[0].title", expected: "a string")) { try Diagnosis(json: Array(json.utf8)) }
        for end in 0..<Self.json.utf8.count - 1 {
            #expect(throws: (any Error).self) { try Diagnosis(json: Array(Self.json.utf8.prefix(end))) }
        }
    }
}
