import OTLP

extension FuzzTarget {
    /// Cutting requests in two, again and again; the first byte chooses the signal.
    static let requestHalves = FuzzTarget(name: "request-halves") { bytes in
        guard let first = bytes.first else { return }
        let signal = Signal.allCases[Int(first) % Signal.allCases.count]
        var rest = [Array(bytes.dropFirst())]
        var held = 0
        while let payload = rest.popLast() {
            guard let halves = try? RequestHalves(of: payload, signal: signal) else {
                held += payload.count
                continue
            }
            rest += [halves.first.payload, halves.second.payload]
        }
        require(held <= 8 * bytes.count, "\(bytes.count) bytes were cut into \(held)")
    }
}
