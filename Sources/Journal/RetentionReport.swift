/// What one round of retention did.
package struct RetentionReport: Sendable, Equatable {
    /// Segments deleted.
    package var segments = 0
    /// Bytes freed.
    package var bytes = 0
    /// Bytes of segments and indexes that are left.
    package var bytesKept = 0
    /// More would have been deleted but for the pin: what pins (a queue of a dead exporter, say) holds disk space.
    package var heldByPin = false
    /// Files that could not be deleted.
    package var failures: [String] = []
}
