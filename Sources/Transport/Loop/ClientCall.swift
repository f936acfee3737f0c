/// A request on its way through a client.
///
/// Unchecked Sendable: made by the sender's thread and given to the loop by `post`; from then on only the loop uses it.
final class ClientCall: @unchecked Sendable {
    private(set) var request: ClientRequest?
    /// The timeout as the sender gave it.
    let timeout: UInt64
    /// On the clock of `EventLoop.now()`, from the moment of sending.
    let deadline: UInt64
    /// When a connection took it.
    var started: UInt64 = 0
    /// Armed while the call waits for a connection.
    var timer: LoopTimer?
    private var completion: ((Result<ClientResponse, ClientError>) -> Void)?

    init(_ request: ClientRequest, completion: @escaping @Sendable (Result<ClientResponse, ClientError>) -> Void) {
        self.request = request
        timeout = request.timeout
        deadline = EventLoop.deadline(after: request.timeout)
        self.completion = completion
    }

    var isDone: Bool { completion == nil }

    /// The request, with the time that is left, to be given to a connection; nil if it was taken before.
    func takeRequest(now: UInt64) -> ClientRequest? {
        timer?.invalidate()
        timer = nil
        var taken = request
        request = nil
        taken?.timeout = deadline > now ? deadline - now : 0
        return taken
    }

    /// The first outcome counts.
    func finish(_ result: Result<ClientResponse, ClientError>) {
        timer?.invalidate()
        timer = nil
        request = nil
        let completion = self.completion
        self.completion = nil
        // The machine was given what was left; the sender knows the whole.
        if case .failure(.timedOut) = result {
            completion?(.failure(.timedOut(after: timeout)))
        } else {
            completion?(result)
        }
    }
}
