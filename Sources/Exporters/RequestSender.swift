package import Transport

/// What an exporter needs of a client.
package protocol RequestSender: Sendable {
    /// Sends a request and calls `completion` once, on the exporter's loop; it may do so before it returns.
    func send(
        _ request: ClientRequest, completion: @escaping @Sendable (Result<ClientResponse, ClientError>) -> Void)
    /// Ends all connections; what is in flight may or may not be completed.
    func close()
}

/// What an exporter needs of an event loop.
package protocol ExportLoop: Sendable {
    /// Runs `work` on the loop's thread, in the order of the calls. Any thread.
    func post(_ work: @escaping @Sendable () -> Void)
    /// Runs `work` on the loop's thread, not before so many nanoseconds.
    func wake(after nanoseconds: UInt64, _ work: @escaping @Sendable () -> Void)
    /// Monotonic nanoseconds.
    var time: UInt64 { get }
    /// Seconds since 1970, for dates that backends send.
    var unixSeconds: UInt64 { get }
}
