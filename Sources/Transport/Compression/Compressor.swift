import CDeflate
import CZstd

/// Compresses bodies one after the other, reusing its contexts. Belongs to one thread.
package final class Compressor {
    private var deflate: OpaquePointer?
    private var deflateLevel: Int32 = 0
    private var zstd: OpaquePointer?

    package init() {}

    deinit {
        libdeflate_free_compressor(deflate)
        ZSTD_freeCCtx(zstd)
    }

    /// Compresses `body`. `level` is cut to what the coding offers: 1…12 for gzip and zlib, 1…19 for zstd.
    package func compress(_ body: [UInt8], coding: ContentCoding, level: Int) -> [UInt8] {
        switch coding {
        case .identity:
            return body
        case .gzip:
            let context = deflateContext(level)
            return filled(libdeflate_gzip_compress_bound(context, body.count), body) { input, output in
                libdeflate_gzip_compress(context, input.baseAddress, input.count, output.baseAddress, output.count)
            }
        case .zlib:
            let context = deflateContext(level)
            return filled(libdeflate_zlib_compress_bound(context, body.count), body) { input, output in
                libdeflate_zlib_compress(context, input.baseAddress, input.count, output.baseAddress, output.count)
            }
        case .zstd:
            let context = zstdContext()
            let level = Int32(min(max(level, 1), 19))
            return filled(ZSTD_compressBound(body.count), body) { input, output in
                let size = ZSTD_compressCCtx(
                    context, output.baseAddress, output.count, input.baseAddress, input.count, level)
                return ZSTD_isError(size) == 0 ? size : 0
            }
        }
    }

    /// Safe: `bound` is the library's own worst case, and it gets both buffers with their bounds and keeps neither.
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

    private func deflateContext(_ level: Int) -> OpaquePointer {
        let level = Int32(min(max(level, 1), 12))
        if let deflate, level == deflateLevel { return deflate }
        guard let context = libdeflate_alloc_compressor(level) else { fatalError("out of memory") }
        libdeflate_free_compressor(deflate)
        deflate = context
        deflateLevel = level
        return context
    }

    private func zstdContext() -> OpaquePointer {
        if let zstd { return zstd }
        guard let context = ZSTD_createCCtx() else { fatalError("out of memory") }
        zstd = context
        return context
    }
}
