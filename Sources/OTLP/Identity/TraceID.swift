/// A W3C trace id: 16 bytes, kept as two big-endian halves so that comparing and hashing cost two words.
package struct TraceID: Hashable, Sendable, Comparable {
    /// Bytes 0 to 7, the first byte most significant.
    package let high: UInt64
    /// Bytes 8 to 15, the first byte most significant.
    package let low: UInt64

    @inline(always)
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads 32 hex digits of either case; nil for anything else. The all-zero id is returned as it is: see `isZero`.
    package init?(hex: some StringProtocol) {
        guard hex.utf8.count == 32, let high = UInt64(hexDigits: hex.utf8.prefix(16)),
            let low = UInt64(hexDigits: hex.utf8.suffix(16))
        else { return nil }
        self.init(high: high, low: low)
    }

    /// Whether this is the invalid id of W3C Trace Context and OTLP: all zero.
    @inline(always)
    package var isZero: Bool { high | low == 0 }

    /// 32 lower-case hex digits.
    package var hex: String { String(decoding: hexBytes, as: UTF8.self) }

    /// The same as ASCII.
    package var hexBytes: [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(32)
        high.appendHexDigits(to: &text)
        low.appendHexDigits(to: &text)
        return text
    }

    package static func < (a: TraceID, b: TraceID) -> Bool {
        (a.high, a.low) < (b.high, b.low)
    }
}
