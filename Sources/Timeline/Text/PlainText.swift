/// Text from outside, made harmless for a terminal: it comes out as one line of printable characters of a known width.
enum PlainText {
    /// Replaces control and escape characters, line and paragraph separators and everything invisible that could reorder or
    /// hide text (bidirectional controls, zero-width characters, tags).
    ///
    /// - Parameter limit: how many columns there may be; what is longer ends in an ellipsis.
    static func clean(_ text: String, limit: Int, glyphs: Glyphs) -> String {
        var result = String.UnicodeScalarView()
        var columns = 0
        var marks = 0
        for scalar in text.unicodeScalars {
            var scalar = scalar
            if isUnprintable(scalar) { scalar = glyphs.isASCII ? "?" : "\u{FFFD}" }
            if glyphs.isASCII, !scalar.isASCII { scalar = scalar == "µ" ? "u" : "?" }
            let width = width(of: scalar)
            // Marks that pile up on one character would draw over the lines above.
            marks = width == 0 ? marks + 1 : 0
            if width == 0, marks > 2 || result.isEmpty { continue }
            if columns + width > limit { return shortened(result, limit: limit, glyphs: glyphs) }
            columns += width
            result.append(scalar)
        }
        return String(result)
    }

    /// The columns that cleaned text takes.
    static func width(_ text: String) -> Int { text.unicodeScalars.reduce(0) { $0 + width(of: $1) } }

    /// Cleaned text, padded with blanks to exactly `columns`.
    static func fitted(_ text: String, _ columns: Int, glyphs: Glyphs) -> String {
        let cleaned = clean(text, limit: columns, glyphs: glyphs)
        return cleaned + blanks(columns - width(cleaned))
    }

    static func blanks(_ count: Int) -> String { String(repeating: " ", count: max(0, count)) }

    private static func shortened(_ text: String.UnicodeScalarView, limit: Int, glyphs: Glyphs) -> String {
        guard limit >= glyphs.ellipsis.unicodeScalars.count else { return "" }
        var result = text
        let room = limit - glyphs.ellipsis.unicodeScalars.count
        while width(String(result)) > room { result.removeLast() }
        return String(result) + glyphs.ellipsis
    }

    private static func isUnprintable(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7F }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: return true
        default: return scalar.properties.isDefaultIgnorableCodePoint && !isVariationSelector(scalar)
        }
    }

    private static func isVariationSelector(_ scalar: Unicode.Scalar) -> Bool {
        (0xFE00...0xFE0F).contains(scalar.value)
    }

    /// Columns of a scalar in terminals: 0 for marks, 2 for East Asian wide characters and pictographs, else 1.
    private static func width(of scalar: Unicode.Scalar) -> Int {
        if scalar.isASCII { return 1 }
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF,
            0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1F9FF,
            0x20000...0x3FFFD:
            return 2
        default:
            switch scalar.properties.generalCategory {
            case .nonspacingMark, .enclosingMark: return 0
            default: return 1
            }
        }
    }
}
