import Glibc
import Synchronization

/// The received bytes on disk: records in append-only segments, found by number and by 64-bit key, deleted a whole segment
/// at a time. One thread of its own writes groups and answers after their sync; everything else may be called from any
/// thread.
package final class Journal: Sendable {
    private let settings: JournalSettings
    private let files: FileOperations
    private let store: SegmentStore
    private let queue: AppendQueue
    private let counters = JournalCounters()
    private let status = JournalStatus()
    /// One housekeeping call at a time.
    private let housekeeping = Mutex<Void>(())
    private let thread: Mutex<pthread_t?>
    private let lockFile: Int32

    /// What opening found.
    package let recovery: Recovery

    /// Opens the directory or makes it, recovers what a crash left and starts the journal's thread.
    /// - Parameters:
    ///   - now: Unix nanoseconds; decides which stored records still count as possible duplicates.
    ///   - clock: monotonic nanoseconds, for the pause between attempts on a failing disk.
    ///   - random: for the segments' salts; must be unpredictable for senders.
    package init(
        settings: JournalSettings, now: UInt64, files: FileOperations = .system,
        clock: @escaping @Sendable () -> UInt64 = Journal.monotonicNanoseconds,
        random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }
    ) throws(JournalError) {
        try settings.validate()
        let directory = settings.directory
        let made = files.makeDirectory(directory)
        if made < 0 { throw .directory(directory, operation: "mkdir", code: -made) }
        let lock = files.open("\(directory)/journal.lock", O_RDWR | O_CREAT)
        if lock < 0 { throw .directory(directory, operation: "open journal.lock", code: -lock) }
        let store = SegmentStore(directory: directory, files: files, secret: random())
        let queue = AppendQueue(limitBytes: settings.queueBytes, limitRecords: settings.queueRecords)
        do throws(JournalError) {
            let locked = files.lock(lock)
            if locked == -EWOULDBLOCK { throw .locked(directory) }
            if locked < 0 { throw .directory(directory, operation: "lock journal.lock", code: -locked) }
            recovery = try store.recover()
            let writer = try JournalWriter(
                settings: settings, store: store, queue: queue, counters: counters, status: status, clock: clock,
                random: random, now: now)
            thread = Mutex(try Self.start(writer, directory))
        } catch {
            files.close(lock)
            throw error
        }
        self.settings = settings
        self.files = files
        self.store = store
        self.queue = queue
        lockFile = lock
    }

    deinit { close() }

    /// `CLOCK_MONOTONIC` in nanoseconds.
    @Sendable package static func monotonicNanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    private static func start(_ writer: JournalWriter, _ directory: String) throws(JournalError) -> pthread_t {
        var thread = pthread_t()
        // Safe: the new thread takes over the reference that passRetained made, and is the only one to use the writer.
        let argument = Unmanaged.passRetained(writer)
        let code = pthread_create(&thread, nil, { pointer in
            if let pointer { Unmanaged<JournalWriter>.fromOpaque(pointer).takeRetainedValue().run() }
            return nil
        }, argument.toOpaque())
        if code != 0 {
            argument.release()
            throw .directory(directory, operation: "start the journal's thread", code: code)
        }
        return thread
    }

    // MARK: Writing

    /// Stores an entry. The completion runs on the journal's thread, in the order of records and after the group's sync, and
    /// should be short; an entry that is refused at once is answered on the caller's thread.
    package func append(
        _ entry: JournalEntry, completion: @escaping @Sendable (Result<AppendOutcome, JournalError>) -> Void
    ) {
        var refusal: JournalError?
        if entry.storedBytes > settings.recordBytes {
            refusal = .tooLarge(bytes: entry.storedBytes, limit: settings.recordBytes)
        } else if entry.tenantBytes.count > RecordHead.tenantLimit {
            refusal = .tooLarge(bytes: entry.tenantBytes.count, limit: RecordHead.tenantLimit)
        } else {
            refusal = queue.offer(WaitingEntry(entry: entry, content: entry.contentChecksum, completion: completion))
        }
        if let refusal {
            counters.refused.add(1, ordering: .relaxed)
            completion(.failure(refusal))
        }
    }

    /// Why the disk takes no records at the moment; nil if it does.
    package var failure: JournalError? { status.failure }

    // MARK: Reading

    /// The newest record; 0 if there is none yet.
    package var lastID: RecordID { RecordID(raw: store.last) }

    /// The oldest record that is kept; `lastID` + 1 if there is none.
    package var firstID: RecordID { RecordID(raw: store.first) }

    /// Reads a record and checks its checksum: `notFound`, `damaged` or `read` if that fails.
    package func read(_ id: RecordID) throws(JournalError) -> JournalRecord { try store.read(id) }

    /// The first `limit` records from `from` on that were stored with the key, ascending. Keys are hashes: there may be
    /// records of another thing among them. Segments that cannot be read are left out.
    package func records(key: UInt64, from: RecordID = RecordID(raw: 1), limit: Int) -> [RecordID] {
        store.records(key: key, from: from.raw, limit: limit)
    }

    /// Calls the body with every intact record from `from` through `through` (nil: the newest when this is called).
    /// - Returns: how many damaged records were stepped over.
    @discardableResult
    package func replay(
        from: RecordID, through: RecordID? = nil, _ body: (JournalRecord) throws -> Void
    ) throws -> Int {
        try store.replay(from: from.raw, through: min(through?.raw ?? .max, store.last), body)
    }

    // MARK: Housekeeping

    /// Nothing at or after this record is deleted by retention; nil takes the pin away.
    package func pin(_ id: RecordID?) { store.pin(id?.raw) }

    /// Writes the index files of closed segments, has the journal's thread close a segment that is open for longer than
    /// `segmentAge`, and tries a failed disk. To be called every few seconds by the housekeeping thread.
    /// - Parameter now: Unix nanoseconds.
    /// - Returns: how many index files were written.
    @discardableResult
    package func seal(now: UInt64) throws(JournalError) -> Int {
        let before = now > settings.segmentAge ? now - settings.segmentAge : 0
        queue.ask {
            $0.rotateBefore = before
            $0.probe = true
        }
        return try housekeeping.withLock { _ throws(JournalError) in try store.seal() }
    }

    /// Deletes the oldest segments while they are too old or all together too large. To be called by housekeeping.
    /// - Parameter now: Unix nanoseconds.
    @discardableResult
    package func enforceRetention(now: UInt64) -> RetentionReport {
        housekeeping.withLock { _ in
            store.enforceRetention(bytes: settings.retentionBytes, age: settings.retentionAge, now: now)
        }
    }

    /// Counters and gauges.
    package var statistics: JournalStatistics {
        var statistics = counters.statistics
        let segments = store.all
        statistics.segments = segments.count
        statistics.storedBytes = segments.reduce(0) { $0 + $1.state.bytes }
        (statistics.waitingBytes, statistics.waitingRecords) = queue.waiting
        return statistics
    }

    /// Writes what waits, ends the thread and gives the directory back; later appends are refused. Not to be called from a
    /// completion.
    package func close() {
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        guard let running else { return }
        queue.ask { $0.close = true }
        pthread_join(running, nil)
        files.close(lockFile)
    }
}
