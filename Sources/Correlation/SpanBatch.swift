package import OTLP

/// A journaled request of spans with its index; immutable, handed between threads.
package final class SpanBatch: Sendable {
    package let record: UInt64
    package let payload: [UInt8]
    package let index: SpanIndex
    /// The tenant that the sender's credential stands for, which outweighs what spans say; nil if it stands for none.
    package let tenant: String?

    /// Whether it has only some of its record's spans (`RequestPart`).
    package let isPart: Bool

    package init(
        record: UInt64, payload: [UInt8], index: SpanIndex, tenant: String? = nil, isPart: Bool = false
    ) {
        self.record = record
        self.isPart = isPart
        self.tenant = tenant
        self.payload = payload
        self.index = index
    }

    /// Only these of its spans, indices in ascending order.
    func part(_ spans: [Int32]) -> SpanBatch? {
        RequestPart(of: payload, index: index, spans: spans).map {
            SpanBatch(record: record, payload: $0.payload, index: $0.index, tenant: tenant, isPart: true)
        }
    }
}
