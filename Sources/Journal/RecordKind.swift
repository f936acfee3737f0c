package import OTLP

/// What a record's payload is. The raw value is stored.
package enum RecordKind: UInt8, Sendable, CaseIterable {
    case traces = 1
    case metrics = 2
    case logs = 3
    case cloudEvents = 16
    case binding = 17
    /// What was read of Kestra's record of an execution.
    case execution = 18

    /// The kind of a received OTLP request.
    package init(_ signal: Signal) {
        switch signal {
        case .traces: self = .traces
        case .metrics: self = .metrics
        case .logs: self = .logs
        }
    }
}
