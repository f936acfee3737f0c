import OTLP
package import Transport

/// What came of one call of a webhook.
package enum ForwardAttempt: Sendable, Hashable {
    case ended(ForwardOutcome, message: String)
    /// May succeed later.
    /// - after: nanoseconds that the webhook asked to be left alone.
    /// - isOfRoute: the next event would fail as well, so that all wait.
    case retry(after: UInt64?, isOfRoute: Bool, message: String)

    /// Only the status of an answer gets into messages: Kestra's errors repeat the path, which holds the webhook's key.
    /// - Parameters:
    ///   - responseLimit: bytes of the answer's body once inflated.
    ///   - unixSeconds: the time now, which a date in `Retry-After` is compared with.
    package init(_ result: Result<ClientResponse, ClientError>, responseLimit: Int, unixSeconds: UInt64) {
        switch result {
        case .success(let response): self.init(response, responseLimit, unixSeconds)
        case .failure(.responseTooLarge(let limit)): self = Self.tooLarge(limit)
        case .failure(.timedOut(let nanoseconds)):
            self = .retry(after: nil, isOfRoute: false, message: "no answer within \(nanoseconds / 1_000_000) ms (timeout)")
        case .failure(.connect(let reason)):
            self = .retry(after: nil, isOfRoute: true, message: "could not connect: \(reason)")
        case .failure(.closed(let reason)):
            self = .retry(after: nil, isOfRoute: true, message: "the connection ended before the answer: \(reason)")
        case .failure(.tls(let reason)): self = .retry(after: nil, isOfRoute: true, message: "TLS: \(reason)")
        case .failure(.protocolViolation(let reason)):
            self = .retry(after: nil, isOfRoute: false, message: "the webhook does not keep to HTTP: \(reason)")
        }
    }

    private init(_ response: ClientResponse, _ limit: Int, _ unixSeconds: UInt64) {
        let status = response.status
        switch status {
        case 204: self = .ended(.conditionsNotMet, message: "")
        case 200..<300:
            do throws(InflationError) {
                let body = try AttemptOutcome.body(response, limit)
                self = .ended(WebhookAnswer.parse(body).map { .started($0) } ?? .taken, message: "")
            } catch {
                // The status counts; only which execution it was is lost.
                self = .ended(.taken, message: "the answer cannot be inflated within \(limit) bytes")
            }
        case 408, 425, 429, 500...599:
            let after = Self.delay(response, unixSeconds)
            self = .retry(
                after: after, isOfRoute: after != nil || [429, 502, 503, 504].contains(status),
                message: "HTTP status \(status)")
        default: self = .ended(.refused(status: status), message: "HTTP status \(status)\(Self.advice(status))")
        }
    }

    private static func delay(_ response: ClientResponse, _ unixSeconds: UInt64) -> UInt64? {
        // Read as for a status that is always retried.
        let decision = RetryDecision.classify(
            httpStatus: 503, retryAfter: response.header("retry-after"), now: unixSeconds)
        if case .retry(let after) = decision { return after }
        return nil
    }

    private static func advice(_ status: Int) -> String {
        switch status {
        case 300..<400: ": redirects are not followed; write the final URL into cloudevents.forward_to"
        case 401, 403: ": check headers of cloudevents.forward_to"
        case 404: ": there is no such flow or webhook key; check the endpoint of cloudevents.forward_to"
        case 409: ": the flow is disabled or invalid"
        case 422: ": the flow's inputs do not fit the event"
        default: ""
        }
    }

    private static func tooLarge(_ limit: Int) -> ForwardAttempt {
        .ended(.answerTooLarge, message: "the answer is larger than \(limit) bytes; whether it started something is unknown")
    }
}
