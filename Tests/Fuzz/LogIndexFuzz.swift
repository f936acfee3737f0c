import OTLP

extension FuzzTarget {
    /// The index of a log request, and the patching of its trace ids.
    static let logIndex = FuzzTarget(name: "log-index") { bytes in
        guard let index = try? LogIndex(payload: bytes) else { return }
        require(index.records.count <= index.count, "more entries than records")
        guard let configured = try? LogIndex(payload: bytes, keys: FuzzVocabulary.keys) else {
            fatalError("what is read without join keys cannot be read with them")
        }
        require(configured.count == index.count, "join keys change the records")
        FuzzVocabulary.check(configured.evidence, owners: configured.records.count, in: bytes)
        FuzzVocabulary.check(configured.resourceEvidence, owners: configured.resources.count, in: bytes)
        for record in configured.records {
            require(configured.resources.indices.contains(Int(record.resource)), "a record of no resource")
            _ = record.execution(in: bytes)
        }
        let places = index.records.filter { $0.traceIDOffset > 0 }.map { ($0.traceIDOffset, TraceID(high: 7, low: 9)) }
        let patched = IDPatch.patch(payload: bytes, at: places)
        guard let again = try? LogIndex(payload: patched) else { fatalError("what was patched cannot be read") }
        require(again.count == index.count, "records were lost")
        require(again.records.count >= places.count, "entries were lost")
    }
}
