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
            guard Self.mayTell(entry.key, batch.payload[entry.value.indices]) else { continue }
            let value = batch.text(entry.value)
            guard !value.isEmpty, value.utf8.count <= 4096 else { continue }
            switch entry.key {
            case .eventID: eventID = value
            case .eventSource: eventSource = value
            case .eventType: eventType = value
            case .eventTenant: eventTenant = value
            case .eventSubject, .joinKey, .tenant, .urlFull: break
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

    /// Whether the value can say what is looked for in it. Every span of an HTTP server has a path, few of them name an
    /// execution: no string is made of the others.
    private static func mayTell(_ key: EvidenceKey, _ value: ArraySlice<UInt8>) -> Bool {
        switch key {
        case .urlPath: value.holds("executions/")
        case .urlQuery: value.holds("ce-") || value.holds("traceparent")
        case .eventSubject: false
        default: true
        }
    }

    private mutating func readQuery(_ query: String) {
        for pair in query.split(separator: "&", maxSplits: 64) {
            let parts = pair.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let value = String(percentEncoded: parts[1].utf8, plusIsSpace: true) else {
                continue
            }
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
            id.utf8.allSatisfy({
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
            })
        else { return nil }
        return String(id)
    }
}

extension ArraySlice<UInt8> {
    /// Whether a word occurs in it.
    fileprivate func holds(_ word: StaticString) -> Bool {
        let length = word.utf8CodeUnitCount
        guard count >= length else { return false }
        return word.withUTF8Buffer { word in
            (startIndex...endIndex - length).contains { start in
                (0..<length).allSatisfy { self[start + $0] == word[$0] }
            }
        }
    }
}
