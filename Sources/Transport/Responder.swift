/// The right to answer one request, once, from any thread.
/// The transport's implementation hops to the loop that owns the connection.
package struct Responder: Sendable {
    private let deliver: @Sendable (Response) -> Void

    package init(_ deliver: @escaping @Sendable (Response) -> Void) {
        self.deliver = deliver
    }

    /// Sends the answer. A second call, and a call after the peer has gone, do nothing.
    package func send(_ response: Response) {
        deliver(response)
    }
}
