/// What HTTP/1.1 and HTTP/2 have in common on the client's side. Confined to one event loop; the meaning of the members
/// is that of `ClientConnection`.
protocol ClientMachine: AnyObject {
    var capacity: Int { get }
    func start(_ request: ClientRequest, id: UInt64, now: UInt64)
    func receive(_ bytes: UnsafeRawBufferPointer, now: UInt64)
    func receiveEnd(now: UInt64)
    func nextOutcome() -> (id: UInt64, result: Result<ClientResponse, ClientError>)?
    func takeOutput(into output: inout [UInt8])
    var hasOutput: Bool { get }
    var isFinished: Bool { get }
    var deadline: UInt64? { get }
    func tick(now: UInt64)
    func fail(_ error: ClientError)
}
