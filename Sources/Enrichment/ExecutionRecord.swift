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
    /// `state.histories`, in their order.
    package var history: [StateChange] = []
    /// When it came into its state: the last date of the history, unix nanoseconds.
    package var stateAt: UInt64? { history.last?.at }
    /// The first date of the history, unix nanoseconds.
    package var started: UInt64? { history.first?.at }
    /// That date if the state is a final one.
    package var ended: UInt64? { hasEnded ? stateAt : nil }
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
    /// `taskRunList`, in its order.
    package var taskRuns: [TaskRun] = []

    /// When something came into a state.
    package struct StateChange: Equatable, Sendable {
        /// Kestra's name of it; empty if unknown.
        package var state: String
        /// Unix nanoseconds.
        package var at: UInt64
    }

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
    /// Most entries of a history; what is more is left out in the middle.
    package static let historyLimit = 64
    /// Most task runs, and most attempts of one, of which the first are kept.
    package static let taskRunLimit = 500
    package static let attemptLimit = 32
    /// Longest attribute of an event, in bytes.
    package static let attributeLimit = 4096
    /// Most JSON values of an answer; a task run has about forty.
    package static let valueLimit = 500_000

    /// Reads an answer. Nil if it is not JSON within the limits, or no record.
    ///
    /// - Parameter names: under which names flows get their event and context.
    package static func parse(_ body: [UInt8], names inputNames: InputNames = .common) -> ExecutionRecord? {
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
        record.taskRuns = (json["taskRunList"]?.array ?? []).prefix(taskRunLimit).compactMap(TaskRun.init)
        let names = [
            GivenNames(inputs: json["inputs"], names: inputNames), GivenNames(labels: json["labels"], names: inputNames),
        ]
        for given in names where record.event == nil { record.event = given.event }
        for given in names where record.inputContext == nil { record.inputContext = given.context }
        return record
    }

    private mutating func readState(_ json: JSONValue?) {
        state = Self.name(json?["current"])
        let histories = json?["histories"]?.array ?? []
        let (head, tail) = (Self.historyLimit / 2, Self.historyLimit - Self.historyLimit / 2)
        let kept = histories.count > Self.historyLimit ? histories.prefix(head) + histories.suffix(tail) : histories[...]
        history = kept.compactMap { entry in
            Self.date(entry).map { StateChange(state: Self.name(entry["state"]) ?? "", at: $0) }
        }
    }

    /// The `date` of an entry of a history.
    static func date(_ entry: JSONValue) -> UInt64? { entry["date"]?.string.flatMap { RFC3339.parse($0) } }

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
