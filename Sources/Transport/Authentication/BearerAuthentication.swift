import COpenSSL
import Synchronization

/// The tokens that a listener takes in `Authorization: Bearer …` (RFC 6750, section 2.1), and whom they stand for.
///
/// Tokens are kept as their SHA-256 only. One that came is compared with all of them at once: how long that takes tells
/// nothing about how much of it is right.
package final class BearerAuthentication: Sendable {
    /// Why a request is not let in.
    package enum Refusal: String, Sendable, CaseIterable {
        /// No `authorization` field, or one of another scheme.
        case missing
        /// A token that is not among the configured ones, or several fields.
        case wrong
    }

    /// Who asks.
    package enum Verdict: Sendable, Equatable {
        /// Let in; the tenant that the credential stands for, nil if it stands for none or none is asked for.
        case granted(tenant: String?)
        case refused(Refusal)
    }

    /// How many requests of a listener were refused, and why.
    package struct Count: Sendable, Equatable {
        package var listener: String
        package var refusal: Refusal
        package var requests: UInt64
    }

    private struct Name: Hashable {
        var listener: String
        var refusal: Refusal
    }

    private let digests: [SIMD4<UInt64>]
    private let tenants: [String?]
    /// By listener, of which there are few; written only when a request is refused.
    private let refused = Mutex<[Name: UInt64]>([:])

    /// - Parameter tokens: each with the tenant that it stands for, no token twice; nil lets everybody in.
    package init(tokens: [(token: String, tenant: String?)]?) {
        isRequired = tokens != nil
        digests = (tokens ?? []).map { Self.digest($0.token.utf8) }
        tenants = (tokens ?? []).map(\.tenant)
    }

    /// Whether requests need a token.
    package let isRequired: Bool

    /// Says who asks. Refusals are not counted here.
    package func check(_ head: RequestHead) -> Verdict {
        guard isRequired else { return .granted(tenant: nil) }
        var given: String?
        for field in head.headers where field.name == "authorization" {
            guard given == nil else { return .refused(.wrong) }
            given = field.value
        }
        guard let given, let token = Self.token(in: given) else { return .refused(.missing) }
        guard let place = place(of: Self.digest(token)) else { return .refused(.wrong) }
        return .granted(tenant: tenants[place])
    }

    /// Counts a refused request.
    package func note(_ refusal: Refusal, of listener: String) {
        refused.withLock { $0[Name(listener: listener, refusal: refusal), default: 0] += 1 }
    }

    /// The refused requests of a listener, by reason; zeros included.
    package func counts(of listener: String) -> [Count] {
        refused.withLock { refused in
            Refusal.allCases.map {
                Count(
                    listener: listener, refusal: $0,
                    requests: refused[Name(listener: listener, refusal: $0)] ?? 0)
            }
        }
    }

    /// The bytes after `Bearer` and its spaces; nil for another scheme. Schemes have no case (RFC 9110, 11.1).
    private static func token(in value: String) -> Substring.UTF8View? {
        let scheme = "bearer "
        let bytes = value.utf8
        let isBearer = zip(bytes, scheme.utf8).allSatisfy { $0 == $1 || $0 | 0x20 == $1 && $1 != 0x20 }
        guard bytes.count >= scheme.utf8.count, isBearer else { return nil }
        return bytes.dropFirst(scheme.utf8.count).drop { $0 == 0x20 }
    }

    /// Which of the tokens it is: every one is looked at, with the same work whether it matches or not.
    private func place(of digest: SIMD4<UInt64>) -> Int? {
        var found: UInt64 = 0
        var number: UInt64 = 0
        for own in digests {
            number &+= 1
            let difference = own ^ digest
            let bits = difference[0] | difference[1] | difference[2] | difference[3]
            // The top bit of this is set unless `bits` is zero: all ones for equal, zero for different.
            let mask = ((bits | (0 &- bits)) >> 63) &- 1
            found |= mask & number
        }
        return found == 0 ? nil : Int(found - 1)
    }

    private static func digest(_ token: some Collection<UInt8>) -> SIMD4<UInt64> {
        let bytes = Array(token)
        var words = SIMD4<UInt64>()
        withUnsafeMutableBytes(of: &words) { output in
            // Safe: SHA256 reads `bytes.count` bytes and writes 32, which is the size of four words.
            _ = SHA256(bytes, bytes.count, output.baseAddress?.assumingMemoryBound(to: UInt8.self))
        }
        return words
    }
}
