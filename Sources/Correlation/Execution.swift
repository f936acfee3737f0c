import OTLP

/// One Kestra execution: all spans with its `kestra.executionId`, in whatever trace they arrived. Belongs to the
/// correlator's thread.
final class Execution {
    let id: String
    /// Kestra's tenant, empty if no span told one.
    var tenant = "" {
        didSet { (knownSpanID, knownDerivedTrace) = (nil, nil) }
    }
    var namespace = ""
    var flow = ""
    /// The traces its spans arrived in.
    var traces: [TraceState] = []
    /// Those of them that were continued through the header.
    var nativeTraces: [TraceState] = []
    /// The parent of its top-level spans: the SERVER span, the span of the task that started it, or `SpanID.none` for
    /// a fragmented execution; nil until an EXECUTOR span was seen.
    var entryParent: SpanID?
    /// Whether one of its spans is a root: no context was carried at all, every span may be its own trace.
    var isFragmented = false
    /// Everything that says where it belongs; see `binding`.
    var claims: [Claim] = []
    /// An execution whose spans its own hang under.
    var startedBy: Execution?
    var evidence: [Evidence] = []
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
    /// Whether its span is due once it has been quiet.
    var spanIsDue = false
    /// Whether it is due without waiting.
    var spanIsUrgent = false
    /// Whether it was asked for because nothing told where it belongs.
    var isAskedFor = false
    /// Whether it was asked for its state since its span was last exported.
    var isAskedForState = false
    /// Whether it has changed since it was last given out for storing.
    var isDirty = false

    init(id: String) { self.id = id }

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
        let derived = DerivedIDs.executionSpan(tenant: tenant, execution: id)
        knownSpanID = derived
        return derived
    }

    var derivedTrace: TraceID {
        if let knownDerivedTrace { return knownDerivedTrace }
        let derived = DerivedIDs.trace(tenant: tenant, execution: id)
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
    var nativeTrace: TraceState? { nativeTraces.min { $0.id < $1.id } }

    /// The strongest claim that leads somewhere; nil if there is none.
    ///
    /// Among equals the smaller context wins, so that the order of arrival does not matter.
    var binding: Claim? {
        claims.lazy.filter { $0.target != nil }.min { $0.isStronger(than: $1) }
    }

    /// The event that started it, as far as a claim tells.
    var event: EventState? {
        claims.lazy.filter { $0.event != nil }.min { $0.isStronger(than: $1) }?.event
    }
}

/// What was exported of an execution's own span, to notice when it must be exported again.
struct ExportedExecutionSpan: Equatable {
    var traceID: TraceID
    var parent: SpanID
    var end: UInt64
    var links: Int
    var state: String
}
