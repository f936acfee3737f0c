/// How a body gets on. It may be as slow as it likes within one stretch of `ServerLimits.bodyTimeout`, but each stretch must
/// bring so many bytes: a peer that sends or takes one byte now and then would else keep its place for ever.
struct BodyPace {
    /// When the current stretch began, nanoseconds.
    private(set) var since: UInt64
    private var bytes = 0

    init(now: UInt64) {
        since = now
    }

    /// - Parameter least: how many bytes end a stretch; 0 if any do.
    mutating func moved(_ count: Int, least: Int, now: UInt64) {
        bytes += count
        if bytes >= least { restart(now: now) }
    }

    mutating func restart(now: UInt64) {
        since = now
        bytes = 0
    }
}
