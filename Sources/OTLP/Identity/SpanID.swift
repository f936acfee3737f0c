/// A span id: 8 bytes, kept as one big-endian word. Zero means "none".
package struct SpanID: Hashable, Sendable, Comparable {
    /// The eight bytes, the first most significant.
    package let raw: UInt64

    @inline(always)
    package init(raw: UInt64) { self.raw = raw }

    /// Reads 16 hex digits of either case; nil for anything else.
    package init?(hex: some StringProtocol) {
        guard hex.utf8.count == 16, let raw = UInt64(hexDigits: hex.utf8) else { return nil }
        self.init(raw: raw)
    }

    /// The invalid id, which OTLP uses for "no parent".
    package static let none = SpanID(raw: 0)

    @inline(always)
    package var isZero: Bool { raw == 0 }

    /// 16 lower-case hex digits.
    package var hex: String { raw.hexDigits }

    package static func < (a: SpanID, b: SpanID) -> Bool { a.raw < b.raw }
}
