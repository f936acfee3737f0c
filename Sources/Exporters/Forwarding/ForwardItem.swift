package import OTLP
package import Transport

/// One CloudEvent on its way to a webhook.
package struct ForwardItem: Sendable {
    /// Which event it is: its journal record and its place there.
    package struct ID: Sendable, Hashable {
        package var record: UInt64
        /// From 0.
        package var position: Int

        package init(record: UInt64, position: Int) {
            self.record = record
            self.position = position
        }
    }

    package var id: ID
    /// The event in structured mode.
    package var body: [UInt8]
    /// `traceparent` and `tracestate`, if the event has them.
    package var headers: [HeaderField]
    /// What an execution is bound to that the webhook starts.
    package var event: BindingCall.EventReference
    /// The tenant that the credential of the event's sender stands for; nil if for none. Not sent.
    package var tenant: String?

    package init(id: ID, body: [UInt8], headers: [HeaderField], event: BindingCall.EventReference) {
        self.id = id
        self.body = body
        self.headers = headers
        self.event = event
    }

    /// The item of an event.
    package init(id: ID, body: [UInt8], of event: CloudEvent) {
        var headers: [HeaderField] = []
        if let context = event.traceHeaders {
            headers.append(HeaderField("traceparent", context.traceparent))
            if let state = context.traceState { headers.append(HeaderField("tracestate", state)) }
        }
        self.init(
            id: id, body: body, headers: headers,
            event: BindingCall.EventReference(
                id: event.id, source: event.source, tenantID: event.tenantID, type: event.type))
    }
}

/// How the forwarding of an event ended.
package enum ForwardOutcome: Sendable, Hashable {
    /// It started an execution.
    case started(WebhookAnswer)
    /// It was taken (2xx), and the answer names no execution.
    case taken
    /// 204: the conditions of Kestra's trigger are not met. It was delivered and starts nothing.
    case conditionsNotMet
    /// A status that another attempt would not change.
    case refused(status: Int)
    /// Retried for `retry_on_failure.max_elapsed_time` without success.
    case retriesExhausted
    /// The answer was larger than the limit, so that its status is not known.
    case answerTooLarge
    /// The journal's record could not be read back.
    case unreadable

    /// The label `outcome` of metrics, and the word in the journal.
    package var name: String {
        switch self {
        case .started: "started"
        case .taken: "taken"
        case .conditionsNotMet: "conditions_not_met"
        case .refused: "refused"
        case .retriesExhausted: "retries_exhausted"
        case .answerTooLarge: "answer_too_large"
        case .unreadable: "unreadable"
        }
    }

    package static let names = [
        "started", "taken", "conditions_not_met", "refused", "retries_exhausted", "answer_too_large", "unreadable",
    ]

    /// Whether the webhook took the event.
    package var isDelivered: Bool {
        switch self {
        case .started, .taken, .conditionsNotMet: true
        case .refused, .retriesExhausted, .answerTooLarge, .unreadable: false
        }
    }
}

/// The end of an item.
package struct ForwardEnd: Sendable {
    package var item: ForwardItem
    package var outcome: ForwardOutcome
    /// For people; empty if there is nothing to say. Holds nothing that the webhook's answer said.
    package var message: String

    package init(item: ForwardItem, outcome: ForwardOutcome, message: String) {
        self.item = item
        self.outcome = outcome
        self.message = message
    }
}
