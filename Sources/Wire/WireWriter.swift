/// Appends protobuf wire format to an array of bytes, and says how many bytes that takes.
/// Public for the reason that `WireReader` names.
public enum WireWriter {
    /// The number of bytes of a varint: 1 to 10.
    @inlinable @inline(always)
    public static func size(ofVarint value: UInt64) -> Int {
        // 7 bits a byte; (bits * 9 + 64) / 64 is the same as ceil(bits / 7) for 1 to 64 bits.
        let bits = 64 &- (value | 1).leadingZeroBitCount
        return (bits &* 9 &+ 64) &>> 6
    }

    /// The number of bytes of a length and the bytes it counts.
    @inlinable @inline(always)
    public static func size(ofDelimited count: Int) -> Int {
        size(ofVarint: UInt64(truncatingIfNeeded: count)) &+ count
    }

    @inlinable @inline(always)
    public static func varint(_ value: UInt64, to output: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            output.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest &>>= 7
        }
        output.append(UInt8(truncatingIfNeeded: rest))
    }

    /// A tag: field number times 8 plus wire type.
    @inlinable @inline(always)
    public static func tag(_ tag: UInt32, to output: inout [UInt8]) {
        varint(UInt64(tag), to: &output)
    }

    /// Tag and length of a length-delimited field whose bytes follow.
    @inlinable @inline(always)
    public static func header(_ tag: UInt32, count: Int, to output: inout [UInt8]) {
        varint(UInt64(tag), to: &output)
        varint(UInt64(truncatingIfNeeded: count), to: &output)
    }

    /// A whole length-delimited field.
    @inlinable
    public static func delimited(_ tag: UInt32, _ bytes: some Collection<UInt8>, to output: inout [UInt8]) {
        header(tag, count: bytes.count, to: &output)
        copy(bytes, to: &output)
    }

    /// A length-delimited field of what `body` appends, without another array. One byte is kept free for the length; a
    /// body that needs more is moved up.
    @inlinable @inline(always)
    public static func message(_ tag: UInt32, to output: inout [UInt8], _ body: (inout [UInt8]) -> Void) {
        varint(UInt64(tag), to: &output)
        output.append(0)
        let start = output.count
        body(&output)
        let count = output.count &- start
        let more = size(ofVarint: UInt64(truncatingIfNeeded: count)) &- 1
        for _ in 0..<more { output.append(0) }
        // Safe: the body is at start..<start + count, `more` bytes were appended behind it, and the length takes the byte
        // before it and those `more`. The regions of the copy may overlap.
        output.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            if more > 0 { (base + start + more).copyMemory(from: base + start, byteCount: count) }
            var rest = UInt64(truncatingIfNeeded: count)
            for position in start &- 1..<start &+ more {
                bytes[position] = UInt8(truncatingIfNeeded: rest) | 0x80
                rest &>>= 7
            }
            bytes[start &- 1 &+ more] &= 0x7F
        }
    }

    /// A varint field.
    @inlinable
    public static func varint(_ tag: UInt32, _ value: UInt64, to output: inout [UInt8]) {
        varint(UInt64(tag), to: &output)
        varint(value, to: &output)
    }

    /// A fixed64 field (also sfixed64 and double, by their bits).
    @inlinable
    public static func fixed64(_ tag: UInt32, _ value: UInt64, to output: inout [UInt8]) {
        varint(UInt64(tag), to: &output)
        littleEndian(value, to: &output)
    }

    /// A fixed32 field.
    @inlinable
    public static func fixed32(_ tag: UInt32, _ value: UInt32, to output: inout [UInt8]) {
        varint(UInt64(tag), to: &output)
        littleEndian(value, to: &output)
    }

    /// The bytes of a number, the least significant first.
    @inlinable @inline(always)
    public static func littleEndian<Number: FixedWidthInteger>(_ value: Number, to output: inout [UInt8]) {
        // Safe: the pointer is used within the closure only, and covers exactly the number's bytes.
        withUnsafeBytes(of: value.littleEndian) { copy($0, to: &output) }
    }

    /// The bytes of a number, the most significant first.
    @inlinable @inline(always)
    public static func bigEndian<Number: FixedWidthInteger>(_ value: Number, to output: inout [UInt8]) {
        // Safe: the pointer is used within the closure only, and covers exactly the number's bytes.
        withUnsafeBytes(of: value.bigEndian) { copy($0, to: &output) }
    }

    /// A part of other bytes, copied in one piece. Traps if the range is not within them.
    @inlinable @inline(always)
    public static func copy(_ range: Range<Int>, of input: [UInt8], to output: inout [UInt8]) {
        precondition(range.upperBound <= input.count && range.lowerBound >= 0)
        // Safe: the range was checked above, and the pointer is used within the closure only.
        input.withUnsafeBytes { copy(UnsafeRawBufferPointer(rebasing: $0[range]), to: &output) }
    }

    /// All of other bytes; cheaper than `+=`, which counts a reference up and down.
    @inlinable @inline(always)
    public static func copy(_ input: [UInt8], to output: inout [UInt8]) {
        // Safe: the pointer is used within the closure only.
        input.withUnsafeBytes { copy($0, to: &output) }
    }

    /// Bytes that somebody lends; half the instructions of `append(contentsOf:)`.
    @inlinable @inline(always)
    public static func copy(_ input: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        output.append(addingCapacity: input.count) { added in
            // Safe: there is room for as many bytes as are copied into it, and they count as initialised only then.
            added.withUnsafeMutableBufferPointer { room, count in
                UnsafeMutableRawBufferPointer(room).copyMemory(from: input)
                count = input.count
            }
        }
    }

    /// Bytes of any kind; those that lie in one piece, as those of most texts do, are copied in one piece.
    @inlinable
    public static func copy(_ bytes: some Collection<UInt8>, to output: inout [UInt8]) {
        // Safe: the pointer is used within the closure only.
        let isCopied: Void? = bytes.withContiguousStorageIfAvailable {
            copy(UnsafeRawBufferPointer($0), to: &output)
        }
        if isCopied == nil { output.append(contentsOf: bytes) }
    }

    /// Overwrites eight bytes, the most significant first. Traps if they are not all there.
    @inlinable @inline(always)
    public static func overwrite(at offset: Int, bigEndian value: UInt64, in output: inout [UInt8]) {
        precondition(offset >= 0 && offset <= output.count &- 8)
        // Safe: the eight bytes were checked above, and the pointer is used within the closure only.
        output.withUnsafeMutableBytes { $0.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt64.self) }
    }
}
