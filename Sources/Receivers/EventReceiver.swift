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
            }, submit: { intake.submit($0, completion: $1) })
    }
}

/// `POST /v1/bindings`: a flow tells which event and trace context it was given, and how it ended.
package typealias BindingReceiver = EvidenceReceiver<BindingCall>

extension EvidenceReceiver where Evidence == BindingCall {
    /// - Parameter requestLimit: bytes of a request, as sent and inflated (`api.max_request_size`).
    package convenience init(intake: any Intake, requestLimit: Int) {
        self.init(
            "binding", intake: intake, requestLimit: requestLimit, read: { _, body in try BindingCall.parse(body) },
            submit: { intake.submit($0, completion: $1) })
    }
}
