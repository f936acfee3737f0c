/// The encodings that gRPC uses in header fields.
enum GRPCText {
    /// `grpc-message`: UTF-8 with everything outside of 0x20…0x7E, and `%`, percent-encoded.
    static func percentEncoded(_ message: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var output: [UInt8] = []
        output.reserveCapacity(message.utf8.count)
        for byte in message.utf8 {
            if byte >= 0x20, byte <= 0x7e, byte != UInt8(ascii: "%") {
                output.append(byte)
            } else {
                output.append(UInt8(ascii: "%"))
                output.append(digits[Int(byte >> 4)])
                output.append(digits[Int(byte & 15)])
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// The reverse; what is no valid escape stays as it is.
    static func percentDecoded(_ text: String) -> String {
        let input = Array(text.utf8)
        var output: [UInt8] = []
        var index = 0
        while index < input.count {
            if input[index] == UInt8(ascii: "%"), index + 2 < input.count,
                let high = input[index + 1].hexadecimalDigit, let low = input[index + 2].hexadecimalDigit
            {
                output.append(high << 4 | low)
                index += 3
            } else {
                output.append(input[index])
                index += 1
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Base64 without padding, for `-bin` fields.
    static func base64(_ bytes: [UInt8]) -> String {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count / 3 * 4 + 4)
        var bits: UInt32 = 0
        var count = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                output.append(alphabet[Int(bits >> UInt32(count) & 63)])
            }
        }
        if count > 0 { output.append(alphabet[Int(bits << UInt32(6 - count) & 63)]) }
        return String(decoding: output, as: UTF8.self)
    }

    /// Reads base64 with or without padding; nil if it is none.
    static func base64Decoded(_ text: String) -> [UInt8]? {
        var output: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        var padding = 0
        for byte in text.utf8 {
            if byte == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            let value: UInt8
            switch byte {
            case 65...90: value = byte - 65
            case 97...122: value = byte - 71
            case 48...57: value = byte + 4
            case UInt8(ascii: "+"): value = 62
            case UInt8(ascii: "/"): value = 63
            default: return nil
            }
            guard padding == 0 else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                output.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        // Six bits left over are a lone character, which encodes nothing.
        return count < 6 && padding <= 2 ? output : nil
    }

    /// A `grpc-timeout` value in nanoseconds: up to eight digits and a unit; nil if malformed.
    static func timeout(_ text: String) -> UInt64? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 2, bytes.count <= 9, let unit = bytes.last else { return nil }
        var value: UInt64 = 0
        for byte in bytes.dropLast() {
            guard byte &- 48 < 10 else { return nil }
            value = value * 10 + UInt64(byte &- 48)
        }
        // Eight digits of hours come to 3.6e20 ns, more than 64 bits hold.
        let factor: UInt64
        switch unit {
        case UInt8(ascii: "H"): factor = 3_600_000_000_000
        case UInt8(ascii: "M"): factor = 60_000_000_000
        case UInt8(ascii: "S"): factor = 1_000_000_000
        case UInt8(ascii: "m"): factor = 1_000_000
        case UInt8(ascii: "u"): factor = 1_000
        case UInt8(ascii: "n"): factor = 1
        default: return nil
        }
        let (product, overflow) = value.multipliedReportingOverflow(by: factor)
        return overflow ? .max : product
    }

    /// The `grpc-timeout` value for a time in nanoseconds, never zero.
    static func timeoutValue(_ nanoseconds: UInt64) -> String {
        let milliseconds = max(1, nanoseconds / 1_000_000)
        if milliseconds <= 99_999_999 { return "\(milliseconds)m" }
        return "\(min(milliseconds / 1_000, 99_999_999))S"
    }
}

extension GRPCStatus {
    /// The outcome of a call whose peer sent no `grpc-status` (table of the gRPC HTTP/2 mapping).
    static func deduced(fromHTTP status: Int) -> GRPCStatus {
        let code =
            switch status {
            case 400, 431: 13
            case 401: 16
            case 403: 7
            case 404: 12
            case 429, 502, 503, 504: 14
            default: 2
            }
        return GRPCStatus(code: code, message: "no grpc-status in the answer (HTTP status \(status))")
    }

    /// The outcome that stands in the fields of an answer; nil if there is none or it is no number.
    init?(fields: [HeaderField]) {
        guard let text = fields.first(where: { $0.name == "grpc-status" })?.value, let code = Int(text) else {
            return nil
        }
        let message = fields.first { $0.name == "grpc-message" }?.value ?? ""
        let details = fields.first { $0.name == "grpc-status-details-bin" }?.value ?? ""
        // A code that is not defined means UNKNOWN.
        self.init(
            code: (0...16).contains(code) ? code : 2, message: GRPCText.percentDecoded(message),
            details: GRPCText.base64Decoded(details) ?? [])
    }
}
