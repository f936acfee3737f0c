/// A W3C `traceparent` (Trace Context level 2; rules W-1 to W-9).
package struct Traceparent: Hashable, Sendable {
    package let traceID: TraceID
    /// The span that was current where it was written.
    package let parentID: SpanID
    /// Bit 0 sampled, bit 1 random trace id; of later versions only bit 0 is kept, and other bits never are.
    package let flags: UInt8

    package init(traceID: TraceID, parentID: SpanID, flags: UInt8) {
        self.traceID = traceID
        self.parentID = parentID
        self.flags = flags
    }

    package var isSampled: Bool { flags & 1 != 0 }

    /// Length of version 00, in bytes.
    private static let length = 55

    /// Parses the value of one header or attribute; spaces and tabs around it do not count.
    package init?(_ text: some StringProtocol) { self.init(text.utf8) }

    /// Parses the bytes of one header or attribute value.
    package init?(_ bytes: some Sequence<UInt8>) {
        var text = Array(bytes)[...]
        while text.first == 0x20 || text.first == 0x09 { text = text.dropFirst() }
        while text.last == 0x20 || text.last == 0x09 { text = text.dropLast() }
        text = Array(text)[...]
        let dash = UInt8(ascii: "-")
        guard text.count >= Self.length, text[2] == dash, text[35] == dash, text[52] == dash,
            let version = Self.hex(text[0..<2]), version != 0xFF,
            version == 0 ? text.count == Self.length : text.count == Self.length || text[Self.length] == dash,
            let high = Self.hex(text[3..<19]), let low = Self.hex(text[19..<35]), high | low != 0,
            let parent = Self.hex(text[36..<52]), parent != 0, let flags = Self.hex(text[53..<55])
        else { return nil }
        self.init(
            traceID: TraceID(high: high, low: low), parentID: SpanID(raw: parent),
            flags: UInt8(truncatingIfNeeded: version == 0 ? flags & 3 : flags & 1))
    }

    /// Parses the values of all headers of this name: more than one is as good as none (W-7).
    package init?(headers: [String]) {
        guard headers.count == 1 else { return nil }
        self.init(headers[0])
    }

    /// As version 00, with the flags that it knows.
    package var text: String {
        "00-\(traceID.hex)-\(parentID.hex)-0\(flags & 0x03)"
    }

    /// The value of lower-case hex digits.
    private static func hex(_ digits: ArraySlice<UInt8>) -> UInt64? {
        digits.contains { $0 >= 0x41 && $0 <= 0x46 } ? nil : UInt64(hexDigits: digits)
    }
}
