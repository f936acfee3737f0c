package import OTLP

/// What is read of Kestra's record of an execution, as `GET /api/v1/{tenant}/executions/{id}` answers it. Everything but
/// the id may be absent; what is longer than the limits counts as absent.
package struct ExecutionRecord: Equatable, Sendable {
    package var id: String
    package var tenant: String?
    package var namespace: String?
    package var flow: String?
    /// `state.current`.
    package var state: String?
    /// The first date of `state.histories`, unix nanoseconds.
    package var started: UInt64?
    /// The last date of `state.histories` if the state is a final one, unix nanoseconds.
    package var ended: UInt64?
    /// `traceParent`: the context under which Kestra runs it.
    package var nativeContext: Traceparent?
    /// `parentId`, and `originalId` if it is another execution's: that of which this one is a replay.
    package var parentID: String?
    package var originalID: String?
    /// `trigger.type`, the name of a class.
    package var triggerType: String?
    /// `trigger.variables.executionId`: whose task started it, or whose end triggered it.
    package var triggeringExecution: String?
    /// The `traceparent` header of the webhook call.
    package var callerContext: Traceparent?
    /// The event that started it.
    package var event: Event?
    /// A traceparent in the inputs, in the labels, or in a webhook body that is no event.
    package var inputContext: Traceparent?

    /// A CloudEvent, as far as the record has it.
    package struct Event: Equatable, Sendable {
        package var id: String
        package var source: String
        package var tenantID: String?
        package var type: String?
        package var subject: String?
        /// Unix nanoseconds.
        package var time: UInt64?
        package var context: Traceparent?

        package init(id: String, source: String) {
            self.id = id
            self.source = source
        }
    }

    package init(id: String) { self.id = id }

    /// Whether its state is a final one.
    package var hasEnded: Bool { state.map(ExecutionState.isFinal) ?? false }

    /// Longest id, name and state, in bytes.
    package static let nameLimit = 256
    /// Longest attribute of an event, in bytes.
    package static let attributeLimit = 4096
    /// Most JSON values of an answer; a task run has about forty.
    package static let valueLimit = 500_000

    /// Reads an answer. Nil if it is not JSON within the limits, or no record.
    package static func parse(_ body: [UInt8]) -> ExecutionRecord? {
        guard let json = try? JSONValue.parse(body, valueLimit: valueLimit, replacesLoneSurrogates: true),
            let id = name(json["id"])
        else { return nil }
        var record = ExecutionRecord(id: id)
        record.tenant = name(json["tenantId"])
        record.namespace = name(json["namespace"])
        record.flow = name(json["flowId"])
        record.readState(json["state"])
        record.nativeContext = context(json["traceParent"])
        record.parentID = name(json["parentId"])
        record.originalID = name(json["originalId"]).flatMap { $0 == id ? nil : $0 }
        record.readTrigger(json["trigger"])
        let names = [GivenNames(inputs: json["inputs"]), GivenNames(labels: json["labels"])]
        for given in names where record.event == nil { record.event = given.event }
        for given in names where record.inputContext == nil { record.inputContext = given.context }
        return record
    }

    private mutating func readState(_ json: JSONValue?) {
        state = Self.name(json?["current"])
        let histories = json?["histories"]?.array ?? []
        started = histories.first?["date"]?.string.flatMap { RFC3339.parse($0) }
        if hasEnded { ended = histories.last?["date"]?.string.flatMap { RFC3339.parse($0) } }
    }

    private mutating func readTrigger(_ json: JSONValue?) {
        triggerType = Self.name(json?["type"])
        guard let variables = json?["variables"] else { return }
        triggeringExecution = Self.name(variables["executionId"])
        let headers = GivenHeaders(variables["headers"])
        callerContext = headers.context("traceparent")
        event = Event(structured: variables["body"]) ?? headers.event ?? GivenHeaders(variables["parameters"]).event
        if event == nil { inputContext = Self.context(variables["body"]?["traceparent"]) }
    }

    static func name(_ value: JSONValue?) -> String? { text(value, limit: nameLimit) }

    static func attribute(_ value: JSONValue?) -> String? { text(value, limit: attributeLimit) }

    private static func text(_ value: JSONValue?, limit: Int) -> String? {
        guard let text = value?.string, (1...limit).contains(text.utf8.count) else { return nil }
        return text
    }

    static func context(_ value: JSONValue?) -> Traceparent? { attribute(value).flatMap { Traceparent($0) } }
}

extension ExecutionRecord.Event {
    /// A structured CloudEvent. Other JSON often has an id and a source too: the version or the type must be there.
    init?(structured json: JSONValue?) {
        guard let json, let id = ExecutionRecord.attribute(json["id"]),
            let source = ExecutionRecord.attribute(json["source"]),
            json["specversion"]?.string != nil || json["type"]?.string != nil
        else { return nil }
        self.init(id: id, source: source)
        tenantID = ExecutionRecord.attribute(json["tenantid"])
        type = ExecutionRecord.attribute(json["type"])
        subject = ExecutionRecord.attribute(json["subject"])
        time = ExecutionRecord.attribute(json["time"]).flatMap { RFC3339.parse($0) }
        context = ExecutionRecord.context(json["traceparent"])
    }
}

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
        for date in hasEnded ? [started, ended] : [started] {
            writer.beginObject()
            if let date { writer.member("date", time: date) }
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
