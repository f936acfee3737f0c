/// How an execution came to belong to the event.
package enum ExecutionRelation: String, Sendable, CaseIterable {
    /// A delivery of the event started it.
    case delivered
    /// A later delivery of the same event started it.
    case redelivery
    /// A task of another execution started it.
    case subflow
    /// It is one iteration of a loop of another execution.
    case iteration
    /// It replays another execution.
    case replay
    /// The end of another execution triggered it.
    case flowTrigger
}
