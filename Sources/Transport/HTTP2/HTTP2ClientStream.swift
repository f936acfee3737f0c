/// One request in flight on HTTP/2. Belongs to its `HTTP2Client`.
final class HTTP2ClientStream {
    /// The caller's id.
    let id: UInt64
    let timeout: UInt64
    let deadline: UInt64
    var outgoing: OutgoingBody?
    /// `status` is 0 until the final head has come.
    var response = ClientResponse(status: 0)
    /// Fields of the block that is arriving.
    var fields: [HeaderField] = []
    var fieldBytes = 0
    var status = 0
    var prefix = GRPCPrefix()
    var body = BodyBuffer()
    /// What is wrong with the answer; told when the stream ends.
    var error: ClientError?

    init(id: UInt64, timeout: UInt64, now: UInt64) {
        self.id = id
        self.timeout = timeout
        deadline = later(now, timeout)
    }
}
