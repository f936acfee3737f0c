import OTLP
import Synchronization
package import Transport

/// Takes evidence in that somebody posts: reads it, has the intake keep it and answers 202 once it is journaled.
package final class EvidenceReceiver<Evidence: Sendable>: RequestHandler {
    private let intake: any Intake
    /// Bytes of a request, as sent and inflated (`api.max_request_size`).
    private let requestLimit: Int
    /// What the evidence is called in messages.
    private let name: String
    private let read: @Sendable (_ head: RequestHead, _ body: [UInt8]) throws -> Evidence
    /// Which field names a tenant, and which one; nil if none is named or all that are named are the given one.
    private let foreign: @Sendable (Evidence, _ tenant: String) -> (field: String, tenant: String)?
    private let submit:
        @Sendable (Evidence, _ tenant: String?, _ completion: @escaping @Sendable (ExportFailure?) -> Void) -> Void
    private let conflicts = Atomic<UInt64>(0)

    /// Requests refused because they named another tenant than their credential's.
    package var tenantConflicts: UInt64 { conflicts.load(ordering: .relaxed) }

    init(
        _ name: String, intake: any Intake, requestLimit: Int,
        read: @escaping @Sendable (_ head: RequestHead, _ body: [UInt8]) throws -> Evidence,
        foreign: @escaping @Sendable (Evidence, _ tenant: String) -> (field: String, tenant: String)?,
        submit: @escaping @Sendable (
            Evidence, _ tenant: String?, _ completion: @escaping @Sendable (ExportFailure?) -> Void
        ) -> Void
    ) {
        self.name = name
        self.intake = intake
        self.requestLimit = requestLimit
        self.read = read
        self.foreign = foreign
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
            let evidence = try read(head, try inflated(request))
            if let tenant = head.tenant, let named = foreign(evidence, tenant) {
                conflicts.add(1, ordering: .relaxed)
                responder.send(
                    Answer.problem(
                        403, "Another tenant",
                        """
                        \(named.field) of the \(name) is '\(named.tenant)', but the token stands for '\(tenant)'. Leave the \
                        field out, or send with a token of that tenant.
                        """))
                return
            }
            submit(evidence, head.tenant) { failure in
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
