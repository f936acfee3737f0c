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
    /// CloudEvents that are also to be forwarded, in the form in which they are sent.
    case forwardedEvents = 19
    /// What became of forwarding one of them.
    case forwardReceipt = 20

    /// The kind of a received OTLP request.
    package init(_ signal: Signal) {
        switch signal {
        case .traces: self = .traces
        case .metrics: self = .metrics
        case .logs: self = .logs
        }
    }
}
