import OTLP
package import Transport

/// `POST /v1/cloudevents`: CloudEvents over HTTP in structured, batched and binary mode. It answers 202 once the events
/// are journaled; they are evidence, nothing is delivered to anybody.
package final class EventReceiver: RequestHandler {
    private let intake: any Intake
    private let requestLimit: Int

    /// - Parameter requestLimit: bytes of a request, as sent and inflated (`api.max_request_size`).
    package init(intake: any Intake, requestLimit: Int) {
        self.intake = intake
        self.requestLimit = requestLimit
    }

    package func admit(_ head: RequestHead) -> Admission {
        if let failure = intake.unreadiness() { return .refuse(Answer.of(failure, to: head)) }
        return .accept(bodyLimit: requestLimit)
    }

    package func bodyTooLarge(_ head: RequestHead, limit: Int) -> Response {
        Answer.of(.tooLarge("The events are larger than \(limit) bytes (api.max_request_size)."), to: head)
    }

    package func handle(_ request: Request, responder: Responder) {
        let events: [CloudEvent]
        do {
            let body = try inflated(request, limit: requestLimit)
            events = try CloudEvent.parse(
                contentType: request.head.header("content-type"),
                headers: request.head.headers.map { ($0.name, $0.value) }, body: body, limits: CloudEventLimits())
        } catch let failure as ExportFailure {
            responder.send(Answer.of(failure, to: request.head))
            return
        } catch {
            responder.send(Answer.of(.invalidData("The CloudEvent cannot be read: \(error)."), to: request.head))
            return
        }
        submit(events, request, responder)
    }

    private func submit(_ events: [CloudEvent], _ request: Request, _ responder: Responder) {
        intake.submit(events) { failure in
            responder.send(failure.map { Answer.of($0, to: request.head) } ?? .http(202))
        }
    }
}

/// `POST /v1/bindings`: a flow tells which event and trace context it was given, and how it ended.
package final class BindingReceiver: RequestHandler {
    private let intake: any Intake
    private let requestLimit: Int

    /// - Parameter requestLimit: bytes of a request, as sent and inflated (`api.max_request_size`).
    package init(intake: any Intake, requestLimit: Int) {
        self.intake = intake
        self.requestLimit = requestLimit
    }

    package func admit(_ head: RequestHead) -> Admission {
        if let failure = intake.unreadiness() { return .refuse(Answer.of(failure, to: head)) }
        return .accept(bodyLimit: requestLimit)
    }

    package func bodyTooLarge(_ head: RequestHead, limit: Int) -> Response {
        Answer.of(.tooLarge("The binding is larger than \(limit) bytes (api.max_request_size)."), to: head)
    }

    package func handle(_ request: Request, responder: Responder) {
        let call: BindingCall
        do {
            call = try BindingCall.parse(try inflated(request, limit: requestLimit))
        } catch let failure as ExportFailure {
            responder.send(Answer.of(failure, to: request.head))
            return
        } catch {
            responder.send(Answer.of(.invalidData("The binding cannot be read: \(error)."), to: request.head))
            return
        }
        intake.submit(call) { failure in
            responder.send(failure.map { Answer.of($0, to: request.head) } ?? .http(202))
        }
    }
}

/// The body of an HTTP request without its content coding.
private func inflated(_ request: Request, limit: Int) throws -> [UInt8] {
    let name = request.head.header("content-encoding") ?? "identity"
    guard let coding = ContentCoding(name: name) else {
        throw ExportFailure.unsupportedEncoding("The compression \(name) is not known; use gzip or identity.")
    }
    do {
        return try Inflation.inflate(request.body, coding: coding, limit: limit)
    } catch InflationError.tooLarge {
        throw ExportFailure.tooLarge("The inflated body is larger than \(limit) bytes (api.max_request_size).")
    } catch {
        throw ExportFailure.invalidData("The body is not valid \(name): it is cut short or damaged.")
    }
}
