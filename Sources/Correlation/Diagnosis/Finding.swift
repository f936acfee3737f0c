package import OTLP

/// A mis-set-up that live telemetry shows. The raw value is its name in answers, metrics and the headings of
/// docs/set-up.md.
package enum FindingCode: String, Sendable, CaseIterable {
    case nothingReceived = "nothing_received"
    case kestraSilent = "kestra_silent"
    case portariumSilent = "portarium_silent"
    case originSilent = "origin_silent"
    case kestraTracesOff = "kestra_traces_off"
    case kestraTracesPartial = "kestra_traces_partial"
    case kestraServiceUnknown = "kestra_service_unknown"
    case kestraMetricsMissing = "kestra_metrics_missing"
    case unsampled
    case executionSpansMissing = "execution_spans_missing"
    case tracesApart = "traces_apart"
    case executionsUnjoined = "executions_unjoined"
    case noEventIDs = "no_event_ids"
    case eventTraceUnknown = "event_trace_unknown"
    case traceparentMalformed = "traceparent_malformed"
    case parentsMissing = "parents_missing"
    case clockSkew = "clock_skew"
    case clockAhead = "clock_ahead"
    case pollerNoise = "poller_noise"
    case duplicateSpans = "duplicate_spans"
    case serviceUnnamed = "service_unnamed"
    case serviceShared = "service_shared"
    case tenantConflicts = "tenant_conflicts"
    case kestraAPIFailing = "kestra_api_failing"
    case wrongPort = "wrong_port"

    /// The section of the documentation that says more.
    package var docs: String { "docs/set-up.md#\(rawValue)" }
}

/// How much a finding matters.
package enum FindingSeverity: UInt8, Sendable, Comparable {
    /// Something does not work.
    case problem = 0
    /// Something works less well than it could.
    case warning = 1
    /// Worth knowing.
    case remark = 2

    package var name: String {
        switch self {
        case .problem: "problem"
        case .warning: "warning"
        case .remark: "remark"
        }
    }

    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// One case of a finding.
package struct FindingEvidence: Sendable, Equatable {
    /// What was seen, in words and numbers.
    package var what: String
    package var traceID: TraceID?
    package var spanID: SpanID?
    package var executionID: String?
    package var eventID: String?
    package var service: String?
    /// Unix nanoseconds.
    package var seenAt: UInt64

    package init(
        _ what: String, traceID: TraceID? = nil, spanID: SpanID? = nil, executionID: String? = nil,
        eventID: String? = nil, service: String? = nil, seenAt: UInt64
    ) {
        self.what = what
        self.traceID = traceID
        self.spanID = spanID
        self.executionID = executionID
        self.eventID = eventID
        self.service = service
        self.seenAt = seenAt
    }
}

/// What to change, and where.
package struct Remedy: Sendable, Equatable {
    package enum Place: String, Sendable {
        case kestra, portarium, collector, spanbridge
        /// Whoever sends the telemetry or the event.
        case sender
    }

    package var place: Place
    /// The path of the setting, the variable, or the thing to do.
    package var setting: String
    /// How it is written.
    package var example: String

    package init(_ place: Place, _ setting: String, _ example: String) {
        self.place = place
        self.setting = setting
        self.example = example
    }
}

/// A mis-set-up with its evidence and what to do about it.
package struct Finding: Sendable, Equatable {
    package var code: FindingCode
    package var severity: FindingSeverity
    package var title: String
    package var explanation: String
    package var evidence: [FindingEvidence]
    package var remedies: [Remedy]
    /// Unix nanoseconds of the first and the latest case.
    package var firstSeen: UInt64
    package var lastSeen: UInt64
    /// Cases of the last ten minutes.
    package var count: Int
    /// Of how many, if that is known.
    package var total: Int?
}

/// All that the doctor can say at a time.
package struct DoctorReport: Sendable, Equatable {
    /// The gravest first.
    package var findings: [Finding] = []
    /// What was looked for and is fine.
    package var checked: [FindingCode] = []
    /// What cannot be judged yet, and why.
    package var unjudged: [(code: FindingCode, why: String)] = []
    /// Unix nanoseconds: since when it has been looking.
    package var since: UInt64 = 0
    /// How many spans it has looked at.
    package var spans: UInt64 = 0

    package init() {}

    package static func == (a: DoctorReport, b: DoctorReport) -> Bool {
        a.findings == b.findings && a.checked == b.checked && a.since == b.since && a.spans == b.spans
            && a.unjudged.map(\.code) == b.unjudged.map(\.code) && a.unjudged.map(\.why) == b.unjudged.map(\.why)
    }
}

extension DoctorReport {
    /// The answer of `GET /api/v1/doctor`.
    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("findings")
        writer.beginArray()
        for finding in findings { finding.write(to: &writer) }
        writer.endArray()
        writer.key("checked")
        writer.beginArray()
        for code in checked { writer.string(code.rawValue) }
        writer.endArray()
        writer.key("unjudged")
        writer.beginArray()
        for (code, why) in unjudged {
            writer.beginObject()
            writer.member("code", code.rawValue)
            writer.member("why", why)
            writer.endObject()
        }
        writer.endArray()
        writer.member("since", time: since)
        writer.member("spans", spans)
        writer.endObject()
    }
}

extension Finding {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("code", code.rawValue)
        writer.member("severity", severity.name)
        writer.member("title", title)
        writer.member("explanation", explanation)
        writer.member("count", count)
        writer.key("of")
        if let total { writer.integer(total) } else { writer.null() }
        writer.member("firstSeen", time: firstSeen)
        writer.member("lastSeen", time: lastSeen)
        writer.key("evidence")
        writer.beginArray()
        for item in evidence { item.write(to: &writer) }
        writer.endArray()
        writer.key("remedies")
        writer.beginArray()
        for remedy in remedies {
            writer.beginObject()
            writer.member("where", remedy.place.rawValue)
            writer.member("setting", remedy.setting)
            writer.member("example", remedy.example)
            writer.endObject()
        }
        writer.endArray()
        writer.member("docs", code.docs)
        writer.endObject()
    }
}

extension FindingEvidence {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("what", what)
        if let traceID { writer.member("traceId", traceID) }
        if let spanID { writer.member("spanId", spanID) }
        if let executionID { writer.member("executionId", executionID) }
        if let eventID { writer.member("eventId", eventID) }
        if let service { writer.member("service", service) }
        writer.member("seenAt", time: seenAt)
        writer.endObject()
    }
}
