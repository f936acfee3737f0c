package import Wire

extension LogIndex {
    /// Indexes a serialized `ExportLogsServiceRequest`. The number of allocations does not depend on the number of
    /// records. Throws if the bytes are not protobuf of that shape.
    package init(payload: [UInt8], keys: CompiledKeys) throws(WireError) {
        guard payload.count <= Int(UInt32.max) else { throw .tooLarge(byteCount: payload.count) }
        self.init()
        let bytes = payload.span.bytes
        var counter = LogIndexer(keys: keys, isCounting: true)
        try counter.readRequest(WireReader(bytes))
        var indexer = LogIndexer(keys: keys, isCounting: false)
        indexer.expect(records: counter.index.count)
        try indexer.readRequest(WireReader(bytes))
        self = indexer.index
        evidence = indexer.evidence.entries
    }

    /// The same with a vocabulary that is compiled for this one call: for tests and cold paths.
    package init(payload: [UInt8], keys: AttributeKeys = .defaults) throws(WireError) {
        try self.init(payload: payload, keys: CompiledKeys(keys))
    }
}

/// Makes a `LogIndex`; a first run that only hops over the records counts those that can have an entry.
struct LogIndexer {
    var index = LogIndex()
    var evidence: EvidenceCollector
    let keys: CompiledKeys
    let isCounting: Bool

    /// A record shorter than a trace id or an execution id with its name has no entry.
    private static let smallestEntry = 16

    init(keys: CompiledKeys, isCounting: Bool) {
        self.keys = keys
        self.isCounting = isCounting
        evidence = EvidenceCollector(nameCount: isCounting ? 0 : keys.count)
    }

    mutating func expect(records: Int) {
        index.records.reserveCapacity(records)
        evidence.expect(owners: records)
    }

    mutating func readRequest(_ request: consuming WireReader) throws(WireError) {
        var request = request
        while !request.isAtEnd {
            switch try request.tag() {
            case 10: try readResource(request.message())
            case let tag: try request.skip(tag)
            }
        }
    }

    private mutating func readResource(_ body: consuming WireReader) throws(WireError) {
        var body = body
        while !body.isAtEnd {
            switch try body.tag() {
            case 10:
                let resource = try body.message()
                if !isCounting { _ = try EnvelopeReading.serviceName(resource) }
            case 18: try readScope(body.message())
            case let tag: try body.skip(tag)
            }
        }
    }

    private mutating func readScope(_ body: consuming WireReader) throws(WireError) {
        var body = body
        while !body.isAtEnd {
            switch try body.tag() {
            case 10:
                let scope = try body.message()
                if !isCounting { _ = try EnvelopeReading.scopeName(scope) }
            case 18:
                let record = try body.message()
                if isCounting {
                    if record.remaining >= Self.smallestEntry { index.count += 1 }
                } else {
                    index.count += 1
                    try readRecord(record)
                }
            case let tag: try body.skip(tag)
            }
        }
    }

    private mutating func readRecord(_ body: consuming WireReader) throws(WireError) {
        var body = body
        let whole = ByteRange(body.position..<body.end)
        var trace = 0..<0
        var span = 0..<0
        var time: UInt64 = 0
        var observed: UInt64 = 0
        var execution = 0..<0
        let owner = Int32(truncatingIfNeeded: index.records.count)
        let firstEvidence = evidence.entries.count
        while !body.isAtEnd {
            let tag = try body.tag()
            switch tag {
            case 9: time = try body.fixed64()
            case 89: observed = try body.fixed64()
            case 42: _ = try AttributeReading.checkValue(body.message(), depth: 0)
            case 74: trace = try body.range()
            case 82: span = try body.range()
            case 50:
                let attribute: AttributeReading
                if let (key, value) = body.shortPair() {
                    attribute = AttributeReading(key: key, text: value)
                } else {
                    attribute = try AttributeReading(body.message())
                }
                guard let meaning = keys.meaning(of: attribute.key, in: body) else { continue }
                if meaning.role == .executionID || meaning.role == .logExecutionID {
                    execution = attribute.text ?? 0..<0
                }
                if let key = meaning.evidence { evidence.note(key, attribute.text, meaning, owner) }
            default: try body.skip(tag)
            }
        }

        var entry = LogEntry(
            body: whole, traceIDOffset: 0, traceID: TraceID(high: 0, low: 0), spanID: .none,
            time: time == 0 ? observed : time, execution: ByteRange(execution),
            evidence: Int32(truncatingIfNeeded: firstEvidence)..<Int32(truncatingIfNeeded: evidence.entries.count))
        (entry.traceIDOffset, entry.traceID, entry.spanID) = EnvelopeReading.association(trace, span, in: body)
        guard entry.traceIDOffset > 0 || !execution.isEmpty || !entry.evidence.isEmpty else { return }
        index.records.append(entry)
    }
}
