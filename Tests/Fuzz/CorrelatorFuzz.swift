import Correlation
import OTLP

extension FuzzTarget {
    /// A trace request twice through the correlator, as far as the end of every wait: each span leaves once a request.
    static let correlator = FuzzTarget(name: "correlator") { bytes in
        guard let index = try? SpanIndex(payload: bytes) else { return }
        let correlator = Correlator(settings: .defaults)
        var left = 0
        func leave() {
            for action in correlator.takeActions() {
                guard case .release(let release) = action else { continue }
                let batch = release.batch
                // Spans that evidence moved after they had left come again, marked.
                let fresh = release.edits.map { $0.count { !$0.amended } } ?? batch.index.spans.count
                left += fresh
                guard let edits = release.edits else { continue }
                _ = TraceRewriter.rewrite(
                    payload: batch.payload, index: batch.index, edits: edits, links: release.links)
            }
        }
        for record in 1...2 as ClosedRange<UInt64> {
            correlator.receive(
                SpanBatch(record: record, payload: bytes, index: index), now: record * 1_000_000_000)
            leave()
        }
        for step in 1...4 as ClosedRange<UInt64> {
            correlator.tick(now: step * 100_000_000_000)
            leave()
        }
        require(left == 2 * index.spans.count, "\(left) of 2 times \(index.spans.count) spans left")
        require(correlator.held.records == 0, "something is held for ever")
        for state in correlator.takeChangedState() {
            require(Correlator(settings: .defaults).restore(state, now: 1), "stored state cannot be read")
        }
    }
}
