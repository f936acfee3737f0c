import Correlation
import OTLP

extension FuzzTarget {
    /// Stored joining state, as a damaged disk may give it. The first byte of a piece is its kind; 0xFE separates pieces.
    static let state = FuzzTarget(name: "state") { bytes in
        let correlator = Correlator(settings: .defaults)
        var lastID: UInt64 = 0
        for piece in bytes.split(separator: 0xFE, maxSplits: 8) {
            guard let first = piece.first else { continue }
            let kind = StoredState.Kind.allCases[Int(first) % StoredState.Kind.allCases.count]
            lastID += 1
            _ = correlator.restore(
                StoredState(kind: kind, id: lastID, time: 1, body: Array(piece.dropFirst())), now: 1)
        }
        // What was believed must be usable.
        for execution in correlator.events(limit: 10, where: { _ in true }).flatMap(\.executions) {
            _ = correlator.execution(id: execution.id)
            _ = correlator.executionSpan(id: execution.id)
        }
        for state in correlator.takeChangedState() {
            require(state.body.isEmpty && state.id <= lastID, "something changed by being restored")
        }
        for step in 1...3 as ClosedRange<UInt64> { correlator.tick(now: step * 1_000_000_000_000) }
        _ = correlator.takeActions()
    }
}
