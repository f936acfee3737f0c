import Transport

extension FuzzTarget {
    /// Compressed bodies; the first byte chooses the coding.
    static let inflation = FuzzTarget(name: "inflation") { bytes in
        guard let first = bytes.first else { return }
        let codings: [ContentCoding] = [.gzip, .zlib, .zstd, .identity]
        let coding = codings[Int(first) % codings.count]
        let limit = 1 << 18
        guard let body = try? Inflation.inflate(Array(bytes.dropFirst()), coding: coding, limit: limit) else { return }
        require(body.count <= limit, "\(body.count) bytes were inflated")
        let again = try? Inflation.inflate(
            Compression.compress(body, coding: coding), coding: coding, limit: limit)
        require(again == body, "a body is not what it was after compression")
    }
}
