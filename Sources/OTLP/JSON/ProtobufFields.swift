import Wire

/// Reads the fields of a message in a byte array by offsets, for small messages and for the JSON codec, which goes over
/// a message more than once.
struct ProtobufFields {
    private let bytes: [UInt8]
    /// The offset of the next field.
    private(set) var position: Int
    private let end: Int

    /// One field as it lies in the message.
    struct Field: Equatable {
        var number: Int
        var wireType: Int
        /// The bits of a varint or fixed-size value.
        var bits: UInt64 = 0
        /// Where the bytes of a length-delimited value are.
        var range: Range<Int> = 0..<0
    }

    /// Why a message cannot be read.
    enum Malformed: Error, Equatable {
        /// Bytes that are not fields.
        case bytes(offset: Int)
        /// Nested deeper than the reader goes.
        case depth
    }

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    init(_ bytes: [UInt8]) { self.init(bytes, 0..<bytes.count) }

    /// The next field; nil at the end. Groups, which proto3 does not have, are malformed.
    mutating func next() throws(Malformed) -> Field? {
        guard position < end else { return nil }
        let tag = try varint()
        let number = tag >> 3
        guard number > 0, number < 1 << 29 else { throw .bytes(offset: position) }
        var field = Field(number: Int(number), wireType: Int(tag & 7))
        switch field.wireType {
        case 0: field.bits = try varint()
        case 1: field.bits = try fixed(8)
        case 5: field.bits = try fixed(4)
        case 2:
            let length = try varint()
            guard length <= UInt64(end - position) else { throw .bytes(offset: position) }
            field.range = position..<(position + Int(length))
            position = field.range.upperBound
        default: throw .bytes(offset: position)
        }
        return field
    }

    /// The next value of a packed field of this wire type; nil at the end.
    mutating func nextPacked(wireType: Int) throws(Malformed) -> UInt64? {
        guard position < end else { return nil }
        return switch wireType {
        case 0: try varint()
        case 1: try fixed(8)
        default: try fixed(4)
        }
    }

    private mutating func varint() throws(Malformed) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end, shift < 64 {
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw .bytes(offset: position)
    }

    private mutating func fixed(_ size: Int) throws(Malformed) -> UInt64 {
        guard end - position >= size else { throw .bytes(offset: position) }
        var value: UInt64 = 0
        for index in 0..<size { value |= UInt64(bytes[position + index]) << UInt64(8 * index) }
        position += size
        return value
    }
}

extension ProtobufFields {
    /// Appends a varint field unless it has the default.
    static func append(integer value: UInt64, number: Int, to output: inout [UInt8]) {
        guard value != 0 else { return }
        WireWriter.varint(UInt64(number << 3), to: &output)
        WireWriter.varint(value, to: &output)
    }

    /// Appends a string field unless it has the default.
    static func append(text: String, number: Int, to output: inout [UInt8]) {
        if !text.isEmpty { append(message: Array(text.utf8), number: number, to: &output) }
    }

    /// Appends a length-delimited field, even if it is empty.
    static func append(message: [UInt8], number: Int, to output: inout [UInt8]) {
        WireWriter.delimited(UInt32(number << 3 | 2), message, to: &output)
    }
}
