import OTLP
import Testing

@testable import Enrichment

// Answers as Kestra gives them, shortened.
let webhookAnswer = """
    {"tenantId":"main","id":"2TTbWuo18s8C9xoVI1mfbh","namespace":"company.team","flowId":"hello","flowRevision":1,
    "taskRunList":[{"id":"1","state":{"current":"SUCCESS"}}],"labels":[{"key":"system.from","value":"trigger"}],
    "state":{"current":"SUCCESS","histories":[{"state":"CREATED","date":"2026-11-24T10:39:37.368750Z"},
    {"state":"RUNNING","date":"2026-11-24T10:39:38Z"},{"state":"SUCCESS","date":"2026-11-24T10:39:46.344565Z"}]},
    "originalId":"2TTbWuo18s8C9xoVI1mfbh","trigger":{"id":"webhook","type":"io.kestra.plugin.core.trigger.Webhook",
    "variables":{"body":{"specversion":"1.0","id":"evt-1","source":"portarium","type":"run.started","subject":"run-1",
    "time":"2026-11-24T10:39:37Z","tenantid":"ws-acme","traceparent":"00-cd268a29a0d347301ef56e64dc3cd608-9065c3146e80a9c2-01",
    "data":{}},"headers":{"Host":["kestra"],"Traceparent":["00-005b10daf27814031632742e8ff1150a-f0c7a1a5fb269a99-01"]},
    "parameters":{}}},"deleted":false,"traceParent":"00-e42b8e94d50cdc5641f674e1cf29feeb-24fef90216fe2463-01"}
    """

let createdAnswer = """
    {"tenantId":"main","id":"7CW3yJIgYjspv9GjVULF74","namespace":"company.team","flowId":"inputs","inputs":{
    "cloudevent_id":"evt-2","cloudevent_source":"portarium.agents","date":"2026-02-28","portarium_run_id":"r",
    "traceparent":"00-92a283a2043d77faecbaa4ff21db0c2e-0b03dd475c5a6cd9-01"},"state":{"current":"RUNNING",
    "histories":[{"state":"CREATED","date":"2026-11-24T10:39:37Z"}]},"parentId":"73E5Or3lvtUnfmQoope1LD",
    "originalId":"73E5Or3lvtUnfmQoope1LD"}
    """

let triggeredAnswer = """
    {"id":"3j8h3qsfAHue89Zt2tTGHy","state":{"current":"FAILED"},"trigger":{"type":"io.kestra.plugin.core.trigger.Flow",
    "variables":{"executionId":"6wBWqgYoEJumUXalgo5xDo","state":"SUCCESS","flowId":"chain-a"}}}
    """

let taskRunAnswer = """
    {"id":"1BU","taskRunList":[{"id":"3Mz","taskId":"slow","attempts":[
    {"state":{"current":"FAILED","histories":[{"state":"CREATED","date":"2026-11-24T10:32:01Z"},
    {"state":"RUNNING","date":"2026-11-24T10:32:02Z"},{"state":"FAILED","date":"2026-11-24T10:32:03Z"}]}},
    {"state":{"current":"FAILED","histories":[{"state":"CREATED","date":"2026-11-24T10:32:05Z"},
    {"state":"FAILED","date":"2026-11-24T10:32:06Z"}]}}],"state":{"current":"FAILED"}},
    {"id":"4Mz","taskId":"pause","value":"b","state":{"current":"PAUSED","histories":[
    {"state":"CREATED","date":"2026-11-24T10:32:06Z"},{"state":"RUNNING","date":"2026-11-24T10:32:07Z"},
    {"state":"PAUSED","date":"2026-11-24T10:32:08Z"}]}},{"id":"5Mz","taskId":"never","state":{"current":"CREATED"}},
    {"taskId":"no id"}],"state":{"current":"PAUSED","histories":[{"state":"CREATED","date":"2026-11-24T10:32:00Z"}]}}
    """

/// Reading what the Kestra API answers.
@Suite struct ExecutionRecordTests {
    private func parse(_ text: String) throws -> ExecutionRecord {
        try #require(ExecutionRecord.parse(Array(text.utf8)))
    }

    private func context(_ text: String) -> Traceparent? { Traceparent(text) }

