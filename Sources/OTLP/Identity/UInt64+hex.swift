import Wire

extension UInt64 {
    /// The value of up to 16 hex digits of either case, or nil if there is any other byte.
    init?(hexDigits: some Sequence<UInt8>) {
        var value: UInt64 = 0
        for byte in hexDigits {
            switch byte {
            case 0x30...0x39: value = value << 4 | UInt64(byte - 0x30)
            case 0x41...0x46: value = value << 4 | UInt64(byte - 0x41 + 10)
            case 0x61...0x66: value = value << 4 | UInt64(byte - 0x61 + 10)
            default: return nil
            }
        }
        self = value
    }

    /// Adds 16 lower-case hex digits.
    func appendHexDigits(to text: inout [UInt8]) {
        let (first, second) = asciiHex
        WireWriter.bigEndian(first, to: &text)
        WireWriter.bigEndian(second, to: &text)
    }

    /// 16 lower-case hex digits, the first in the most significant byte of `first`.
    var asciiHex: (first: UInt64, second: UInt64) {
        (Self.digits(UInt32(truncatingIfNeeded: self >> 32)), Self.digits(UInt32(truncatingIfNeeded: self)))
    }

    /// The digits of eight nibbles at once: one nibble a byte, then `0` to `9` or `a` to `f`.
    private static func digits(_ value: UInt32) -> UInt64 {
        var nibbles = UInt64(value)
        nibbles = (nibbles << 16 | nibbles) & 0x0000_FFFF_0000_FFFF
        nibbles = (nibbles << 8 | nibbles) & 0x00FF_00FF_00FF_00FF
        nibbles = (nibbles << 4 | nibbles) & 0x0F0F_0F0F_0F0F_0F0F
        let letters = ((nibbles &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        return nibbles &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
    }

    /// 16 lower-case hex digits.
    var hexDigits: String {
        var text: [UInt8] = []
        text.reserveCapacity(16)
        appendHexDigits(to: &text)
        return String(decoding: text, as: UTF8.self)
    }
}
