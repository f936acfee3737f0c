package import Wire

extension SpanIndex {
    /// Indexes a serialized `ExportTraceServiceRequest` (or `TracesData`, which has the same layout).
    ///
    /// The number of allocations does not depend on the number of spans. Throws if the bytes are not protobuf of that
    /// shape; spans with invalid ids are counted in `rejectedSpans` and left out.
    package init(payload: [UInt8], keys: CompiledKeys) throws(WireError) {
        guard payload.count <= Int(UInt32.max) else { throw .tooLarge(byteCount: payload.count) }
        var indexer = SpanIndexer(keys: keys)
        let bytes = payload.span.bytes
        try indexer.findScopes(WireReader(bytes))
        try indexer.readSpans(bytes)
        self = indexer.index
    }

    /// The same with a vocabulary that is compiled for this one call: for tests and cold paths.
    package init(payload: [UInt8], keys: AttributeKeys = .defaults) throws(WireError) {
        try self.init(payload: payload, keys: CompiledKeys(keys))
    }
}

/// Makes a `SpanIndex` in two passes: the first finds resources and scopes and hops over the spans to count them, so
/// that the second knows where a span comes from, whatever order the fields are in, and appends without growing arrays.
struct SpanIndexer {
    var index = SpanIndex()
    private let keys: CompiledKeys
    /// `keys.spans`, one step nearer to the loop over attributes.
    private let names: NameTable
    private var evidence: EvidenceCollector
    private var resource: ResourceReading
    private var executions = ExecutionInterner()
    private var spanCount = 0

    /// The smallest valid span: both ids, in a field. Shorter scopes hold none and get no entry, which bounds the memory
    /// that a hostile request can make of two-byte messages.
    private static let smallestSpan = 30

    init(keys: CompiledKeys) {
        self.keys = keys
        names = keys.spans
        evidence = EvidenceCollector(nameCount: keys.spans.count)
        resource = ResourceReading(keys: keys)
    }
}

// MARK: - Resources and scopes

extension SpanIndexer {
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
        let firstScope = index.scopes.count
        let owner = Int32(truncatingIfNeeded: index.resources.count)
        let whole = ByteRange(body.position..<body.end)
        resource.begin()
        while !body.isAtEnd {
            let fieldStart = body.position
            let tag = try body.tag()
            switch tag {
            case 10: try resource.read(body.message(), owner: owner)
            case 18:
                let scope = try body.message()
                try findScope(scope, ByteRange(fieldStart..<body.position), resource: owner)
            default: try body.skip(tag)
            }
        }
        guard index.scopes.count > firstScope else { return resource.forget() }
        index.resources.append(
            ResourceEntry(field: ByteRange(start..<body.end), body: whole, serviceName: ByteRange(resource.service)))
        for position in firstScope..<index.scopes.count {
            let origin = resource.origin(scope: index.scopes[position].name.indices, in: body)
            index.scopes[position].origin = origin
            index.scopes[position].role = keys.role(of: origin)
        }
        resource.keepWhatIsRead(by: index.scopes[firstScope...].lazy.map(\.origin))
    }

    private mutating func findScope(
        _ body: consuming WireReader, _ field: ByteRange, resource: Int32
    ) throws(WireError) {
        var body = body
        let whole = ByteRange(body.position..<body.end)
        var name = 0..<0
        var count = 0
        while !body.isAtEnd {
            let tag = try body.tag()
            switch tag {
            case 10:
                let found = try EnvelopeReading.scopeName(body.message())
                if !found.isEmpty { name = found }
            case 18:
                _ = try body.range()
                count &+= 1
            default: try body.skip(tag)
            }
        }
        guard count > 0 else { return }
        guard whole.count >= Self.smallestSpan else {
            index.rejectedSpans += count
            return
        }
        // Bounded by the bytes, not by the claim of a count: a span without room for its ids is none.
        spanCount += min(count, whole.count / Self.smallestSpan)
        index.scopes.append(
            ScopeEntry(
                resource: resource, field: field, body: whole, name: ByteRange(name), origin: .other,
                role: .bystander, spans: 0..<0))
    }
}

// MARK: - Spans

extension SpanIndexer {
    mutating func readSpans(_ bytes: RawSpan) throws(WireError) {
        index.spans.reserveCapacity(spanCount)
        evidence.expect(owners: spanCount)
        for position in index.scopes.indices {
            let scope = index.scopes[position]
            let first = Int32(truncatingIfNeeded: index.spans.count)
            var body = WireReader(bytes, in: scope.body.indices)
            while !body.isAtEnd {
                let start = body.position
                let tag = try body.tag()
                guard tag == 18 else {
                    try body.skip(tag)
                    continue
                }
                try readSpan(
                    body.message(), from: start, scope: Int32(truncatingIfNeeded: position), origin: scope.origin,
                    role: scope.role)
            }
            index.scopes[position].spans = first..<Int32(truncatingIfNeeded: index.spans.count)
        }
        index.executions = executions.entries
        index.evidence = evidence.entries
        index.redactions = evidence.redactions
    }

