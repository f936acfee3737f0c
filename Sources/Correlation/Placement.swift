import OTLP

/// Where spans of a group belong.
struct Placement: Equatable {
    var traceID: TraceID
    var rule: JoinRule
    /// The context that its top spans hang under, if the trace is one that evidence names.
    var context: TraceContext?

    /// Whether evidence decided it, so that there is nothing to wait for.
    var isDecided: Bool { rule <= .taskRun }
}
