/// Appends compact JSON to bytes. Commas are put in by the writer; the caller keeps brackets and keys in order.
///
///     writer.beginObject()
///     writer.member("id", "01H…")
///     writer.key("spans")
///     writer.integer(3)
///     writer.endObject()
package struct JSONWriter: Sendable {
    /// What was written.
    package private(set) var bytes: [UInt8]
    /// Whether the next value or key needs a comma before it.
    private var afterValue = false

    package init(reservingCapacity capacity: Int = 0) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    package mutating func beginObject() { open(UInt8(ascii: "{")) }

    package mutating func endObject() { close(UInt8(ascii: "}")) }

    package mutating func beginArray() { open(UInt8(ascii: "[")) }

    package mutating func endArray() { close(UInt8(ascii: "]")) }

    /// A key; a value must follow.
    package mutating func key(_ name: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
        afterValue = false
    }

    /// A key that needs no escapes, as UTF-8.
    mutating func key(plain name: [UInt8]) {
        comma()
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: name)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        afterValue = false
    }

    package mutating func string(_ text: String) {
        comma()
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            if Self.needsEscape(byte) { escape(byte) } else { bytes.append(byte) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// A string from UTF-8; each byte that is not part of a well-formed sequence becomes U+FFFD.
    package mutating func string(utf8 source: [UInt8], _ range: Range<Int>) {
        comma()
        bytes.append(UInt8(ascii: "\""))
        var plain = range.lowerBound
        var index = plain
        while index < range.upperBound {
            let byte = source[index]
            let length = byte < 0x80 ? 1 : UTF8Sequence.length(in: source, at: index, end: range.upperBound)
            if length > 0, !Self.needsEscape(byte) {
                index += length
                continue
            }
            bytes.append(contentsOf: source[plain..<index])
            if length == 0 { UTF8Sequence.append(0xFFFD, to: &bytes) } else { escape(byte) }
            index += 1
            plain = index
        }
        bytes.append(contentsOf: source[plain..<range.upperBound])
        bytes.append(UInt8(ascii: "\""))
    }

    package mutating func integer(_ value: some BinaryInteger) {
        raw(value.description)
    }

    /// An integer in quotes, which is how proto3 JSON writes 64-bit integers.
    package mutating func quotedInteger(_ value: some BinaryInteger) {
        raw("\"\(value)\"")
    }

    /// A finite number; `"NaN"`, `"Infinity"` and `"-Infinity"`, as proto3 JSON has them, for the others.
    package mutating func double(_ value: Double) {
        if value.isFinite {
            raw(value.description)
        } else {
            raw(value.isNaN ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"")
        }
    }

    package mutating func bool(_ value: Bool) { raw(value ? "true" : "false") }

    package mutating func null() { raw("null") }

    /// Bytes as lower-case hex digits in quotes.
    package mutating func hex(_ source: ArraySlice<UInt8>) {
        comma()
        bytes.append(UInt8(ascii: "\""))
        for byte in source {
            bytes.append(Self.hexDigit(byte >> 4))
            bytes.append(Self.hexDigit(byte & 0x0F))
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Bytes as padded base64 in quotes.
    package mutating func base64(_ source: ArraySlice<UInt8>) {
        comma()
        bytes.append(UInt8(ascii: "\""))
        Base64.append(source, to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    /// A time, given in nanoseconds since 1970, as an RFC 3339 string.
    package mutating func time(_ nanoseconds: UInt64) {
        raw("\"\(RFC3339.format(nanoseconds: nanoseconds))\"")
    }

    package mutating func id(_ id: TraceID) { raw("\"\(id.hex)\"") }

    package mutating func id(_ id: SpanID) { raw("\"\(id.hex)\"") }

    /// A value that is JSON already: it is appended as it is.
    package mutating func raw(json: some Sequence<UInt8>) {
        comma()
        bytes.append(contentsOf: json)
    }

    package mutating func value(_ value: JSONValue) {
        switch value {
        case .object(let members):
            beginObject()
            for member in members {
                key(member.key)
                self.value(member.value)
            }
            endObject()
        case .array(let elements):
            beginArray()
            for element in elements { self.value(element) }
            endArray()
        case .string(let text): string(text)
        case .number(let text): raw(text)
        case .bool(let value): bool(value)
        case .null: null()
        }
    }
}

extension JSONWriter {
    /// A member with a string value.
    package mutating func member(_ name: String, _ text: String) {
        key(name)
        string(text)
    }

    /// A member with a string value, or nothing.
    package mutating func member(_ name: String, optional text: String?) {
        if let text { member(name, text) }
    }

    package mutating func member(_ name: String, _ number: some BinaryInteger) {
        key(name)
        integer(number)
    }

    package mutating func member(_ name: String, _ truth: Bool) {
        key(name)
        bool(truth)
    }

    package mutating func member(_ name: String, time nanoseconds: UInt64) {
        key(name)
        time(nanoseconds)
    }

    package mutating func member(_ name: String, _ traceID: TraceID) {
        key(name)
        id(traceID)
    }

    package mutating func member(_ name: String, _ spanID: SpanID) {
        key(name)
        id(spanID)
    }
}

extension JSONWriter {
    private mutating func comma() {
        if afterValue { bytes.append(UInt8(ascii: ",")) }
        afterValue = true
    }

    private mutating func open(_ bracket: UInt8) {
        comma()
        bytes.append(bracket)
        afterValue = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        afterValue = true
    }

    private mutating func raw(_ text: String) {
        comma()
        bytes.append(contentsOf: text.utf8)
    }

    @inline(__always)
    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func escape(_ byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        default:
            bytes.append(contentsOf: "u00".utf8)
            bytes.append(Self.hexDigit(byte >> 4))
            bytes.append(Self.hexDigit(byte & 0x0F))
        }
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}
