/// What other parts of the relay count and the doctor cannot see; read at each review.
package struct DoctorFacts: Sendable {
    /// `CorrelatorCounters.ambiguousEvents`.
    package var ambiguousEvents: UInt64 = 0
    /// How often two things were not joined because their tenants differ.
    package var tenantRefusals: UInt64 = 0
    /// gRPC requests on the HTTP listener, and the other way round.
    package var misplacedRequests: UInt64 = 0
    /// Answers of the Kestra API, if it is asked.
    package var lookups: Lookups?

    package struct Lookups: Sendable {
        /// No answer, or one such as 401, 403, 429 or 5xx.
        package var unavailable: UInt64 = 0
        package var unusable: UInt64 = 0
        package var found: UInt64 = 0
        /// Whether nothing is asked because it failed too often.
        package var isPaused = false
        /// The latest failure in words, without secrets.
        package var lastFailure = ""

        package init() {}
    }

    package init() {}
}
