/// A strict RFC 8259 reader that is pulled: the caller asks for what it expects and the reader moves on.
///
///     try reader.beginObject()
///     while let key = try reader.nextKey() { … read or skip exactly one value … }
///     try reader.finish()
///
/// Nothing is copied: strings and numbers are ranges of the text. Strings are checked to be UTF-8. Depth is bounded.
package struct JSONReader: Sendable {
    /// The text.
    package let bytes: [UInt8]
    /// The offset of the next byte to read.
    package private(set) var position = 0

    private let depthLimit: Int
    private let replacesLoneSurrogates: Bool
    private var depth = 0
    /// Whether a value was just read, so that only a comma or a closing bracket can follow.
    private var afterValue = false

    /// What kind of value comes next.
    package enum Kind: Sendable, Equatable {
        case object, array, string, number, bool, null
    }

    /// A string (without its quotes, escapes not yet resolved) or a number, as offsets into the text.
    package struct Token: Sendable, Equatable {
        package let start: Int
        package let end: Int
        /// Whether there are backslashes inside.
        package let isEscaped: Bool

        package var range: Range<Int> { start..<end }
        package var count: Int { end - start }
    }

    /// - Parameters:
    ///   - depthLimit: how deep objects and arrays may nest.
    ///   - replacesLoneSurrogates: read half a surrogate pair, which JavaScript writes when it cuts a string inside a
    ///     character, as U+FFFD instead of refusing the text.
    package init(_ bytes: [UInt8], depthLimit: Int = 64, replacesLoneSurrogates: Bool = false) {
        self.bytes = bytes
        self.depthLimit = depthLimit
        self.replacesLoneSurrogates = replacesLoneSurrogates
    }

    /// The kind of the next value, which is not consumed.
    package mutating func peek() throws(JSONError) -> Kind {
        let byte = try nextByte()
        switch byte {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "n"): return .null
        default: throw JSONError(.unexpectedByte(byte), at: position)
        }
    }

    package mutating func beginObject() throws(JSONError) { try open(UInt8(ascii: "{")) }

    package mutating func beginArray() throws(JSONError) { try open(UInt8(ascii: "[")) }

    /// The next member's key; its value must be read or skipped before the next call. Nil, once, at the end of the
    /// object.
    package mutating func nextKey() throws(JSONError) -> Token? {
        if try closes(UInt8(ascii: "}")) { return nil }
        let key = try string()
        guard try nextByte() == UInt8(ascii: ":") else { throw unexpected() }
        position += 1
        afterValue = false
        return key
    }

    /// Whether the array has another element, which must then be read or skipped before the next call.
    package mutating func nextElement() throws(JSONError) -> Bool {
        try !closes(UInt8(ascii: "]"))
    }

    /// Reads a string.
    package mutating func string() throws(JSONError) -> Token {
        guard try nextByte() == UInt8(ascii: "\"") else { throw unexpected() }
        let start = position + 1
        var index = start
        var isEscaped = false
        let end = bytes.count
        while index < end {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                position = index + 1
                afterValue = true
                return Token(start: start, end: index, isEscaped: isEscaped)
            }
            if byte >= 0x80 {
                let length = UTF8Sequence.length(in: bytes, at: index, end: end)
                if length == 0 { throw JSONError(.invalidUTF8, at: index) }
                index += length
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
                index = try escapeEnd(index)
            } else if byte < 0x20 {
                throw JSONError(.controlCharacter, at: index)
            } else {
                index += 1
            }
        }
        throw JSONError(.unexpectedEnd, at: end)
    }

    /// Reads a number and returns its text.
    package mutating func number() throws(JSONError) -> Token {
        let first = try nextByte()
        let start = position
        guard first == UInt8(ascii: "-") || Self.isDigit(first) else { throw unexpected() }
        guard let end = JSONNumber.end(in: bytes, from: start) else { throw JSONError(.invalidNumber, at: start) }
        position = end
        afterValue = true
        return Token(start: start, end: end, isEscaped: false)
    }

    /// Reads `true` or `false`.
    package mutating func bool() throws(JSONError) -> Bool {
        if try nextByte() == UInt8(ascii: "t") {
            try literal("true")
            return true
        }
        try literal("false")
        return false
    }

    /// Reads `null`.
    package mutating func null() throws(JSONError) {
        _ = try nextByte()
        try literal("null")
    }

    /// Reads a value of any kind, checks it, and returns where it is.
    @discardableResult
    package mutating func skipValue() throws(JSONError) -> Range<Int> {
        let kind = try peek()
        let start = position
        switch kind {
        case .object:
            try beginObject()
            while try nextKey() != nil { try skipValue() }
        case .array:
            try beginArray()
            while try nextElement() { try skipValue() }
        case .string: _ = try string()
        case .number: _ = try number()
        case .bool: _ = try bool()
        case .null: try null()
        }
        return start..<position
    }

    /// Checks that nothing but white space follows.
    package mutating func finish() throws(JSONError) {
        skipSpace()
        if position < bytes.count { throw JSONError(.trailingBytes, at: position) }
    }
}

