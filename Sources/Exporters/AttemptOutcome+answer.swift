package import OTLP
package import Transport

extension AttemptOutcome {
    /// What a client's answer to an export means (OTLP C-2, C-5 to C-11).
    /// - Parameters:
    ///   - responseLimit: bytes of the answer's body once inflated.
    ///   - unixSeconds: the time now, which a date in `Retry-After` is compared with.
    package init(
        _ result: Result<ClientResponse, ClientError>, signal: Signal, responseLimit: Int, unixSeconds: UInt64
    ) {
        switch result {
        case .failure(.responseTooLarge(let limit)):
            self = Self.responseTooLarge(limit)
        case .failure(let error):
            // Whatever happens to a connection may be over at the next attempt, a wrong certificate included.
            self = .retry(after: nil, message: Self.message(error))
        case .success(let response):
            self.init(response, signal, responseLimit, unixSeconds)
        }
    }

    /// The sentence for people if the attempt did not deliver.
    package var failure: String? {
        switch self {
        case .delivered: nil
        case .retry(_, let message), .tooLarge(let message), .invalid(let message), .failed(_, let message): message
        }
    }

    private init(_ response: ClientResponse, _ signal: Signal, _ limit: Int, _ unixSeconds: UInt64) {
        let body: [UInt8]
        do throws(InflationError) {
            body = try Self.body(response, limit)
        } catch {
            if case .tooLarge = error {
                self = Self.responseTooLarge(limit)
                return
            }
            // The status counts; only what the body had to say is lost.
            body = []
        }
        // Of a proxy: the backend has seen nothing, and will once the proxy lets the relay through.
        if response.grpcStatus == nil, response.status == 407 {
            self = .retry(after: nil, message: "the proxy answers 407: \(ClientProxy.credentialsHint)")
            return
        }
        let decision: RetryDecision
        let text: String
        if let grpc = response.grpcStatus {
            decision = .classify(grpcCode: grpc.code, details: grpc.details)
            text = grpc.message
        } else {
            decision = .classify(
                httpStatus: response.status, retryAfter: response.header("retry-after"), now: unixSeconds)
            text =
                response.status < 300
                ? "" : String(decoding: body.prefix(300).filter(Self.isPrintable), as: UTF8.self)
        }
        switch decision {
        case .accepted:
            // An answer that can't be read does not make the data undelivered.
            let partial = try? PartialSuccess.decode(signal, protobuf: body)
            self = .delivered(
                rejected: Int(clamping: partial?.rejected ?? 0), message: partial?.message ?? "")
        case .retry(let after):
            self = .retry(after: after, message: Self.message(response, text))
        case .drop:
            let message = Self.message(response, text)
            switch (response.grpcStatus?.code, response.status) {
            // RESOURCE_EXHAUSTED without RetryInfo is how gRPC servers say that a message is too large.
            case (GRPCCode.resourceExhausted.rawValue?, _), (nil, 413): self = .tooLarge(message: message)
            case (GRPCCode.invalidArgument.rawValue?, _), (nil, 400), (nil, 422): self = .invalid(message: message)
            default: self = .failed(.refused, message: message)
            }
        }
    }

    static func body(_ response: ClientResponse, _ limit: Int) throws(InflationError) -> [UInt8] {
        let name: String?
        if response.grpcStatus != nil {
            name = response.grpcCompressed ? response.header("grpc-encoding") : nil
        } else {
            name = response.header("content-encoding")
        }
        guard !response.body.isEmpty, let name else {
            guard response.body.count <= limit else { throw .tooLarge(limit: limit) }
            return response.body
        }
        guard let coding = ContentCoding(name: name) else { throw .unsupported(name) }
        return try Inflation.inflate(response.body, coding: coding, limit: limit)
    }

    private static func responseTooLarge(_ limit: Int) -> AttemptOutcome {
        .failed(
            .responseTooLarge, message: "the answer is larger than \(limit) bytes; what became of the data is unknown")
    }

    private static func message(_ response: ClientResponse, _ text: String) -> String {
        let status: String
        if let grpc = response.grpcStatus {
            status = "gRPC status \(grpc.code)" + (GRPCCode(rawValue: grpc.code).map { " \($0.name)" } ?? "")
        } else {
            status = "HTTP status \(response.status)"
        }
        return text.isEmpty ? status : "\(status): \(text)"
    }

    private static func message(_ error: ClientError) -> String {
        switch error {
        case .connect(let reason): "could not connect: \(reason)"
        case .closed(let reason): "the connection ended before the answer: \(reason)"
        case .timedOut(let nanoseconds): "no answer within \(nanoseconds / 1_000_000) ms (timeout)"
        case .protocolViolation(let reason): "the backend does not keep to the protocol: \(reason)"
        case .responseTooLarge(let limit): "the answer is larger than \(limit) bytes"
        case .tls(let reason): "TLS: \(reason)"
        }
    }

    private static func isPrintable(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F }
}