    @Test("an execution that a webhook started")
    func webhook() throws {
        let record = try parse(webhookAnswer)
        var expected = ExecutionRecord(id: "2TTbWuo18s8C9xoVI1mfbh")
        expected.tenant = "main"
        expected.namespace = "company.team"
        expected.flow = "hello"
        expected.state = "SUCCESS"
        let times = ["2026-11-24T10:39:37.368750Z", "2026-11-24T10:39:38Z", "2026-11-24T10:39:46.344565Z"]
        expected.history = zip(["CREATED", "RUNNING", "SUCCESS"], times.compactMap { RFC3339.parse($0) })
            .map { .init(state: $0, at: $1) }
        expected.taskRuns = [.init(id: "1", taskID: "", value: "", state: "SUCCESS", attempts: [])]
        expected.nativeContext = context("00-e42b8e94d50cdc5641f674e1cf29feeb-24fef90216fe2463-01")
        expected.triggerType = "io.kestra.plugin.core.trigger.Webhook"
        expected.callerContext = context("00-005b10daf27814031632742e8ff1150a-f0c7a1a5fb269a99-01")
        var event = ExecutionRecord.Event(id: "evt-1", source: "portarium")
        event.tenantID = "ws-acme"
        event.type = "run.started"
        event.subject = "run-1"
        event.time = RFC3339.parse("2026-11-24T10:39:37Z")
        event.context = context("00-cd268a29a0d347301ef56e64dc3cd608-9065c3146e80a9c2-01")
        expected.event = event
        #expect(record == expected && record.hasEnded && record.event?.context != nil)
        #expect(record.started == RFC3339.parse(times[0]) && record.ended == RFC3339.parse(times[2]))
        #expect(record.stateAt == record.ended && record.history.count == 3)
    }

    @Test("an execution that was created with inputs, as a replay")
    func inputs() throws {
        let record = try parse(createdAnswer)
        #expect(record.event?.id == "evt-2" && record.event?.source == "portarium.agents")
        #expect(record.inputContext == context("00-92a283a2043d77faecbaa4ff21db0c2e-0b03dd475c5a6cd9-01"))
        #expect(record.event?.context == record.inputContext)
        #expect(record.parentID == "73E5Or3lvtUnfmQoope1LD" && record.originalID == record.parentID)
        #expect(!record.hasEnded && record.ended == nil && record.started != nil)
    }

    @Test("an execution that another's end triggered")
    func flowTrigger() throws {
        let record = try parse(triggeredAnswer)
        #expect(record.triggeringExecution == "6wBWqgYoEJumUXalgo5xDo" && record.hasEnded && record.event == nil)
    }

