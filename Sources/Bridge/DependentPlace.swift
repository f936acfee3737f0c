import OTLP

/// Where a log record or an exemplar names a trace, so that it can follow its span.
struct DependentPlace: Sendable {
    /// Where the 16 bytes of the trace id lie.
    var offset: UInt32
    var traceID: TraceID
    /// The execution id that a log record carries, or an empty range.
    var executionRange: ByteRange
    var executionForm = EvidenceEntry.Form.text

    func execution(in payload: [UInt8]) -> String? {
        executionRange.isEmpty ? nil : executionRange.text(in: payload, executionForm)
    }

    static func places(in index: LogIndex) -> [DependentPlace] {
        index.records.compactMap { record in
            record.traceIDOffset == 0
                ? nil
                : DependentPlace(
                    offset: record.traceIDOffset, traceID: record.traceID, executionRange: record.execution,
                    executionForm: record.executionForm)
        }
    }

    static func places(in index: MetricIndex) -> [DependentPlace] {
        index.exemplars.compactMap { exemplar in
            exemplar.traceIDOffset == 0
                ? nil
                : DependentPlace(
                    offset: exemplar.traceIDOffset, traceID: exemplar.traceID, executionRange: .none)
        }
    }

    /// The places in a stored request, and how many records or points it has.
    static func places(in payload: [UInt8], signal: Signal, keys: CompiledKeys) -> (places: [DependentPlace], count: Int) {
        switch signal {
        case .logs:
            guard let index = try? LogIndex(payload: payload, keys: keys) else { return ([], 0) }
            return (places(in: index), index.count)
        case .metrics:
            guard let index = try? MetricIndex(payload: payload) else { return ([], 0) }
            return (places(in: index), index.dataPoints)
        case .traces: return ([], 0)
        }
    }
}
