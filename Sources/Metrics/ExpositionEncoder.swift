/// Writes metrics in the Prometheus text format 0.0.4 or in OpenMetrics 1.0.
package struct ExpositionEncoder {
    private let format: ExpositionFormat
    private let isOpenMetrics: Bool
    private var output: [UInt8] = []

    /// The whole body of an answer.
    package static func encode(_ families: [FamilyReading], as format: ExpositionFormat) -> [UInt8] {
        var encoder = ExpositionEncoder(format: format)
        families.forEach { encoder.append($0) }
        if encoder.isOpenMetrics { encoder.write("# EOF\n") }
        return encoder.output
    }

    private init(format: ExpositionFormat) {
        self.format = format
        isOpenMetrics = format != .text
    }

    private mutating func append(_ family: FamilyReading) {
        // In 0.0.4 the metadata carry the counter's sample name, in OpenMetrics the family's name.
        let sampleName = family.kind == .counter ? family.name + "_total" : family.name
        let name = isOpenMetrics ? family.name : sampleName
        let help = "# HELP \(name) \(Self.escape(family.help, quotes: isOpenMetrics))\n"
        let type = "# TYPE \(name) \(family.kind.rawValue)\n"
        if isOpenMetrics {
            write(type)
            if let unit = family.unit { write("# UNIT \(name) \(unit)\n") }
            write(help)
        } else {
            write(help)
            write(type)
        }
        for point in family.points {
            let labels = point.labels.map { "\($0.name)=\"\(Self.escape($0.value, quotes: true))\"" }
            switch point.value {
            case .integer(let number): sample(sampleName, labels, String(number))
            case .number(let number): sample(sampleName, labels, Self.number(number))
            case .histogram(let reading): histogram(sampleName, labels, reading)
            }
        }
    }

    private mutating func histogram(_ name: String, _ labels: [String], _ reading: HistogramReading) {
        var total: UInt64 = 0
        for (index, count) in reading.counts.enumerated() {
            total &+= count
            let bound = index < reading.bounds.count ? reading.bounds[index] : .infinity
            let le = "le=\"\(Self.bound(bound, pointZero: isOpenMetrics))\""
            let exemplar = isOpenMetrics && index < reading.exemplars.count ? reading.exemplars[index] : nil
            sample(name + "_bucket", labels + [le], String(total) + (exemplar.map(Self.exemplar) ?? ""))
        }
        sample(name + "_count", labels, String(total))
        sample(name + "_sum", labels, Self.number(reading.sum))
    }

    private mutating func sample(_ name: String, _ labels: [String], _ value: String) {
        write(name)
        if !labels.isEmpty { write("{" + labels.joined(separator: ",") + "}") }
        write(" " + value + "\n")
    }

    private mutating func write(_ text: String) {
        output.append(contentsOf: text.utf8)
    }

    // MARK: Words of both formats

    private static func exemplar(_ exemplar: Exemplar) -> String {
        var labels = "trace_id=\"\(hex(exemplar.traceHigh))\(hex(exemplar.traceLow))\""
        if exemplar.spanID != 0 { labels += ",span_id=\"\(hex(exemplar.spanID))\"" }
        let milliseconds = exemplar.time / 1_000_000
        let fraction = String(milliseconds % 1_000 + 1_000).dropFirst()
        return " # {\(labels)} \(number(exemplar.value)) \(milliseconds / 1_000).\(fraction)"
    }

    private static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Backslash and line feed are escaped in help texts, and in label values (in OpenMetrics everywhere) quotes too.
    static func escape(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// A sample's value: whole numbers without a point.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value), whole.magnitude < 1 << 53 { return String(whole) }
        return value.description
    }

    /// A bucket's bound as every other exporter writes it (Go's %g, in OpenMetrics with a point), for the text is part
    /// of the series' identity: 0.005, 1 or 1.0, 100000, 1e+06.
    static func bound(_ value: Double, pointZero: Bool) -> String {
        guard value.isFinite else { return number(value) }
        let text = value.description
        guard value.magnitude >= 1e6, !text.contains("e") else {
            return pointZero || !text.hasSuffix(".0") ? text : String(text.dropLast(2))
        }
        let sign = value < 0 ? "-" : ""
        let whole = text.utf8.filter { $0 != UInt8(ascii: "-") }.prefix { $0 != UInt8(ascii: ".") }.count
        var digits = text.filter { $0 != "." && $0 != "-" }
        while digits.count > 1, digits.last == "0" { digits.removeLast() }
        let mantissa = digits.count == 1 ? digits : "\(digits.removeFirst()).\(digits)"
        let exponent = whole - 1
        return "\(sign)\(mantissa)e+\(exponent < 10 ? "0" : "")\(exponent)"
    }
}
