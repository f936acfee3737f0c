/// The fields of a head, and what they say of framing and the connection.
struct HTTP1Fields {
    private(set) var fields: [HeaderField] = []
    /// `Int.max` for one that is larger than any body.
    private(set) var contentLength: Int?
    private(set) var isChunked = false
    /// `connection: close` and `connection: keep-alive`.
    private(set) var close = false
    private(set) var keepAlive = false
    private(set) var expectsContinue = false
    private(set) var hosts = 0

    /// Parses the lines of `bytes` from `start` to the empty line. `bytes` comes from a complete `HTTP1Head`: every line
    /// ends with CR LF and the last is empty.
    init(_ bytes: [UInt8], from start: Int, byteLimit: Int, countLimit: Int) throws(HTTP1Fault) {
        fields.reserveCapacity(12)
        var position = start
        var size = 0
        while position + 2 < bytes.count {
            let nameStart = position
            while position < bytes.count, bytes[position].isTokenByte { position += 1 }
            guard position > nameStart, position < bytes.count, bytes[position] == UInt8(ascii: ":") else {
                throw HTTP1Fault(400, "a header field name is empty, folded or has a forbidden character")
            }
            let nameEnd = position
            position += 1
            while position < bytes.count, bytes[position].isBlank { position += 1 }
            let valueStart = position
            while position < bytes.count, bytes[position].isFieldByte { position += 1 }
            guard position + 1 < bytes.count, bytes[position] == 13, bytes[position + 1] == 10 else {
                throw HTTP1Fault(400, "a header field value has a forbidden character")
            }
            var valueEnd = position
            while valueEnd > valueStart, bytes[valueEnd - 1].isBlank { valueEnd -= 1 }
            position += 2

            size += nameEnd - nameStart + valueEnd - valueStart + 32
            guard size <= byteLimit else {
                throw HTTP1Fault(431, "the header list is larger than \(byteLimit) bytes")
            }
            guard fields.count < countLimit else {
                throw HTTP1Fault(431, "more than \(countLimit) header fields")
            }
            let name = Self.lowerCased(bytes[nameStart..<nameEnd])
            try note(name, bytes[valueStart..<valueEnd])
            fields.append(HeaderField(name, String(decoding: bytes[valueStart..<valueEnd], as: UTF8.self)))
        }
        if isChunked, contentLength != nil {
            throw HTTP1Fault(400, "both content-length and transfer-encoding")
        }
    }

    /// Reads the fields that rule framing and the connection.
    private mutating func note(_ name: String, _ value: ArraySlice<UInt8>) throws(HTTP1Fault) {
        switch name {
        case "content-length":
            guard contentLength == nil else { throw HTTP1Fault(400, "two content-length fields") }
            guard !value.isEmpty, value.allSatisfy({ $0 &- 48 < 10 }) else {
                throw HTTP1Fault(400, "content-length is not a number")
            }
            var length = 0
            for digit in value {
                let (product, overflow) = length.multipliedReportingOverflow(by: 10)
                let (sum, carry) = product.addingReportingOverflow(Int(digit &- 48))
                guard !overflow, !carry else {
                    length = .max
                    break
                }
                length = sum
            }
            contentLength = length
        case "transfer-encoding":
            guard !isChunked else { throw HTTP1Fault(400, "two transfer-encoding fields") }
            guard Self.lowerCased(value) == "chunked" else {
                throw HTTP1Fault(501, "the only transfer-encoding understood is chunked")
            }
            isChunked = true
        case "connection":
            for token in value.split(separator: UInt8(ascii: ",")) {
                switch Self.lowerCased(token.filter { !$0.isBlank }[...]) {
                case "close": close = true
                case "keep-alive": keepAlive = true
                default: break
                }
            }
        case "expect":
            guard Self.lowerCased(value) == "100-continue" else {
                throw HTTP1Fault(417, "the only expectation understood is 100-continue")
            }
            expectsContinue = true
        case "host":
            hosts += 1
        default:
            break
        }
    }

    static func lowerCased(_ bytes: ArraySlice<UInt8>) -> String {
        String(unsafeUninitializedCapacity: bytes.count) { buffer in
            var index = 0
            for byte in bytes {
                buffer[index] = byte &- 65 < 26 ? byte | 0x20 : byte
                index += 1
            }
            return index
        }
    }
}

extension UInt8 {
    /// A character of a token (RFC 9110, 5.6.2).
    var isTokenByte: Bool {
        if self | 0x20 &- 97 < 26 || self &- 48 < 10 { return true }
        switch self {
        case 0x21, 0x23...0x27, 0x2a, 0x2b, 0x2d, 0x2e, 0x5e...0x60, 0x7c, 0x7e: return true
        default: return false
        }
    }

    /// Space or tab.
    var isBlank: Bool { self == 0x20 || self == 0x09 }

    /// A character of a field value (RFC 9110, 5.5), obs-text included.
    var isFieldByte: Bool { self >= 0x20 && self != 0x7f || self == 0x09 }
}
