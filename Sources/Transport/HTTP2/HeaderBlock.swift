import CNghttp2

/// A header list in the form that nghttp2 wants, without an allocation for each field. Reused for all lists of a
/// connection.
struct HeaderBlock {
    private var bytes: [UInt8] = []
    private var lengths: [(name: Int, value: Int)] = []

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
    }

    mutating func add(_ name: String, _ value: String) {
        bytes.append(contentsOf: name.utf8)
        let start = bytes.count
        bytes.append(contentsOf: value.utf8)
        // A line end in a value would be a protocol error at the peer.
        for index in start..<bytes.count where !bytes[index].isFieldByte { bytes[index] = UInt8(ascii: " ") }
        lengths.append((name.utf8.count, value.utf8.count))
    }

    /// Lends the fields for one `nghttp2_submit_…` call, which copies them.
    ///
    /// Safe: the pointers lead into `bytes`, whose lengths were recorded as they were appended; they are valid during
    /// `body` only, and nghttp2 does not write to them.
    mutating func withFields<R>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> R) -> R {
        let lengths = lengths
        return bytes.withUnsafeMutableBufferPointer { bytes in
            withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: lengths.count) { fields in
                guard var next = bytes.baseAddress else { return body(nil, 0) }
                for (index, length) in lengths.enumerated() {
                    fields.initializeElement(
                        at: index,
                        to: nghttp2_nv(
                            name: next, value: next + length.name, namelen: length.name, valuelen: length.value,
                            flags: 0))
                    next += length.name + length.value
                }
                return body(UnsafePointer(fields.baseAddress), lengths.count)
            }
        }
    }
}
