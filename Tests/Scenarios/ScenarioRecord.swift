/// What Kestra's API answers about one execution, as far as it matters.
package struct ScenarioRecord: Sendable {
    /// The label.
    package var execution: String
    package var state = "RUNNING"
    /// The traceparent among the inputs.
    package var input: String?
    /// The event in the webhook's body: its id, and the traceparent it carries.
    package var event: String?
    package var eventTraceparent: String?
    /// The label of the execution whose subflow task started it.
    package var startedBy: String?
    /// The label of the execution of which it is a replay.
    package var replayOf: String?
    /// The label of the execution whose end triggered it.
    package var triggeredBy: String?

    init(execution: String) { self.execution = execution }

    /// The answer to `GET /api/v1/main/executions/{id}`.
    package var json: String {
        var members = [
            "\"id\":\"\(Scenario.execution(execution))\"", "\"tenantId\":\"main\"", "\"namespace\":\"company.team\"",
            "\"flowId\":\"flow\"",
            "\"state\":{\"current\":\"\(state)\",\"histories\":[{\"state\":\"CREATED\",\"date\":\"2026-11-25T00:00:00Z\"}]}",
        ]
        if let input { members.append("\"inputs\":{\"traceparent\":\"\(input)\"}") }
        if let replayOf {
            members += ["parentId", "originalId"].map { "\"\($0)\":\"\(Scenario.execution(replayOf))\"" }
        }
        if let event {
            let context = eventTraceparent.map { ",\"traceparent\":\"\($0)\"" } ?? ""
            members.append(
                "\"trigger\":{\"type\":\"io.kestra.plugin.core.trigger.Webhook\",\"variables\":{\"body\":{\"specversion\":\"1.0\","
                    + "\"id\":\"\(event)\",\"source\":\"\(ScenarioParser.source)\",\"type\":\"com.portarium.run.RunStarted\"\(context)}}}")
        }
        for (other, type) in [(startedBy, "flow.Subflow"), (triggeredBy, "trigger.Flow")] {
            guard let other else { continue }
            members.append(
                "\"trigger\":{\"type\":\"io.kestra.plugin.core.\(type)\",\"variables\":{\"executionId\":\"\(Scenario.execution(other))\"}}")
        }
        return "{" + members.joined(separator: ",") + "}"
    }
}
