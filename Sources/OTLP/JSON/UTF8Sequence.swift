/// Checks of single UTF-8 sequences, shared by the JSON reader and writer.
enum UTF8Sequence {
    /// How long the well-formed sequence at `position` is (Unicode table 3-7), or 0 if there is none before `end`.
    static func length(in bytes: [UInt8], at position: Int, end: Int) -> Int {
        let first = bytes[position]
        if first < 0x80 { return 1 }
        let length: Int
        var low: UInt8 = 0x80
        var high: UInt8 = 0xBF
        switch first {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, low) = (3, 0xA0)
        case 0xED: (length, high) = (3, 0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, low) = (4, 0x90)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, high) = (4, 0x8F)
        default: return 0
        }
        guard end - position >= length, bytes[position + 1] >= low, bytes[position + 1] <= high else { return 0 }
        var index = position + 2
        while index < position + length {
            guard bytes[index] & 0xC0 == 0x80 else { return 0 }
            index += 1
        }
        return length
    }

    /// Whether all of `bytes` is UTF-8.
    static func isValid(_ bytes: [UInt8]) -> Bool {
        var position = 0
        while position < bytes.count {
            let length = length(in: bytes, at: position, end: bytes.count)
            if length == 0 { return false }
            position += length
        }
        return true
    }

    /// Appends a Unicode scalar value (not a surrogate).
    static func append(_ scalar: UInt32, to bytes: inout [UInt8]) {
        switch scalar {
        case 0..<0x80:
            bytes.append(UInt8(truncatingIfNeeded: scalar))
        case 0x80..<0x800:
            bytes.append(0xC0 | UInt8(truncatingIfNeeded: scalar >> 6))
            bytes.append(0x80 | UInt8(truncatingIfNeeded: scalar & 0x3F))
        case 0x800..<0x1_0000:
            bytes.append(0xE0 | UInt8(truncatingIfNeeded: scalar >> 12))
            bytes.append(0x80 | UInt8(truncatingIfNeeded: scalar >> 6 & 0x3F))
            bytes.append(0x80 | UInt8(truncatingIfNeeded: scalar & 0x3F))
        default:
            bytes.append(0xF0 | UInt8(truncatingIfNeeded: scalar >> 18))
            bytes.append(0x80 | UInt8(truncatingIfNeeded: scalar >> 12 & 0x3F))
            bytes.append(0x80 | UInt8(truncatingIfNeeded: scalar >> 6 & 0x3F))
            bytes.append(0x80 | UInt8(truncatingIfNeeded: scalar & 0x3F))
        }
    }
}
