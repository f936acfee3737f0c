import OTLP

/// What an execution was given by name, in inputs or labels, under the names that are common for it. Case and the signs
/// between words do not count: `cloudevent_id`, `cloudEventId` and `cloudevents.event_id` are one.
struct GivenNames {
    private(set) var event: ExecutionRecord.Event?
    private(set) var context: Traceparent?

    init(inputs: JSONValue?) {
        self.init((inputs?.members ?? []).prefix(1000).map { ($0.key, $0.value) })
    }

    /// Labels are an array of keys and values.
    init(labels: JSONValue?) {
        self.init(
            (labels?.array ?? []).prefix(256).compactMap { label in
                label["key"]?.string.flatMap { key in label["value"].map { (key, $0) } }
            })
    }

    private init(_ given: [(key: String, value: JSONValue)]) {
        var id: String?
        var source: String?
        var tenant: String?
        var type: String?
        var whole: ExecutionRecord.Event?
        for (key, value) in given {
            switch Self.plain(key) {
            case "cloudeventid", "cloudeventseventid", "eventid", "ceid": id = ExecutionRecord.attribute(value)
            case "cloudeventsource", "cloudeventseventsource", "eventsource", "cesource":
                source = ExecutionRecord.attribute(value)
            case "cloudeventtenantid", "cloudeventseventtenantid", "eventtenantid", "cetenantid":
                tenant = ExecutionRecord.attribute(value)
            case "cloudeventtype", "cloudeventseventtype", "eventtype", "cetype":
                type = ExecutionRecord.attribute(value)
            case "traceparent", "cloudeventtraceparent", "eventtraceparent", "cetraceparent":
                context = context ?? ExecutionRecord.context(value)
            case "cloudevent", "event": whole = ExecutionRecord.Event(structured: value)
            default: break
            }
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

    private static func plain(_ key: String) -> String {
        String(decoding: key.lowercased().utf8.filter { $0 != 0x5F && $0 != 0x2D && $0 != 0x2E }, as: UTF8.self)
    }
}
