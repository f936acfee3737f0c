package import OTLP

/// One fact that joins an execution to something, kept so that a binding can be explained.
package struct Evidence: Sendable, Hashable {
    package enum Kind: UInt8, Sendable {
        /// The SERVER span that took the call in has a parent: its value is that parent's context.
        case header = 1
        /// The SERVER span is a root: nothing reached Kestra through the header.
        case noHeader = 2
        /// `POST /v1/bindings` named the event.
        case bindingEvent = 3
        /// `POST /v1/bindings` gave the traceparent of the flow's inputs.
        case bindingContext = 4
        /// A CloudEvent's data names the execution.
        case claimedByEvent = 5
        /// A span of another system names the execution.
        case claimedBySpan = 6
        /// The SERVER span carries the event's id and source.
        case eventOnServer = 7
        /// The SERVER span's query carries a traceparent.
        case contextOnServer = 8
        /// Spans hang under another execution's span that starts executions.
        case startedBy = 9
        /// A call to the execution (resume, kill, replay) was seen in another trace.
        case call = 10
        /// Kestra's record of the execution names the event: in the trigger's body or headers, or in inputs or labels.
        case reportedEvent = 11
        /// Kestra's record of the execution carries a traceparent.
        case reportedContext = 12
        /// Kestra's record of the execution tells its state.
        case reportedState = 13
        /// The end of another execution triggered it.
        case triggeredBy = 14
        /// Its end triggered another execution.
        case triggers = 15
        /// A span of a configured follower names the event.
        case eventOnSpan = 16
        /// A span or log record of a follower carries a business key: its value is `<key>=<value>`.
        case keyOnSpan = 17
        /// A span of a configured follower carries a trace context in an attribute.
        case contextOnSpan = 18
        /// A span carries the id of the message or task run that it works on: its value is `<key>=<value>`.
        case taskRunOnSpan = 19
        /// A key of strength `link`.
        case weakKey = 20
        /// A call of another system whose path and time fit the SERVER span.
        case pairedCall = 21

        package var name: String {
            switch self {
            case .header: "header"
            case .noHeader: "no_header"
            case .bindingEvent: "binding_event"
            case .bindingContext: "binding_traceparent"
            case .claimedByEvent: "claimed_by_event"
            case .claimedBySpan: "claimed_by_span"
            case .eventOnServer: "event_on_server_span"
            case .contextOnServer: "traceparent_on_server_span"
            case .startedBy: "started_by"
            case .call: "call"
            case .reportedEvent: "reported_event"
            case .reportedContext: "reported_traceparent"
            case .reportedState: "reported_state"
            case .triggeredBy: "triggered_by"
            case .triggers: "triggers"
            case .eventOnSpan: "event_on_span"
            case .keyOnSpan: "key_on_span"
            case .contextOnSpan: "traceparent_on_span"
            case .taskRunOnSpan: "task_run_on_span"
            case .weakKey: "weak_key"
            case .pairedCall: "paired_call"
            }
        }

        /// The rule that this evidence serves, or nil if it only makes links.
        package var rule: JoinRule? {
            switch self {
            case .header: .native
            case .claimedByEvent, .claimedBySpan, .bindingEvent: .claimed
            case .eventOnServer, .reportedEvent, .eventOnSpan: .event
            case .keyOnSpan: .key
            case .bindingContext, .contextOnServer, .reportedContext, .contextOnSpan: .context
            case .taskRunOnSpan: .taskRun
            case .startedBy: .startedBy
            case .noHeader, .call, .reportedState, .triggeredBy, .triggers, .weakKey, .pairedCall: nil
            }
        }
    }

    /// What was told. Ids are kept as such: most evidence is never shown to anybody.
    package enum Value: Sendable, Hashable {
        case text(String)
        case trace(TraceID)
        case context(TraceContext)

        package var text: String {
            switch self {
            case .text(let text): text
            case .trace(let id): id.hex
            case .context(let context): context.text
            }
        }

        /// The trace that it names, if it names one.
        var traceID: TraceID? {
            switch self {
            case .text: nil
            case .trace(let id): id
            case .context(let context): context.traceID
            }
        }
    }

    /// Where it was read.
    package enum Origin: Sendable, Hashable {
        case span(SpanID)
        case logRecord
        /// A CloudEvent of this source.
        case event(source: String)
        case bindingCall
        /// Kestra's answer to an event that the relay forwarded.
        case forwarding
        case kestraAPI

        /// In words for a person.
        package var text: String {
            switch self {
            case .span(let id): "span \(id.hex)"
            case .logRecord: "log record"
            case .event(let source): "CloudEvent \(source)"
            case .bindingCall: "POST /v1/bindings"
            case .forwarding: "forwarded to Kestra"
            case .kestraAPI: "Kestra API"
            }
        }
    }

    package var kind: Kind
    package var value: Value
    /// Unix nanoseconds of the arrival.
    package var seenAt: UInt64
    package var origin: Origin

    package init(kind: Kind, value: Value, seenAt: UInt64, origin: Origin) {
        self.kind = kind
        self.value = value
        self.seenAt = seenAt
        self.origin = origin
    }
}
