/// How metrics are written for a scraper.
package enum ExpositionFormat: Sendable, Hashable {
    /// Prometheus text 0.0.4. It has no exemplars.
    case text
    /// OpenMetrics 1.0. `namesEscaping`: the scraper spoke of escaping, and the answer says which one was used.
    case openMetrics(namesEscaping: Bool)

    /// The `content-type` of the answer. Prometheus 3 fails a scrape whose type is missing or unknown.
    package var contentType: String {
        switch self {
        case .text: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics(false): "application/openmetrics-text; version=1.0.0; charset=utf-8"
        case .openMetrics(true): "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"
        }
    }

    /// The format that a scraper wants most, by the weights in its `accept` header (RFC 9110, 12.5.1); the first one
    /// listed among equals. Text 0.0.4 if it names nothing that we write.
    package static func negotiate(accept: String?) -> ExpositionFormat {
        var best = ExpositionFormat.text
        var bestWeight = 0.0
        for range in (accept ?? "").split(separator: ",") {
            let parts = range.split(separator: ";", omittingEmptySubsequences: false).map { trimmed($0).lowercased() }
            var parameters: [String: String] = [:]
            for part in parts.dropFirst() {
                let pair = part.split(separator: "=", maxSplits: 1).map(trimmed)
                if pair.count == 2 { parameters[pair[0]] = pair[1].filter { $0 != "\"" } }
            }
            guard let format = format(parts[0], parameters) else { continue }
            let weight = parameters["q"].map { Double($0) ?? 0 } ?? 1
            if weight > bestWeight { (best, bestWeight) = (format, weight) }
        }
        return best
    }

    private static func format(_ mediaType: String, _ parameters: [String: String]) -> ExpositionFormat? {
        let version = parameters["version"]
        switch mediaType {
        case "application/openmetrics-text":
            return version == nil || version == "1.0.0"
                ? .openMetrics(namesEscaping: parameters["escaping"] != nil) : nil
        case "text/plain":
            return version == nil || version == "0.0.4" ? .text : nil
        // Prometheus 3 sends `/` where it means `*/*`.
        case "*/*", "/", "text/*":
            return .text
        default:
            return nil
        }
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        var slice = text[...]
        while slice.first == " " || slice.first == "\t" { slice.removeFirst() }
        while slice.last == " " || slice.last == "\t" { slice.removeLast() }
        return String(slice)
    }
}
