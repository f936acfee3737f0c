package import OTLP

/// One piece of telemetry on its way to a backend: a whole OTLP request of one signal.
package struct ExportItem: Sendable {
    package var signal: Signal
    /// The protobuf bytes of an Export…ServiceRequest. Several of one signal may be concatenated: their repeated
    /// field 1 then simply has more elements.
    package var payload: [UInt8]
    /// Spans, data points or log records in it.
    package var records: Int
    /// What the owner knows it by; given back when the item is finished.
    package var receipts: [UInt64]

    package init(signal: Signal, payload: [UInt8], records: Int, receipts: [UInt64]) {
        self.signal = signal
        self.payload = payload
        self.records = records
        self.receipts = receipts
    }
}

/// Why telemetry was given up. The raw value is the metric's label `reason`.
package enum DropReason: String, Sendable, Hashable, CaseIterable {
    /// The backend answered that it never wants this data (OTLP C-6).
    case refused
    /// Retried for `retry_on_failure.max_elapsed_time` without success.
    case retriesExhausted = "retries_exhausted"
    /// One record is larger than the exporter's own request limit (OTLP C-1), or has that much around it.
    case tooLarge = "too_large"
    /// One record, with what is around it, is larger than the backend takes.
    case tooLargeForPeer = "too_large_for_peer"
    /// The answer was larger than the response limit (OTLP C-2); what became of the data is unknown.
    case responseTooLarge = "response_too_large"
    /// Not delivered when the time for shutting down was over.
    case shutdown
}

/// How an item ended.
package enum ExportOutcome: Sendable, Hashable {
    /// The backend has it; `rejected` of its records it threw away (partial success, never retried: OTLP C-5).
    case delivered(rejected: Int)
    case dropped(DropReason)
}

/// The end of one or more items that travelled together.
package struct FinishedExport: Sendable, Hashable {
    /// Of all the items that have ended, in the order in which they were offered. Those of an item that had to be cut come
    /// with its last piece, or with the first that a shutdown left.
    package var receipts: [UInt64]
    package var signal: Signal
    /// As many as have ended: none, if these are pieces of one of which others are still held.
    package var items: Int
    package var records: Int
    package var bytes: Int
    package var outcome: ExportOutcome
    /// What the backend or the network said, for people; empty after an unremarkable delivery.
    package var message: String
}

/// What came of one attempt to send a batch.
package enum AttemptOutcome: Sendable, Hashable {
    case delivered(rejected: Int, message: String)
    /// May succeed later. `after`: nanoseconds that the backend asked to be left alone (OTLP C-9, C-11).
    case retry(after: UInt64?, message: String)
    /// The backend takes only smaller requests.
    case tooLarge(message: String)
    /// The backend cannot read or will not have something in it: it never succeeds, but its parts may.
    case invalid(message: String)
    /// Will never succeed.
    case failed(DropReason, message: String)
}

/// A batch to send now.
package struct Dispatch: Sendable {
    /// For `ExportQueue.completed`.
    package var id: UInt64
    package var signal: Signal
    package var payload: [UInt8]
    package var records: Int
    /// 1 for the first attempt.
    package var attempt: Int

    package init(id: UInt64, signal: Signal, payload: [UInt8], records: Int, attempt: Int) {
        self.id = id
        self.signal = signal
        self.payload = payload
        self.records = records
        self.attempt = attempt
    }
}
