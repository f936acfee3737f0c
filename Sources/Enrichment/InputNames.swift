/// Under which names flows get the event that started them and their trace context, in inputs or labels. Case and the
/// signs between words do not count: `cloudevent_id`, `cloudEventId` and `cloudevent.id` are one.
package struct InputNames: Sendable {
    let traceparent: Set<String>
    let eventID: Set<String>
    let eventSource: Set<String>
    let eventTenant: Set<String>
    let eventType: Set<String>
    /// A whole CloudEvent as JSON.
    let event: Set<String>

    package init(traceparent: [String], eventID: [String], eventSource: [String]) {
        func plain(_ names: [String]) -> Set<String> { Set(names.map(InputNames.plain)) }
        self.traceparent = plain(traceparent)
        self.eventID = plain(eventID)
        self.eventSource = plain(eventSource)
        eventTenant = ["cloudeventtenantid", "cloudeventseventtenantid", "eventtenantid", "cetenantid"]
        eventType = ["cloudeventtype", "cloudeventseventtype", "eventtype", "cetype"]
        event = ["cloudevent", "event"]
    }

    /// What flows commonly call them.
    package static let common = InputNames(
        traceparent: ["traceparent", "cloudevent_traceparent", "event_traceparent", "ce_traceparent"],
        eventID: ["cloudevent_id", "cloudevents_event_id", "event_id", "ce_id"],
        eventSource: ["cloudevent_source", "cloudevents_event_source", "event_source", "ce_source"])

    static func plain(_ name: String) -> String {
        String(decoding: name.lowercased().utf8.filter { $0 != 0x5F && $0 != 0x2D && $0 != 0x2E }, as: UTF8.self)
    }
}
