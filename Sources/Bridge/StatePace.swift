/// When the correlator's state is stored. An execution changes several times while its spans come, leave and end: under
/// load it is stored less often, and then once for several changes.
///
/// What is not stored yet is learned from the journal again after a crash.
struct StatePace {
    /// Changes up to which the next second brings the next storing.
    private static let few = 200
    /// Seconds from one storing of more to the next.
    private static let busySeconds = 5

    private var seconds = 0
    private var lastCount = 0

    /// Whether it is time; asked once a second.
    mutating func isDue() -> Bool {
        seconds += 1
        return lastCount <= Self.few || seconds >= Self.busySeconds
    }

    /// So many pieces were stored.
    mutating func stored(_ count: Int) {
        seconds = 0
        lastCount = count
    }
}
