import OTLP

/// Moments as a person reads them, in UTC.
package enum ClockText {
    /// `10:45:54.608`.
    package static func time(_ nanoseconds: UInt64) -> String {
        String(RFC3339.format(nanoseconds: nanoseconds).dropFirst(11).prefix(12))
    }

    /// `2026-11-24 10:45:54.608 UTC`.
    package static func moment(_ nanoseconds: UInt64) -> String {
        "\(RFC3339.format(nanoseconds: nanoseconds).prefix(10)) \(time(nanoseconds)) UTC"
    }

    /// `2026-11-24 10:45:54`.
    package static func second(_ nanoseconds: UInt64) -> String {
        "\(RFC3339.format(nanoseconds: nanoseconds).prefix(10)) \(time(nanoseconds).prefix(8))"
    }
}
