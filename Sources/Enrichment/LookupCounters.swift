/// What a lookup has done and holds, for metrics.
package struct LookupCounters: Sendable, Equatable {
    /// Executions that somebody wanted to know about, whether they led to a request or not.
    package var asked: UInt64 = 0
    /// Of these, not taken because too many wait, or because the id cannot be one of Kestra's.
    package var refused: UInt64 = 0
    package var requests: UInt64 = 0
    /// Answers with a record.
    package var found: UInt64 = 0
    /// Answers that the execution is unknown.
    package var missing: UInt64 = 0
    /// No answer, or one that says nothing about the execution: connection, 401, 403, 429, 5xx.
    package var unavailable: UInt64 = 0
    /// Answers that can't be read.
    package var unusable: UInt64 = 0
    /// Executions given up because Kestra did not know them, or because `requestsPerExecution` was reached.
    package var givenUp: UInt64 = 0
    /// Executions that wait for a request.
    package var waiting = 0
    package var inFlight = 0
    /// Executions that wait, are being asked for or are remembered.
    package var remembered = 0
    /// Whether nothing is asked because Kestra failed too often.
    package var isPaused = false

    package init() {}
}
