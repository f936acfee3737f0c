import CUV

/// A libuv handle and the memory it lives in. Confined to its loop's thread.
///
/// Lifetime: `data` of the handle holds one strong reference to this object from initialisation until libuv's close
/// callback, which is the last use libuv makes of the handle. So in every callback between, an unretained read of
/// `data` finds a living object, and the handle's memory is freed exactly once, in the close callback.
class LoopHandle {
    let loop: EventLoop
    /// Valid until `closed()` was called.
    let handle: UnsafeMutablePointer<uv_handle_t>
    private(set) var isClosing = false

    /// - Parameter setUp: initialises the memory as a handle of `kind`, libuv's result code returned.
    init<Kind>(
        _ kind: Kind.Type, loop: EventLoop, what: @autoclosure () -> String,
        setUp: (UnsafeMutablePointer<uv_loop_t>, UnsafeMutablePointer<Kind>) -> Int32
    ) throws(TransportError) {
        guard !loop.isStopping else { throw TransportError("\(what()): the event loop is stopping") }
        let memory = UnsafeMutablePointer<Kind>.allocate(capacity: 1)
        let code = setUp(loop.uv, memory)
        guard code == 0 else {
            memory.deallocate()
            throw TransportError(what(), uv: code)
        }
        self.loop = loop
        // Safe: every handle type of libuv begins with the fields of uv_handle_t; its API is built on this cast.
        handle = UnsafeMutableRawPointer(memory).assumingMemoryBound(to: uv_handle_t.self)
        handle.pointee.data = Unmanaged.passRetained(self).toOpaque()
    }

    /// The object of a handle; nil for the loop's own handles, which have none.
    static func of(_ handle: UnsafeMutablePointer<uv_handle_t>) -> LoopHandle? {
        // Safe: see the lifetime above; libuv calls back only between initialisation and the close callback.
        handle.pointee.data.map { Unmanaged<LoopHandle>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Begins to close; `closed()` follows from the loop. A second call does nothing.
    final func closeHandle() {
        guard !isClosing else { return }
        isClosing = true
        uv_close(handle) { handle in
            guard let handle, let data = handle.pointee.data else { return }
            // Safe: balances passRetained; libuv calls this once and does not touch the handle again.
            let owner = Unmanaged<LoopHandle>.fromOpaque(data).takeRetainedValue()
            handle.deallocate()
            owner.closed()
        }
    }

    /// The handle is gone.
    func closed() {}

    /// The loop stops: close.
    func loopStops() {
        closeHandle()
    }
}
