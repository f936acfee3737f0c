import OTLP
package import Transport

/// Takes evidence in that somebody posts: reads it, has the intake keep it and answers 202 once it is journaled.
package final class EvidenceReceiver<Evidence: Sendable>: RequestHandler {
    private let intake: any Intake
    /// Bytes of a request, as sent and inflated (`api.max_request_size`).
    private let requestLimit: Int
    /// What the evidence is called in messages.
    private let name: String
    private let read: @Sendable (_ head: RequestHead, _ body: [UInt8]) throws -> Evidence
    private let submit: @Sendable (Evidence, _ completion: @escaping @Sendable (ExportFailure?) -> Void) -> Void

    init(
        _ name: String, intake: any Intake, requestLimit: Int,
        read: @escaping @Sendable (_ head: RequestHead, _ body: [UInt8]) throws -> Evidence,
        submit: @escaping @Sendable (Evidence, _ completion: @escaping @Sendable (ExportFailure?) -> Void) -> Void
    ) {
        self.name = name
        self.intake = intake
        self.requestLimit = requestLimit
        self.read = read
        self.submit = submit
    }

    package func admit(_ head: RequestHead) -> Admission {
        if let failure = intake.unreadiness() { return .refuse(Answer.of(failure, to: head)) }
        return .accept(bodyLimit: requestLimit)
    }

    package func bodyTooLarge(_ head: RequestHead, limit: Int) -> Response {
        Answer.of(tooLarge, to: head)
    }

    package func handle(_ request: Request, responder: Responder) {
        let head = request.head
        do {
            submit(try read(head, try inflated(request))) { failure in
                responder.send(failure.map { Answer.of($0, to: head) } ?? .http(202))
            }
        } catch let failure as ExportFailure {
            responder.send(Answer.of(failure, to: head))
        } catch {
            responder.send(Answer.of(.invalidData("The \(name) cannot be read: \(error)."), to: head))
        }
    }

    /// The body without its content coding.
    private func inflated(_ request: Request) throws(ExportFailure) -> [UInt8] {
        let coding = request.head.header("content-encoding") ?? "identity"
        guard let known = ContentCoding(name: coding) else {
            throw .unsupportedEncoding("The compression \(coding) is not known; use gzip or identity.")
        }
        do throws(InflationError) {
            return try Inflation.inflate(request.body, coding: known, limit: requestLimit)
        } catch .tooLarge {
            throw tooLarge
        } catch {
            throw .invalidData("The body is not valid \(coding): it is cut short or damaged.")
        }
    }

    private var tooLarge: ExportFailure {
        .tooLarge("The \(name) is larger than \(requestLimit) bytes (api.max_request_size).")
    }
}