    @Test("the event is found under its common names",
        arguments: [
            #""inputs":{"cloudEventId":"e","cloudEventSource":"s"}"#, #""inputs":{"event_id":"e","event-source":"s"}"#,
            #""inputs":{"cloudevents.event_id":"e","cloudevents.event_source":"s"}"#,
            #""labels":[{"key":"ce-id","value":"e"},{"key":"ce-source","value":"s"}]"#,
            #""inputs":{"event":{"specversion":"1.0","id":"e","source":"s"}}"#,
            #""trigger":{"variables":{"headers":{"Ce-Id":["e"],"CE-Source":["s"]}}}"#,
            #""trigger":{"variables":{"body":"text","parameters":{"ce-id":["e"],"ce-source":["s"]}}}"#,
            #""trigger":{"variables":{"body":{"id":"e","source":"s","type":"t"}}}"#,
        ])
    func names(members: String) throws {
        let record = try parse(#"{"id":"x",\#(members)}"#)
        #expect(record.event?.id == "e" && record.event?.source == "s")
    }

    @Test("half an event is none, and neither is any other JSON with an id",
        arguments: [
            #""inputs":{"cloudevent_id":"e"}"#, #""inputs":{"event_source":"s"}"#,
            #""trigger":{"variables":{"body":{"id":"e","source":"s"}}}"#,
            #""trigger":{"variables":{"body":{"id":7,"source":"s","type":"t"}}}"#,
            #""trigger":{"variables":{"body":{"id":"","source":"s","type":"t"}}}"#,
        ])
    func noEvent(members: String) throws {
        #expect(try parse(#"{"id":"x",\#(members)}"#).event == nil)
    }

    @Test("what is too long or of another kind counts as absent")
    func bounds() throws {
        let long = String(repeating: "x", count: 5_000)
        let record = try parse(
            #"{"id":"x","namespace":"\#(long)","flowId":7,"state":[],"trigger":"t","inputs":[],"labels":{},"traceParent":"00"}"#)
        #expect(record == ExecutionRecord(id: "x"))
        #expect(ExecutionRecord.parse(Array(#"{"id":"\#(long)"}"#.utf8)) == nil)
        let deep = #"{"id":"x","inputs":"# + String(repeating: "[", count: 100) + String(repeating: "]", count: 100) + "}"
        #expect(ExecutionRecord.parse(Array(deep.utf8)) == nil)
        let many = #"{"id":"x","a":["# + String(repeating: "1,", count: ExecutionRecord.valueLimit) + "1]}"
        #expect(ExecutionRecord.parse(Array(many.utf8)) == nil)
        #expect(ExecutionRecord.parse([]) == nil && ExecutionRecord.parse(Array("{}".utf8)) == nil)
    }

    @Test("the task runs come with their attempts, and those without with their own times")
    func taskRuns() throws {
        func time(_ seconds: Int) -> UInt64? { RFC3339.parse("2026-11-24T10:32:0\(seconds)Z") }
        let record = try parse(taskRunAnswer)
        #expect(
            record.taskRuns == [
                .init(
                    id: "3Mz", taskID: "slow", value: "", state: "FAILED",
                    attempts: [
                        .init(state: "FAILED", start: try #require(time(2)), end: time(3)),
                        .init(state: "FAILED", start: try #require(time(5)), end: time(6)),
                    ]),
                .init(
                    id: "4Mz", taskID: "pause", value: "b", state: "PAUSED",
                    attempts: [.init(state: "PAUSED", start: try #require(time(7)), end: nil)]),
                .init(id: "5Mz", taskID: "never", value: "", state: "CREATED", attempts: []),
            ])
        let many = (0..<1_000).map { #"{"id":"r\#($0)"}"# }.joined(separator: ",")
        let attempt = #"{"state":{"current":"FAILED","histories":[{"state":"RUNNING","date":"2026-11-24T10:32:02Z"}]}}"#
        let attempts = Array(repeating: attempt, count: 100).joined(separator: ",")
        let history = Array(repeating: #"{"state":"RUNNING","date":"2026-11-24T10:32:02Z"}"#, count: 100).joined(separator: ",")
        let large = try parse(
            #"{"id":"x","state":{"histories":[\#(history)]},"taskRunList":[{"id":"a","attempts":[\#(attempts)]},\#(many)]}"#)
        #expect(large.taskRuns.count == ExecutionRecord.taskRunLimit)
        #expect(large.taskRuns[0].attempts.count == ExecutionRecord.attemptLimit)
        #expect(large.history.count == ExecutionRecord.historyLimit)
        #expect(ExecutionRecord.parse(large.encode()) == large)
    }

    @Test("names of one's own replace the common ones, and the journal's form does not depend on them")
    func inputNames() throws {
        let names = InputNames(traceparent: ["tp"], eventID: ["order.event"], eventSource: ["from"])
        let traceparent = "00-92a283a2043d77faecbaa4ff21db0c2e-0b03dd475c5a6cd9-01"
        let own = Array(#"{"id":"x","inputs":{"orderEvent":"e","FROM":"s","TP":"\#(traceparent)"}}"#.utf8)
        let record = try #require(ExecutionRecord.parse(own, names: names))
        #expect(record.event?.id == "e" && record.event?.source == "s" && record.inputContext?.text == traceparent)
        #expect(ExecutionRecord.parse(record.encode()) == record && ExecutionRecord.parse(own)?.event == nil)
        let common = Array(#"{"id":"x","inputs":{"event_id":"e","event_source":"s","traceparent":"\#(traceparent)"}}"#.utf8)
        #expect(ExecutionRecord.parse(common, names: names) == ExecutionRecord(id: "x"))
        let half = Array(#"{"id":"x","inputs":{"cloudevent_id":"e","event_id":null,"ce_source":"s"}}"#.utf8)
        #expect(ExecutionRecord.parse(half)?.event?.id == "e")
    }

    @Test("the form in the journal gives the same record",
        arguments: [webhookAnswer, createdAnswer, triggeredAnswer, taskRunAnswer, #"{"id":"x"}"#])
    func journaled(text: String) throws {
        let record = try parse(text)
        #expect(ExecutionRecord.parse(record.encode()) == record)
    }

    @Test("every prefix is refused and no flipped byte does harm", arguments: [webhookAnswer, createdAnswer, triggeredAnswer, taskRunAnswer])
    func damaged(text: String) {
        let bytes = Array(text.utf8)
        for end in bytes.indices { #expect(ExecutionRecord.parse(Array(bytes[..<end])) == nil) }
        for position in bytes.indices {
            for bit in 0..<8 {
                var flipped = bytes
                flipped[position] ^= 1 << UInt8(bit)
                guard let record = ExecutionRecord.parse(flipped) else { continue }
                #expect(ExecutionRecord.parse(record.encode()) == record)
            }
        }
    }
}
