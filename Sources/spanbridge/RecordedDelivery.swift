import OTLP

/// One recorded webhook call: the CloudEvent that was delivered and the execution that Kestra said it started.
struct RecordedDelivery {
    private let event: JSONValue
    private let execution: String
    /// The state in which the execution ended; nil if the recording does not tell.
    private let state: String?

    /// Nil if the file is no call that delivered a CloudEvent and was answered with an execution.
    ///
    /// - Parameter truth: what `expected.json` beside it says; nil if there is none.
    init?(call path: String, truth: JSONValue?) throws {
        let call = try Recording.json(of: path)
        guard let event = call["body"], event["specversion"] != nil,
            let execution = call["response"]?["body"]?["id"]?.string
        else { return nil }
        self.event = event
        self.execution = execution
        state = truth?["executions"]?[execution]?["state"]?.string
    }

    /// What Portarium's tee and the flow's first task tell.
    func tellStart(_ api: APIClient) throws {
        _ = try api.post("/v1/cloudevents", event.serialized, type: "application/cloudevents+json").get()
        _ = try api.post("/v1/bindings", binding(state: nil), type: "application/json").get()
    }

    /// What the flow's last task tells.
    func tellEnd(_ api: APIClient) throws {
        guard let state else { return }
        _ = try api.post("/v1/bindings", binding(state: state), type: "application/json").get()
    }

    private func binding(state: String?) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("executionId")
        writer.string(execution)
        writer.key("event")
        writer.beginObject()
        for name in ["id", "source", "tenantid"] {
            guard let value = event[name]?.string else { continue }
            writer.key(name)
            writer.string(value)
        }
        writer.endObject()
        if let traceparent = event["traceparent"]?.string {
            writer.key("traceparent")
            writer.string(traceparent)
        }
        if let state {
            writer.key("state")
            writer.string(state)
        }
        writer.endObject()
        return writer.bytes
    }
}
