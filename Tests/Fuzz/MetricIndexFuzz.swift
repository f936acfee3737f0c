import OTLP

extension FuzzTarget {
    /// The index of a metric request, and the patching of its exemplars.
    static let metricIndex = FuzzTarget(name: "metric-index") { bytes in
        guard let index = try? MetricIndex(payload: bytes) else { return }
        let places = index.exemplars.map { ($0.traceIDOffset, TraceID(high: 7, low: 9)) }
        let patched = IDPatch.patch(payload: bytes, at: places)
        guard let again = try? MetricIndex(payload: patched) else { fatalError("what was patched cannot be read") }
        require(again.dataPoints == index.dataPoints, "data points were lost")
        require(again.exemplars.count == index.exemplars.count, "exemplars were lost")
    }
}
