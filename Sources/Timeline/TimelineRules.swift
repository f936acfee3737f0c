/// The numbers by which a timeline tells waiting from working, and the limits that keep its size bounded whatever comes in.
package struct TimelineRules: Sendable {
    /// Nanoseconds without activity of an execution, or of one it started, after which it counts as waiting.
    ///
    /// Lower shows the executor's own polling as waiting (recorded Kestra polls its queues up to a second apart),
    /// higher hides short retry delays.
    package var waiting: UInt64
    /// Nanoseconds without activity that begin a new segment: what follows a pause of minutes is a burst of its own.
    package var segment: UInt64
    /// Nanoseconds that a child may start before its parent in the same service: clocks that tell milliseconds.
    package var skewWithinService: UInt64
    /// The same across services, whose clocks differ.
    package var skewAcrossServices: UInt64
    /// Siblings of one name that are still shown one by one.
    package var repeatedSiblings: Int
    package var spans: Int
    package var executions: Int
    package var taskRuns: Int
    package var attempts: Int
    package var phases: Int
    package var rows: Int
    /// Rows under one parent.
    package var rowsOfParent: Int
    package var warnings: Int
    package var pathSteps: Int
    /// Nesting that is shown; what is deeper stays at this depth.
    package var depth: Int

    package static let defaults = TimelineRules(
        waiting: 1_000_000_000, segment: 60_000_000_000, skewWithinService: 1_000_000, skewAcrossServices: 10_000_000,
        repeatedSiblings: 3, spans: 100_000, executions: 1_000, taskRuns: 1_000, attempts: 100, phases: 1_000,
        rows: 400,
        rowsOfParent: 60, warnings: 40, pathSteps: 60, depth: 24)
}
