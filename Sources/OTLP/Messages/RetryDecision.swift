/// What a sender does after a reply (rules C-5 to C-9).
package enum RetryDecision: Equatable, Sendable {
    /// The data was taken.
    case accepted
    /// Send the same again, after this many nanoseconds if the receiver said so, else after a backoff of one's own.
    case retry(after: UInt64?)
    /// Give the data up and count it.
    case drop(reason: String)

    /// After a gRPC reply.
    /// - Parameters:
    ///   - grpcCode: grpc-status.
    ///   - details: the decoded bytes of `grpc-status-details-bin`; empty if there are none.
    package static func classify(grpcCode: Int, details: [UInt8]) -> RetryDecision {
        if grpcCode == 0 { return .accepted }
        guard let code = GRPCCode(rawValue: grpcCode) else { return .drop(reason: "unknown gRPC status \(grpcCode)") }
        let delay = RetryInfo.delay(inStatus: details)
        guard code.isRetryable(hasRetryInfo: delay != nil) else {
            return .drop(reason: "gRPC status \(grpcCode) \(code.name)")
        }
        return .retry(after: delay)
    }

    /// After an HTTP reply.
    /// - Parameters:
    ///   - httpStatus: its status.
    ///   - retryAfter: the value of `Retry-After`.
    ///   - now: seconds since 1970, which a date in `Retry-After` is compared with.
    package static func classify(httpStatus: Int, retryAfter: String?, now: UInt64) -> RetryDecision {
        switch httpStatus {
        case 200..<300: .accepted
        case 429, 502, 503, 504: .retry(after: retryAfter.flatMap { delay(retryAfter: $0, now: now) })
        default: .drop(reason: "HTTP status \(httpStatus)")
        }
    }

    /// Nanoseconds until what `Retry-After` says (RFC 9110 section 10.2.3): seconds or an IMF-fixdate; nil for neither.
    private static func delay(retryAfter: String, now: UInt64) -> UInt64? {
        let text = retryAfter.utf8.drop { $0 == 0x20 || $0 == 0x09 }
        var seconds: UInt64 = 0
        if !text.isEmpty, text.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) {
            for byte in text { seconds = min(seconds &* 10 &+ UInt64(byte & 0x0F), 1_000_000_000) }
        } else if let date = IMFFixdate.parse(Substring(text)) {
            seconds = date > now ? min(date - now, 1_000_000_000) : 0
        } else {
            return nil
        }
        return seconds * 1_000_000_000
    }
}

/// The date format of HTTP, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7).
enum IMFFixdate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    private static let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]

    /// Seconds since 1970; nil for anything else and for earlier dates.
    static func parse(_ text: Substring) -> UInt64? {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0].last == ",", days.contains(String(parts[0].dropLast())), parts[5] == "GMT",
            let day = number(parts[1], 2), let month = months.firstIndex(of: String(parts[2])),
            let year = number(parts[3], 4), let date = CivilDate(year: year, month: month + 1, day: day)
        else { return nil }
        let time = parts[4].split(separator: ":", omittingEmptySubsequences: false)
        guard time.count == 3, let hour = number(time[0], 2), let minute = number(time[1], 2),
            let second = number(time[2], 2), hour < 24, minute < 60, second <= 60
        else { return nil }
        return UInt64(exactly: date.daysSince1970 * 86_400 + hour * 3600 + minute * 60 + second)
    }

    private static func number(_ text: Substring, _ width: Int) -> Int? {
        guard text.utf8.count == width, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return Int(text)
    }
}
