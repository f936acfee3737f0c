/// What one accepted connection may cost. Times are nanoseconds.
package struct ServerLimits: Sendable {
    /// Bytes of a request's header list, counted as HTTP/2 does: name + value + 32 for each field (RFC 9113, 6.5.2).
    /// More is answered with 431.
    package var headerBytes = 16_384
    /// Header fields of one request. More is answered with 431.
    package var headerCount = 100
    /// Bytes of the request target. More is answered with 414.
    package var targetBytes = 8_192
    /// HTTP/2 streams open at once (SETTINGS_MAX_CONCURRENT_STREAMS).
    package var concurrentStreams = 128
    /// HTTP/2 flow-control window of one stream, in bytes.
    package var streamWindow = 1 << 20
    /// HTTP/2 flow-control window of the whole connection, in bytes.
    package var connectionWindow = 4 << 20
    /// Bytes of bodies that one connection may be assembling at once.
    package var bufferedBytes = 64 << 20
    /// Bytes of a refused body that are read and thrown away, so that the peer sees the answer, before the stream or
    /// the connection is cut.
    package var discardBytes = 1 << 20
    /// From the first byte of a request's head (or of the connection) to the head's end.
    package var headTimeout: UInt64 = 10_000_000_000
    /// The time in which a body must end or bring `bodyRate` times as many bytes; else 408, or RST_STREAM.
    package var bodyTimeout: UInt64 = 30_000_000_000
    /// Bytes a second; 0 if a body must only not pause for `bodyTimeout`.
    package var bodyRate = 240
    /// How long a connection without requests is kept.
    package var idleTimeout: UInt64 = 300_000_000_000
    /// HTTP/1.1 requests taken in while an earlier one is not answered yet.
    package var pipelined = 16
    /// HTTP/2 stream resets by the peer: how many a second are allowed in the long run. Some clients reset every
    /// finished stream, so keep it well above the request rate.
    package var resetsPerSecond = 1_000
    /// HTTP/2 stream resets by the peer that may come at once.
    package var resetBurst = 1_000
    /// CONTINUATION frames in one header block.
    package var continuations = 8
    /// Nothing is read while more output than this many bytes waits for the peer.
    package var outputHighWater = 1 << 20

    package init() {}

    /// Bytes that a body must bring in each `bodyTimeout`.
    var leastBodyBytes: Int {
        let (bytes, overflow) = bodyRate.multipliedReportingOverflow(by: Int(bodyTimeout / 1_000_000))
        return overflow ? .max : bytes / 1_000
    }

    /// Limits for a receiver that is open to senders nobody vouches for.
    package static let defaults = ServerLimits()
}
