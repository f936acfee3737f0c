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

    /// What happens if an event was delivered in a trace other than its own, so that its execution is native there.
    package enum DetachedDelivery: Sendable {
        /// The execution stays in the delivery's trace and is linked with the event's.
        case link
        /// The delivery's trace goes to the event's.
        case move
    }

    /// Which executions get a span of their own.
    package enum ExecutionSpanMode: Sendable {
        case all
        /// Only those bound to an event or a trace context.
        case joined
        case none
    }

    /// How long spans that may still change wait, counted from the arrival of their execution's first span.
    package var hold: UInt64
    /// How many payload bytes may wait in memory; beyond it the oldest are read back from the journal at release.
    package var holdBytes: Int
    package var late: LatePolicy
    package var executionSpan: ExecutionSpanMode
    /// How long nothing of an execution must have arrived before its span is exported.
    package var quiet: UInt64
    /// How many executions, events and traces of followers are remembered; beyond it the longest quiet are forgotten.
    package var executionLimit: Int
    package var eventLimit: Int
    package var traceLimit: Int
    /// How many of all these together stay in memory if there is a spill store, about 1 KiB each; the longest quiet
    /// beyond it go there.
    package var memoryLimit = 200_000
    /// Beyond this many, what can't go there because it waits or is due is forgotten too; what waits leaves before.
    package var memoryMaximum = 400_000
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
    /// The named values that systems share; the first outweigh the later ones.
    package var joinKeys: [JoinKey] = []
    /// Whether there are followers besides Kestra.
    package var hasOtherFollowers = false
    /// Kestra's tenant → tenant.
    package var kestraTenants: [(kestra: String, tenant: String)] = []
    /// Kestra's namespace (exact, or a prefix before `*`) → tenant; the first that fits counts.
    package var namespaceTenants: [(pattern: String, tenant: String)] = []
    package var detachedDelivery = DetachedDelivery.link
    /// Whether calls are paired by path and time, which makes links.
    package var pairsCalls = false

    /// Which configured key's value something names, if it is one's.
    func joinKey(of name: EventKey) -> Int? {
        guard name.source.utf8.starts(with: EventKey.keyPrefix.utf8) else { return nil }
        return joinKeys.firstIndex { (EventKey.keyPrefix + $0.name).isExactly(name.source) }
    }

    /// Whether a configured key stands in queries.
    var readsQueries: Bool { joinKeys.contains { !$0.queryParameters.isEmpty } }

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
        executionLimit: 1_000_000, eventLimit: 1_000_000, traceLimit: 2_000_000, evidenceLimit: 16,
        relationLimit: 1_000, tracesOfExecutionLimit: 100_000,
        claimedExecutionPaths: [["output", "executionId"], ["executionId"]])
}
