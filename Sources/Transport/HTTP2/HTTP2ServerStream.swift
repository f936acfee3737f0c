/// One request of an HTTP/2 connection. Belongs to its `HTTP2Server`.
final class HTTP2ServerStream {
    enum Phase {
        case head
        case body
        /// The rest of a body that nobody wants; so many bytes of it may still come.
        case discarding(Int)
        /// The request is with the handler, or was answered.
        case complete
    }

    let id: Int32
    var phase = Phase.head
    /// As HTTP/2 counts: name + value + 32 for each field.
    var headerBytes = 0
    var headerCount = 0
    /// nil until the header list is whole.
    var opening: RequestOpening?

    var prefix = GRPCPrefix()
    var body = BodyBuffer()
    var bodyLimit = 0

    var isAnswered = false
    var remoteEnded = false
    /// RST_STREAM was submitted, or will be once the answer has left.
    var isCut = false
    var outgoing: OutgoingBody?
    /// What follows the body of a gRPC answer.
    var trailingStatus: GRPCStatus?
    /// What is said when the server stops; until then the stream stays open.
    var farewell: Response.Farewell?

    /// Of the request's body, then of the answer's.
    var pace: BodyPace
    /// From `grpc-timeout`.
    var timeoutAt: UInt64?

    init(id: Int32, now: UInt64) {
        self.id = id
        pace = BodyPace(now: now)
    }

    /// When something must happen; nil while the handler is at work and the caller has set no timeout.
    func deadline(bodyTimeout: UInt64) -> UInt64? {
        if isCut || farewell != nil && outgoing?.remaining == 0 { return nil }
        if case .complete = phase, !isAnswered { return timeoutAt }
        let stalled = later(pace.since, bodyTimeout)
        return isAnswered ? stalled : min(stalled, timeoutAt ?? .max)
    }
}
