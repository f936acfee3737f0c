import OTLP

/// Spans that the relay makes itself, gathered so that they are encoded and exported as one request.
struct MadeSpans {
    /// As many leave together at most.
    private static let most = 64
    /// The bytes of a request above which its spans leave one by one.
    static let largest = 256 << 10

    private var spans: [BuiltSpan] = []
    /// The record that each is owed to.
    private(set) var owners: [UInt64] = []

    var isEmpty: Bool { spans.isEmpty }
    var isFull: Bool { spans.count >= Self.most }
    var count: Int { spans.count }

    mutating func append(_ span: BuiltSpan, owner: UInt64) {
        spans.append(span)
        owners.append(owner)
    }

    /// What was gathered; nothing is left.
    mutating func take() -> MadeSpans {
        defer { self = MadeSpans() }
        return self
    }

    /// Each by itself; nil if there is one only.
    func split() -> [MadeSpans]? {
        guard spans.count > 1 else { return nil }
        return zip(spans, owners).map { span, owner in
            var one = MadeSpans()
            one.append(span, owner: owner)
            return one
        }
    }

    /// An OTLP request with the scope `spanbridge`.
    func encoded(resource: [(String, String)]) -> [UInt8] {
        SpanBuilder.request(resource: resource, scope: "spanbridge", version: Version.current, spans: spans)
    }
}
