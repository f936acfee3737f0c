package import OTLP

/// A journaled request of spans with its index; immutable, handed between threads.
package final class SpanBatch: Sendable {
    package let record: UInt64
    package let payload: [UInt8]
    package let index: SpanIndex
    /// The tenant that the sender's credential stands for, which outweighs what spans say; nil if it stands for none.
    package let tenant: String?

    package init(record: UInt64, payload: [UInt8], index: SpanIndex, tenant: String? = nil) {
        self.record = record
        self.tenant = tenant
        self.payload = payload
        self.index = index
    }
}
