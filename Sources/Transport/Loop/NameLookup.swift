import CUV
import Glibc

/// Asks the system for the addresses of a name, on libuv's threads. Confined to its loop's thread.
final class NameLookup {
    typealias Completion = (Result<[SocketAddress], TransportError>) -> Void

    private let completion: Completion

    private init(_ completion: @escaping Completion) {
        self.completion = completion
    }

    /// `completion` is called once, later, from the loop.
    ///
    /// - Throws: the look-up could not begin; `completion` is not called.
    static func start(
        loop: EventLoop, host: String, port: Int, completion: @escaping Completion
    ) throws(TransportError) {
        let request = UnsafeMutablePointer<uv_getaddrinfo_t>.allocate(capacity: 1)
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        let owner = Unmanaged.passRetained(NameLookup(completion))
        request.pointee.data = owner.toOpaque()
        // Libuv copies names and hints and calls back once, also when the loop stops: it waits for the look-up.
        let code = uv_getaddrinfo(
            loop.uv, request,
            { request, code, list in
                guard let request, let data = request.pointee.data else { return }
                // Safe: balances passRetained.
                let lookup = Unmanaged<NameLookup>.fromOpaque(data).takeRetainedValue()
                request.deallocate()
                defer { uv_freeaddrinfo(list) }
                lookup.finish(code, SocketAddress.all(in: list))
            }, host, String(port), &hints)
        guard code == 0 else {
            owner.release()
            request.deallocate()
            throw TransportError("cannot look up \(host)", uv: code)
        }
    }

    private func finish(_ code: Int32, _ addresses: [SocketAddress]) {
        if code != 0 {
            completion(.failure(TransportError("the name is unknown", uv: code)))
        } else if addresses.isEmpty {
            completion(.failure(TransportError("the name has no address")))
        } else {
            completion(.success(addresses))
        }
    }
}
