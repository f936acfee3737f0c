import OTLP

/// The evidence attributes of one span, read into their meanings.
struct OriginFacts {
    var eventID: String?
    var eventSource: String?
    var eventType: String?
    var eventTenant: String?
    var claimedExecution: String?
    var traceparent: TraceContext?
    /// The execution that the call's path names: a resume, kill, restart or replay.
    var calledExecution: String?

    init(_ batch: SpanBatch, _ span: SpanEntry) {
        for position in span.evidence {
            let entry = batch.index.evidence[Int(position)]
            let value = batch.text(entry.value)
            guard !value.isEmpty, value.utf8.count <= 4096 else { continue }
            switch entry.key {
            case .eventID: eventID = value
            case .eventSource: eventSource = value
            case .eventType: eventType = value
            case .eventTenant: eventTenant = value
            case .eventSubject: break
            case .claimedExecution: claimedExecution = value
            case .traceparent: traceparent = Self.context(value)
            case .urlQuery: readQuery(value)
            case .urlPath:
                // Reading an execution (a poller, the page of Kestra) is no call that changes it.
                if !batch.payload[span.name.indices].starts(with: "GET".utf8) {
                    calledExecution = Self.execution(inPath: value)
                }
            }
        }
    }

    private mutating func readQuery(_ query: String) {
        for pair in query.split(separator: "&", maxSplits: 64) {
            let parts = pair.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let value = percentDecoded(parts[1]) else { continue }
            switch parts[0] {
            case "ce-id": eventID = value
            case "ce-source": eventSource = value
            case "ce-type": eventType = value
            case "ce-tenantid": eventTenant = value
            case "traceparent", "ce-traceparent": traceparent = Self.context(value)
            default: break
            }
        }
    }

    static func context(_ text: String) -> TraceContext? {
        Traceparent(text).map(TraceContext.init)
    }

    /// The id in `…/executions/{id}` or `…/executions/{id}/{verb}`. Kestra's ids are 128 random bits in base 62, not
    /// padded: 19 to 22 letters and digits, which namespaces and the word `webhook` are not.
    private static func execution(inPath path: String) -> String? {
        let segments = path.split(separator: "/")
        guard let word = segments.firstIndex(of: "executions"), word + 1 < segments.count else { return nil }
        let id = segments[word + 1]
        guard (19...22).contains(id.utf8.count),
            id.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) })
        else { return nil }
        return String(id)
    }
}

/// The text with `%XX` and `+` decoded; nil if it is not UTF-8 then.
private func percentDecoded(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var input = text.utf8.makeIterator()
    while let byte = input.next() {
        switch byte {
        case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
        case UInt8(ascii: "%"):
            guard let high = input.next().flatMap(hexValue), let low = input.next().flatMap(hexValue) else { return nil }
            bytes.append(high << 4 | low)
        default: bytes.append(byte)
        }
    }
    return String(validating: bytes, as: UTF8.self)
}

private func hexValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x41...0x46: digit - 0x41 + 10
    case 0x61...0x66: digit - 0x61 + 10
    default: nil
    }
}
