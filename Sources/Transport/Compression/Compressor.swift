import CISAL
import CZstd

/// Compresses bodies one after the other at the fastest level that still shrinks well, reusing its contexts. Belongs to
/// one thread.
final class Compressor {
    private lazy var deflate = DeflateContext()
    private var zstd: OpaquePointer?

    init() {}

    deinit { ZSTD_freeCCtx(zstd) }

    func compress(_ body: [UInt8], coding: ContentCoding) -> [UInt8] {
        switch coding {
        case .identity:
            return body
        case .gzip, .zlib:
            let context = deflate
            let format = UInt16(coding == .gzip ? IGZIP_GZIP : IGZIP_ZLIB)
            return filled(DeflateContext.bound(body.count), body) { context.compress($0, into: $1, format: format) }
        case .zstd:
            let context = zstdContext()
            return filled(ZSTD_compressBound(body.count), body) { input, output in
                let size = ZSTD_compress2(context, output.baseAddress, output.count, input.baseAddress, input.count)
                return ZSTD_isError(size) == 0 ? size : 0
            }
        }
    }

    /// Safe: the library gets both buffers with their bounds and keeps neither.
    private func filled(
        _ bound: Int, _ body: [UInt8], _ work: (UnsafeRawBufferPointer, UnsafeMutableRawBufferPointer) -> Int
    ) -> [UInt8] {
        let output = [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            count = body.withUnsafeBytes { work($0, UnsafeMutableRawBufferPointer(buffer)) }
        }
        // Zero is the libraries' failure, which the bound rules out but for a lack of memory.
        precondition(!output.isEmpty, "out of memory")
        // The bound is larger than the body; what waits in a queue shall not hold that.
        return [UInt8](output[...])
    }

    private func zstdContext() -> OpaquePointer {
        if let zstd { return zstd }
        guard let context = ZSTD_createCCtx() else { fatalError("out of memory") }
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 1)
        // A table of half the usual size stays in the processor's first cache: 3 to 15 % less time for 1 to 3 % more bytes.
        ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog, 13)
        zstd = context
        return context
    }
}

/// The working memory of ISA-L's deflate at its level 1, 360 KiB.
private final class DeflateContext {
    private let stream = UnsafeMutablePointer<isal_zstream>.allocate(capacity: 1)
    private let scratch = UnsafeMutablePointer<UInt8>.allocate(capacity: Int(isal_level_1_buffer_size))

    /// Safe: all zero is a value of the C structure. The library's own `init` leaves out some of it (`hist_bits`, which 0 sets to
    /// its default).
    init() {
        UnsafeMutableRawPointer(stream).initializeMemory(
            as: UInt8.self, repeating: 0, count: MemoryLayout<isal_zstream>.size)
    }

    deinit {
        stream.deallocate()
        scratch.deallocate()
    }

    /// The most that a body of `count` bytes becomes: what does not shrink is stored in blocks of 64 KiB with 5 bytes each,
    /// after a header of at most 10 and before a trailer of 8.
    static func bound(_ count: Int) -> Int { count + count / 4_096 + 64 }

    /// How many bytes of `output` were written, 0 if it is too small. Bodies are shorter than 4 GiB, which the limits of
    /// requests see to.
    ///
    /// Safe: the library gets the bounds of all three buffers, which live for the whole call, and reads none of them
    /// afterwards.
    func compress(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, format: UInt16
    ) -> Int {
        guard let inputSize = UInt32(exactly: input.count), let outputSize = UInt32(exactly: output.count) else { return 0 }
        isal_deflate_stateless_init(stream)
        stream.pointee.level = 1
        stream.pointee.level_buf = scratch
        stream.pointee.level_buf_size = isal_level_1_buffer_size
        stream.pointee.gzip_flag = format
        stream.pointee.end_of_stream = 1
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
        stream.pointee.avail_in = inputSize
        stream.pointee.next_out = output.bindMemory(to: UInt8.self).baseAddress
        stream.pointee.avail_out = outputSize
        return isal_deflate_stateless(stream) == COMP_OK ? Int(stream.pointee.total_out) : 0
    }
}
