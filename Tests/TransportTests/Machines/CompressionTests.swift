import CZlib
import Testing

@testable import Transport

/// Gives zlib a whole body and room for `capacity` bytes; what it made, and how many bytes of the body it left.
private func withZlib(
    _ body: [UInt8], capacity: Int, _ work: (UnsafeMutablePointer<z_stream>) -> Void
) -> (output: [UInt8], left: Int) {
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    defer { stream.deallocate() }
    stream.initialize(to: z_stream())
    var input = body
    var output = [UInt8](repeating: 0, count: capacity)
    input.withUnsafeMutableBufferPointer { input in
        output.withUnsafeMutableBufferPointer { output in
            stream.pointee.next_in = input.baseAddress
            stream.pointee.avail_in = UInt32(input.count)
            stream.pointee.next_out = output.baseAddress
            stream.pointee.avail_out = UInt32(output.count)
            work(stream)
        }
    }
    return (Array(output[..<Int(stream.pointee.total_out)]), Int(stream.pointee.avail_in))
}

/// gzip (31) or zlib (15) by zlib itself.
private func oracle(_ body: [UInt8], windowBits: Int32) -> [UInt8] {
    withZlib(body, capacity: Int(compressBound(UInt(body.count))) + 32) { stream in
        deflateInit2_(
            stream, 6, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        deflate(stream, Z_FINISH)
        deflateEnd(stream)
    }.output
}

/// What zlib itself makes of `body`, nil if it takes it for corrupt, cut short or followed by more.
private func inflatedByOracle(_ body: [UInt8], windowBits: Int32, size: Int) -> [UInt8]? {
    var result = Z_OK
    let (output, left) = withZlib(body, capacity: size + 1) { stream in
        inflateInit2_(stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        result = inflate(stream, Z_FINISH)
        inflateEnd(stream)
    }
    return result == Z_STREAM_END && left == 0 ? output : nil
}

@Suite("Compression")
struct CompressionTests {
    private static let body = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 / 7 &* $0) }
    /// Nothing, little, what repeats, what does not shrink, of sizes around the blocks of the compressors.
    private static let shapes: [[UInt8]] = {
        let seed = UInt64.random(in: 0 ... .max)
        print("Seed of the bodies to compress: \(seed)")
        var random = SeededGenerator(state: seed)
        let noise = [0, 1, 2, 63, 64, 300, 4_096, 32_767, 65_535, 65_536, 200_000].map { count in
            (0..<count).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
        }
        return noise + [body, [UInt8](repeating: 1, count: 100_000), noise[5] + noise[5] + noise[5]]
    }()
    private static let codings: [ContentCoding] = [.identity, .gzip, .zlib, .zstd]

    @Test("What is compressed inflates again", arguments: codings)
    func roundTrip(coding: ContentCoding) throws {
        for body in Self.shapes {
            let small = Compression.compress(body, coding: coding)
            #expect(try Inflation.inflate(small, coding: coding, limit: body.count) == body)
        }
    }

    @Test("zlib inflates what is compressed")
    func inflatedByZlib() {
        for body in Self.shapes {
            #expect(inflatedByOracle(Compression.compress(body, coding: .gzip), windowBits: 31, size: body.count) == body)
            #expect(inflatedByOracle(Compression.compress(body, coding: .zlib), windowBits: 15, size: body.count) == body)
        }
    }

    @Test("What zlib has compressed inflates, members one after the other included")
    func zlibOracle() throws {
        for size in [0, 1, 1_000, 20_000] {
            let body = Array(Self.body[..<size])
            #expect(try Inflation.inflate(oracle(body, windowBits: 31), coding: .gzip, limit: size) == body)
            #expect(try Inflation.inflate(oracle(body, windowBits: 15), coding: .zlib, limit: size) == body)
            let members = oracle(body, windowBits: 31) + oracle([], windowBits: 31) + oracle([1, 2], windowBits: 31)
            #expect(try Inflation.inflate(members, coding: .gzip, limit: size + 2) == body + [1, 2])
            #expect(throws: InflationError.tooLarge(limit: size + 1)) {
                try Inflation.inflate(members, coding: .gzip, limit: size + 1)
            }
        }
    }

    @Test("A bomb is stopped at the limit, whatever size it claims", arguments: [ContentCoding.gzip, .zlib, .zstd])
    func bomb(coding: ContentCoding) {
        let zeros = [UInt8](repeating: 0, count: 30 << 20)
        var bomb = Compression.compress(zeros, coding: coding)
        #expect(throws: InflationError.tooLarge(limit: 1_000_000)) {
            try Inflation.inflate(bomb, coding: coding, limit: 1_000_000)
        }
        #expect(throws: InflationError.tooLarge(limit: 0)) { try Inflation.inflate(bomb, coding: coding, limit: 0) }
        guard coding == .gzip else { return }
        bomb.replaceSubrange(bomb.count - 4..<bomb.count, with: [1, 0, 0, 0])
        #expect(throws: InflationError.tooLarge(limit: 1_000_000)) {
            try Inflation.inflate(bomb, coding: coding, limit: 1_000_000)
        }
    }

    @Test("Every prefix and trailing garbage is corrupt", arguments: [ContentCoding.gzip, .zlib, .zstd])
    func prefixes(coding: ContentCoding) {
        let small = Compression.compress(Array(Self.body[..<300]), coding: coding)
        for count in 0..<small.count {
            #expect(throws: InflationError.corrupt) {
                try Inflation.inflate(Array(small[..<count]), coding: coding, limit: 1 << 20)
            }
        }
        #expect(throws: InflationError.corrupt) {
            try Inflation.inflate(small + [1, 2, 3], coding: coding, limit: 1 << 20)
        }
    }

    @Test("Flipped bits never trap and never exceed the limit", arguments: [ContentCoding.gzip, .zlib, .zstd])
    func flips(coding: ContentCoding) {
        let small = Compression.compress(Array(Self.body[..<300]), coding: coding)
        for position in small.indices {
            for bit in 0..<8 {
                var bad = small
                bad[position] ^= 1 << bit
                let result = try? Inflation.inflate(bad, coding: coding, limit: 1_000)
                #expect(result?.count ?? 0 <= 1_000)
            }
        }
    }

    @Test("Names of codings")
    func names() {
        #expect(ContentCoding(name: "GZIP") == .gzip)
        #expect(ContentCoding(name: "x-gzip") == .gzip)
        #expect(ContentCoding(name: "deflate") == .zlib)
        #expect(ContentCoding(name: "") == .identity)
        #expect(ContentCoding(name: "br") == nil)
    }

    @Test("The gRPC texts: percent-encoding, base64, timeouts")
    func grpcTexts() {
        #expect(GRPCText.percentEncoded("50 % über\n") == "50 %25 %C3%BCber%0A")
        #expect(GRPCText.percentDecoded("50 %25 %C3%BCber%0A%zz%4") == "50 % über\n%zz%4")
        let status =
            "080e120a6f7665726c6f616465641a300a28747970652e676f6f676c65617069732e636f6d2f676f6f676c652e7270632e5265747279496e666f12040a02081e"
        let hex = Array(status.utf8)
        let bytes = stride(from: 0, to: hex.count, by: 2).map {
            (hex[$0].hexadecimalDigit ?? 0) << 4 | (hex[$0 + 1].hexadecimalDigit ?? 0)
        }
        let text =
            "CA4SCm92ZXJsb2FkZWQaMAoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbxIECgIIHg"
        #expect(GRPCText.base64(bytes) == text)
        #expect(GRPCText.base64Decoded(text) == bytes)
        #expect(GRPCText.base64Decoded(text + "==") == bytes)
        #expect(GRPCText.base64Decoded("a") == nil)
        #expect(GRPCText.base64Decoded("a*") == nil)
        #expect(GRPCText.timeout("1S") == 1_000_000_000)
        #expect(GRPCText.timeout("99999999H") == .max)
        #expect(GRPCText.timeout("250m") == 250_000_000)
        for bad in ["", "1", "S", "999999999S", "-1S", "1x", "1 S"] { #expect(GRPCText.timeout(bad) == nil) }
        #expect(GRPCText.timeoutValue(10_000_000_000) == "10000m")
        #expect(GRPCText.timeoutValue(0) == "1m")
        #expect(GRPCText.timeoutValue(.max) == "99999999S")
    }
}
