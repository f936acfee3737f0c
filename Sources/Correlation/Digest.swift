import COpenSSL

/// SHA-256 by OpenSSL, for ids that every replica and every run must derive alike.
package enum Digest {
    /// The 32 bytes of SHA-256 over `bytes`.
    package static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Int(SHA256_DIGEST_LENGTH)) { output, count in
            // Safe: SHA256 reads `bytes.count` bytes and writes the 32 that the buffer has room for.
            _ = SHA256(bytes, bytes.count, output.baseAddress)
            count = Int(SHA256_DIGEST_LENGTH)
        }
    }
}
