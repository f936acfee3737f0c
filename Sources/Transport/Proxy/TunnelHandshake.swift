/// Asks an HTTP proxy for a tunnel and reads its answer: no sockets, no clock.
struct TunnelHandshake {
    /// What is taken of the answer: more than any proxy says about a tunnel it opens.
    private static let headerBytes = 16_384
    private static let startLineBytes = 4_096

    /// What is sent first, whole.
    let request: [UInt8]
    private let authority: String
    private var head = HTTP1Head(startLine: true)

    /// - Parameter authority: host and port to be connected to.
    init(to authority: String, through proxy: ClientProxy) {
        self.authority = authority
        var fields = [HeaderField("host", authority)]
        if let authorization = proxy.authorization { fields.append(HeaderField("proxy-authorization", authorization)) }
        var request = Array("CONNECT \(authority) HTTP/1.1\r\n".utf8)
        HTTP1Writer.append(fields, to: &request)
        self.request = request
    }

    /// Takes bytes from the front of `input`, in any split. Returns whether the tunnel is open; what is left of `input`
    /// then came through it.
    ///
    /// - Throws: there will be no tunnel.
    mutating func receive(_ input: inout UnsafeRawBufferPointer) throws(TransportError) -> Bool {
        do throws(HTTP1Fault) {
            while try head.take(&input, startLineLimit: Self.startLineBytes, fieldLimit: Self.headerBytes) {
                let status = try HTTP1StatusLine(head).status
                head.reset()
                switch status {
                case 200..<300: return true
                case 100..<200 where status != 101: continue
                default: throw HTTP1Fault(status, refusal(status))
                }
            }
            return false
        } catch {
            throw TransportError(error.message)
        }
    }

    private func refusal(_ status: Int) -> String {
        let hint =
            status == 407
            ? ": \(ClientProxy.credentialsHint)"
            : ": allow it in the proxy, or name the host in NO_PROXY"
        return "it answers \(status) to CONNECT \(authority)\(hint)"
    }
}
