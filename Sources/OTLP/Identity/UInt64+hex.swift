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

    /// 16 lower-case hex digits.
    var hexDigits: String {
        let plain = String(self, radix: 16)
        return String(repeating: "0", count: 16 - plain.utf8.count) + plain
    }
}
