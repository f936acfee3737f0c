/// A duration in nanoseconds; written as `10s`, `500ms`, `1m30s` or `7d`.
package typealias Nanoseconds = UInt64

/// A number of bytes; written as `64MiB`, `10MB` or a plain number.
package typealias ByteCount = Int

private let durationUnits: [(name: String, nanoseconds: UInt64)] = [
    ("ns", 1), ("us", 1_000), ("µs", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000),
    ("h", 3_600_000_000_000), ("d", 86_400_000_000_000),
]

/// The nanoseconds in a text such as `1m30s` or `2.5s`.
package func parseDuration(_ text: String) throws(Mistake) -> Nanoseconds {
    let example = "a duration such as 10s, 500ms, 1m30s or 7d"
    if text == "0" { return 0 }
    guard !text.hasPrefix("-") else { throw Mistake("expected \(example); a duration cannot be negative") }
    var rest = Substring(text)
    var total: UInt64 = 0
    repeat {
        guard let number = takeDecimal(&rest) else { throw Mistake("expected \(example), found \"\(excerpt(text))\"") }
        let name = rest.prefix { !$0.isASCII || $0.isLetter }
        rest = rest.dropFirst(name.count)
        guard let unit = durationUnits.first(where: { $0.name == name }) else {
            throw Mistake(
                name.isEmpty
                    ? rest.isEmpty
                        ? "\"\(excerpt(text))\" has no unit: write \(excerpt(text))s for seconds, or ms, m, h, d"
                        : "expected \(example), found \"\(excerpt(text))\""
                    : "\"\(excerpt(String(name)))\" is no unit of time: use ns, us, ms, s, m, h or d")
        }
        guard let part = number.times(unit.nanoseconds), case (let sum, false) = total.addingReportingOverflow(part)
        else {
            throw Mistake("\"\(excerpt(text))\" is longer than can be counted")
        }
        total = sum
    } while !rest.isEmpty
    return total
}

/// A duration as `parseDuration` reads it, in the fewest whole units.
package func describe(duration: Nanoseconds) -> String {
    if duration == 0 { return "0s" }
    var rest = duration
    var text = ""
    for unit in durationUnits.reversed() where unit.name != "µs" && rest >= unit.nanoseconds {
        text += "\(rest / unit.nanoseconds)\(unit.name)"
        rest %= unit.nanoseconds
    }
    return text
}

private let sizeUnits: [(name: String, bytes: UInt64)] = [
    ("B", 1), ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000), ("KiB", 1 << 10),
    ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
]

/// The bytes in a text such as `64MiB`; a plain number counts bytes. Upper and lower case mean the same.
package func parseSize(_ text: String) throws(Mistake) -> ByteCount {
    var rest = Substring(text)
    guard let number = takeDecimal(&rest) else {
        throw Mistake("expected a size such as 64MiB, 10MB or a number of bytes, found \"\(excerpt(text))\"")
    }
    if rest.first == " " { rest.removeFirst() }
    let name = rest.isEmpty ? "b" : rest.lowercased()
    guard let unit = sizeUnits.first(where: { $0.name.lowercased() == name }) else {
        throw Mistake("\"\(excerpt(String(rest)))\" is no unit of size: use B, KB, MB, GB, TB, KiB, MiB, GiB or TiB")
    }
    guard let bytes = number.times(unit.bytes).flatMap({ ByteCount(exactly: $0) }) else {
        throw Mistake("\"\(excerpt(text))\" is more than can be counted")
    }
    return bytes
}

/// A size as `parseSize` reads it, in the largest binary unit that divides it.
package func describe(size: ByteCount) -> String {
    for (shift, name) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] where size > 0 && size % (1 << shift) == 0
    {
        return "\(size >> shift)\(name)"
    }
    return "\(size)"
}

/// A decimal number kept exact: its digits as an integer, and how many of them stand behind the point.
private struct Decimal {
    var digits: UInt64
    var scale: UInt64

    /// The number times `unit`, rounded down; nil if that overflows.
    func times(_ unit: UInt64) -> UInt64? {
        let product = digits.multipliedFullWidth(by: unit)
        guard product.high < scale else { return nil }
        return scale.dividingFullWidth(product).quotient
    }
}

/// Takes `12` or `1.5` off the front: at most 19 digits, which an UInt64 holds.
private func takeDecimal(_ text: inout Substring) -> Decimal? {
    var number = Decimal(digits: 0, scale: 1)
    var count = 0
    var isFraction = false
    var sawFraction = false
    while let character = text.first {
        if let digit = character.wholeNumberValue, character.isASCII {
            guard count < 19 else { return nil }
            number.digits = number.digits * 10 + UInt64(digit)
            count += 1
            if isFraction {
                number.scale *= 10
                sawFraction = true
            }
        } else if character == ".", !isFraction, count > 0 {
            isFraction = true
        } else {
            break
        }
        text.removeFirst()
    }
    return count > 0 && (!isFraction || sawFraction) ? number : nil
}

/// As much of a text as a message should show.
func excerpt(_ text: String) -> String {
    text.count > 60 ? text.prefix(57) + "…" : text
}
