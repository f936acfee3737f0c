import OTLP

/// By what something that was spilled is asked for.
enum SpillKey: Hashable {
    /// All executions of an id.
    case execution(ExactText)
    /// The state of an original trace.
    case trace(TraceID)
    /// All events of a source and id, by their name without tenant.
    case eventName(EventKey)
    /// All events of an id, whatever their source.
    case eventID(ExactText)
    /// What names a trace: events whose home lies in it, units that were given a context of it, traces of which spans went
    /// there.
    case naming(TraceID)
    /// Events that share a run or a correlation id.
    case weak(WeakKey)

    /// 64 bits that stand for it. The hash is seeded by chance for each process, so that nobody can make keys meet; should
    /// two do so, more is read back than was asked for.
    var digest: UInt64 { UInt64(truncatingIfNeeded: hashValue) }
}
