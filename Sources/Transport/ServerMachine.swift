/// What HTTP/1.1 and HTTP/2 have in common on the server's side. Confined to one event loop; the meaning of the members
/// is that of `ServerConnection`.
protocol ServerMachine: AnyObject {
    func receive(_ bytes: UnsafeRawBufferPointer, now: UInt64)
    func receiveEnd(now: UInt64)
    func nextRequest() -> (stream: Int32, request: Request)?
    func respond(_ response: Response, to stream: Int32, now: UInt64)
    func takeOutput(into output: inout [UInt8])
    var hasOutput: Bool { get }
    var wantsRead: Bool { get }
    var isFinished: Bool { get }
    func beginShutdown(now: UInt64)
    var deadline: UInt64? { get }
    func tick(now: UInt64)
    var activeRequests: Int { get }
    /// The first misuse for which the connection was given up.
    var fault: ConnectionFault? { get }
}
