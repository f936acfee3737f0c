/// The messages that OTLP/HTTP carries as a body.
package enum OTLPMessage: Sendable, CaseIterable {
    case tracesRequest, metricsRequest, logsRequest
    case tracesResponse, metricsResponse, logsResponse
    /// `google.rpc.Status`, the body of every error reply.
    case status

    /// The `Export…ServiceRequest` of a signal.
    package static func request(_ signal: Signal) -> OTLPMessage {
        switch signal {
        case .traces: .tracesRequest
        case .metrics: .metricsRequest
        case .logs: .logsRequest
        }
    }

    /// The `Export…ServiceResponse` of a signal.
    package static func response(_ signal: Signal) -> OTLPMessage {
        switch signal {
        case .traces: .tracesResponse
        case .metrics: .metricsResponse
        case .logs: .logsResponse
        }
    }
}
