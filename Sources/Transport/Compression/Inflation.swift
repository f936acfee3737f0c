import CDeflate
import CZstd

/// Why a body could not be inflated.
package enum InflationError: Error, Sendable, Hashable {
    /// The inflated body would have more than `limit` bytes.
    case tooLarge(limit: Int)
    /// Not of the named format, damaged or cut short.
    case corrupt
    /// The coding is known but can't be used here.
    case unsupported(String)
}

/// Bounded decompression of whole bodies.
package enum Inflation {
    /// Inflates `body` into at most `limit` bytes. gzip bodies may have several members, zstd bodies several frames.
    ///
    /// What a body claims of its own size is only a hint: the output buffer starts there or small, grows fourfold when
    /// it proves too small, and is never larger than `limit`.
    package static func inflate(_ body: [UInt8], coding: ContentCoding, limit: Int) throws(InflationError) -> [UInt8] {
        if coding == .identity {
            guard body.count <= limit else { throw .tooLarge(limit: limit) }
            return body
        }
        guard !body.isEmpty else { throw .corrupt }
        let inflator = Inflator.ofThread
        // One byte at least: some decoders take a null output for a mistake.
        let ceiling = max(limit, 1)
        var capacity = min(ceiling, max(4_096, sizeHint(body, coding)))
        while true {
            var outcome = Inflator.Outcome.corrupt
            let output = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
                outcome = inflator.inflate(body, coding, into: UnsafeMutableRawBufferPointer(buffer))
                if case .done(let size) = outcome { count = size }
            }
            switch outcome {
            case .done(let size):
                guard size <= limit else { throw .tooLarge(limit: limit) }
                // A guess that was far too large is not kept.
                return size < capacity / 2 ? [UInt8](output[...]) : output
            case .corrupt:
                throw .corrupt
            case .insufficientSpace:
                guard capacity < ceiling else { throw .tooLarge(limit: limit) }
                capacity = capacity > ceiling / 4 ? ceiling : capacity * 4
            }
        }
    }

    /// What the body says, or is likely to be after inflation, bounded by what deflate can reach at all (1032:1).
    private static func sizeHint(_ body: [UInt8], _ coding: ContentCoding) -> Int {
        let most = body.count.multipliedReportingOverflow(by: 1_032).partialValue
        let likely = body.count.multipliedReportingOverflow(by: 6).partialValue
        switch coding {
        case .gzip:
            guard body.count >= 18 else { return 0 }
            let size = body.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
            return min(size, most)
        case .zstd:
            let size = body.withUnsafeBytes { ZSTD_getFrameContentSize($0.baseAddress, $0.count) }
            // The two largest values mean "not known" and "no zstd frame".
            return size < UInt64(Int32.max) ? min(Int(size), most) : likely
        case .zlib, .identity:
            return likely
        }
    }
}

/// Decompression contexts of one thread.
private final class Inflator {
    enum Outcome {
        case done(Int)
        case insufficientSpace
        case corrupt
    }

    private static let slot = ThreadSlot<Inflator>()

    /// The calling thread's own.
    static var ofThread: Inflator { slot.value(orMake: Inflator.init) }

    private let deflate: OpaquePointer
    private let zstd: OpaquePointer

    init() {
        guard let deflate = libdeflate_alloc_decompressor(), let zstd = ZSTD_createDCtx() else {
            // As when an array can't grow.
            fatalError("out of memory")
        }
        self.deflate = deflate
        self.zstd = zstd
    }

    deinit {
        libdeflate_free_decompressor(deflate)
        ZSTD_freeDCtx(zstd)
    }

    /// Safe: the libraries get the exact bounds of both buffers, which live for the whole call, and keep neither.
    func inflate(_ body: [UInt8], _ coding: ContentCoding, into output: UnsafeMutableRawBufferPointer) -> Outcome {
        body.withUnsafeBytes { input in
            switch coding {
            case .identity:
                return .corrupt
            case .zstd:
                let size = ZSTD_decompressDCtx(
                    zstd, output.baseAddress, output.count, input.baseAddress, input.count)
                guard ZSTD_isError(size) != 0 else { return .done(size) }
                // ZSTD_error_dstSize_tooSmall, whose header is not part of zstd.h.
                return 0 &- size == 70 ? .insufficientSpace : .corrupt
            case .zlib, .gzip:
                var read = 0
                var written = 0
                repeat {
                    var consumed = 0
                    var produced = 0
                    let next = input.baseAddress.map { $0 + read }
                    let space = output.baseAddress.map { $0 + written }
                    let result =
                        coding == .gzip
                        ? libdeflate_gzip_decompress_ex(
                            deflate, next, input.count - read, space, output.count - written, &consumed, &produced)
                        : libdeflate_zlib_decompress_ex(
                            deflate, next, input.count - read, space, output.count - written, &consumed, &produced)
                    if result == LIBDEFLATE_INSUFFICIENT_SPACE { return .insufficientSpace }
                    guard result == LIBDEFLATE_SUCCESS, consumed > 0 else { return .corrupt }
                    read += consumed
                    written += produced
                } while coding == .gzip && read < input.count
                return read == input.count ? .done(written) : .corrupt
            }
        }
    }
}
