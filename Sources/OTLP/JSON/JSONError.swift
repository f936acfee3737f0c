/// Why a text is not JSON, or not the JSON that was asked for, and where.
package struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong.
    package enum Reason: Equatable, Sendable {
        /// The text ends inside a value.
        case unexpectedEnd
        /// A byte that the grammar does not allow here.
        case unexpectedByte(UInt8)
        /// Something follows the value.
        case trailingBytes
        /// A number that RFC 8259 section 6 does not allow, such as `01` or `1.`.
        case invalidNumber
        /// An escape other than those of RFC 8259 section 7.
        case invalidEscape
        /// A `\u` escape of half a surrogate pair.
        case loneSurrogate
        /// A string that is not UTF-8.
        case invalidUTF8
        /// An unescaped byte below U+0020 in a string.
        case controlCharacter
        /// Objects and arrays nested deeper than the limit.
        case tooDeep(limit: Int)
        /// More values than the limit.
        case tooManyValues(limit: Int)
    }

    package let reason: Reason
    /// The offset of the byte at which it was noticed.
    package let offset: Int

    package init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    package var description: String {
        let what =
            switch reason {
            case .unexpectedEnd: "the text ends inside a value"
            case .unexpectedByte(let byte): "unexpected byte 0x" + String(byte, radix: 16)
            case .trailingBytes: "bytes after the end of the value"
            case .invalidNumber: "malformed number"
            case .invalidEscape: "unknown escape in a string"
            case .loneSurrogate: "half a surrogate pair in a string"
            case .invalidUTF8: "a string that is not UTF-8"
            case .controlCharacter: "unescaped control character in a string"
            case .tooDeep(let limit): "nested deeper than \(limit) levels"
            case .tooManyValues(let limit): "more than \(limit) values"
            }
        return "invalid JSON at byte \(offset): \(what)"
    }
}
