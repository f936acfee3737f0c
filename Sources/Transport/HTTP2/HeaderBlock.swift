import CNghttp2
import Glibc
import Wire

/// A header list as bytes in one piece, in the form that nghttp2 wants, without an allocation for each field. Reused for
/// all lists of a connection.
struct HeaderBlock: Equatable {
    private struct Lengths: Equatable {
        var name: Int
        var value: Int
    }

    private var bytes: [UInt8] = []
    private var lengths: [Lengths] = []

    /// How many fields there are.
    var count: Int { lengths.count }

    /// Safe: memcmp is given two buffers of the same, checked length.
    static func == (left: HeaderBlock, right: HeaderBlock) -> Bool {
        guard left.lengths == right.lengths, left.bytes.count == right.bytes.count else { return false }
        return left.bytes.withUnsafeBytes { left in
            right.bytes.withUnsafeBytes { right in
                guard let base = left.baseAddress, let other = right.baseAddress else { return left.isEmpty }
                return memcmp(base, other, left.count) == 0
            }
        }
    }

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
    }

    mutating func add(_ name: String, _ value: String) {
        var (name, value) = (name, value)
        name.withUTF8 { name in value.withUTF8 { value in add(name, value) } }
        // A line end in a value would be a protocol error at the peer.
        for index in bytes.count - value.utf8.count..<bytes.count where !bytes[index].isFieldByte {
            bytes[index] = UInt8(ascii: " ")
        }
    }

    /// Adds a field as the peer sent it.
    mutating func add(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        WireWriter.copy(UnsafeRawBufferPointer(name), to: &bytes)
        WireWriter.copy(UnsafeRawBufferPointer(value), to: &bytes)
        lengths.append(Lengths(name: name.count, value: value.count))
    }

    /// Lends each field's name and value in order, for the time of the call.
    ///
    /// Safe: the buffers are parts of `bytes`, whose lengths were recorded as they were appended.
    func forEach(_ body: (_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) -> Void) {
        bytes.withUnsafeBufferPointer { bytes in
            var start = 0
            for length in lengths {
                let middle = start + length.name
                let end = middle + length.value
                body(
                    UnsafeBufferPointer(rebasing: bytes[start..<middle]), UnsafeBufferPointer(rebasing: bytes[middle..<end]))
                start = end
            }
        }
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
