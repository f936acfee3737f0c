import OTLP

/// One execution: all spans with one execution id (`kestra.executionId`, or what the configuration names), in whatever
/// trace they arrived. Belongs to the correlator's thread.
final class Execution: JoinUnit {
    let id: String
    /// Kestra's tenant, empty if no span told one.
    var tenant = "" {
        didSet { (knownSpanID, knownDerivedTrace) = (nil, nil) }
    }
    var namespace = ""
    var flow = ""
    /// Its spans, by the trace they arrived in.
    private(set) var groups: [Group] = []
    /// Those of its traces that were continued through the header, by id.
    private(set) var nativeTraces: [TraceState] = []
    /// The parent of its top-level spans: the SERVER span, the span of the task that started it, or `SpanID.none` for
    /// a fragmented execution; nil until an EXECUTOR span was seen.
    var entryParent: SpanID?
    /// Whether one of its spans is a root: no context was carried at all, every span may be its own trace.
    var isFragmented = false
    /// An execution whose spans its own hang under.
    var startedBy: Execution?
    /// The executions that it started.
    var started: [Execution] = []
    /// Calls to it (resume, kill, replay) that lie in other traces.
    var calls: [TraceContext] = []
    /// The last state that somebody told: `SUCCESS`, `FAILED`, …; empty if nobody did.
    var state = ""
    /// When it came into that state: by Kestra's clock if its record told, else the arrival of the call that told it; unix
    /// nanoseconds, 0 if unknown.
    var stateAt: UInt64 = 0
    /// Unix nanoseconds of the earliest start and the latest end of its spans; 0 before the first span.
    var start: UInt64 = 0
    var end: UInt64 = 0
    /// Unix nanoseconds of the arrival of its first and its latest span.
    var firstSeen: UInt64 = 0
    var lastSeen: UInt64 = 0
    /// The latest record that holds a span of it.
    var lastRecord: UInt64 = 0
    /// Whether the record at hand holds spans that were not counted yet.
    var isCounting = true
    var spanCount = 0
    var errorCount = 0
    /// What its own span looked like when it was last exported, or nil if it was not yet.
    var exportedSpan: ExportedExecutionSpan?
    /// Whether another was perhaps exported before the last start.
    var exportedSpanIsUncertain = false
    /// Whether the span that tells the event's trace of a delivery elsewhere was exported, and under which trace.
    var exportedDelivery: TraceID?
    /// Whether it was forgotten, so that what still waits for it finds nothing to do.
    var isForgotten = false
    /// Whether its span is due once it has been quiet.
    var spanIsDue = false
    /// Whether it is due without waiting.
    var spanIsUrgent = false
    /// Whether it was asked for because nothing told where it belongs.
    var isAskedFor = false
    /// Whether it was asked for its state since its span was last exported.
    var isAskedForState = false
    /// Another execution with the same id, of another tenant; a list.
    var namesake: Execution?
    /// Whether `namesake` leads to it from another.
    var isNamesake = false

    init(id: String) { self.id = id }

    override var hasNamesakes: Bool { namesake != nil || isNamesake }

    var name: ExecutionName { ExecutionName(id: id, tenant: tenant, owner: owner) }

    /// Whether it can be the execution that somebody means who knows this much; what is empty is not known.
    func fits(tenant: String, owner: String) -> Bool {
        (owner.isEmpty || self.owner.isEmpty || owner.isExactly(self.owner))
            && (tenant.isEmpty || self.tenant.isEmpty || tenant.isExactly(self.tenant))
    }

    /// Its spans in a trace, if there are any.
    func group(in trace: TraceState) -> Group? {
        // One of the two lists is short, mostly.
        if groups.count <= trace.groups.count {
            groups.first { $0.trace === trace }
        } else {
            trace.groups.first { $0.execution === self }
        }
    }

    /// Whether it is the other execution or was started by it, directly or not.
    func descends(from other: Execution) -> Bool {
        var ancestor: Execution? = self
        while let current = ancestor {
            if current === other { return true }
            ancestor = current.startedBy
        }
        return false
    }

    /// Derived ids that were asked for; every top-level span asks, and a digest costs more than the rest of its way.
    private var knownSpanID: SpanID?
    private var knownDerivedTrace: TraceID?

    var spanID: SpanID {
        if let knownSpanID { return knownSpanID }
        let derived = DerivedIDs.executionSpan(tenant: derivingTenant, execution: id)
        knownSpanID = derived
        return derived
    }

    var derivedTrace: TraceID {
        if let knownDerivedTrace { return knownDerivedTrace }
        let derived = DerivedIDs.trace(tenant: derivingTenant, execution: id)
        knownDerivedTrace = derived
        return derived
    }

    /// Whether somebody told that it has ended, in one of Kestra's terminal states.
    var hasEnded: Bool {
        ExecutionState.isFinal(state)
    }

    /// Whether spans tell that it went on well after it had ended: it was restarted, or something runs after its end.
    var wentOn: Bool { hasEnded && stateAt > 0 && end > stateAt && end - stateAt > 1_000_000_000 }

    /// The trace it stays in because its context came through the header; of several the smallest, so that the order of
    /// arrival does not matter.
    var nativeTrace: TraceState? { nativeTraces.first }

    /// Learns whether one of its traces is native.
    func note(_ trace: TraceState, isNative: Bool) {
        var low = 0
        var high = nativeTraces.count
        while low < high {
            let middle = (low + high) / 2
            if nativeTraces[middle].id < trace.id { low = middle + 1 } else { high = middle }
        }
        let isThere = low < nativeTraces.count && nativeTraces[low] === trace
        if isNative, !isThere { nativeTraces.insert(trace, at: low) }
        if !isNative, isThere { nativeTraces.remove(at: low) }
    }

    func append(_ group: Group) {
        group.position = groups.count
        groups.append(group)
    }

    /// Forgets the spans in a trace. Costs the same, however many traces there are.
    func remove(_ group: Group) {
        guard groups.indices.contains(group.position), groups[group.position] === group, let last = groups.popLast(),
            last !== group
        else { return }
        groups[group.position] = last
        last.position = group.position
    }

    func forgetTraces() {
        groups = []
        nativeTraces = []
    }

    /// The group that answers for it where its groups differ: that of the smallest trace, so that the order of arrival
    /// does not matter.
    var firstGroup: Group? {
        // Those of a fragmented execution don't differ, and may be many.
        groups.count <= 1 || isFragmented ? groups.first : groups.min { $0.trace.id < $1.trace.id }
    }

    /// The tenant in derived ids: Kestra's, unless several tenants have an execution of this id.
    private var derivingTenant: String { hasNamesakes && !owner.isEmpty ? owner : tenant }

    /// After a change of what the derived ids depend on, other than `tenant`.
    func forgetDerivedIDs() { (knownSpanID, knownDerivedTrace) = (nil, nil) }
}

/// What was exported of an execution's own span, to notice when it must be exported again.
struct ExportedExecutionSpan: Equatable {
    var traceID: TraceID
    var parent: SpanID
    var start: UInt64
    var end: UInt64
    var state: String
    var hasErrors: Bool
    var event: String
    var links: [AddedLink]
}
