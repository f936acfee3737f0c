package import OTLP

/// Where receivers put what they have received. `completion` is called once, from any thread, when the data is safe
/// (journaled as durably as configured) or refused; an accepted request may be acknowledged then.
package protocol Intake: AnyObject, Sendable {
    /// Why nothing can be taken now, or nil. Asked before a body is read.
    func unreadiness() -> ExportFailure?
    func submit(_ batch: ReceivedBatch, completion: @escaping @Sendable (ExportFailure?) -> Void)
    /// - Parameter tenant: the tenant that the sender's credential stands for; nil if it stands for none.
    func submit(_ events: [CloudEvent], tenant: String?, completion: @escaping @Sendable (ExportFailure?) -> Void)
    func submit(_ call: BindingCall, tenant: String?, completion: @escaping @Sendable (ExportFailure?) -> Void)
}

/// One received OTLP request: protobuf, inflated, indexed.
package struct ReceivedBatch: Sendable {
    package enum Index: Sendable {
        case spans(SpanIndex)
        case logs(LogIndex)
        case metrics(MetricIndex)
    }

    package var payload: [UInt8]
    package var index: Index
    /// The tenant that the sender's credential stands for; nil if it stands for none.
    package var tenant: String?

    package init(payload: [UInt8], index: Index, tenant: String? = nil) {
        self.payload = payload
        self.index = index
        self.tenant = tenant
    }

    package var signal: Signal {
        switch index {
        case .spans: .traces
        case .logs: .logs
        case .metrics: .metrics
        }
    }

    /// How many spans, log records or data points it has.
    package var count: Int {
        switch index {
        case .spans(let index): index.spans.count
        case .logs(let index): index.count
        case .metrics(let index): index.dataPoints
        }
    }

    /// How many spans were left out because their ids are invalid.
    package var rejected: Int {
        if case .spans(let index) = index { index.rejectedSpans } else { 0 }
    }
}
