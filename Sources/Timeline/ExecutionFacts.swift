import OTLP

/// One execution while a timeline is being made: what was told about it and which spans are its own.
struct ExecutionFacts {
    var input: ExecutionInput
    /// Its EXECUTOR and WORKER spans in order of start.
    var executors: [Int] = []
    var workers: [Int] = []
    /// Its own span, made by spanbridge.
    var own: Int?
    /// The nearest span above its earliest one that is not its own.
    var anchor: Int?
    /// Whether its earliest span has no parent: no caller's context was carried.
    var isRoot = false
    /// The webhook's SERVER span that started it.
    var server: Int?
    /// The span that made that call.
    var publisher: Int?
    /// Position of the execution that started it, and of those that it started.
    var parent: Int?
    var children: [Int] = []
    /// How deep it is nested.
    var depth = 0

    /// First and last activity, in nanoseconds.
    var active: Interval?
    /// When its tasks were at work.
    var running: [Interval] = []
    /// When nothing of it, nor of what it started, was at work.
    var waiting: [Interval] = []
    var segments: [Timeline.Segment] = []
    var hasError = false
    /// Whether there were spans well after the told end: it was restarted.
    var wentOn = false

    var state = TimelineState.unseen
    var stateFrom = ""
    var quietSince: UInt64?

    /// The told end, else the last activity.
    var end: UInt64? { wentOn ? active?.end : input.ended ?? active?.end }

    var start: UInt64? { input.started ?? active?.start }

    /// Whether somebody told that it is over.
    var hasEnded: Bool {
        guard let told = input.state else { return input.ended != nil && !wentOn }
        return TimelineState.terminal.contains(told.name) && !wentOn
    }

    /// `namespace.flow`, as the execution's own span is called.
    var title: String {
        [input.namespace, input.flow].filter { !$0.isEmpty }.joined(separator: ".")
    }
}
