/// The grammar and the exact values of numbers as text. The same text may come bare or, for 64-bit integers of
/// proto3 JSON, in quotes.
package enum JSONNumber {
    /// Where the number that begins at `start` ends (RFC 8259 section 6), or nil if there is none.
    static func end(in bytes: [UInt8], from start: Int, limit: Int? = nil) -> Int? {
        let count = limit ?? bytes.count
        var index = start
        func digits() -> Int {
            var end = index
            while end < count, bytes[end] >= 0x30, bytes[end] <= 0x39 { end += 1 }
            return end
        }
        if index < count, bytes[index] == UInt8(ascii: "-") { index += 1 }
        let whole = digits()
        guard whole > index, whole == index + 1 || bytes[index] != 0x30 else { return nil }
        index = whole
        if index < count, bytes[index] == UInt8(ascii: ".") {
            index += 1
            let fraction = digits()
            guard fraction > index else { return nil }
            index = fraction
        }
        if index < count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            index += 1
            if index < count, bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-") { index += 1 }
            let exponent = digits()
            guard exponent > index else { return nil }
            index = exponent
        }
        return index
    }

    /// The exact integer that the text says, if it is one: `10`, `-3`, `1e3` and `1.50e1` are, `1.5` is not.
    /// Nil too if the magnitude is above 2^64 - 1. The text must be a number.
    static func integer(_ text: ArraySlice<UInt8>) -> (isNegative: Bool, magnitude: UInt64)? {
        var index = text.startIndex
        var isNegative = false
        if index < text.endIndex, text[index] == UInt8(ascii: "-") {
            isNegative = true
            index += 1
        }
        var magnitude: UInt64 = 0
        // Zeros at the end are held back, so that 1.500 and 100e-2 need no more digits than they have.
        var heldZeros = 0
        var fraction = 0
        var inFraction = false
        while index < text.endIndex {
            let byte = text[index]
            if byte == UInt8(ascii: ".") {
                inFraction = true
            } else if byte >= 0x30, byte <= 0x39 {
                if inFraction { fraction += 1 }
                if byte == 0x30 {
                    if magnitude != 0 { heldZeros += 1 }
                } else {
                    guard let scaled = scale(magnitude, byPowerOfTen: heldZeros + 1) else { return nil }
                    heldZeros = 0
                    let (sum, overflow) = scaled.addingReportingOverflow(UInt64(byte - 0x30))
                    if overflow { return nil }
                    magnitude = sum
                }
            } else {
                break
            }
            index += 1
        }
        if magnitude == 0 { return (isNegative, 0) }
        guard let exponent = exponent(text[index...]) else { return nil }
        guard let value = scale(magnitude, byPowerOfTen: exponent + heldZeros - fraction) else { return nil }
        return (isNegative, value)
    }

    /// The value as a double; nil if it is out of the range of finite doubles. The text must be a number.
    static func double(_ text: ArraySlice<UInt8>) -> Double? {
        guard let value = Double(String(decoding: text, as: UTF8.self)), value.isFinite else { return nil }
        return value
    }

    /// The exponent `e…` at the end of a number; 0 if there is none, nil if it is so large that no integer has it.
    private static func exponent(_ text: ArraySlice<UInt8>) -> Int? {
        guard let first = text.first, first | 0x20 == UInt8(ascii: "e") else { return 0 }
        var digits = text.dropFirst()
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative || digits.first == UInt8(ascii: "+") { digits = digits.dropFirst() }
        var value = 0
        for byte in digits {
            value = value * 10 + Int(byte & 0x0F)
            if value > 100_000_000 { return nil }
        }
        return isNegative ? -value : value
    }

    /// value × 10^power if that is an integer below 2^64. `value` is not zero unless `power` is positive.
    private static func scale(_ value: UInt64, byPowerOfTen power: Int) -> UInt64? {
        if value == 0 { return 0 }
        var result = value
        if power < 0 {
            guard power >= -19 else { return nil }
            for _ in 0..<(-power) {
                guard result % 10 == 0 else { return nil }
                result /= 10
            }
            return result
        }
        guard power <= 19 else { return nil }
        for _ in 0..<power {
            let (product, overflow) = result.multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            result = product
        }
        return result
    }
}
