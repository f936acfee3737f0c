/// Durations as a person says them, with three significant digits.
package enum DurationText {
    /// `0 ms`, `412 µs`, `12.4 ms`, `3.93 s`, `2 min 5 s`, `1 h 3 min`, `2 d 4 h`.
    package static func text(_ nanoseconds: UInt64) -> String {
        let millisecond: UInt64 = 1_000_000
        let second: UInt64 = 1_000_000_000
        switch nanoseconds {
        case 0: return "0 ms"
        case ..<1_000: return "\(nanoseconds) ns"
        case ..<999_500: return "\((nanoseconds + 500) / 1_000) µs"
        case ..<(1_000 * millisecond - 500_000): return decimal(nanoseconds, unit: millisecond) + " ms"
        case ..<(60 * second - 50_000_000): return decimal(nanoseconds, unit: second) + " s"
        default:
            let seconds = nanoseconds / second + (nanoseconds % second >= 500_000_000 ? 1 : 0)
            if seconds < 3_600 { return pair(seconds / 60, "min", seconds % 60, "s") }
            if seconds < 86_400 { return pair(seconds / 3_600, "h", seconds / 60 % 60, "min") }
            return pair(seconds / 86_400, "d", seconds / 3_600 % 24, "h")
        }
    }

    /// At least 1 unit and less than 1,000, rounded to three digits, without zeros at the end.
    private static func decimal(_ nanoseconds: UInt64, unit: UInt64) -> String {
        let whole = nanoseconds / unit
        let places: UInt64 = whole >= 100 ? 1 : whole >= 10 ? 10 : 100
        let step = unit / places
        let rounded = (nanoseconds + step / 2) / step
        var fraction = places == 1 ? "" : String(rounded % places)
        if places == 100, fraction.utf8.count == 1 { fraction = "0" + fraction }
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return fraction.isEmpty ? "\(rounded / places)" : "\(rounded / places).\(fraction)"
    }

    private static func pair(_ large: UInt64, _ largeUnit: String, _ small: UInt64, _ smallUnit: String) -> String {
        small == 0 ? "\(large) \(largeUnit)" : "\(large) \(largeUnit) \(small) \(smallUnit)"
    }
}