    private mutating func readSpan(
        _ body: consuming WireReader, from start: Int, scope: Int32, origin: Origin, role: OriginRole
    ) throws(WireError) {
        var body = body
        let whole = ByteRange(body.position..<body.end)
        var traceID = 0..<0
        var spanID = 0..<0
        var parent = 0..<0
        var name = 0..<0
        var startTime: UInt64 = 0
        var endTime: UInt64 = 0
        var kind: UInt64 = 0
        var status: UInt64 = 0
        var flags: UInt32 = 0
        var kestra = KestraAttributes()
        let firstEvidence = evidence.entries.count

        while !body.isAtEnd {
            let tag = try body.tag()
            switch tag {
            case 10: traceID = try body.range()
            case 18: spanID = try body.range()
            case 34: parent = try body.range()
            case 42: name = try body.range()
            case 48: kind = try body.varint()
            case 57: startTime = try body.fixed64()
            case 65: endTime = try body.fixed64()
            case 74:
                if let (key, value) = body.shortPair() {
                    guard let meaning = names.meaning(of: key, in: body) else { continue }
                    note(AttributeReading(key: key, text: value), meaning, in: body, origin: origin, role: role, &kestra)
                } else if let (key, value) = body.shortNumber() {
                    guard let meaning = names.meaning(of: key, in: body) else { continue }
                    note(
                        AttributeReading(key: key, integer: value), meaning, in: body, origin: origin, role: role, &kestra)
                } else {
                    let attribute = try AttributeReading(body.message())
                    guard let meaning = names.meaning(of: attribute.key, in: body) else { continue }
                    note(attribute, meaning, in: body, origin: origin, role: role, &kestra)
                }
            case 90: try EnvelopeReading.checkEvent(body.message())
            case 106: try EnvelopeReading.checkLink(body.message())
            case 122: status = try EnvelopeReading.statusCode(body.message(), or: status)
            case 133: flags = try body.fixed32()
            default: try body.skip(tag)
            }
        }

        // The wrong length of a parent's id is refused like that of the span's own: strict backends refuse the whole
        // request for it.
        guard traceID.count == 16, spanID.count == 8, parent.count == 8 || parent.isEmpty else {
            return reject(firstEvidence)
        }
        let trace = TraceID(
            high: body.bigEndianWord(at: traceID.lowerBound), low: body.bigEndianWord(at: traceID.lowerBound &+ 8))
        let id = SpanID(raw: body.bigEndianWord(at: spanID.lowerBound))
        guard !trace.isZero, !id.isZero else { return reject(firstEvidence) }
        let parentID = parent.isEmpty ? SpanID.none : SpanID(raw: body.bigEndianWord(at: parent.lowerBound))

        let isKestra = origin == .kestra || !kestra.execution.isEmpty && !kestra.isExecutionConfigured
        let kestraKind = isKestra ? EnvelopeReading.kestraKind(kind, name, in: body) : .none
        let execution = kestra.execution.isEmpty ? -1 : executions.intern(kestra, in: body)
        index.spans.append(
            SpanEntry(
                field: ByteRange(UInt32(truncatingIfNeeded: start), whole.end), body: whole,
                traceIDOffset: UInt32(truncatingIfNeeded: traceID.lowerBound),
                parentOffset: parentID.isZero ? 0 : UInt32(truncatingIfNeeded: parent.lowerBound),
                traceID: trace, spanID: id, parentSpanID: parentID, start: startTime, end: endTime, flags: flags,
                kind: kind <= 5 ? UInt8(truncatingIfNeeded: kind) : 0,
                status: status <= 2 ? UInt8(truncatingIfNeeded: status) : 0,
                kestra: kestraKind,
                startsExecutions: kestraKind == .executor
                    && EnvelopeReading.namesPlugin(kestra.source, in: body),
                name: ByteRange(name), taskRun: ByteRange(kestra.taskRun), source: ByteRange(kestra.source),
                scope: scope, execution: execution,
                evidence: Int32(truncatingIfNeeded: firstEvidence)..<Int32(truncatingIfNeeded: evidence.entries.count)))
    }

    private mutating func reject(_ firstEvidence: Int) {
        index.rejectedSpans += 1
        evidence.forget(from: firstEvidence)
    }

    @inline(never)
    private mutating func note(
        _ attribute: AttributeReading, _ meaning: NameTable.Meaning, in body: borrowing WireReader, origin: Origin,
        role: OriginRole, _ kestra: inout KestraAttributes
    ) {
        let owner = Int32(truncatingIfNeeded: index.spans.count)
        if meaning.isRedacted { evidence.redact(attribute, in: body) }
        var meaning = meaning
        while true {
            if role == .home, meaning.role == .executionID || meaning.role == .configuredExecutionID {
                // A home's own spans are never part of an execution; one that names it claims to have started it.
                evidence.note(.claimedExecution, attribute, meaning, owner)
            } else {
                kestra.note(meaning.role, attribute)
            }
            if let key = meaning.evidence, key != .joinKey || keys.isRead(joinKey: meaning.rule, from: origin) {
                evidence.note(key, attribute, meaning, owner)
            }
            guard let next = names.meaning(after: meaning) else { return }
            meaning = next
        }
    }
}
