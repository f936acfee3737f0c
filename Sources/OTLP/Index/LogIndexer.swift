package import Wire

extension LogIndex {
    /// Indexes a serialized `ExportLogsServiceRequest`. The number of allocations does not depend on the number of
    /// records. Throws if the bytes are not protobuf of that shape.
    package init(payload: [UInt8], keys: CompiledKeys) throws(WireError) {
        guard payload.count <= Int(UInt32.max) else { throw .tooLarge(byteCount: payload.count) }
        var indexer = LogIndexer(keys: keys)
        let bytes = payload.span.bytes
        try indexer.findScopes(WireReader(bytes))
        try indexer.readRecords(bytes)
        self = indexer.index
    }

    /// The same with a vocabulary that is compiled for this one call: for tests and cold paths.
    package init(payload: [UInt8], keys: AttributeKeys = .defaults) throws(WireError) {
        try self.init(payload: payload, keys: CompiledKeys(keys))
    }
}

/// Makes a `LogIndex` in two passes, as `SpanIndexer` does: the first finds resources and scopes and hops over the records
/// to count those that can have an entry.
struct LogIndexer {
    var index = LogIndex()
    private let keys: CompiledKeys
    private let names: NameTable
    private var evidence: EvidenceCollector
    private var resource: ResourceReading
    private var scopes: [Scope] = []
    private var expectedRecords = 0
    /// The smallest body of a record that can have an entry: one with a trace id, or with a name that means something
    /// and a value of one byte.
    private let smallestEntry: Int

    /// A `ScopeLogs` message with a record that can have an entry.
    private struct Scope {
        var body: ByteRange
        var name: ByteRange
        var resource: Int32
        var origin = Origin.other
        var role = OriginRole.bystander
    }

    init(keys: CompiledKeys) {
        self.keys = keys
        names = keys.logs
        evidence = EvidenceCollector(nameCount: keys.logs.count)
        resource = ResourceReading(keys: keys)
        smallestEntry = min(18, keys.logs.shortestName + 8)
    }
}

// MARK: - Resources and scopes

extension LogIndexer {
    mutating func findScopes(_ request: consuming WireReader) throws(WireError) {
        var request = request
        while !request.isAtEnd {
            let start = request.position
            let tag = try request.tag()
            guard tag == 10 else {
                try request.skip(tag)
                continue
            }
            let body = try request.message()
            try findScopes(in: body, from: start)
        }
        index.resourceEvidence = resource.evidence.entries
    }

    private mutating func findScopes(in body: consuming WireReader, from start: Int) throws(WireError) {
        var body = body
        let firstScope = scopes.count
        let owner = Int32(truncatingIfNeeded: index.resources.count)
        let whole = ByteRange(body.position..<body.end)
        resource.begin()
        while !body.isAtEnd {
            let tag = try body.tag()
            switch tag {
            case 10: try resource.read(body.message(), owner: owner)
            case 18: try findScope(body.message(), resource: owner)
            default: try body.skip(tag)
            }
        }
        guard scopes.count > firstScope else { return resource.forget() }
        index.resources.append(
            ResourceEntry(field: ByteRange(start..<body.end), body: whole, serviceName: ByteRange(resource.service)))
        for position in firstScope..<scopes.count {
            let origin = resource.origin(scope: scopes[position].name.indices, in: body)
            scopes[position].origin = origin
            scopes[position].role = keys.role(of: origin)
        }
        resource.keepWhatIsRead(by: scopes[firstScope...].lazy.map(\.origin))
    }

    private mutating func findScope(_ body: consuming WireReader, resource: Int32) throws(WireError) {
        var body = body
        let whole = body.position..<body.end
        var name = 0..<0
        var count = 0
        var possible = 0
        while !body.isAtEnd {
            let tag = try body.tag()
            switch tag {
            case 10:
                let found = try EnvelopeReading.scopeName(body.message())
                if !found.isEmpty { name = found }
            case 18:
                count &+= 1
                if try body.range().count >= smallestEntry { possible &+= 1 }
            default: try body.skip(tag)
            }
        }
        index.count += count
        guard count > 0 else { return }
        let scope = Scope(body: ByteRange(whole), name: ByteRange(name), resource: resource)
        guard possible > 0 else {
            // No entry for the scope either, which bounds the memory that a hostile request can make of tiny messages;
            // its records are only checked.
            return try readRecords(of: scope, body.part(whole))
        }
        expectedRecords += possible
        scopes.append(scope)
    }
}

// MARK: - Records

extension LogIndexer {
    mutating func readRecords(_ bytes: RawSpan) throws(WireError) {
        index.records.reserveCapacity(expectedRecords)
        evidence.expect(owners: expectedRecords)
        for scope in scopes { try readRecords(of: scope, WireReader(bytes, in: scope.body.indices)) }
        index.evidence = evidence.entries
    }

    private mutating func readRecords(of scope: Scope, _ body: consuming WireReader) throws(WireError) {
        var body = body
        while !body.isAtEnd {
            switch try body.tag() {
            case 18: try readRecord(body.message(), of: scope)
            case let tag: try body.skip(tag)
            }
        }
    }

    private mutating func readRecord(_ body: consuming WireReader, of scope: Scope) throws(WireError) {
        var body = body
        let whole = ByteRange(body.position..<body.end)
        var trace = 0..<0
        var span = 0..<0
        var time: UInt64 = 0
        var observed: UInt64 = 0
        var kestra = KestraAttributes()
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
                guard let meaning = names.meaning(of: attribute.key, in: body) else { continue }
                note(attribute, meaning, of: scope, &kestra)
            default: try body.skip(tag)
            }
        }

        var entry = LogEntry(
            body: whole, traceIDOffset: 0, traceID: TraceID(high: 0, low: 0), spanID: .none,
            time: time == 0 ? observed : time, execution: ByteRange(kestra.execution),
            executionForm: kestra.executionForm, resource: scope.resource, origin: scope.origin, role: scope.role,
            evidence: Int32(truncatingIfNeeded: firstEvidence)..<Int32(truncatingIfNeeded: evidence.entries.count))
        (entry.traceIDOffset, entry.traceID, entry.spanID) = EnvelopeReading.association(trace, span, in: body)
        // A tenant alone belongs to nothing.
        guard entry.traceIDOffset > 0 || !kestra.execution.isEmpty
            || evidence.entries[firstEvidence...].contains(where: { $0.key != .tenant })
        else { return evidence.forget(from: firstEvidence) }
        index.records.append(entry)
    }

    @inline(never)
    private mutating func note(
        _ attribute: AttributeReading, _ meaning: NameTable.Meaning, of scope: Scope, _ kestra: inout KestraAttributes
    ) {
        let owner = Int32(truncatingIfNeeded: index.records.count)
        var meaning = meaning
        while true {
            if meaning.role == .logExecutionID {
                kestra.noteExecution(attribute.text ?? 0..<0)
            } else {
                kestra.note(meaning.role, attribute)
            }
            if let key = meaning.evidence, key != .joinKey || keys.isRead(joinKey: meaning.rule, from: scope.origin) {
                evidence.note(key, attribute, meaning, owner)
            }
            guard let next = names.meaning(after: meaning) else { return }
            meaning = next
        }
    }
}
