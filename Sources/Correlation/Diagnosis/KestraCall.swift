import OTLP

/// A call to Kestra's API that starts an execution, as one side's span tells it.
struct KestraCall {
    /// A hash of the path from `executions/` on, which both sides write alike.
    var path: UInt64
    var trace: TraceID
    var span: SpanID
    var parent: SpanID
    /// Unix nanoseconds.
    var start: UInt64
    var end: UInt64
    /// Unix nanoseconds of the arrival.
    var seenAt: UInt64
    /// Whether it was found to belong to a call in another trace.
    var isApart = false

    /// What a path says about the call.
    enum Meaning {
        /// Nothing that concerns executions.
        case other
        /// A webhook, or the API that creates executions.
        case start
        /// Anything else below `executions/`.
        case existing
    }

    /// Reads a path such as `/api/v1/main/executions/webhook/shop/order/key`.
    static func meaning(of path: ArraySlice<UInt8>, name: ArraySlice<UInt8>) -> (Meaning, hash: UInt64) {
        guard let found = path.position(of: Self.word) else { return (.other, 0) }
        let rest = path[found...]
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in rest { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let below = rest.dropFirst(Self.word.count)
        if below.starts(with: Self.webhook) { return (.start, hash) }
        // `executions/{namespace}/{flow}`; an id in the place of the namespace makes it a resume, kill or replay.
        let segments = below.split(separator: UInt8(ascii: "/"))
        if segments.count == 2, name.starts(with: "POST".utf8), !isExecutionID(segments[0]) { return (.start, hash) }
        return (.existing, hash)
    }

    private static let word = Array("/executions/".utf8)
    private static let webhook = Array("webhook/".utf8)

    /// Kestra's ids are 19 to 22 letters and digits; of the namespaces that look alike, those with a capital letter or a
    /// digit are taken for ids.
    private static func isExecutionID(_ text: ArraySlice<UInt8>) -> Bool {
        (19...22).contains(text.count)
            && text.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
            } && text.contains { $0 <= 0x5A }
    }
}
