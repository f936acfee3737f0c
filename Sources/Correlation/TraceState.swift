import OTLP

/// One original trace in which Kestra spans arrived. Belongs to the correlator's thread.
final class TraceState {
    let id: TraceID
    /// The SERVER spans that took calls in.
    var servers: [ServerSpan] = []
    /// Whether one of the SERVER spans is a root, so that nothing reached Kestra from outside.
    var hasRootServer = false
    /// Whether a SERVER span has a parent.
    var hasCalledServer = false
    /// The execution of an EXECUTOR or WORKER span that is a root.
    var fragmentOwner: Execution?
    /// The executions with spans here.
    var executions: [Execution] = []
    /// Spans of tasks that start executions, and whose they are.
    var starters: [(span: SpanID, execution: Execution)] = []
    /// What waits here, by group.
    var held: [HeldGroup] = []
    /// Under which trace ids spans of this trace left, by group (the execution, or none).
    var released: [ReleasedGroup] = []
    /// Unix nanoseconds of the arrival of its first and its latest Kestra span.
    let firstSeen: UInt64
    var lastSeen: UInt64
    /// Whether it has changed since it was last given out for storing.
    var isDirty = false

    init(id: TraceID, now: UInt64) {
        self.id = id
        firstSeen = now
        lastSeen = now
    }

    /// True if the trace was continued through the header, false if it begins in Kestra, nil if neither is known yet.
    ///
    /// A root among Kestra's spans outweighs SERVER spans with a parent: those are calls of Kestra's own tasks.
    var isNative: Bool? {
        if hasRootServer || fragmentOwner != nil { return false }
        return hasCalledServer ? true : nil
    }

    /// Lets the executions know whether this trace is native; after each change that `isNative` depends on.
    func tellExecutions() {
        for execution in executions {
            let position = execution.nativeTraces.firstIndex { $0 === self }
            if isNative == true, position == nil {
                execution.nativeTraces.append(self)
            } else if isNative != true, let position {
                execution.nativeTraces.remove(at: position)
            }
        }
    }
}

/// A SERVER span of Kestra.
struct ServerSpan {
    var id: SpanID
    var parent: SpanID
    /// The event that its query or headers name.
    var event: EventKey?
    /// The traceparent in its query.
    var context: TraceContext?
    /// The execution that its path names.
    var called: String?
}

/// Spans of one record that wait for the same decision.
struct HeldGroup {
    /// Nil for spans without an execution.
    var execution: Execution?
    var record: UInt64
    /// Indices into the record's span index, ascending.
    var spans: [Int32]
    /// Unix nanoseconds at which they leave in any case.
    var deadline: UInt64
}

/// Where a group left to.
struct ReleasedGroup {
    var execution: Execution?
    var target: TraceID
}
