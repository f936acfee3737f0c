/// A 64-bit hash of a request, to recognise a sender's retry. It is not keyed and collisions can be made: whoever uses it
/// must compare the bytes before believing it.
package enum Fingerprint {
    /// Never 0, which may stand for "none".
    package static func of(_ bytes: [UInt8]) -> UInt64 {
        let raw = bytes.span.bytes
        let count = raw.byteCount
        // Two lanes of two words, which do not wait for each other's multiplication.
        var lanes: (UInt64, UInt64) = (0x9E37_79B9_7F4A_7C15, 0xC2B2_AE3D_27D4_EB4F)
        var position = 0
        while position &+ 32 <= count {
            // Safe: the 32 bytes from `position` lie within the span, as the loop's condition says.
            lanes.0 = mix(
                lanes.0 ^ raw.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt64.self),
                0x1656_67B1_9E37_79F9 ^ raw.unsafeLoadUnaligned(fromUncheckedByteOffset: position &+ 8, as: UInt64.self))
            lanes.1 = mix(
                lanes.1 ^ raw.unsafeLoadUnaligned(fromUncheckedByteOffset: position &+ 16, as: UInt64.self),
                0x27D4_EB2F_1656_67C5 ^ raw.unsafeLoadUnaligned(fromUncheckedByteOffset: position &+ 24, as: UInt64.self))
            position &+= 32
        }
        var value = mix(lanes.0 ^ lanes.1, 0xD6E8_FEB8_6659_FD93) ^ UInt64(count)
        while position < count {
            value = mix(value ^ UInt64(bytes[position]), 0xD6E8_FEB8_6659_FD93)
            position &+= 1
        }
        return value ^ value >> 29 | 1
    }

    @inline(always)
    private static func mix(_ first: UInt64, _ second: UInt64) -> UInt64 {
        let product = first.multipliedFullWidth(by: second)
        return product.high ^ product.low
    }
}
