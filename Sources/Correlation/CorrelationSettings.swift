package import OTLP

/// How the correlator joins, holds and forgets. Durations are nanoseconds.
package struct CorrelationSettings: Sendable {
    /// What happens to spans that left before the evidence about them came.
    package enum LatePolicy: Sendable {
        /// Export them again under the unified trace, marked `spanbridge.amended`.
        case amend
        /// Leave them where they are; the execution span is exported again with a link to the event's trace.
        case link
        /// Use the evidence for later spans and for answers only.
        case ignore
    }

    /// Which executions get a span of their own.
    package enum ExecutionSpanMode: Sendable {
        case all
        /// Only those bound to an event or a trace context.
        case joined
        case none
    }

    /// What becomes of an execution that an event started from a trace that is not the event's.
    package enum DetachedDelivery: Sendable {
        /// It stays in the trace of the call and is linked with the event's.
        case link
        /// It moves to the event's trace.
        case move
    }

    /// How tenant ids appear on what the relay itself makes.
    package enum TenantExport: Sendable {
        case sha256, plain, none
    }

    /// How long spans that may still change wait, counted from the arrival of their execution's first span.
    package var hold: UInt64
    /// How many payload bytes may wait in memory; beyond it the oldest are read back from the journal at release.
    package var holdBytes: Int
    package var late: LatePolicy
    package var executionSpan: ExecutionSpanMode
    /// How long nothing of an execution must have arrived before its span is exported.
    package var quiet: UInt64
    /// How many executions, events and Kestra traces are remembered; beyond it the longest quiet are forgotten.
    package var executionLimit: Int
    package var eventLimit: Int
    package var traceLimit: Int
    /// How many pieces of evidence one execution keeps for its explanation.
    package var evidenceLimit: Int
    /// How many relations one thing keeps: executions of a trace or an event, events of a trace or a name. Beyond it
    /// further ones are joined by their own evidence, but not found from the other side; `relationsCut` counts them.
    package var relationLimit: Int
    /// How many traces of one execution are remembered, so that late evidence can move its spans.
    package var tracesOfExecutionLimit: Int
    /// Where in a CloudEvent's data an execution id may stand, outermost member first.
    package var claimedExecutionPaths: [[String]]
    /// Whether somebody can look executions up, so that `CorrelatorAction.askAbout` is worth while.
    package var asksAboutExecutions = false
    /// Named values that systems share, in the order in which `EvidenceEntry.rule` counts them; at most 64.
    package var joinKeys: [JoinKey] = []
    /// Kestra's tenant ids, each with the tenant that it means.
    package var kestraTenants: [(String, String)] = []
    /// Kestra's namespaces, each with its tenant: exact, or a prefix if the pattern ends in `*`. The first that fits counts.
    package var namespaceTenants: [(pattern: String, tenant: String)] = []
    package var tenantExport = TenantExport.sha256
    package var detachedDelivery = DetachedDelivery.link
    /// Whether a call and the request that it seems to be are linked by URL and time (`EvidenceKey.urlFull`).
    package var pairsCalls = false

    package init(
        hold: UInt64, holdBytes: Int, late: LatePolicy, executionSpan: ExecutionSpanMode, quiet: UInt64,
        executionLimit: Int, eventLimit: Int, traceLimit: Int, evidenceLimit: Int,
        relationLimit: Int, tracesOfExecutionLimit: Int, claimedExecutionPaths: [[String]]
    ) {
        self.hold = hold
        self.holdBytes = holdBytes
        self.late = late
        self.executionSpan = executionSpan
        self.quiet = quiet
        self.executionLimit = executionLimit
        self.eventLimit = eventLimit
        self.traceLimit = traceLimit
        self.evidenceLimit = evidenceLimit
        self.relationLimit = relationLimit
        self.tracesOfExecutionLimit = tracesOfExecutionLimit
        self.claimedExecutionPaths = claimedExecutionPaths
    }

    /// The documented defaults: hold 10 s, amend, a span for every execution after 60 s of quiet.
    package static let defaults = CorrelationSettings(
        hold: 10_000_000_000, holdBytes: 64 << 20, late: .amend, executionSpan: .all, quiet: 60_000_000_000,
        executionLimit: 200_000, eventLimit: 200_000, traceLimit: 400_000, evidenceLimit: 16,
        relationLimit: 1_000, tracesOfExecutionLimit: 100_000,
        claimedExecutionPaths: [["output", "executionId"], ["executionId"]])
}
