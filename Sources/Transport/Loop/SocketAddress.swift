import CUV
import Glibc

/// An IPv4 or IPv6 address with a port.
struct SocketAddress: Sendable {
    private(set) var storage: sockaddr_storage
    private(set) var length: socklen_t

    init(_ storage: sockaddr_storage, length: socklen_t) {
        self.storage = storage
        self.length = length
    }

    /// - Parameter address: `length` bytes of it are copied.
    init(copying address: UnsafePointer<sockaddr>, length: socklen_t) {
        storage = sockaddr_storage()
        self.length = min(length, socklen_t(MemoryLayout<sockaddr_storage>.size))
        // Safe: the caller vouches for `length` bytes, and no more than the storage's size are copied.
        withUnsafeMutableBytes(of: &storage) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(self.length)))
        }
    }

    /// A numeric address; nil if `host` is a name. An IPv6 address may have a zone.
    init?(host: String, port: Int) {
        var v4 = sockaddr_in()
        var v6 = sockaddr_in6()
        let port = Int32(clamping: port)
        // Safe: sockaddr_in and sockaddr_in6 begin as every sockaddr; the sizes given are their own.
        if uv_ip4_addr(host, port, &v4) == 0 {
            self = withUnsafePointer(to: &v4) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    SocketAddress(copying: $0, length: socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        } else if uv_ip6_addr(host, port, &v6) == 0 {
            self = withUnsafePointer(to: &v6) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    SocketAddress(copying: $0, length: socklen_t(MemoryLayout<sockaddr_in6>.size))
                }
            }
        } else {
            return nil
        }
    }

    /// The addresses of a list that `getaddrinfo` made, without repetitions, in its order.
    static func all(in list: UnsafeMutablePointer<addrinfo>?) -> [SocketAddress] {
        var found: [SocketAddress] = []
        var entry = list
        while let info = entry?.pointee {
            if let address = info.ai_addr, info.ai_family == AF_INET || info.ai_family == AF_INET6 {
                let copy = SocketAddress(copying: address, length: info.ai_addrlen)
                if !found.contains(where: { $0.description == copy.description }) { found.append(copy) }
            }
            entry = info.ai_next
        }
        return found
    }

    var isIPv6: Bool { Int32(storage.ss_family) == AF_INET6 }

    /// Whether it stands for all addresses of its family.
    var isWildcard: Bool {
        let host = description
        return host.hasPrefix("0.0.0.0:") || host.hasPrefix("[::]:")
    }

    /// The four or sixteen bytes of the address.
    var bytes: [UInt8] {
        // Safe: sockaddr_in has its address behind family and port, sockaddr_in6 behind a flow label too.
        withUnsafeBytes(of: storage) { Array(isIPv6 ? $0[8..<24] : $0[4..<8]) }
    }

    var port: Int {
        get {
            // Safe: the port is at the same place, after the family, in sockaddr_in and sockaddr_in6.
            withUnsafeBytes(of: storage) {
                Int(UInt16(bigEndian: $0.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
            }
        }
        set {
            let port = UInt16(truncatingIfNeeded: newValue).bigEndian
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: port, toByteOffset: 2, as: UInt16.self) }
        }
    }

    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>) -> Result) -> Result {
        // Safe: sockaddr_storage is made to be read as a sockaddr.
        withUnsafePointer(to: storage) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1, body) }
    }
}

extension SocketAddress: CustomStringConvertible {
    /// `127.0.0.1:80` or `[::1]:80`. An IPv4 peer of an IPv6 socket is written as IPv4.
    var description: String {
        let host = withSockaddr { address in
            // Safe: uv_ip_name writes at most the given size and ends with a zero byte.
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
                guard let base = buffer.baseAddress, uv_ip_name(address, base, buffer.count) == 0 else { return "?" }
                return String(cString: base)
            }
        }
        if host.hasPrefix("::ffff:"), host.contains(".") { return "\(host.dropFirst(7)):\(port)" }
        return isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
