/// `google.protobuf.Duration`.
struct ProtobufDuration: Equatable {
    var seconds: Int64
    /// Of the same sign as `seconds`, below 10^9 in magnitude.
    var nanos: Int32

    /// Most seconds that the type allows, 10,000 years (duration.proto).
    private static let secondsLimit: Int64 = 315_576_000_000

    init(nanoseconds: UInt64) {
        seconds = Int64(nanoseconds / 1_000_000_000)
        nanos = Int32(nanoseconds % 1_000_000_000)
    }

    /// Reads the wire format; nil if it is malformed.
    init?(protobuf bytes: [UInt8], _ range: Range<Int>) {
        (seconds, nanos) = (0, 0)
        var fields = ProtobufFields(bytes, range)
        do throws(ProtobufFields.Malformed) {
            while let field = try fields.next() {
                guard field.wireType == 0 else { continue }
                if field.number == 1 { seconds = Int64(bitPattern: field.bits) }
                if field.number == 2 { nanos = Int32(truncatingIfNeeded: field.bits) }
            }
        } catch {
            return nil
        }
    }

    /// Reads the form of proto3 JSON: `30s`, `-1.5s`, at most nine digits after the point.
    init?(text: String) {
        var rest = Array(text.utf8)[...]
        guard rest.popLast() == UInt8(ascii: "s") else { return nil }
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative { rest = rest.dropFirst() }
        let parts = rest.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let whole = Self.digits(first, 12), whole <= Self.secondsLimit else {
            return nil
        }
        var fraction: Int64 = 0
        if parts.count == 2 {
            guard let digits = Self.digits(parts[1], 9) else { return nil }
            fraction = (parts[1].count..<9).reduce(digits) { value, _ in value * 10 }
        }
        seconds = isNegative ? -whole : whole
        nanos = Int32(isNegative ? -fraction : fraction)
    }

    /// Nanoseconds, at least 0 and at most `UInt64.max`.
    var nanoseconds: UInt64 {
        guard seconds >= 0, nanos >= 0 else { return 0 }
        let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carried) = product.addingReportingOverflow(UInt64(nanos))
        return overflow || carried ? .max : sum
    }

    var protobuf: [UInt8] {
        var bytes: [UInt8] = []
        ProtobufFields.append(integer: UInt64(bitPattern: seconds), number: 1, to: &bytes)
        ProtobufFields.append(integer: UInt64(bitPattern: Int64(nanos)), number: 2, to: &bytes)
        return bytes
    }

    /// The form of proto3 JSON, with as few digits as needed in groups of three.
    var text: String {
        let sign = seconds < 0 || nanos < 0 ? "-" : ""
        guard nanos != 0 else { return "\(sign)\(seconds.magnitude)s" }
        var fraction = String(nanos.magnitude)
        fraction = String(repeating: "0", count: max(0, 9 - fraction.utf8.count)) + fraction
        while fraction.hasSuffix("000") { fraction.removeLast(3) }
        return "\(sign)\(seconds.magnitude).\(fraction)s"
    }

    private static func digits(_ text: ArraySlice<UInt8>, _ limit: Int) -> Int64? {
        guard !text.isEmpty, text.count <= limit else { return nil }
        var value: Int64 = 0
        for byte in text {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            value = value * 10 + Int64(byte - 0x30)
        }
        return value
    }
}
