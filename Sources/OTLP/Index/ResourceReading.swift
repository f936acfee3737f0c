import Wire

/// Reads the `Resource` messages of one request: what tells where spans and log records come from, and resource evidence.
struct ResourceReading {
    /// The `service.name` of the resource that was read last; empty if there is none.
    private(set) var service = 0..<0
    private(set) var evidence: EvidenceCollector
    /// The values that origin rules ask for.
    private var values: [Range<Int>]
    private var firstEvidence = 0
    private let keys: CompiledKeys

    init(keys: CompiledKeys) {
        self.keys = keys
        evidence = EvidenceCollector(nameCount: keys.resources.count)
        values = Array(repeating: 0..<0, count: keys.originValueCount)
    }

    /// Must be called before the fields of each `ResourceSpans` or `ResourceLogs` message.
    mutating func begin() {
        service = 0..<0
        firstEvidence = evidence.entries.count
        for position in values.indices { values[position] = 0..<0 }
    }

    /// Reads a `Resource`. One that is there twice is merged, as protobuf demands.
    /// - Parameter owner: what its evidence will belong to if it is kept.
    mutating func read(_ resource: consuming WireReader, owner: Int32) throws(WireError) {
        guard !keys.resources.isEmpty else {
            let found = try EnvelopeReading.serviceName(resource)
            if !found.isEmpty { service = found }
            return
        }
        var resource = resource
        var found = 0..<0
        while !resource.isAtEnd {
            let tag = try resource.tag()
            guard tag == 10 else {
                try resource.skip(tag)
                continue
            }
            let attribute = try AttributeReading(resource.message())
            if EnvelopeReading.equals("service.name", attribute.key, in: resource) { found = attribute.text ?? 0..<0 }
            var meaning = keys.resources.meaning(of: attribute.key, in: resource)
            while let each = meaning {
                if each.role == .originValue, Int(each.rule) < values.count {
                    values[Int(each.rule)] = attribute.text ?? 0..<0
                } else if let key = each.evidence {
                    evidence.note(key, attribute, each, owner)
                }
                meaning = keys.resources.meaning(after: each)
            }
        }
        if !found.isEmpty { service = found }
    }

    /// Which system a scope of the resource belongs to; known when all fields round it have been read.
    func origin(scope: Range<Int>, in reader: borrowing WireReader) -> Origin {
        keys.origin(scope: scope, service: service, values: values, in: reader)
    }

    /// Drops the evidence of a resource that gets no entry.
    mutating func forget() {
        evidence.forget(from: firstEvidence)
    }

    /// Drops the join keys that are not read from any of the systems which the resource's scopes belong to.
    mutating func keepWhatIsRead(by origins: some Collection<Origin>) {
        guard keys.isSelective, evidence.entries.count > firstEvidence else { return }
        let keys = keys
        evidence.keep(from: firstEvidence) { entry in
            entry.key != .joinKey || origins.contains { keys.isRead(joinKey: entry.rule, from: $0) }
        }
    }
}
