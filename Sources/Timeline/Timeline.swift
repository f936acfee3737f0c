package import OTLP

/// What happened to one event, from being emitted to the end of the last execution it started.
///
/// All times are unix nanoseconds, all durations nanoseconds.
package struct Timeline: Sendable, Hashable {
    package var event: TimelineEvent?
    package var traceID: TraceID
    /// The worst state among the executions that the event started: a state of Kestra's if somebody told it, else one
    /// of `TimelineState`.
    package var state: String
    /// Who told the state; empty if it was only read from spans.
    package var stateFrom: String
    /// The last activity, if nothing was seen since for the quiet period and nobody told the end.
    package var quietSince: UInt64?
    package var start: UInt64
    package var end: UInt64
    package var phases: [Phase]
    /// Those that no other execution of this timeline started; the others are their `children`.
    package var executions: [Execution]
    package var links: [Link]
    /// The chain of spans that decided when it ended, first to last.
    package var criticalPath: [PathStep]
    /// In words, for a person.
    package var warnings: [String]
    /// Whether the end of every execution is known because somebody told it.
    package var complete: Bool
    /// The drawing, top to bottom: bounded, with noise collapsed.
    package var waterfall: [WaterfallRow]

    package var durationNanos: UInt64 { end.since(start) }

    /// A stretch of time with a name.
    package struct Phase: Sendable, Hashable {
        package enum Name: String, Sendable, CaseIterable {
            /// The event's own time: a moment.
            case emitted
            /// The span that sent the event.
            case published
            /// Kestra's HTTP server took the call in.
            case delivered
            /// Taken in, but no task has started.
            case queued
            /// Tasks were at work.
            case running
            /// No task and no executor was at work: a pause, a retry's delay, a queue.
            case waiting
            /// The known end, or the last activity of what has been quiet since: a moment.
            case done
        }

        package var name: Name
        package var start: UInt64
        package var end: UInt64
        package var executionID: String?
    }

    /// One execution, with what it did.
    package struct Execution: Sendable, Hashable {
        package var id: String
        package var namespace: String
        package var flow: String
        package var relation: ExecutionRelation
        package var state: String
        package var stateFrom: String
        package var quietSince: UInt64?
        /// Nil if no span of it was seen and nobody told.
        package var start: UInt64?
        package var end: UInt64?
        package var traceID: TraceID
        package var originalTraceIDs: [TraceID]
        package var binding: Binding
        package var segments: [Segment]
        /// The states it went through, if somebody told them.
        package var history: [StateChange]
        package var taskRuns: [TaskRun]
        /// EXECUTOR spans: messages that the executor processed for it.
        package var executorSteps: Int
        package var children: [Execution]
    }

    /// Why an execution is shown here.
    package struct Binding: Sendable, Hashable {
        /// Empty if nothing joined it.
        package var rule: String
        package var evidence: [EvidenceItem]
    }

    /// One burst of activity.
    package struct Segment: Sendable, Hashable {
        package var start: UInt64
        package var end: UInt64
        package var spans: Int
    }

    /// When an execution came into a state of Kestra's.
    package struct StateChange: Sendable, Hashable {
        package var state: String
        package var at: UInt64

        package init(state: String, at: UInt64) {
            self.state = state
            self.at = at
        }
    }

    /// One task run: a WORKER span for each attempt, or what was told about it.
    package struct TaskRun: Sendable, Hashable {
        /// `kestra.uid`; empty if the span had none.
        package var id: String
        /// The task's id in the flow; empty if nobody told it.
        package var taskID: String
        /// The task's Java class; empty if no span of it was seen.
        package var type: String
        /// What this run is for, in a loop; empty if nobody told it.
        package var value: String
        /// Kestra's state of it, and who told that; both empty if nobody did.
        package var state: String
        package var stateFrom: String
        /// In order of start.
        package var attempts: [Attempt]
    }

    package struct Attempt: Sendable, Hashable {
        package var start: UInt64
        /// So far, if it was told and has not ended.
        package var end: UInt64
        /// The span's status: `unset`, `ok`, `error`. Unset does not mean that it succeeded: Kestra up to 1.3 leaves it
        /// unset on failed tasks too. Of an attempt without a span it follows from the state.
        package var status: String
        /// Kestra's state of it; empty if nobody told it.
        package var state: String
        /// Where its times are from: `span`, or who told them.
        package var from: String
    }

    /// Something that belongs to the event but lies in another trace.
    package struct Link: Sendable, Hashable {
        package var traceID: TraceID
        package var executionID: String?
        /// An `ExecutionRelation`, or `original` for the trace that an execution's spans arrived in.
        package var relation: String
    }

    /// One step of the critical path.
    package struct PathStep: Sendable, Hashable {
        package var name: String
        package var traceID: TraceID
        /// The span, or the first of the executor's steps that are one step here.
        package var spanID: SpanID
        package var executionID: String?
        package var start: UInt64
        package var end: UInt64
    }
}

/// States that are read from spans alone. None of them says "succeeded": Kestra's spans do not tell that.
package enum TimelineState {
    /// There was activity within the quiet period.
    package static let running = "running"
    /// Quiet, nobody told the end, and no span has status ERROR.
    package static let quiet = "quiet"
    /// Quiet, nobody told the end, and a span has status ERROR: a retry may still have succeeded.
    package static let errorsSeen = "errors seen"
    /// No span was seen and nobody told a state.
    package static let unseen = "no spans"

    /// The event is known, but nothing that it started.
    package static let noExecution = "no execution"

    /// Kestra's states after which an execution does nothing more.
    static let terminal: Set<String> = ["SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "SKIPPED", "RETRIED"]

    /// The worse of two states comes first; a state that is not listed is taken as "still at it".
    static func severity(_ state: String) -> Int {
        switch state {
        case "FAILED": 9
        case "KILLED": 8
        case "CANCELLED": 7
        case errorsSeen: 6
        case quiet: 3
        case "WARNING": 2
        case "SUCCESS", "SKIPPED", "RETRIED": 1
        case unseen: 0
        case running: 4
        default: 5
        }
    }
}

extension UInt64 {
    /// The nanoseconds from `earlier` to this moment, 0 if it is not earlier.
    func since(_ earlier: UInt64) -> UInt64 { self > earlier ? self - earlier : 0 }
}
