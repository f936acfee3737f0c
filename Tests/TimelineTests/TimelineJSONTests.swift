import OTLP
import Testing

@testable import Timeline

@Suite("Timelines, events and explanations as JSON")
struct TimelineJSONTests {
    /// Something of everything.
    private var timeline: Timeline {
        var story = Story.usual(state: nil)
        story.worker(
            "exec1", "http.Request", under: SpanID(raw: 3), from: 5_000, to: 5_010, run: "run2", status: 2,
            message: "bad \"x\"\n")
        story.span("EXECUTOR - x", under: SpanID(raw: 5), from: 1_020, to: 1_030, kestra: .executor, execution: "child")
        story.executions[0].originalTraceIDs = [Story.otherTrace]
        story.executions[0].history = [.init(state: "CREATED", at: Story.at(400))]
        story.executions[0].taskRuns = [
            TaskRunInput(
                id: "run3", taskID: "pause", value: "x", state: "RUNNING", from: "Kestra API",
                attempts: [.init(state: "RUNNING", start: Story.at(900), end: nil)])
        ]
        for number in 0..<5 as Range<UInt64> {
            story.span("db.query", under: SpanID(raw: 1), from: number, to: number + 1, origin: .portarium)
        }
        return story.timeline
    }

    @Test("a timeline comes back as it was")
    func timelineRoundTrip() throws {
        let timeline = timeline
        #expect(try Timeline(json: timeline.json) == timeline)
        #expect(!timeline.executions[0].children.isEmpty && !timeline.links.isEmpty && !timeline.warnings.isEmpty)
        #expect(Set(timeline.waterfall.map(\.kind)) == [.span, .group, .execution, .steps, .taskRun, .attempt])
        let empty = Timeline(
            of: TimelineInput(event: nil, traceID: Story.trace, executions: [], spans: [], now: 1, quiet: 1))
        #expect(try Timeline(json: empty.json) == empty)
    }

