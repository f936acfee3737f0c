/// Why a server gave up a connection that its peer misused. The raw value is the metric's label `reason`.
package enum ConnectionFault: String, Sendable, CaseIterable {
    /// What came is not HTTP, breaks its rules, or is beyond the limits of a head.
    case malformed
    /// The peer sent a head or a body too slowly, or did not read its answers.
    case slow
    /// Resets, pings, settings or continuations came faster than anybody needs.
    case flood
}
