import Correlation
import OTLP

extension FuzzTarget {
    /// Stored joining state, as a damaged disk may give it. The first byte of a piece is its kind; 0xFE separates pieces.
    static let state = FuzzTarget(name: "state") { bytes in
        let correlator = Correlator(settings: .defaults)
        var names: [String] = []
        for piece in bytes.split(separator: 0xFE, maxSplits: 8) {
            guard let first = piece.first else { continue }
            let kind = StoredState.Kind.allCases[Int(first) % StoredState.Kind.allCases.count]
            _ = correlator.restore(kind: kind, body: Array(piece.dropFirst()), now: 1)
        }
        for state in correlator.takeChangedState() {
            if state.kind == .execution { names.append(String(decoding: state.key, as: UTF8.self)) }
        }
        // What was believed must be usable.
        for name in names {
            _ = correlator.execution(id: name)
            _ = correlator.executionSpan(id: name)
        }
        _ = correlator.events(limit: 10) { _ in true }
        for step in 1...3 as ClosedRange<UInt64> { correlator.tick(now: step * 1_000_000_000_000) }
        _ = correlator.takeActions()
    }
}
