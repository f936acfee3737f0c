/// One fact that joins an execution to something.
package struct EvidenceItem: Sendable, Hashable {
    package var kind: String
    package var value: String
    /// Unix nanoseconds of the arrival.
    package var seenAt: UInt64
    /// Where it was read: `span 00f067aa0ba902b7`, `POST /v1/bindings`.
    package var from: String

    package init(kind: String, value: String, seenAt: UInt64, from: String) {
        self.kind = kind
        self.value = value
        self.seenAt = seenAt
        self.from = from
    }
}
