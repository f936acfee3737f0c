/// How a body is compressed (RFC 9110, 8.4.1; zstd: RFC 8878).
package enum ContentCoding: Sendable, Hashable {
    case identity
    case gzip
    /// The zlib format, which HTTP calls `deflate`.
    case zlib
    case zstd

    /// From a `content-encoding` or `grpc-encoding` value, in any case; nil for one that is not known.
    package init?(name: String) {
        switch name.lowercased() {
        case "", "identity": self = .identity
        case "gzip", "x-gzip": self = .gzip
        case "deflate", "zlib": self = .zlib
        case "zstd": self = .zstd
        default: return nil
        }
    }

    /// The name as sent in `content-encoding` and `grpc-encoding`.
    package var name: String {
        switch self {
        case .identity: "identity"
        case .gzip: "gzip"
        case .zlib: "deflate"
        case .zstd: "zstd"
        }
    }
}
