package import OTLP

/// An amount of telemetry.
package struct Tally: Sendable, Hashable {
    package var items = 0
    package var records = 0
    package var bytes = 0

    package init(items: Int = 0, records: Int = 0, bytes: Int = 0) {
        self.items = items
        self.records = records
        self.bytes = bytes
    }

    package static func + (left: Tally, right: Tally) -> Tally {
        Tally(
            items: left.items + right.items, records: left.records + right.records, bytes: left.bytes + right.bytes)
    }

    package static func - (left: Tally, right: Tally) -> Tally {
        Tally(
            items: left.items - right.items, records: left.records - right.records, bytes: left.bytes - right.bytes)
    }

    package static func += (left: inout Tally, right: Tally) { left = left + right }
    package static func -= (left: inout Tally, right: Tally) { left = left - right }
}

/// What became of one signal's telemetry. Always: accepted = delivered + dropped + queued + inFlight, in items, records
/// and bytes, where the records of `delivered` and `rejectedRecords` are counted apart. An item that had to be cut counts as
/// its pieces, with the bytes that it had before.
package struct SignalCounters: Sendable, Hashable {
    package var accepted = Tally()
    /// Its records are those that the backend kept.
    package var delivered = Tally()
    /// Records that the backend threw away from requests it took (partial success).
    package var rejectedRecords = 0
    package var dropped: [DropReason: Tally] = [:]
    /// Waiting for the first or the next attempt.
    package var queued = Tally()
    /// Being sent.
    package var inFlight = Tally()

    package init() {}

    /// Everything that is neither delivered nor dropped yet.
    package var held: Tally { queued + inFlight }

    /// Dropped for any reason.
    package var droppedTotal: Tally { dropped.values.reduce(Tally(), +) }

    /// The sum of accepted telemetry that is accounted for; equal to `accepted`.
    package var accounted: Tally {
        delivered + droppedTotal + queued + inFlight + Tally(records: rejectedRecords)
    }
}

/// A value for each signal.
package struct PerSignal<Value> {
    package var traces: Value
    package var metrics: Value
    package var logs: Value

    package init(repeating value: Value) {
        traces = value
        metrics = value
        logs = value
    }

    package init(traces: Value, metrics: Value, logs: Value) {
        self.traces = traces
        self.metrics = metrics
        self.logs = logs
    }

    package subscript(signal: Signal) -> Value {
        get {
            switch signal {
            case .traces: traces
            case .metrics: metrics
            case .logs: logs
            }
        }
        _modify {
            switch signal {
            case .traces: yield &traces
            case .metrics: yield &metrics
            case .logs: yield &logs
            }
        }
    }
}

extension PerSignal: Sendable where Value: Sendable {}
extension PerSignal: Equatable where Value: Equatable {}

/// Everything an exporter counts, as it was at the end of the event loop's last turn.
package struct ExporterCounters: Sendable, Equatable {
    package var signals = PerSignal(repeating: SignalCounters())
    /// Batches being sent.
    package var inFlightRequests = 0
    /// Batches waiting for another attempt.
    package var waitingRetries = 0
    /// Attempts started.
    package var requests = 0
    /// Attempts that did not deliver.
    package var failedRequests = 0
    /// Attempts that were not the first of their batch.
    package var retries = 0
    /// Batches and items cut in two, because they are too large for the backend or to be sent, or because the backend said
    /// that something in them is invalid.
    package var splits = 0
    /// Answers that told the exporter to slow down.
    package var throttles = 0
    /// Bytes of the requests' bodies before and after compression, of all attempts.
    package var payloadBytes = 0
    package var wireBytes = 0
    /// Times `submit` answered `full`, and the records of those items, which the exporter never held.
    package var refusedItems = 0
    package var refusedRecords = PerSignal(repeating: 0)
    /// Held in all, and the bounds (`sending_queue.size`).
    package var queueBytes = 0
    package var queueItems = 0
    package var queueBytesCapacity = 0
    package var queueItemsCapacity = 0
    /// What the last failed attempt said; nil as long as none has failed.
    package var lastError: String?

    package init() {}
}