extension JSONReader {
    /// Skips white space and returns the byte after it without consuming it.
    @inline(__always)
    private mutating func nextByte() throws(JSONError) -> UInt8 {
        skipSpace()
        guard position < bytes.count else { throw JSONError(.unexpectedEnd, at: position) }
        return bytes[position]
    }

    @inline(__always)
    private mutating func skipSpace() {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            position += 1
        }
    }

    private func unexpected() -> JSONError {
        position < bytes.count
            ? JSONError(.unexpectedByte(bytes[position]), at: position) : JSONError(.unexpectedEnd, at: position)
    }

    private mutating func open(_ bracket: UInt8) throws(JSONError) {
        guard try nextByte() == bracket else { throw unexpected() }
        guard depth < depthLimit else { throw JSONError(.tooDeep(limit: depthLimit), at: position) }
        depth += 1
        position += 1
        afterValue = false
    }

    /// Consumes the closing bracket, or the comma before the next member or element.
    private mutating func closes(_ bracket: UInt8) throws(JSONError) -> Bool {
        let byte = try nextByte()
        if byte == bracket {
            depth -= 1
            position += 1
            afterValue = true
            return true
        }
        if afterValue {
            guard byte == UInt8(ascii: ",") else { throw unexpected() }
            position += 1
            afterValue = false
        }
        return false
    }

    private mutating func literal(_ text: StaticString) throws(JSONError) {
        let word = String(describing: text).utf8
        var index = position
        for byte in word {
            guard index < bytes.count else { throw JSONError(.unexpectedEnd, at: index) }
            guard bytes[index] == byte else { throw JSONError(.unexpectedByte(bytes[index]), at: index) }
            index += 1
        }
        position = index
        afterValue = true
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    /// Checks the escape at `index` and returns the offset after it; both halves of a surrogate pair are one escape.
    private func escapeEnd(_ index: Int) throws(JSONError) -> Int {
        guard index + 1 < bytes.count else { throw JSONError(.unexpectedEnd, at: bytes.count) }
        switch bytes[index + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return index + 2
        case UInt8(ascii: "u"):
            guard index + 6 <= bytes.count else { throw JSONError(.unexpectedEnd, at: bytes.count) }
            guard let unit = codeUnit(at: index) else { throw JSONError(.invalidEscape, at: index) }
            guard unit & 0xF800 == 0xD800 else { return index + 6 }
            if unit < 0xDC00, let low = codeUnit(at: index + 6), low & 0xFC00 == 0xDC00 { return index + 12 }
            guard replacesLoneSurrogates else { throw JSONError(.loneSurrogate, at: index) }
            return index + 6
        default:
            throw JSONError(.invalidEscape, at: index)
        }
    }

    /// The value of the escape `\uXXXX` at `index`, or nil if there is none.
    private func codeUnit(at index: Int) -> UInt32? {
        guard index + 6 <= bytes.count, bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u")
        else { return nil }
        return UInt64(hexDigits: bytes[(index + 2)..<(index + 6)]).map { UInt32(truncatingIfNeeded: $0) }
    }
}

// MARK: - What tokens say

extension JSONReader {
    /// Appends the string with its escapes resolved, as UTF-8.
    package func append(_ token: Token, to output: inout [UInt8]) {
        guard token.isEscaped else {
            output.append(contentsOf: bytes[token.range])
            return
        }
        var index = token.start
        var plain = index
        while index < token.end {
            guard bytes[index] == UInt8(ascii: "\\") else {
                index += 1
                continue
            }
            output.append(contentsOf: bytes[plain..<index])
            index = appendEscape(at: index, to: &output)
            plain = index
        }
        output.append(contentsOf: bytes[plain..<token.end])
    }

    /// The string with its escapes resolved, or the text of the number.
    package func text(_ token: Token) -> String {
        guard token.isEscaped else { return String(decoding: bytes[token.range], as: UTF8.self) }
        var resolved: [UInt8] = []
        append(token, to: &resolved)
        return String(decoding: resolved, as: UTF8.self)
    }

    /// Appends what the escape at `index`, which `string()` has checked, stands for; returns the offset after it.
    private func appendEscape(at index: Int, to output: inout [UInt8]) -> Int {
        let letter = bytes[index + 1]
        switch letter {
        case UInt8(ascii: "b"): output.append(0x08)
        case UInt8(ascii: "f"): output.append(0x0C)
        case UInt8(ascii: "n"): output.append(0x0A)
        case UInt8(ascii: "r"): output.append(0x0D)
        case UInt8(ascii: "t"): output.append(0x09)
        case UInt8(ascii: "u"):
            let unit = codeUnit(at: index) ?? 0xFFFD
            guard unit & 0xF800 == 0xD800 else {
                UTF8Sequence.append(unit, to: &output)
                return index + 6
            }
            if unit < 0xDC00, let low = codeUnit(at: index + 6), low & 0xFC00 == 0xDC00 {
                UTF8Sequence.append(0x1_0000 + ((unit & 0x3FF) << 10) + (low & 0x3FF), to: &output)
                return index + 12
            }
            UTF8Sequence.append(0xFFFD, to: &output)
            return index + 6
        default: output.append(letter)
        }
        return index + 2
    }
}
