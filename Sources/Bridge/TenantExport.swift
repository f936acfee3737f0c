import Correlation

/// How tenant ids appear on what spanbridge itself makes (`correlation.tenancy.export`).
enum TenantExport: Sendable {
    /// SHA-256 over the UTF-8, without salt, in lower-case hex: what Portarium's collectors make of `tenant.id`, so that
    /// both can be searched alike.
    case sha256
    case plain
    case none

    /// The value of `tenant.id`; nil for no attribute.
    func text(of tenant: String) -> String? {
        guard !tenant.isEmpty else { return nil }
        switch self {
        case .none: return nil
        case .plain: return tenant
        case .sha256:
            let digits = Array("0123456789abcdef".utf8)
            let bytes = Digest.sha256(Array(tenant.utf8)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}
