// Receivers turn requests into batches for the intake and outcomes into answers. They must not know the journal, the
// correlator or an exporter.

package import OTLP
package import Transport

/// OTLP over gRPC and HTTP, protobuf and JSON, on any port (OTLP 1.11, sections "OTLP/gRPC" and "OTLP/HTTP").
package final class OTLPReceiver: RequestHandler {
    private let intake: any Intake
    private let keys: CompiledKeys
    /// Bytes of a request, as sent and again inflated (`receivers.otlp.max_request_size`).
    private let requestLimit: Int
    private let counters: ReceiverCounters
    private let authentication: BearerAuthentication
    private let crossOrigin: CrossOrigin

    package init(
        intake: any Intake, keys: CompiledKeys, requestLimit: Int, counters: ReceiverCounters,
        authentication: BearerAuthentication = BearerAuthentication(tokens: nil), crossOrigin: CrossOrigin = CrossOrigin()
    ) {
        self.intake = intake
        self.keys = keys
        self.requestLimit = requestLimit
        self.counters = counters
        self.authentication = authentication
        self.crossOrigin = crossOrigin
    }

    package func admit(_ head: RequestHead) -> Admission {
        if let answer = crossOrigin.preflight(head) { return .refuse(answer) }
        switch decide(head) {
        case .accept(let limit): return .accept(bodyLimit: limit)
        case .refuse(let response): return .refuse(crossOrigin.allow(response, to: head))
        }
    }

    private func decide(_ head: RequestHead) -> Admission {
        let found = Call.find(head)
        if case .success(.health(_)) = found { return .accept(bodyLimit: 4096) }
        if case .refused(let refusal) = authentication.check(head) {
            return .refuse(Answer.of(refuse(refusal, head), to: head))
        }
        let call: Call
        switch found {
        case .success(let found): call = found
        case .failure(let failure): return .refuse(Answer.of(failure, to: head))
        }
        if let failure = intake.unreadiness() {
            if case .export(let signal) = call { counters.note(signal) { $0.refused += 1 } }
            return .refuse(Answer.of(failure, to: head))
        }
        return .accept(bodyLimit: requestLimit)
    }

    package func bodyTooLarge(_ head: RequestHead, limit: Int) -> Response {
        if case .success(.export(let signal)) = Call.find(head) { counters.note(signal) { $0.refused += 1 } }
        return crossOrigin.allow(Answer.of(tooLarge, to: head), to: head)
    }

    /// Counts a request without a valid token, and says what it is told.
    private func refuse(_ refusal: BearerAuthentication.Refusal, _ head: RequestHead) -> ExportFailure {
        authentication.note(refusal, of: head.listener)
        if case .success(.export(let signal)) = Call.find(head) { counters.note(signal) { $0.refused += 1 } }
        return refusal.failure
    }

    package func handle(_ request: Request, responder: Responder) {
        guard crossOrigin.isOn, request.head.header("origin") != nil else { return serve(request, responder) }
        let crossOrigin = crossOrigin
        serve(request, Responder { responder.send(crossOrigin.allow($0, to: request.head)) })
    }

    private func serve(_ request: Request, _ responder: Responder) {
        switch Call.find(request.head) {
        case .failure(let failure): responder.send(Answer.of(failure, to: request.head))
        case .success(.health(let method)):
            responder.send(method.answer(to: request, isServing: intake.unreadiness() == nil))
        case .success(.export(let signal)):
            switch authentication.check(request.head) {
            case .granted(let tenant): take(signal, request, tenant: tenant, responder)
            case .refused(let refusal):
                responder.send(Answer.of(refuse(refusal, request.head), to: request.head))
            }
        }
    }

    private func take(_ signal: Signal, _ request: Request, tenant: String?, _ responder: Responder) {
        let head = request.head
        if head.listener == (head.wireProtocol == .grpc ? "http" : "grpc") { counters.noteMisplaced() }
        counters.note(signal) {
            $0.requests += 1
            $0.bytes += UInt64(request.body.count)
        }
        var batch: ReceivedBatch
        do {
            batch = try read(signal, request)
        } catch {
            counters.note(signal) { $0.refused += 1 }
            responder.send(Answer.of(error, to: head))
            return
        }
        batch.tenant = tenant
        let (accepted, rejected) = (batch.count, batch.rejected)
        guard accepted > 0 else {
            // Nothing to keep: an empty request, or one whose every span is invalid.
            counters.note(signal) { $0.rejected += UInt64(rejected) }
            responder.send(Answer.success(signal, rejected: rejected, to: head))
            return
        }
        let counters = counters
        intake.submit(batch) { failure in
            if let failure {
                counters.note(signal) { $0.refused += 1 }
                responder.send(Answer.of(failure, to: head))
                return
            }
            counters.note(signal) {
                $0.accepted += UInt64(accepted)
                $0.rejected += UInt64(rejected)
            }
            responder.send(Answer.success(signal, rejected: rejected, to: head))
        }
    }

    /// Inflates, turns JSON into protobuf and indexes.
    private func read(_ signal: Signal, _ request: Request) throws(ExportFailure) -> ReceivedBatch {
        var payload = try inflate(request)
        if request.head.isJSON {
            do {
                payload = try OTLPJSON.encodeProtobuf(json: payload, message: .request(signal))
            } catch {
                throw .invalidData("The JSON of the \(signal.name) request cannot be read: \(error).")
            }
            guard payload.count <= requestLimit else { throw tooLarge }
        }
        do {
            let index: ReceivedBatch.Index =
                switch signal {
                case .traces: .spans(try SpanIndex(payload: payload, keys: keys))
                case .logs: .logs(try LogIndex(payload: payload, keys: keys))
                case .metrics: .metrics(try MetricIndex(payload: payload))
                }
            return ReceivedBatch(payload: payload, index: index)
        } catch {
            throw .invalidData("The \(signal.name) request is not valid protobuf: \(error).")
        }
    }

    private func inflate(_ request: Request) throws(ExportFailure) -> [UInt8] {
        let name: String
        if request.head.wireProtocol == .grpc {
            guard request.grpcCompressed else { return request.body }
            guard let encoding = request.head.header("grpc-encoding"), encoding != "identity" else {
                throw .internalError("The message is marked compressed, but grpc-encoding names no compression.")
            }
            name = encoding
        } else {
            name = request.head.header("content-encoding") ?? "identity"
        }
        guard let coding = ContentCoding(name: name) else { throw .unsupportedEncoding(Call.unknownCoding(name)) }
        do {
            return try Inflation.inflate(request.body, coding: coding, limit: requestLimit)
        } catch {
            switch error {
            case .tooLarge: throw tooLarge
            case .corrupt: throw .invalidData("The body is not valid \(name): it is cut short or damaged.")
            case .unsupported(let what): throw .unsupportedEncoding(Call.unknownCoding(what))
            }
        }
    }

    private var tooLarge: ExportFailure {
        .tooLarge(
            """
            The request is larger than \(requestLimit) bytes. Send smaller batches, or raise \
            receivers.otlp.max_request_size.
            """)
    }
}

