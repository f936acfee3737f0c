import OTLP

/// What is known of traces that have no state of their own, for as long as there is room: two tables that take turns.
struct TraceNotes<Note> {
    private var current: [TraceID: Note] = [:]
    private var previous: [TraceID: Note] = [:]
    /// How many traces each of the two tables holds at most.
    let limit: Int

    init(limit: Int) { self.limit = limit }

    subscript(trace: TraceID) -> Note? {
        get { current[trace] ?? previous[trace] }
        set {
            if current.count >= limit, current[trace] == nil {
                swap(&current, &previous)
                current.removeAll(keepingCapacity: true)
            }
            current[trace] = newValue
        }
    }
}
