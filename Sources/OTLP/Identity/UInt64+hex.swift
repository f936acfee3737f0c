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
        for shift in stride(from: 60 as UInt64, through: 0, by: -4) {
            let digit = UInt8(truncatingIfNeeded: self >> shift) & 0xF
            text.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
        }
    }

    /// 16 lower-case hex digits.
    var hexDigits: String {
        var text: [UInt8] = []
        text.reserveCapacity(16)
        appendHexDigits(to: &text)
        return String(decoding: text, as: UTF8.self)
    }
}