    @Test("the members have the names and the forms of the API")
    func names() throws {
        let value = try JSONValue.parse(timeline.json)
        #expect(
            value.members?.map(\.key) == [
                "event", "traceId", "state", "stateFrom", "quietSince", "start", "end", "durationNanos", "phases",
                "executions",
                "links", "criticalPath", "warnings", "complete", "waterfall",
            ])
        #expect(value["start"]?.string == "2026-11-24T10:45:50.000000000Z")
        #expect(value["durationNanos"] == .number("5010000000"))
        #expect(value["traceId"]?.string == "23030303030303030303030303030303")
        #expect(
            value["event"]?.members?.map(\.key) == ["tenant", "source", "id", "type", "subject", "time", "traceparent"])
        let execution = value["executions"]?.array?.first
        #expect(
            execution?.members?.map(\.key) == [
                "id", "namespace", "flow", "relation", "state", "stateFrom", "quietSince", "start", "end", "traceId",
                "originalTraceIds", "binding", "segments", "history", "taskRuns", "executorSteps", "children",
            ])
        #expect(execution?.value(at: ["binding"])?.members?.map(\.key) == ["rule", "evidence"])
        #expect(
            execution?.value(at: ["binding", "evidence"])?.array?.first?.members?.map(\.key) == [
                "kind", "value", "seenAt", "from",
            ])
        let run = execution?["taskRuns"]?.array?.first
        #expect(run?.members?.map(\.key) == ["id", "taskId", "type", "value", "state", "stateFrom", "attempts"])
        #expect(run?["attempts"]?.array?.first?.members?.map(\.key) == ["start", "end", "status", "state", "from"])
        #expect(value["phases"]?.array?.first?.members?.map(\.key) == ["name", "start", "end"])
        #expect(value["phases"]?.array?.last?.members?.map(\.key) == ["name", "start", "end", "executionId"])
    }

    @Test("an origin comes back with its name and role; answers without roles tell those of the built-in systems")
    func origins() throws {
        var story = Story.usual(state: nil)
        let names = ["shop", "shop-worker", "x", "portarium", "kestra", "other"]
        let roles: [OriginRole] = [.home, .follower, .bystander, .home, .follower, .bystander]
        for (number, (name, role)) in zip(names, roles).enumerated() {
            let start = 20_000 + 10 * UInt64(number)
            story.span(name, from: start, to: start + 5, origin: TimelineOrigin(name: name, role: role))
        }
        let timeline = story.timeline
        let read = try Timeline(json: timeline.json)
        #expect(read == timeline)
        #expect(names.map { name in read.waterfall.first { $0.name == name }?.origin.name } == names)
        let lines = TimelineText.render(read, width: 100, color: true).split(separator: "\n")
        for (name, role) in zip(names, roles) {
            let ink = [OriginRole.home: "[36m", .follower: "[35m", .bystander: "[33m"][role] ?? "?"
            #expect(lines.contains { $0.contains(" \(name) ") && $0.contains(ink) }, "\(name)")
        }
        let old = String(decoding: timeline.json, as: UTF8.self)
            .replacing(/"role":"[a-z]+",/, with: "")
        let oldOrigins = try Timeline(json: Array(old.utf8)).waterfall.map(\.origin)
        #expect(oldOrigins.contains(.portarium) && oldOrigins.contains(.kestra))
        #expect(oldOrigins.contains(TimelineOrigin(name: "shop", role: .bystander)))
    }

    @Test("every part that is missing or of another kind is an error that names it")
    func damaged() throws {
        guard case .object(let members) = try JSONValue.parse(timeline.json) else {
            throw AnswerError(path: "", expected: "")
        }
        // The duration is told for readers of the JSON; here it follows from start and end.
        let optional: Set<String> = ["event", "stateFrom", "quietSince", "durationNanos"]
        for (index, member) in members.enumerated() {
            var damaged = members
            damaged[index].value = member.key == "complete" ? .string("") : .bool(true)
            if member.key != "durationNanos" {
                let error = #expect(throws: AnswerError.self) {
                    try Timeline(json: JSONValue.object(damaged).serialized)
                }
                #expect(error?.path == member.key)
            }
            damaged.remove(at: index)
            if optional.contains(member.key) {
                _ = try Timeline(json: JSONValue.object(damaged).serialized)
            } else {
                #expect(throws: AnswerError.self) { try Timeline(json: JSONValue.object(damaged).serialized) }
            }
        }
        #expect(throws: AnswerError(path: "traceId", expected: "a trace id of 32 hex digits")) {
            try Timeline(json: Array("[]".utf8))
        }
    }

    @Test("no prefix and no flipped byte of a valid answer traps")
    func everyPrefixAndByte() {
        var story = Story()
        story.know("e")
        story.worker("e", "log.Log", under: .none, from: 20, to: 30, run: "r")
        let json = story.timeline.json
        for end in json.indices { #expect(throws: (any Error).self) { try Timeline(json: Array(json[..<end])) } }
        for index in json.indices {
            var flipped = json
            flipped[index] ^= 0x10
            if let timeline = try? Timeline(json: flipped) { _ = TimelineText.render(timeline, width: 80, color: true) }
        }
    }

    @Test("a list of events comes back as it was")
    func events() throws {
        let full = EventSummary.sample
        var bare = full
        bare.time = 0
        bare.traceID = nil
        bare.executions = []
        for page in [EventPage(events: [full, bare], nextCursor: "abc"), EventPage(events: [], nextCursor: nil)] {
            #expect(try EventPage(json: page.json) == page)
        }
        #expect(try EventSummary(json: full.json) == full)
        #expect(
            try JSONValue.parse(full.json).members?.map(\.key) == [
                "tenant", "source", "id", "type", "subject", "time", "traceId", "state", "firstSeen", "lastSeen",
                "durationNanos", "executions", "spans", "errors",
            ])
    }

    @Test("an explanation comes back as it was", arguments: Explanation.Outcome.allCases)
    func explanation(outcome: Explanation.Outcome) throws {
        var explanation = Explanation.sample
        explanation.evidence[0].outcome = outcome
        #expect(try Explanation(json: explanation.json) == explanation)
        explanation.event = nil
        explanation.isJoined = false
        explanation.missing = []
        let list = ExplanationList(
            event: Story().event, traceID: Story.trace, executions: [explanation, .sample], notes: ["a note"])
        #expect(try ExplanationList(json: list.json) == list)
        let bare = ExplanationList(event: nil, traceID: nil, executions: [], notes: [])
        #expect(try ExplanationList(json: bare.json) == bare)
    }

    @Test("the members of an explanation have the names of the API")
    func explanationNames() throws {
        let value = try JSONValue.parse(Explanation.sample.json)
        #expect(
            value.members?.map(\.key) == [
                "executionId", "tenant", "namespace", "flow", "event", "traces", "placement", "joined", "summary",
                "evidence", "missing", "notes",
            ])
        #expect(
            value["evidence"]?.array?.first?.members?.map(\.key) == [
                "kind", "value", "seenAt", "from", "rule", "traceId", "verdict", "outcome", "why",
            ])
        #expect(value["missing"]?.array?.first?.members?.map(\.key) == ["evidence", "how", "see"])
        let list = ExplanationList(event: nil, traceID: Story.trace, executions: [.sample], notes: [])
        #expect(try JSONValue.parse(list.json).members?.map(\.key) == ["event", "traceId", "executions", "notes"])
    }

    @Test("a damaged explanation is an error that names the member, and never a trap")
    func damagedExplanation() throws {
        #expect(throws: AnswerError(path: "traces", expected: "a list of strings")) {
            try Explanation(json: Array("{}".utf8))
        }
        let json = ExplanationList(event: nil, traceID: Story.trace, executions: [.sample], notes: ["n"]).json
        for end in json.indices { #expect(throws: (any Error).self) { try ExplanationList(json: Array(json[..<end])) } }
        for index in json.indices {
            var flipped = json
            flipped[index] ^= 0x10
            if let list = try? ExplanationList(json: flipped) { _ = ExplainText.render(list, width: 80, color: true) }
        }
    }

    @Test("an error says which member it is about")
    func errorText() {
        let json = Array(#"{"events":[{"id":"a","state":"x","firstSeen":"yesterday"}]}"#.utf8)
        let error = #expect(throws: AnswerError.self) { try EventPage(json: json) }
        #expect(error?.description == "the answer's member 'events[0].firstSeen' is not an RFC 3339 time")
    }
}

