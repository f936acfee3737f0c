/// Bytes to and from one peer: what a session drives its protocol machine with. TLS is a stream over another stream,
/// slotted in here. Confined to its loop's thread.
protocol ByteStream: AnyObject {
    /// Told of everything; let go of when the stream has closed.
    var owner: (any ByteStreamOwner)? { get set }
    /// Bytes written and not yet taken by the kernel.
    var queuedBytes: Int { get }
    /// Begins or goes on to read. Harmless if reading, and after the peer's end.
    func startReading()
    func stopReading()
    /// Sends at once what the kernel takes and queues a copy of the rest.
    /// False if the connection is broken: the owner then closes.
    func write(_ bytes: borrowing [UInt8]) -> Bool
    /// Tells the peer, after what is queued, that no more comes.
    func finishWriting()
    /// Closes at once; queued bytes are lost. `streamDidClose` follows. A second call does nothing.
    func close()
}

/// A session on a stream. The methods are called from the loop, never from within a call to the stream.
protocol ByteStreamOwner: AnyObject {
    /// `bytes` are valid during the call.
    func streamDidRead(_ bytes: UnsafeRawBufferPointer)
    /// The peer sends no more.
    func streamDidEnd()
    /// All that was written has been taken by the kernel.
    func streamDidDrain()
    /// The connection broke: the owner closes.
    func streamDidFail(_ reason: String)
    /// The last call; the stream is gone.
    func streamDidClose()
}
