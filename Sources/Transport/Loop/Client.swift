/// Sends requests to one endpoint over a bounded number of kept connections, all on one loop.
///
/// Requests wait, in order, until a connection has room; how many may wait is the caller's to bound. A connection that
/// breaks fails the requests in flight on it and no others; nothing is sent twice.
package final class Client: Sendable {
    private let pool: ClientPool

    /// - Parameters:
    ///   - connections: open at once, at most (at least one).
    ///   - responseLimit: bytes of a response's body as received.
    ///   - connectTimeout: nanoseconds for look-up, connecting and the TLS handshake, over all addresses.
    ///   - idleTimeout: nanoseconds after which a connection without requests is closed.
    ///   - tls: a client's context for an endpoint with TLS; nil trusts the system's authorities.
    package init(
        loop: EventLoop, endpoint: ClientEndpoint, connections: Int, responseLimit: Int,
        connectTimeout: UInt64 = 5_000_000_000, idleTimeout: UInt64 = 90_000_000_000, tls: TLSContext? = nil
    ) {
        pool = ClientPool(
            loop: loop, endpoint: endpoint, connections: connections, responseLimit: responseLimit,
            connectTimeout: connectTimeout, idleTimeout: idleTimeout,
            tls: endpoint.tls ? tls ?? (try? TLSContext.client()) : nil)
    }

    /// Sends a request. From any thread; the request's timeout runs from now and includes waiting for a connection.
    ///
    /// - Parameter completion: called once, on the loop (by the caller's thread only if the loop has stopped).
    package func send(
        _ request: ClientRequest, completion: @escaping @Sendable (Result<ClientResponse, ClientError>) -> Void
    ) {
        let call = ClientCall(request, completion: completion)
        let isAccepted = pool.loop.enqueue { [pool] in pool.submit(call) }
        if !isAccepted { call.finish(.failure(.closed("the event loop has stopped"))) }
    }

    /// Fails what waits or is in flight with `closed`, and closes all connections.
    package func close() {
        pool.loop.post { [pool] in pool.close() }
    }

    /// From any thread.
    package var counters: TransportCounters { pool.meters.counters }
}
