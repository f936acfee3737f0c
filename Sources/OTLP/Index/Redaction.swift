import Wire

/// Finds what nobody downstream should read: the key of a Kestra webhook in a path, and secrets in a query string.
///
/// A path has the form `…/executions/webhook/{namespace}/{flow}/{key}[/…]` (with or without a tenant before it). In a
/// query, the values of the parameters `key`, `token`, `secret`, `password`, `api_key` and `access_token` are secret.
enum Redaction {
    private static let marker: StaticString = "/executions/webhook/"
    private static let parameters: [StaticString] = ["key", "token", "secret", "password", "api_key", "access_token"]

    /// Appends the secret ranges of one value, in order and without overlaps.
    static func find(in value: Range<Int>, of reader: borrowing WireReader, _ found: inout [ByteRange]) {
        let key = webhookKey(in: value, of: reader)
        var isKeyDue = !key.isEmpty
        var position = value.lowerBound
        var name = value.lowerBound
        // Names start at the beginning and after `?` or `&`, so that one rule does for paths, targets and queries.
        while position < value.upperBound {
            switch reader.byte(at: position) {
            case UInt8(ascii: "?"), UInt8(ascii: "&"), UInt8(ascii: "#"):
                position += 1
                name = position
            case UInt8(ascii: "="):
                let start = position + 1
                let isSecret = isSecretName(name..<position, in: reader)
                position = isSecret ? end(from: start, to: value.upperBound, of: reader) : start
                guard position > start else { continue }
                if isKeyDue, key.lowerBound < start {
                    found.append(ByteRange(key))
                    isKeyDue = false
                }
                // The key of a path can't reach into its query, but a strange value may hold both.
                let free = max(start, found.last.map { Int($0.end) } ?? 0)
                if free < position { found.append(ByteRange(free..<position)) }
                if isKeyDue, key.lowerBound < position { isKeyDue = false }
            default: position += 1
            }
        }
        if isKeyDue { found.append(ByteRange(key)) }
    }

    /// The end of a query parameter's value.
    private static func end(from start: Int, to limit: Int, of reader: borrowing WireReader) -> Int {
        var position = start
        while position < limit {
            let byte = reader.byte(at: position)
            if byte == UInt8(ascii: "&") || byte == UInt8(ascii: "#") { break }
            position += 1
        }
        return position
    }

    private static func isSecretName(_ name: Range<Int>, in reader: borrowing WireReader) -> Bool {
        guard (3...12).contains(name.count) else { return false }
        for parameter in parameters where parameter.utf8CodeUnitCount == name.count {
            if equals(parameter, at: name.lowerBound, in: reader, ignoringCase: true) { return true }
        }
        return false
    }

    private static func webhookKey(in value: Range<Int>, of reader: borrowing WireReader) -> Range<Int> {
        let count = marker.utf8CodeUnitCount
        guard value.count > count else { return 0..<0 }
        for start in value.lowerBound..<(value.upperBound - count)
        where reader.byte(at: start) == UInt8(ascii: "/") && equals(marker, at: start, in: reader) {
            var position = start + count
            for segment in 0..<3 {
                while position < value.upperBound, reader.byte(at: position) == UInt8(ascii: "/") { position += 1 }
                let first = position
                while position < value.upperBound {
                    let byte = reader.byte(at: position)
                    if byte == UInt8(ascii: "/") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#") { break }
                    position += 1
                }
                if segment == 2 { return first..<position }
                guard position < value.upperBound, reader.byte(at: position) == UInt8(ascii: "/") else { return 0..<0 }
            }
        }
        return 0..<0
    }

    /// Whether the bytes at `offset`, all of which are there, spell `text`.
    private static func equals(
        _ text: StaticString, at offset: Int, in reader: borrowing WireReader, ignoringCase: Bool = false
    ) -> Bool {
        // Safe: the pointer is a static string's, read within its length.
        for position in 0..<text.utf8CodeUnitCount {
            var byte = reader.byte(at: offset + position)
            if ignoringCase, (0x41...0x5A).contains(byte) { byte |= 0x20 }
            if byte != text.utf8Start[position] { return false }
        }
        return true
    }

    /// Masks the ranges that lie within bytes copied from `source` to the end of `output`. `next` is the first range that
    /// may still matter; it moves on, since everything is copied in payload order.
    @inline(always)
    static func mask(
        _ source: Range<Int>, copiedTo start: Int, of output: inout [UInt8], _ redactions: [ByteRange],
        _ next: inout Int
    ) {
        while next < redactions.count, Int(redactions[next].end) <= source.lowerBound { next += 1 }
        while next < redactions.count, Int(redactions[next].start) < source.upperBound {
            let range = redactions[next].indices.clamped(to: source)
            for offset in range { output[start + offset - source.lowerBound] = UInt8(ascii: "*") }
            if Int(redactions[next].end) > source.upperBound { return }
            next += 1
        }
    }
}
