package import OTLP

/// A journaled request of spans with its index; immutable, handed between threads.
package final class SpanBatch: Sendable {
    package let record: UInt64
    package let payload: [UInt8]
    package let index: SpanIndex

    package init(record: UInt64, payload: [UInt8], index: SpanIndex) {
        self.record = record
        self.payload = payload
        self.index = index
    }
}
