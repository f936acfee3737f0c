import OTLP

/// What an execution was given by name, in inputs or labels.
struct GivenNames {
    private(set) var event: ExecutionRecord.Event?
    private(set) var context: Traceparent?

    init(inputs: JSONValue?, names: InputNames) {
        self.init((inputs?.members ?? []).prefix(1000).map { ($0.key, $0.value) }, names)
    }

    /// Labels are an array of keys and values.
    init(labels: JSONValue?, names: InputNames) {
        self.init(
            (labels?.array ?? []).prefix(256).compactMap { label in
                label["key"]?.string.flatMap { key in label["value"].map { (key, $0) } }
            }, names)
    }

    private init(_ given: [(key: String, value: JSONValue)], _ names: InputNames) {
        var id: String?
        var source: String?
        var tenant: String?
        var type: String?
        var whole: ExecutionRecord.Event?
        for (key, value) in given {
            let name = InputNames.plain(key)
            if names.eventID.contains(name) { id = ExecutionRecord.attribute(value) ?? id }
            if names.eventSource.contains(name) { source = ExecutionRecord.attribute(value) ?? source }
            if names.eventTenant.contains(name) { tenant = ExecutionRecord.attribute(value) ?? tenant }
            if names.eventType.contains(name) { type = ExecutionRecord.attribute(value) ?? type }
            if names.traceparent.contains(name) { context = context ?? ExecutionRecord.context(value) }
            if names.event.contains(name) { whole = ExecutionRecord.Event(structured: value) ?? whole }
        }
        if let id, let source {
            var named = ExecutionRecord.Event(id: id, source: source)
            named.tenantID = tenant
            named.type = type
            named.context = context
            event = named
        } else {
            event = whole
        }
    }
}
