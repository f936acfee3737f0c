import CUV
import Glibc

/// Accepts connections of one listening socket. Confined to its loop's thread.
final class Listener: LoopHandle {
    /// Accepts in one go, so that open connections get their turn.
    private static let burst = 16
    /// How long nothing is accepted after an error that waiting may cure, as too many open files.
    private static let pause: UInt64 = 100_000_000

    private let socket: Int32
    private let accepted: (Int32, SocketAddress) -> Void
    private let failed: () -> Void
    private var resume: LoopTimer?

    /// Owns `socket` from here on, also if this throws.
    ///
    /// - Parameters:
    ///   - accepted: gets the connection's socket, which it owns, and the peer's address.
    ///   - failed: accepting failed for want of something and pauses.
    init(
        loop: EventLoop, socket: Int32, accepted: @escaping (Int32, SocketAddress) -> Void, failed: @escaping () -> Void
    ) throws(TransportError) {
        self.socket = socket
        self.accepted = accepted
        self.failed = failed
        do throws(TransportError) {
            try super.init(uv_poll_t.self, loop: loop, what: "a listening socket cannot be watched") {
                uv_poll_init($0, $1, socket)
            }
        } catch {
            close(socket)
            throw error
        }
        resume = LoopTimer(loop: loop) { [unowned self] in watch() }
        watch()
    }

    private func watch() {
        guard !isClosing else { return }
        // Safe: the memory was initialised as a uv_poll_t, which begins as a uv_handle_t.
        uv_poll_start(
            UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_poll_t.self), Int32(UV_READABLE.rawValue)
        ) {
            memory, _, _ in
            guard let memory else { return }
            let handle = UnsafeMutableRawPointer(memory).assumingMemoryBound(to: uv_handle_t.self)
            (LoopHandle.of(handle) as? Listener)?.acceptBurst()
        }
    }

    private func acceptBurst() {
        for _ in 0..<Self.burst {
            guard !isClosing else { return }
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let connection = cuv_accept(socket, &storage, &length)
            if connection >= 0 {
                accepted(connection, SocketAddress(storage, length: length))
                continue
            }
            switch errno {
            case EAGAIN:
                return
            case EINTR, ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH:
                // This connection's trouble, not the socket's (accept(2)).
                continue
            default:
                failed()
                uv_poll_stop(UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_poll_t.self))
                resume?.arm(at: EventLoop.deadline(after: Self.pause))
                return
            }
        }
    }

    /// Takes what waits in the backlog, which closing would reset, and accepts no more.
    func stop() {
        acceptBurst()
        loopStops()
    }

    override func loopStops() {
        resume?.invalidate()
        closeHandle()
    }

    override func closed() {
        close(socket)
    }
}
