import CUV
import Glibc

/// A TCP connection. Confined to its loop's thread.
final class TCPStream: LoopHandle, ByteStream {
    var owner: (any ByteStreamOwner)?
    private var isReading = false
    private var sawEnd = false
    private var connected: ((Int32) -> Void)?

    // Safe: the memory was initialised as a uv_tcp_t, which begins as a uv_stream_t.
    private var tcp: UnsafeMutablePointer<uv_tcp_t> {
        UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_tcp_t.self)
    }
    private var stream: UnsafeMutablePointer<uv_stream_t> {
        UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_stream_t.self)
    }

    /// A stream without a connection, for `connect`.
    init(loop: EventLoop) throws(TransportError) {
        try super.init(uv_tcp_t.self, loop: loop, what: "a socket cannot be made") { uv_tcp_init($0, $1) }
    }

    /// A stream of an accepted connection. Nil, and `socket` closed, if the loop stops.
    static func accepted(_ socket: Int32, loop: EventLoop) -> TCPStream? {
        guard let stream = try? TCPStream(loop: loop) else {
            Glibc.close(socket)
            return nil
        }
        guard uv_tcp_open(stream.tcp, socket) == 0 else {
            Glibc.close(socket)
            stream.closeHandle()
            return nil
        }
        uv_tcp_nodelay(stream.tcp, 1)
        return stream
    }

    private static func of<Kind>(_ memory: UnsafeMutablePointer<Kind>?) -> TCPStream? {
        // Safe: all of libuv's handle types begin as a uv_handle_t.
        memory.flatMap { LoopHandle.of(UnsafeMutableRawPointer($0).assumingMemoryBound(to: uv_handle_t.self)) }
            as? TCPStream
    }

    // MARK: Connecting

    /// Connects once; `completion` gets libuv's code, from the loop, unless the stream is closed before. Returns the
    /// code of a failure that shows at once; `completion` is not called then.
    func connect(to address: SocketAddress, completion: @escaping (Int32) -> Void) -> Int32 {
        let request = UnsafeMutablePointer<uv_connect_t>.allocate(capacity: 1)
        let code = address.withSockaddr { address in
            // Libuv copies the address. The callback comes once, on closing too, before the handle's close callback.
            uv_tcp_connect(request, tcp, address) { request, code in
                guard let request else { return }
                let stream = TCPStream.of(request.pointee.handle)
                request.deallocate()
                stream?.didConnect(code)
            }
        }
        guard code == 0 else {
            request.deallocate()
            return code
        }
        connected = completion
        return 0
    }

    private func didConnect(_ code: Int32) {
        let completion = connected
        connected = nil
        guard !isClosing else { return }
        if code == 0 { uv_tcp_nodelay(tcp, 1) }
        completion?(code)
    }

    // MARK: Reading

    func startReading() {
        guard !isReading, !sawEnd, !isClosing else { return }
        let code = uv_read_start(
            stream,
            { handle, _, buffer in
                // Safe: the loop's buffer outlives all of its handles. It is used by one read at a time: libuv asks for
                // memory, reads and calls back before it does anything else, and the callback copies what it keeps.
                guard let memory = handle.flatMap(LoopHandle.of)?.loop.readBuffer else { return }
                buffer?.pointee = uv_buf_init(
                    memory.baseAddress?.assumingMemoryBound(to: CChar.self), UInt32(memory.count))
            },
            { stream, count, buffer in
                guard let stream = TCPStream.of(stream) else { return }
                stream.didRead(count, buffer?.pointee.base)
            })
        isReading = code == 0
    }

    func stopReading() {
        guard isReading else { return }
        isReading = false
        uv_read_stop(stream)
    }

    private func didRead(_ count: Int, _ base: UnsafeMutablePointer<CChar>?) {
        if count > 0 {
            owner?.streamDidRead(UnsafeRawBufferPointer(start: base, count: count))
        } else if count == Int(UV_EOF.rawValue) {
            sawEnd = true
            stopReading()
            owner?.streamDidEnd()
        } else if count < 0 {
            stopReading()
            owner?.streamDidFail(TransportError.text(uv: Int32(truncatingIfNeeded: count)))
        }
    }

    // MARK: Writing

    var queuedBytes: Int { isClosing ? 0 : uv_stream_get_write_queue_size(stream) }

    func write(_ bytes: borrowing [UInt8]) -> Bool {
        guard !isClosing else { return false }
        return bytes.withUnsafeBytes { bytes in
            var offset = 0
            if queuedBytes == 0 {
                var buffer = Self.buffer(bytes[...])
                let written = uv_try_write(stream, &buffer, 1)
                guard written >= 0 || written == UV_EAGAIN.rawValue else { return false }
                offset = max(0, Int(written))
            }
            return offset == bytes.count || queue(bytes[offset...])
        }
    }

    /// Safe: libuv takes the buffers of a write as pointers to mutable memory but only reads them.
    private static func buffer(_ bytes: Slice<UnsafeRawBufferPointer>) -> uv_buf_t {
        let bytes = UnsafeRawBufferPointer(rebasing: bytes)
        return uv_buf_t(
            base: UnsafeMutableRawPointer(mutating: bytes.baseAddress)?.assumingMemoryBound(to: CChar.self),
            len: bytes.count)
    }

    /// One allocation holds libuv's request and, behind it, the bytes; the write callback frees it.
    private func queue(_ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
        let head = MemoryLayout<uv_write_t>.stride
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: head + bytes.count, alignment: MemoryLayout<uv_write_t>.alignment)
        // Safe: the allocation is `head` + `bytes.count` bytes; the two parts do not overlap.
        let copy = UnsafeMutableRawBufferPointer(rebasing: memory[head...])
        copy.copyBytes(from: bytes)
        guard let base = memory.baseAddress else { return false }
        let request = base.assumingMemoryBound(to: uv_write_t.self)
        var buffer = Self.buffer(UnsafeRawBufferPointer(copy)[...])
        // Libuv copies the array of buffers, not the bytes. The callback comes once, on closing too, before the
        // handle's close callback.
        let code = uv_write(request, stream, &buffer, 1) { request, code in
            guard let request else { return }
            let stream = TCPStream.of(request.pointee.handle)
            UnsafeMutableRawPointer(request).deallocate()
            stream?.didWrite(code)
        }
        guard code == 0 else {
            memory.deallocate()
            return false
        }
        return true
    }

    private func didWrite(_ code: Int32) {
        guard !isClosing else { return }
        if code < 0 {
            owner?.streamDidFail(TransportError.text(uv: code))
        } else if queuedBytes == 0 {
            owner?.streamDidDrain()
        }
    }

    func finishWriting() {
        guard !isClosing else { return }
        let request = UnsafeMutablePointer<uv_shutdown_t>.allocate(capacity: 1)
        // The callback comes once, on closing too. What it says does not matter: a broken connection shows by reading.
        let code = uv_shutdown(request, stream) { request, _ in request?.deallocate() }
        if code != 0 { request.deallocate() }
    }

    // MARK: Closing

    func close() {
        closeHandle()
    }

    override func loopStops() {
        owner?.streamDidFail("the event loop stops")
        closeHandle()
    }

    override func closed() {
        connected = nil
        let owner = self.owner
        self.owner = nil
        owner?.streamDidClose()
    }
}
