import OTLP

extension FuzzTarget {
    /// The index of a log request, and the patching of its trace ids.
    static let logIndex = FuzzTarget(name: "log-index") { bytes in
        guard let index = try? LogIndex(payload: bytes) else { return }
        require(index.records.count <= index.count, "more entries than records")
        let places = index.records.filter { $0.traceIDOffset > 0 }.map { ($0.traceIDOffset, TraceID(high: 7, low: 9)) }
        let patched = IDPatch.patch(payload: bytes, at: places)
        guard let again = try? LogIndex(payload: patched) else { fatalError("what was patched cannot be read") }
        require(again.count == index.count, "records were lost")
        require(again.records.count >= places.count, "entries were lost")
    }
}
