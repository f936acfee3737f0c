import OTLP

@testable import Timeline

/// Builds the input of a timeline by hand. Times are milliseconds after a fixed morning.
struct Story {
    static let trace = TraceID(high: 0x2303_0303_0303_0303, low: 0x0303_0303_0303_0303)
    static let otherTrace = TraceID(high: 0x8c61_4f87_2ab2_15bb, low: 0x1db0_a976_c1bb_83ed)
    /// 2026-11-24T10:45:50Z.
    static let morning: UInt64 = 1_795_517_150_000_000_000

    var event: TimelineEvent? = TimelineEvent(
        tenant: "ws-acme", source: "portarium.control-plane", id: "evt-1", type: "com.portarium.run.RunStarted",
        subject: "runs/1", time: at(10), traceparent: "00-23030303030303030303030303030303-2303030303030301-01")
    var executions: [ExecutionInput] = []
    var spans: [TimelineSpan] = []
    var now = at(600_000)
    private var nextID: UInt64 = 1

    static func at(_ milliseconds: UInt64) -> UInt64 { morning + milliseconds * 1_000_000 }

    /// Adds a span and returns its id.
    @discardableResult
    mutating func span(
        _ name: String, under parent: SpanID = .none, from start: UInt64, to end: UInt64, kind: UInt8 = 1,
        kestra: KestraSpanKind = .none, origin: TimelineOrigin = .kestra, execution: String? = nil, run: String? = nil,
        status: UInt8 = 0, message: String = "", trace: TraceID = Story.trace, service: String? = nil,
        synthetic: Bool = false
    ) -> SpanID {
        let id = SpanID(raw: nextID)
        nextID += 1
        spans.append(
            TimelineSpan(
                traceID: trace, spanID: id, parentSpanID: parent, originalTraceID: trace, name: name, kind: kind,
                start: Self.at(start), end: Self.at(end), status: status, statusMessage: message,
                service: service ?? (origin == .kestra ? "kestra" : "portarium-control-plane"), scope: "",
                origin: origin,
                kestra: kestra, executionID: execution, taskRun: run, isSynthetic: synthetic))
        return id
    }

    @discardableResult
    mutating func executor(_ execution: String, under parent: SpanID, from start: UInt64, to end: UInt64) -> SpanID {
        span(
            "EXECUTOR - main_company.team_flow", under: parent, from: start, to: end, kestra: .executor,
            execution: execution)
    }

    @discardableResult
    mutating func worker(
        _ execution: String, _ type: String, under parent: SpanID, from start: UInt64, to end: UInt64, run: String,
        status: UInt8 = 0, message: String = ""
    ) -> SpanID {
        span(
            "WORKER - io.kestra.plugin.core.\(type)", under: parent, from: start, to: end, kestra: .worker,
            execution: execution, run: run, status: status, message: message)
    }

    /// Portarium's call, its CLIENT span and Kestra's SERVER span; returns the latter.
    mutating func delivery(from start: UInt64 = 30) -> SpanID {
        let call = span("POST", from: start - 30, to: start + 60, kind: 2, origin: .portarium)
        let client = span("POST", under: call, from: start, to: start + 50, kind: 3, origin: .portarium)
        return span(
            "POST /api/v1/{tenant}/executions/webhook/{namespace}/{id}/{key}", under: client, from: start + 10,
            to: start + 40, kind: 2, kestra: .server)
    }

    mutating func know(
        _ id: String, flow: String = "flow", state: String? = nil, ended: UInt64? = nil, rule: String = "native",
        parent: String? = nil, relation: ExecutionRelation = .delivered
    ) {
        executions.append(
            ExecutionInput(
                id: id, tenant: "main", namespace: "company.team", flow: flow,
                state: state.map { StateEvidence(name: $0, from: "Kestra API") }, ended: ended.map(Self.at), rule: rule,
                evidence: rule.isEmpty
                    ? []
                    : [
                        EvidenceItem(
                            kind: "header", value: "00-23030303030303030303030303030303-0000000000000002-01",
                            seenAt: Self.at(5_000), from: "span 0000000000000003")
                    ], parentExecution: parent, relation: relation))
    }

    /// A webhook flow of two tasks with a queue of a second and a wait of two.
    static func usual(state: String? = "SUCCESS") -> Story {
        var story = Story()
        let server = story.delivery()
        story.know("exec1", state: state)
        story.executor("exec1", under: server, from: 500, to: 510)
        story.worker("exec1", "log.Log", under: server, from: 1_000, to: 1_010, run: "run1")
        story.executor("exec1", under: server, from: 1_100, to: 1_110)
        story.worker("exec1", "flow.Sleep", under: server, from: 3_110, to: 3_910, run: "run2")
        story.executor("exec1", under: server, from: 3_980, to: 4_000)
        return story
    }

    var input: TimelineInput {
        TimelineInput(
            event: event, traceID: Self.trace, executions: executions, spans: spans, now: now, quiet: 60_000_000_000)
    }

    var timeline: Timeline { Timeline(of: input) }
}

extension Timeline {
    /// Phases as `name start-end` in milliseconds.
    var phaseTexts: [String] {
        phases.map {
            "\($0.name.rawValue) \(($0.start - Story.morning) / 1_000_000)-\(($0.end - Story.morning) / 1_000_000)"
        }
    }

    func warns(_ part: String) -> Bool { warnings.contains { $0.contains(part) } }
}
