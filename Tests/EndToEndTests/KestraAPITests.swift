import OTLP
import Testing
import Transport

/// What the Kestra API tells, through the running relay.
@Suite("The Kestra API", .serialized)
struct KestraAPITests {
    private func attribute(_ key: String, ofSpansIn sink: RecordingSink) throws -> [String: String] {
        let spans = try sink.all.filter { $0.signal == .traces }.flatMap { try JudgedSpan.all(in: $0.payload) }
        var found: [String: String] = [:]
        for span in spans where span.scope == "spanbridge" {
            if let id = span.attribute("kestra.executionId"), let value = span.attribute(key) { found[id] = value }
        }
        return found
    }

    @Test("executions' spans get the state that only Kestra knows, and a restart does not forget who told it")
    func state() throws {
        let capture = try Capture("kestra/1.3.31/s14-errors")
        let wanted = Dictionary(uniqueKeysWithValues: capture.executions.map { ($0.key, $0.value["state"]?.string ?? "") })
        #expect(wanted.values.contains("FAILED"))
        let sink = try RecordingSink()
        defer { sink.stop() }
        let kestra = try KestraStandIn(capture.records)
        let bridge = try BridgeProcess(sinkPort: sink.port, hold: "1s", quiet: "300ms", extra: kestra.configuration)
        for item in capture.items { try bridge.send(item) }
        try waitUntil("every state is known", seconds: 20) { try attribute("kestra.state", ofSpansIn: sink) == wanted }
        let metrics = try bridge.metrics
        #expect(metrics.contains("spanbridge_kestra_api_answers_total{outcome=\"found\"} \(wanted.count)"))
        kestra.stop()
        bridge.killHard()
        try bridge.start()
        for id in wanted.keys {
            let explanation = try bridge.json("/api/v1/executions/\(id)/explain")
            let evidence = (explanation["evidence"]?.array ?? []).filter { $0["from"]?.string == "Kestra API" }
            let kinds = evidence.map { $0["kind"]?.string }
            #expect(kinds.contains("reported_state"))
        }
    }

    @Test("an execution's timeline has the task runs and states that Kestra's record tells, after a restart too")
    func taskRuns() throws {
        let capture = try Capture("kestra/1.3.31/s14-errors")
        let sink = try RecordingSink()
        defer { sink.stop() }
        let kestra = try KestraStandIn(capture.records)
        let bridge = try BridgeProcess(sinkPort: sink.port, hold: "1s", quiet: "300ms", extra: kestra.configuration)
        for item in capture.items { try bridge.send(item) }
        let id = try #require(capture.executions.first { $0.value["state"]?.string == "FAILED" }?.key)
        func execution() throws -> JSONValue? {
            try bridge.json("/api/v1/executions/\(id)/timeline")["executions"]?.array?.first
        }
        func isTold() throws -> Bool {
            let execution = try execution()
            let runs = execution?["taskRuns"]?.array ?? []
            let states = (execution?["history"]?.array ?? []).compactMap { $0["state"]?.string }
            return states.first == "CREATED" && states.last == "FAILED"
                && runs.contains { $0["state"]?.string == "FAILED" && $0["stateFrom"]?.string == "Kestra API" }
                && runs.allSatisfy { $0["taskId"]?.string?.isEmpty == false }
        }
        try waitUntil("the timeline tells what Kestra told", seconds: 20, isTold)
        kestra.stop()
        bridge.killHard()
        try bridge.start()
        #expect(try isTold())
    }

    @Test("a Kestra that is not there holds nothing up")
    func absent() throws {
        let capture = try Capture("kestra/1.3.31/s02-webhook-no-header")
        let judge = try Judge(capture, evidence: .none)
        let sink = try RecordingSink()
        defer { sink.stop() }
        let bridge = try BridgeProcess(
            sinkPort: sink.port, hold: "1s", quiet: "300ms",
            extra: "enrichment: {kestra_api: {endpoint: \"http://127.0.0.1:\(try freePort())\", bearer_token: t0ken}}")
        for item in capture.items { try bridge.send(item) }
        try waitUntil("everything has arrived", seconds: 20) { try judge.isComplete(sink.all) }
        #expect(bridge.stop() == 0)
        #expect(try judge.findings(sink.all).isEmpty)
        #expect(bridge.log.contains("Asking the Kestra API failed") && !bridge.log.contains("t0ken"))
    }
}
