/// What is wrong with bytes that should be a protobuf message. Every case names the offset in the payload, so that a
/// sender's fault can be found in a capture.
public enum WireError: Error, Hashable, Sendable {
    /// A field, a length or a number goes beyond the end of the message that contains it.
    case truncated(offset: Int)
    /// A varint has more than ten bytes, or more bits than its field can hold.
    case varintTooLong(offset: Int)
    /// A field number is 0 or above 2^29 - 1.
    case invalidTag(offset: Int)
    /// A field has wire type 3 or 4 (groups, which proto3 does not have) or 6 or 7 (undefined).
    case unsupportedWireType(UInt8, offset: Int)
    /// Values are nested more deeply than the reader follows.
    case tooDeep(limit: Int, offset: Int)
    /// The payload is too large for 32-bit offsets.
    case tooLarge(byteCount: Int)
}

extension WireError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .truncated(let offset): "invalid protobuf: it ends in the middle of a field, at byte \(offset)"
        case .varintTooLong(let offset): "invalid protobuf: the number at byte \(offset) is too long"
        case .invalidTag(let offset): "invalid protobuf: there is no valid field number at byte \(offset)"
        case .unsupportedWireType(let type, let offset):
            "invalid protobuf: wire type \(type) before byte \(offset) is a group or undefined"
        case .tooDeep(let limit, let offset):
            "values are nested more than \(limit) deep at byte \(offset)"
        case .tooLarge(let byteCount): "a payload of \(byteCount) bytes is too large to be read (limit 4 GiB)"
        }
    }
}
