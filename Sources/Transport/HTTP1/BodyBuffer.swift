import Wire

/// A body while it arrives: one array that grows with the bytes that came, not with what the peer announced.
struct BodyBuffer {
    /// At most this much is reserved for a body of which nothing has come.
    private static let reservedAhead = 1 << 20

    private(set) var bytes: [UInt8] = []
    /// The announced size, 0 if there is none.
    private var expected = 0

    var count: Int { bytes.count }

    /// Prepares for `size` announced bytes.
    mutating func expect(_ size: Int) {
        expected = size
        bytes.reserveCapacity(min(size, Self.reservedAhead))
    }

    mutating func append(_ chunk: UnsafeRawBufferPointer) {
        let needed = bytes.count + chunk.count
        if needed > bytes.capacity {
            let grown = max(needed, bytes.capacity * 4)
            bytes.reserveCapacity(needed <= expected ? min(grown, expected) : max(needed, bytes.capacity * 2))
        }
        WireWriter.copy(chunk, to: &bytes)
    }

    /// The body, leaving nothing behind.
    mutating func take() -> [UInt8] {
        let taken = bytes
        self = BodyBuffer()
        return taken
    }
}

/// `now` + `duration`, without overflow.
func later(_ now: UInt64, _ duration: UInt64) -> UInt64 {
    let (sum, overflow) = now.addingReportingOverflow(duration)
    return overflow ? .max : sum
}
