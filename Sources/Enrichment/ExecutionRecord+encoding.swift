import OTLP

extension ExecutionRecord {
    /// The form in the journal: an answer of Kestra's with what was read of it and nothing else.
    package func encode() -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 512)
        writer.beginObject()
        writer.member("id", id)
        writer.member("tenantId", optional: tenant)
        writer.member("namespace", optional: namespace)
        writer.member("flowId", optional: flow)
        writer.key("state")
        writer.beginObject()
        writer.member("current", optional: state)
        writer.key("histories")
        writer.beginArray()
        for change in history {
            writer.beginObject()
            writer.member("state", optional: change.state.isEmpty ? nil : change.state)
            writer.member("date", time: change.at)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        writer.member("traceParent", optional: nativeContext?.text)
        writer.member("parentId", optional: parentID)
        writer.member("originalId", optional: originalID)
        writer.key("trigger")
        writer.beginObject()
        writer.member("type", optional: triggerType)
        writer.key("variables")
        writer.beginObject()
        writer.member("executionId", optional: triggeringExecution)
        if let callerContext {
            writer.key("headers")
            writer.beginObject()
            writer.member("traceparent", callerContext.text)
            writer.endObject()
        }
        if let event {
            writer.key("body")
            event.write(to: &writer)
        }
        writer.endObject()
        writer.endObject()
        if let inputContext {
            writer.key("inputs")
            writer.beginObject()
            writer.member("traceparent", inputContext.text)
            writer.endObject()
        }
        if !taskRuns.isEmpty {
            writer.key("taskRunList")
            writer.beginArray()
            for run in taskRuns { run.write(to: &writer) }
            writer.endArray()
        }
        writer.endObject()
        return writer.bytes
    }
}

extension ExecutionRecord.Event {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("specversion", "1.0")
        writer.member("id", id)
        writer.member("source", source)
        writer.member("tenantid", optional: tenantID)
        writer.member("type", optional: type)
        writer.member("subject", optional: subject)
        if let time { writer.member("time", time: time) }
        writer.member("traceparent", optional: context?.text)
        writer.endObject()
    }
}
