/// One outgoing connection as a machine: requests in, bytes out; bytes in, outcomes out. No sockets, no clock.
///
/// Confined to one event loop. `now` is monotonic time in nanoseconds. After every call the driver looks at
/// `nextOutcome`, `hasOutput`, `isFinished` and `deadline`. Every request that was started has exactly one outcome.
final class ClientConnection {
    private let machine: any ClientMachine

    /// - Parameters:
    ///   - wireProtocol: `.http1`: one request at a time; `.grpc` and `.http2`: HTTP/2 with prior knowledge.
    ///   - authority: what `host` or `:authority` says.
    ///   - proxy: what is at the other end, if it is not the server nor a tunnel to it; for HTTP/1.1.
    ///   - scheme: `http` or `https`.
    ///   - responseLimit: bytes of a response's body; more ends the request with `responseTooLarge`.
    init(
        wireProtocol: WireProtocol, authority: String, scheme: String, proxy: ClientProxy? = nil, responseLimit: Int,
        now: UInt64
    ) {
        switch wireProtocol {
        case .http1:
            machine = HTTP1Client(authority: authority, proxy: proxy, responseLimit: responseLimit)
        case .http2, .grpc:
            machine = HTTP2Client(
                isGRPC: wireProtocol == .grpc, authority: authority, scheme: scheme, responseLimit: responseLimit,
                now: now)
        }
    }

    /// How many more requests may be started now. 0 for ever once the peer has announced to close.
    var capacity: Int { machine.capacity }

    /// Starts a request. Without capacity its outcome is `ClientError.closed`.
    func start(_ request: ClientRequest, id: UInt64, now: UInt64) { machine.start(request, id: id, now: now) }

    /// Takes what the peer sent, in any split. The bytes need to stay valid only during the call.
    func receive(_ bytes: UnsafeRawBufferPointer, now: UInt64) { machine.receive(bytes, now: now) }

    /// The peer has closed its side.
    func receiveEnd(now: UInt64) { machine.receiveEnd(now: now) }

    /// The next outcome, to be drained after every call.
    func nextOutcome() -> (id: UInt64, result: Result<ClientResponse, ClientError>)? { machine.nextOutcome() }

    /// Appends what may be sent now; again, as long as `hasOutput`.
    func takeOutput(into output: inout [UInt8]) { machine.takeOutput(into: &output) }

    /// Whether `takeOutput` has something.
    var hasOutput: Bool { machine.hasOutput }

    /// Whether the connection is of no further use; nothing is in flight then.
    var isFinished: Bool { machine.isFinished }

    /// When `tick` must be called at the latest; nil for never.
    var deadline: UInt64? { machine.deadline }

    /// Lets time pass: ends requests whose timeout has passed.
    func tick(now: UInt64) { machine.tick(now: now) }

    /// The socket died: everything in flight ends with `error`.
    func fail(_ error: ClientError) { machine.fail(error) }
}
