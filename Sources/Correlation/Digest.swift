import COpenSSL

/// SHA-256 by OpenSSL, for ids that every replica and every run must derive alike.
package enum Digest {
    // Looked up once, since that costs more than a digest. Safe: it is never freed, and OpenSSL only reads it.
    private nonisolated(unsafe) static let algorithm = EVP_MD_fetch(nil, "SHA256", nil)

    /// The 32 bytes of SHA-256 over `bytes`.
    package static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Int(SHA256_DIGEST_LENGTH)) { output, count in
            // Safe: EVP_Digest reads `bytes.count` bytes and writes the 32 that the buffer has room for.
            let isDone = EVP_Digest(bytes, bytes.count, output.baseAddress, nil, algorithm, nil) == 1
            // OpenSSL without SHA-256 is none that TLS works with.
            precondition(isDone, "OpenSSL has no SHA-256")
            count = Int(SHA256_DIGEST_LENGTH)
        }
    }
}
