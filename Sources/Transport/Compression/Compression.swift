/// Compression of whole bodies.
package enum Compression {
    private static let slot = ThreadSlot<Compressor>()

    /// Compresses `body` with the calling thread's context. `level` is cut to what the coding offers: 1…12 for gzip and
    /// zlib, 1…19 for zstd.
    package static func compress(_ body: [UInt8], coding: ContentCoding, level: Int) -> [UInt8] {
        slot.value(orMake: Compressor.init).compress(body, coding: coding, level: level)
    }
}
