package import OTLP
import Transport

/// `POST /v1/cloudevents`: CloudEvents over HTTP in structured, batched and binary mode. They are evidence, nothing is
/// delivered to anybody.
package typealias EventReceiver = EvidenceReceiver<[CloudEvent]>

extension EvidenceReceiver where Evidence == [CloudEvent] {
    /// - Parameter requestLimit: bytes of a request, as sent and inflated (`api.max_request_size`).
    package convenience init(intake: any Intake, requestLimit: Int) {
        self.init(
            "CloudEvent", intake: intake, requestLimit: requestLimit,
            read: { head, body in
                try CloudEvent.parse(
                    contentType: head.header("content-type"), headers: head.headers.map { ($0.name, $0.value) },
                    body: body, limits: CloudEventLimits())
            },
            foreign: { events, tenant in
                let named = events.lazy.compactMap(\.tenantID).first { !$0.utf8.elementsEqual(tenant.utf8) }
                return named.map { ("tenantid", $0) }
            }, submit: { intake.submit($0, tenant: $1, completion: $2) })
    }
}

/// `POST /v1/bindings`: a flow tells which event and trace context it was given, and how it ended.
package typealias BindingReceiver = EvidenceReceiver<BindingCall>

extension EvidenceReceiver where Evidence == BindingCall {
    /// - Parameter requestLimit: bytes of a request, as sent and inflated (`api.max_request_size`).
    package convenience init(intake: any Intake, requestLimit: Int) {
        self.init(
            "binding", intake: intake, requestLimit: requestLimit, read: { _, body in try BindingCall.parse(body) },
            foreign: { call, tenant in
                // The call's own `tenant` is Kestra's, whose names are others.
                guard let named = call.event?.tenantID, !named.utf8.elementsEqual(tenant.utf8) else { return nil }
                return ("event.tenantid", named)
            }, submit: { intake.submit($0, tenant: $1, completion: $2) })
    }
}
