/// The journal's limits. `validate()` names the configuration key of a value that cannot work.
package struct JournalSettings: Sendable {
    package enum Durability: String, Sendable {
        /// An acknowledged record survives a crash and a power cut.
        case fsync
        /// An acknowledged record survives a crash of this process, not one of the machine.
        case memory
    }

    /// `journal.directory`; made if it is missing, for the owner only.
    package var directory: String
    /// `journal.durability`.
    package var durability: Durability = .fsync
    /// `journal.segment_size`: a segment that reached this size is closed. A group may exceed it once.
    package var segmentBytes = 128 << 20
    /// Not a key: a segment with so many index keys is closed; bounds the open index (about 40 bytes
    /// a key).
    package var segmentKeys = 1 << 20
    /// Nanoseconds; not a key: an open segment whose first record is older is closed by `seal(now:)`.
    package var segmentAge: UInt64 = 3600 * 1_000_000_000
    /// `journal.queue_size`: what may wait for the disk, counted until its group is written.
    package var queueBytes = 128 << 20
    /// How many records may wait for the disk; not a key.
    package var queueRecords = 65_536
    /// Follows from `receivers.otlp.max_request_size`: the largest record, keys included.
    package var recordBytes = 80 << 20
    /// `receivers.otlp.deduplicate`, nanoseconds; 0 turns it off.
    package var deduplicateWindow: UInt64 = 600 * 1_000_000_000
    /// Not a key: how many fingerprints are remembered at most (about 50 bytes each).
    package var deduplicateEntries = 65_536
    /// `journal.retention.size`: all segments and indexes together.
    package var retentionBytes = 10 << 30
    /// `journal.retention.age`, nanoseconds; 0 keeps records until the space is needed.
    package var retentionAge: UInt64 = 7 * 24 * 3600 * 1_000_000_000
    /// How long after a failed write the disk is left alone before it is tried again, nanoseconds.
    package var retryInterval: UInt64 = 1_000_000_000

    package init(directory: String) { self.directory = directory }

    /// Throws `JournalError.settings` for the first value outside its limits.
    package func validate() throws(JournalError) {
        func check(_ key: String, _ value: Int, _ range: ClosedRange<Int>) throws(JournalError) {
            guard range.contains(value) else {
                throw .settings("\(key) is \(value); it must be \(range.lowerBound) to \(range.upperBound)")
            }
        }
        if directory.isEmpty { throw .settings("journal.directory is empty") }
        // Offsets within a segment are 32 bits: a full segment, one group and one record more must stay below 4 GiB.
        try check("journal.segment_size", segmentBytes, 4096...(1 << 30))
        try check("a segment's keys", segmentKeys, 1...(1 << 26))
        try check("journal.queue_size", queueBytes, 4096...(1 << 34))
        try check("the queue's records", queueRecords, 1...(1 << 22))
        try check("receivers.otlp.max_request_size", recordBytes, 1024...(1 << 30))
        try check("the fingerprints", deduplicateEntries, 1...(1 << 24))
        try check("journal.retention.size", retentionBytes, 1...Int.max)
    }
}
