import OTLP

extension ExecutionRecord {
    /// One task run of `taskRunList`.
    package struct TaskRun: Equatable, Sendable {
        /// One attempt, or the whole run of a task that no worker runs.
        package struct Attempt: Equatable, Sendable {
            /// Kestra's name of its state; empty if unknown.
            package var state: String
            /// When it began to run, unix nanoseconds.
            package var start: UInt64
            /// Unix nanoseconds; nil if it has not ended.
            package var end: UInt64?
        }

        /// What spans call `kestra.uid`.
        package var id: String
        /// The task's id in the flow; empty if unknown.
        package var taskID: String
        /// What this run of the task is for, in a loop; empty outside.
        package var value: String
        /// Kestra's name of its state; empty if unknown.
        package var state: String
        /// In order.
        package var attempts: [Attempt]
    }
}

extension ExecutionRecord.TaskRun {
    /// Nil without an id.
    init?(_ json: JSONValue) {
        guard let id = ExecutionRecord.name(json["id"]) else { return nil }
        self.id = id
        taskID = ExecutionRecord.name(json["taskId"]) ?? ""
        value = ExecutionRecord.name(json["value"]) ?? ""
        state = ExecutionRecord.name(json["state"]?["current"]) ?? ""
        attempts = (json["attempts"]?.array ?? []).prefix(ExecutionRecord.attemptLimit).compactMap {
            Attempt($0["state"])
        }
        // Tasks that the executor does itself (a pause, a loop, a subflow) have no attempts.
        if attempts.isEmpty, let whole = Attempt(json["state"]) { attempts = [whole] }
    }

    /// As an answer of Kestra's has it.
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("id", id)
        writer.member("taskId", optional: taskID.isEmpty ? nil : taskID)
        writer.member("value", optional: value.isEmpty ? nil : value)
        writer.key("state")
        writer.beginObject()
        writer.member("current", optional: state.isEmpty ? nil : state)
        writer.endObject()
        writer.key("attempts")
        writer.beginArray()
        for attempt in attempts {
            writer.beginObject()
            writer.key("state")
            attempt.write(to: &writer)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }
}

extension ExecutionRecord.TaskRun.Attempt {
    /// Nil if it has never begun.
    fileprivate init?(_ json: JSONValue?) {
        let histories = json?["histories"]?.array ?? []
        let running = histories.first { $0["state"]?.string == "RUNNING" }
        guard let start = (running ?? histories.first).flatMap(ExecutionRecord.date) else { return nil }
        self.start = start
        state = ExecutionRecord.name(json?["current"]) ?? ""
        end = ExecutionState.isFinal(state) ? histories.compactMap(ExecutionRecord.date).last : nil
    }

    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("current", optional: state.isEmpty ? nil : state)
        writer.key("histories")
        writer.beginArray()
        for (state, date) in [("RUNNING", start), (state, end)] {
            guard let date else { continue }
            writer.beginObject()
            writer.member("state", state)
            writer.member("date", time: date)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }
}
