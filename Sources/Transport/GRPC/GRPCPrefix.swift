/// The five bytes before a gRPC message: the compressed flag and the length (big-endian).
struct GRPCPrefix {
    private(set) var count = 0
    private var flag: UInt8 = 0
    private var value: UInt32 = 0

    static let size = 5

    var isComplete: Bool { count == Self.size }
    var length: Int { Int(value) }
    var isCompressed: Bool { flag == 1 }
    /// Only 0 and 1 are defined.
    var isValid: Bool { flag <= 1 }

    /// Takes the prefix's bytes from the front of `input`, as many as are there.
    mutating func take(_ input: inout UnsafeRawBufferPointer) {
        let part = min(Self.size - count, input.count)
        for byte in input.prefix(part) {
            if count == 0 { flag = byte } else { value = value << 8 | UInt32(byte) }
            count += 1
        }
        input = UnsafeRawBufferPointer(rebasing: input.dropFirst(part))
    }

    /// Of a message without fields, as an answer that has nothing to say is.
    private static let ofNothing = [UInt8](repeating: 0, count: size)

    /// The prefix of a message. A length beyond 32 bits can't be told; no message gets near.
    static func bytes(length: Int, compressed: Bool) -> [UInt8] {
        if length == 0, !compressed { return ofNothing }
        let length = UInt32(clamping: length)
        return [compressed ? 1 : 0] + (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * UInt32($0))) }
    }
}