extension EventSummary {
    static let sample = EventSummary(
        tenant: "ws-acme", source: "portarium.control-plane", id: "d4b07a25-e0fc-4ade-8ac4-8d16c1ef61f3",
        type: "com.portarium.run.RunStarted", subject: "runs/1", time: Story.at(681), traceID: Story.trace,
        state: "SUCCESS",
        firstSeen: Story.at(700), lastSeen: Story.at(9_000), durationNanos: 3_927_000_000,
        executions: [.init(id: "exec1", namespace: "company.team", flow: "on-event", state: "SUCCESS")], spans: 51,
        errors: 0)
}

extension Explanation {
    static let sample = Explanation(
        executionID: "exec1", tenant: "main", namespace: "company.team", flow: "on-event",
        event: .init(tenant: "ws-acme", source: "portarium", id: "evt-1"), traces: [Story.trace, Story.otherTrace],
        placement: .init(traceID: Story.trace, rule: "claimed"), isJoined: true,
        summary: "Joined by rule claimed. A binding call names event 'evt-1'.",
        evidence: [
            .init(
                item: .init(kind: "binding_event", value: "evt-1", seenAt: Story.at(100), from: "POST /v1/bindings"),
                rule: "claimed", traceID: Story.trace, outcome: .won, why: "A binding call names event 'evt-1'."),
            .init(
                item: .init(
                    kind: "traceparent_on_server_span", value: "00-…", seenAt: Story.at(90),
                    from: "span 0000000000000003"),
                rule: "context", traceID: Story.otherTrace, outcome: .weaker,
                why: "The query carries a traceparent, but a claim outweighs it."),
        ],
        missing: [.init(evidence: "header", how: "Send the header.", see: "docs/set-up.md#join-by-header")],
        notes: ["Spans that arrived before the binding were amended."])
}
