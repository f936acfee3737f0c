/// The names that Kestra gives to the states of an execution.
package enum ExecutionState {
    /// Whether an execution in this state has ended; a restart can still take it up again.
    package static func isFinal(_ name: String) -> Bool {
        switch name {
        case "SUCCESS", "FAILED", "WARNING", "KILLED", "CANCELLED", "SKIPPED", "RETRIED": true
        default: false
        }
    }
}
