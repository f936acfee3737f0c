/// Base64 (RFC 4648 sections 4 and 5).
package enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The standard alphabet, padded or not.
    package static func encode(_ source: [UInt8], padded: Bool = true) -> String {
        var output: [UInt8] = []
        append(source[...], to: &output, padded: padded)
        return String(decoding: output, as: UTF8.self)
    }

    /// What `authorization` and `proxy-authorization` say for basic authentication (RFC 7617).
    package static func basicCredentials(username: String, password: String) -> String {
        "Basic " + encode(Array("\(username):\(password)".utf8))
    }

    /// Appends the digits of `source` in the standard alphabet.
    package static func append(_ source: ArraySlice<UInt8>, to output: inout [UInt8], padded: Bool = true) {
        output.reserveCapacity(output.count + (source.count + 2) / 3 * 4)
        var index = source.startIndex
        while index < source.endIndex {
            let left = source.endIndex - index
            let first = UInt32(source[index])
            let second = left > 1 ? UInt32(source[index + 1]) : 0
            let third = left > 2 ? UInt32(source[index + 2]) : 0
            let group = first << 16 | second << 8 | third
            for digit in 0..<min(left + 1, 4) {
                output.append(alphabet[Int(group >> UInt32(18 - 6 * digit) & 0x3F)])
            }
            if padded, left < 3 {
                for _ in left..<3 { output.append(UInt8(ascii: "=")) }
            }
            index += 3
        }
    }

    /// The bytes of text in the standard or the URL-safe alphabet, padded or not; nil for anything else.
    package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var output: [UInt8] = []
        output.reserveCapacity(text.count / 4 * 3 + 2)
        var group: UInt32 = 0
        var digits = 0
        var padding = 0
        for byte in text {
            if byte == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            guard padding == 0, let value = value(of: byte) else { return nil }
            group = group << 6 | UInt32(value)
            digits += 1
            if digits % 4 == 0 {
                output.append(UInt8(truncatingIfNeeded: group >> 16))
                output.append(UInt8(truncatingIfNeeded: group >> 8))
                output.append(UInt8(truncatingIfNeeded: group))
            }
        }
        guard padding == 0 || (padding <= 2 && (digits + padding) % 4 == 0) else { return nil }
        switch digits % 4 {
        case 0: return output
        case 2: output.append(UInt8(truncatingIfNeeded: group >> 4))
        case 3:
            output.append(UInt8(truncatingIfNeeded: group >> 10))
            output.append(UInt8(truncatingIfNeeded: group >> 2))
        default: return nil
        }
        return output
    }

    private static func value(of byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