extension BearerAuthentication.Refusal {
    /// What the sender is told.
    fileprivate var failure: ExportFailure {
        switch self {
        case .missing:
            .unauthenticated(
                "This receiver asks for a token: send authorization: Bearer TOKEN with one of receivers.otlp.auth.tokens.")
        case .wrong:
            .unauthenticated("The token that was sent is not one of receivers.otlp.auth.tokens.")
        }
    }
}

/// What a request asks for, as its head tells.
private enum Call {
    case export(Signal)
    case health(Health)

    static func find(_ head: RequestHead) -> Result<Call, ExportFailure> {
        head.wireProtocol == .grpc ? findMethod(head) : findPath(head)
    }

    private static func findMethod(_ head: RequestHead) -> Result<Call, ExportFailure> {
        for signal in Signal.allCases where head.isAt(signal.exportMethod) { return .success(.export(signal)) }
        if let method = Health(rawValue: String(head.path)) { return .success(.health(method)) }
        return .failure(.notFound("There is no method \(head.path) here."))
    }

    private static func findPath(_ head: RequestHead) -> Result<Call, ExportFailure> {
        guard let signal = Signal.allCases.first(where: { head.isAt($0.exportPath) }) else {
            let path = head.path
            if head.method == "POST", Signal.allCases.contains(where: { head.isAt($0.exportMethod) }) {
                return .failure(.unsupportedMediaType("\(path) is a gRPC method: it takes application/grpc over HTTP/2."))
            }
            return .failure(.notFound("There is nothing at \(path). OTLP goes to /v1/traces, /v1/metrics, /v1/logs."))
        }
        guard head.method == "POST" else {
            return .failure(.methodNotAllowed("\(head.path) takes POST, not \(head.method)."))
        }
        guard head.isJSON || head.isProtobuf else {
            let type = head.header("content-type") ?? "none"
            return .failure(
                .unsupportedMediaType(
                    "The content type must be application/x-protobuf or application/json, not \(type)."))
        }
        if let coding = head.header("content-encoding"), ContentCoding(name: coding) == nil {
            return .failure(.unsupportedEncoding(unknownCoding(coding)))
        }
        return .success(.export(signal))
    }

    static func unknownCoding(_ name: String) -> String {
        "The compression \(name) is not known; use gzip, zstd, deflate or identity."
    }
}

extension RequestHead {
    /// The content type without parameters, lower case.
    private var mediaType: String {
        let value = header("content-type") ?? ""
        return value.prefix { $0 != ";" }.filter { $0 != " " }.lowercased()
    }

    var isJSON: Bool { wireProtocol != .grpc && mediaType == "application/json" }

    var isProtobuf: Bool { mediaType == "application/x-protobuf" || mediaType == "application/protobuf" }
}
