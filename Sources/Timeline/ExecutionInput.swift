package import OTLP

/// What somebody told about the state of an execution.
package struct StateEvidence: Sendable, Hashable {
    /// Kestra's name of the state: `SUCCESS`, `FAILED`, `PAUSED`, …
    package var name: String
    /// Who told it: `POST /v1/bindings`, `Kestra API`.
    package var from: String

    package init(name: String, from: String) {
        self.name = name
        self.from = from
    }
}

/// What is known about one execution besides its spans.
package struct ExecutionInput: Sendable {
    package var id: String
    package var tenant: String
    package var namespace: String
    package var flow: String
    /// Nil if nobody told a state.
    package var state: StateEvidence?
    /// Unix nanoseconds, if somebody told it.
    package var started: UInt64?
    /// Unix nanoseconds, if somebody told it.
    package var ended: UInt64?
    /// The traces its spans arrived in.
    package var originalTraceIDs: [TraceID]
    /// The rule that joined it to the event; empty if none did.
    package var rule: String
    package var evidence: [EvidenceItem]
    /// The execution that started it, if that is known from elsewhere than the spans' parents.
    package var parentExecution: String?
    package var relation: ExecutionRelation
    /// The states it went through, if somebody told them.
    package var history: [Timeline.StateChange] = []
    /// Its task runs, if somebody told them.
    package var taskRuns: [TaskRunInput] = []

    package init(
        id: String, tenant: String, namespace: String, flow: String, state: StateEvidence? = nil,
        started: UInt64? = nil, ended: UInt64? = nil, originalTraceIDs: [TraceID] = [], rule: String,
        evidence: [EvidenceItem] = [], parentExecution: String? = nil, relation: ExecutionRelation
    ) {
        self.id = id
        self.tenant = tenant
        self.namespace = namespace
        self.flow = flow
        self.state = state
        self.started = started
        self.ended = ended
        self.originalTraceIDs = originalTraceIDs
        self.rule = rule
        self.evidence = evidence
        self.parentExecution = parentExecution
        self.relation = relation
    }
}

/// What somebody told about one task run.
package struct TaskRunInput: Sendable, Hashable {
    package struct Attempt: Sendable, Hashable {
        /// Kestra's name of its state; empty if unknown.
        package var state: String
        /// Unix nanoseconds.
        package var start: UInt64
        /// Unix nanoseconds; nil if it has not ended.
        package var end: UInt64?

        package init(state: String, start: UInt64, end: UInt64?) {
            self.state = state
            self.start = start
            self.end = end
        }
    }

    /// What WORKER spans call `kestra.uid`.
    package var id: String
    /// The task's id in the flow.
    package var taskID: String
    /// What this run is for, in a loop.
    package var value: String
    /// Kestra's name of its state; empty if unknown.
    package var state: String
    /// Who told it.
    package var from: String
    package var attempts: [Attempt]

    package init(id: String, taskID: String, value: String, state: String, from: String, attempts: [Attempt]) {
        self.id = id
        self.taskID = taskID
        self.value = value
        self.state = state
        self.from = from
        self.attempts = attempts
    }
}
