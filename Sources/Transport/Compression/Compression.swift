/// Compression of whole bodies.
package enum Compression {
    private static let slot = ThreadSlot<Compressor>()

    /// Compresses `body` with the calling thread's context, at the fastest level that still shrinks well.
    package static func compress(_ body: [UInt8], coding: ContentCoding) -> [UInt8] {
        slot.value(orMake: Compressor.init).compress(body, coding: coding)
    }
}
