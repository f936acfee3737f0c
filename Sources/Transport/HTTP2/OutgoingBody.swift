import Wire

/// A body on its way out, with the gRPC prefix before it where one belongs. nghttp2 asks for its size frame by frame and
/// then has each piece appended to the driver's buffer: the one copy it gets.
struct OutgoingBody {
    private var prefix: [UInt8] = []
    private let bytes: [UInt8]
    /// Sent, prefix included.
    private var offset = 0

    init(_ bytes: [UInt8], grpcPrefix: Bool = false, compressed: Bool = false) {
        self.bytes = bytes
        if grpcPrefix { prefix = GRPCPrefix.bytes(length: bytes.count, compressed: compressed) }
    }

    var remaining: Int { prefix.count + bytes.count - offset }

    /// Appends the next `length` bytes, or what is left.
    mutating func move(_ length: Int, to output: inout [UInt8]) {
        var length = min(length, remaining)
        if offset < prefix.count {
            let part = min(length, prefix.count - offset)
            WireWriter.copy(offset..<offset + part, of: prefix, to: &output)
            offset += part
            length -= part
        }
        guard length > 0 else { return }
        let start = offset - prefix.count
        WireWriter.copy(start..<start + length, of: bytes, to: &output)
        offset += length
    }
}
