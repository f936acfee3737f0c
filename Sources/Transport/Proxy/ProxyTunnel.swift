/// Opens a tunnel through a proxy on a connected stream. Confined to its loop's thread.
final class ProxyTunnel: ByteStreamOwner {
    private let stream: any ByteStream
    private var handshake: TunnelHandshake
    /// Called once: nil when the tunnel is open, or why there is none. Dropped if the stream is closed before.
    private var opened: ((String?) -> Void)?

    init(over stream: any ByteStream, handshake: TunnelHandshake, opened: @escaping (String?) -> Void) {
        self.stream = stream
        self.handshake = handshake
        self.opened = opened
        stream.owner = self
    }

    /// Sends the request. `opened` may be called at once; when the tunnel is open it gives the stream another owner.
    func begin() {
        guard stream.write(handshake.request) else { return finish("the connection broke while sending") }
        stream.startReading()
    }

    func streamDidRead(_ bytes: UnsafeRawBufferPointer) {
        var input = bytes
        do throws(TransportError) {
            guard try handshake.receive(&input) else { return }
        } catch {
            return finish(error.message)
        }
        finish(nil)
        // The peer behind the proxy may speak first, as HTTP/2 servers do.
        if !input.isEmpty { stream.owner?.streamDidRead(input) }
    }

    func streamDidEnd() { finish("it closed the connection instead of answering CONNECT") }

    func streamDidDrain() {}

    func streamDidFail(_ reason: String) { finish(reason) }

    func streamDidClose() { opened = nil }

    private func finish(_ failure: String?) {
        let told = opened
        opened = nil
        told?(failure)
    }
}
