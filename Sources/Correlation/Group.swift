import OTLP

/// Spans that move together: those of one execution in one original trace, or those of a trace that are of none. Belongs
/// to the correlator's thread.
final class Group {
    let trace: TraceState
    /// Nil for the spans of the trace that are of no execution.
    let execution: Execution?
    /// What waits, by record.
    var held: [HeldSpans] = []
    /// Where its spans left to last: first the group, then, for spans of no execution, each SERVER span with its own
    /// placement, in the order of `TraceState.servers`. Empty if none has left.
    var targets: [TraceID] = []
    /// How many links its spans had when they left.
    var links = 0
    /// Which of `targets` they left to without a parent: bits, the first the lowest.
    var orphans: UInt64 = 0
    /// Where it is in `Execution.groups`.
    var position = 0
    /// Where it belonged when that was last looked at.
    var place: TraceID
    /// Whether evidence decided that.
    var isDecided = false
    /// Whether evidence led round in a circle when that was last looked at.
    var isOnCircle = false
    /// Whether it is among `Correlator.touched`.
    var isTouched = false
    /// How often it was looked at in one turn of `Correlator.settle`, and in which.
    var visits = (turn: UInt64(0), count: 0)

    init(trace: TraceState, execution: Execution?) {
        self.trace = trace
        self.execution = execution
        place = trace.id
    }

    var name: GroupName { GroupName(trace: trace.id, execution: execution?.name) }
}

/// Spans of one record that wait for the same decision.
struct HeldSpans {
    var record: UInt64
    /// Counted among the spans of the record that waited when it came, ascending.
    var spans: [Int32]
    /// Unix nanoseconds at which they leave in any case.
    var deadline: UInt64
}
