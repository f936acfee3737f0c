import OTLP

extension FuzzTarget {
    /// A `traceparent` value.
    static let traceparent = FuzzTarget(name: "traceparent") { bytes in
        guard let context = Traceparent(bytes) else { return }
        require(!context.traceID.isZero && !context.parentID.isZero, "an invalid id was believed")
        require(Traceparent(context.text) == context, "what is written is read as another")
    }
}
