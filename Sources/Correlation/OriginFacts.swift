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
    /// Values of the configured keys.
    var keys: [(joinKey: Int, value: String)] = []
    /// The tenant that the span or its resource names.
    var tenant: String?
    /// The path of the call, if calls are paired.
    var path: String?

    /// Longer values are no names.
    static let longestValue = 4096

    init(_ batch: SpanBatch, _ span: SpanEntry, settings: CorrelationSettings) {
        let scope = batch.index.scopes[Int(span.scope)]
        for entry in batch.index.resourceEvidence where entry.owner == scope.resource {
            read(entry, batch, span, settings)
        }
        for position in span.evidence { read(batch.index.evidence[Int(position)], batch, span, settings) }
        // Resources and queries are read whatever the system is.
        keys.removeAll {
            !settings.joinKeys.indices.contains($0.joinKey) || !settings.joinKeys[$0.joinKey].isRead(from: scope.origin)
        }
    }

    /// Whether a span or its resource says anything that is read: most paths of calls do not. Apart from `init`, since
    /// making an optional of so large a value costs more than the look.
    static func areTold(by span: SpanEntry, in batch: SpanBatch, settings: CorrelationSettings) -> Bool {
        if !batch.index.resourceEvidence.isEmpty { return true }
        for position in span.evidence {
            let entry = batch.index.evidence[Int(position)]
            if isRead(entry, in: batch, settings) { return true }
        }
        return false
    }

    private static func isRead(_ entry: EvidenceEntry, in batch: SpanBatch, _ settings: CorrelationSettings) -> Bool {
        entry.value.count <= longestValue && mayTell(entry.key, batch.payload[entry.value.indices], settings)
    }

    private mutating func read(
        _ entry: EvidenceEntry, _ batch: SpanBatch, _ span: SpanEntry, _ settings: CorrelationSettings
    ) {
        guard Self.isRead(entry, in: batch, settings) else { return }
        // Reading an execution (a poller, the page of Kestra) is no call that changes it.
        if entry.key == .urlPath, !batch.payload[span.name.indices].starts(with: "GET".utf8) {
            calledExecution = Self.execution(inPath: batch.payload[entry.value.indices])
        }
        if entry.key == .urlPath, !settings.pairsCalls { return }
        let value = entry.text(in: batch.payload)
        guard !value.isEmpty else { return }
        switch entry.key {
        case .eventID: eventID = value
        case .eventSource: eventSource = value
        case .eventType: eventType = value
        case .eventTenant: eventTenant = value
        case .eventSubject: break
        case .claimedExecution: claimedExecution = value
        case .traceparent: traceparent = Self.context(value)
        case .joinKey: add(Int(entry.rule), value)
        case .tenant: tenant = value
        case .urlQuery: readQuery(value, settings)
        case .urlFull:
            if settings.pairsCalls { path = CallPairing.path(ofURL: value) }
            if let mark = value.firstIndex(of: "?") { readQuery(String(value[value.index(after: mark)...]), settings) }
        case .urlPath: path = String(value.prefix { $0 != "?" })
        }
    }

    private mutating func add(_ joinKey: Int, _ value: String) {
        guard keys.count < 64, !keys.contains(where: { $0.joinKey == joinKey && $0.value.isExactly(value) }) else { return }
        keys.append((joinKey, value))
    }

    /// Whether the value can say what is looked for in it. Every span of an HTTP server has a path, few of them name an
    /// execution: no string is made of the others.
    private static func mayTell(
        _ key: EvidenceKey, _ value: ArraySlice<UInt8>, _ settings: CorrelationSettings
    ) -> Bool {
        switch key {
        case .urlPath: settings.pairsCalls || value.position(of: executionsWord) != nil
        case .urlQuery: settings.readsQueries || value.position(of: eventWord) != nil || value.position(of: traceparentWord) != nil
        case .urlFull: settings.readsQueries || settings.pairsCalls
        case .eventSubject: false
        default: true
        }
    }

    private static let executionsWord = Array("executions/".utf8)
    private static let eventWord = Array("ce-".utf8)
    private static let traceparentWord = Array("traceparent".utf8)

    private mutating func readQuery(_ query: String, _ settings: CorrelationSettings) {
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
            default:
                for (position, key) in settings.joinKeys.enumerated()
                where !value.isEmpty && key.queryParameters.contains(where: { $0 == parts[0] }) {
                    add(position, value)
                }
            }
        }
    }

    static func context(_ text: String) -> TraceContext? {
        Traceparent(text).map(TraceContext.init)
    }

    /// The id in `…/executions/{id}` or `…/executions/{id}/{verb}`. Kestra's ids are 128 random bits in base 62, not
    /// padded: 19 to 22 letters and digits, which namespaces and the word `webhook` are not.
    private static func execution(inPath path: ArraySlice<UInt8>) -> String? {
        var rest = path
        var isNext = false
        while !rest.isEmpty {
            let segment = rest.prefix { $0 != UInt8(ascii: "/") }
            rest = rest.dropFirst(segment.count + 1)
            if segment.isEmpty { continue }
            guard isNext else {
                isNext = segment.elementsEqual("executions".utf8)
                continue
            }
            let isID = segment.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
            }
            return isID && (19...22).contains(segment.count) ? String(decoding: segment, as: UTF8.self) : nil
        }
        return nil
    }
}
