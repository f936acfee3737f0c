import Synchronization

/// The journal's counters since it was opened, and gauges (said so).
package struct JournalStatistics: Sendable, Equatable {
    /// Bytes written for records, heads and keys included.
    package var bytes: UInt64 = 0
    package var records: UInt64 = 0
    /// Commits: one write and one sync each.
    package var groups: UInt64 = 0
    /// Calls of fdatasync for groups.
    package var synchronizations: UInt64 = 0
    package var duplicates: UInt64 = 0
    /// Appends answered "full", "too large" or "closed" without being taken in.
    package var refused: UInt64 = 0
    /// Appends that were taken in but failed with the disk.
    package var failed: UInt64 = 0
    /// Segments begun.
    package var segmentsBegun: UInt64 = 0
    /// Segments that exist now.
    package var segments = 0
    /// Bytes of segments and indexes now.
    package var storedBytes = 0
    /// What waits for the disk now.
    package var waitingBytes = 0
    package var waitingRecords = 0
}

/// The counters as the journal's threads write them.
final class JournalCounters: Sendable {
    let bytes = Atomic<UInt64>(0)
    let records = Atomic<UInt64>(0)
    let groups = Atomic<UInt64>(0)
    let synchronizations = Atomic<UInt64>(0)
    let duplicates = Atomic<UInt64>(0)
    let refused = Atomic<UInt64>(0)
    let failed = Atomic<UInt64>(0)
    let segmentsBegun = Atomic<UInt64>(0)

    var statistics: JournalStatistics {
        JournalStatistics(
            bytes: bytes.load(ordering: .relaxed), records: records.load(ordering: .relaxed),
            groups: groups.load(ordering: .relaxed), synchronizations: synchronizations.load(ordering: .relaxed),
            duplicates: duplicates.load(ordering: .relaxed), refused: refused.load(ordering: .relaxed),
            failed: failed.load(ordering: .relaxed), segmentsBegun: segmentsBegun.load(ordering: .relaxed))
    }
}
