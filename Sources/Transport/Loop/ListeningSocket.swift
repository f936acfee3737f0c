import CUV
import Glibc

/// Opens listening sockets with plain system calls, so that any thread can do it and learn at once what failed.
enum ListeningSocket {
    /// Connections that may wait to be accepted; the kernel cuts it to `net.core.somaxconn`.
    private static let backlog: Int32 = 1_024
    /// Tries to find one free port for several addresses.
    private static let portAttempts = 8

    /// `count` sockets for each address of `host`, each socket of one address on the same port.
    ///
    /// - Parameters:
    ///   - host: an address, a name (all of its addresses are used), or nothing for all addresses.
    ///   - port: 0 lets the kernel choose.
    /// - Returns: for each of the `count` loops its sockets, and the port.
    static func open(host: String, port: Int, count: Int) throws(TransportError) -> (sockets: [[Int32]], port: Int) {
        guard (0...65_535).contains(port) else { throw TransportError("\(host):\(port): a port is 0 to 65535") }
        let addresses = try resolve(host, port)
        var attempt = 1
        while true {
            do throws(Failure) {
                return try open(addresses, count: count)
            } catch {
                // The port chosen for the first address was taken on another.
                if port == 0, error.code == EADDRINUSE, attempt < portAttempts {
                    attempt += 1
                    continue
                }
                throw TransportError("cannot listen on \(error.address)", errno: error.code)
            }
        }
    }

    /// Closes sockets that nobody took.
    static func close(_ sockets: [Int32]) {
        for socket in sockets { Glibc.close(socket) }
    }

    /// Closes an accepted connection at once.
    static func refuse(_ connection: Int32) {
        Glibc.close(connection)
    }

    private struct Failure: Error {
        var address: SocketAddress
        var code: Int32
    }

    private static func resolve(_ host: String, _ port: Int) throws(TransportError) -> [SocketAddress] {
        let host = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        if let address = SocketAddress(host: host, port: port) { return [address] }
        if host.isEmpty || host == "*" {
            // The IPv6 wildcard takes IPv4 too, but a kernel may be without IPv6.
            return [SocketAddress(host: "::", port: port), SocketAddress(host: "0.0.0.0", port: port)].compactMap(
                \.self)
        }
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else {
            // Safe: gai_strerror returns a constant.
            throw TransportError(
                "cannot listen on \(host): \(gai_strerror(code).map { String(cString: $0) } ?? "unknown host")")
        }
        defer { freeaddrinfo(list) }
        return SocketAddress.all(in: list).map {
            var address = $0
            address.port = port
            return address
        }
    }

    private static func open(_ addresses: [SocketAddress], count: Int) throws(Failure) -> (
        sockets: [[Int32]], port: Int
    ) {
        var sockets = [[Int32]](repeating: [], count: count)
        var port = 0
        var unusable: Failure?
        do throws(Failure) {
            for address in addresses {
                var address = address
                if address.port == 0 { address.port = port }
                do throws(Failure) {
                    if count > 1, address.port != 0 { try probe(address) }
                    for index in 0..<count {
                        let socket = try bind(address, shared: count > 1)
                        sockets[index].append(socket)
                        guard listen(socket, backlog) == 0 else { throw Failure(address: address, code: errno) }
                        address.port = boundPort(of: socket)
                        port = address.port
                    }
                } catch {
                    switch error.code {
                    case EAFNOSUPPORT, EADDRNOTAVAIL: unusable = error
                    // `::` has it already, with IPv4.
                    case EADDRINUSE where address.isWildcard && sockets[0].count == 1 && address.port == port: break
                    default: throw error
                    }
                }
            }
            if sockets[0].isEmpty, let unusable { throw unusable }
        } catch {
            for sockets in sockets { close(sockets) }
            throw error
        }
        return (sockets, port)
    }

    /// Fails if the port is taken. SO_REUSEPORT alone would share it silently with another process of the same user,
    /// as with this program started twice.
    private static func probe(_ address: SocketAddress) throws(Failure) {
        close([try bind(address, shared: false)])
    }

    private static func bind(_ address: SocketAddress, shared: Bool) throws(Failure) -> Int32 {
        let socket = cuv_tcp_socket(Int32(address.storage.ss_family))
        guard socket >= 0 else { throw Failure(address: address, code: errno) }
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        var isBound = setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, size) == 0
        if isBound, shared { isBound = setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, size) == 0 }
        if isBound { isBound = address.withSockaddr { Glibc.bind(socket, $0, address.length) } == 0 }
        guard isBound else {
            let code = errno
            close([socket])
            throw Failure(address: address, code: code)
        }
        return socket
    }

    private static func boundPort(of socket: Int32) -> Int {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        // Safe: the kernel writes at most `length` bytes of the storage, which is made to be seen as a sockaddr.
        let code = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
        }
        return code == 0 ? SocketAddress(storage, length: length).port : 0
    }
}
