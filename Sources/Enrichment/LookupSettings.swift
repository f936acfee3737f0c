/// What bounds the questions to Kestra. Durations are nanoseconds.
package struct LookupSettings: Sendable {
    /// Executions that wait or are remembered at once.
    package var executions = 10_000
    /// Requests on their way at once.
    package var inFlight = 2
    /// Between the beginnings of two requests: at most 20 a second.
    package var interval: UInt64 = 50_000_000
    /// Requests for one execution in all.
    package var requestsPerExecution = 10
    /// Until an execution that Kestra does not know is asked for again; Kestra's index lags behind its telemetry.
    package var missDelays: [UInt64] = [200_000_000, 500_000_000, 1_000_000_000, 2_000_000_000, 5_000_000_000]
    /// Until an execution that has not ended is asked for again.
    package var followDelays: [UInt64] = [5_000_000_000, 20_000_000_000, 60_000_000_000, 300_000_000_000]
    /// How long it is believed that an execution is unknown, or its answer of no use.
    package var missLifetime: UInt64 = 60_000_000_000
    /// How long it is believed that an execution has ended; after that it is asked for again if somebody wants to know,
    /// which happens if it was restarted.
    package var finalLifetime: UInt64 = 60_000_000_000
    /// Failures in a row after which nothing is asked for a while.
    package var failuresToOpen = 5
    /// How long that is at first; it doubles with every further failure, up to `longestPause`.
    package var pause: UInt64 = 5_000_000_000
    package var longestPause: UInt64 = 300_000_000_000

    package init() {}
}
