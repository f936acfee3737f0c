import Glibc

/// An entry that waits for its group.
struct WaitingEntry: Sendable {
    let entry: JournalEntry
    let content: Checksum
    let completion: @Sendable (Result<AppendOutcome, JournalError>) -> Void
}

/// What waits for the journal's thread, bounded in bytes and records; what the thread took counts until it says it is done.
///
/// Sendable because all state is touched under `mutex` only.
final class AppendQueue: @unchecked Sendable {
    // Safe: allocated once and initialised before anyone sees the queue, destroyed when nobody does any more.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let limitBytes: Int
    private let limitRecords: Int
    private var entries: [WaitingEntry] = []
    private var bytes = 0
    private var records = 0
    private var tasks = Tasks()

    /// What the journal's thread shall do besides writing.
    struct Tasks: Sendable {
        /// Close the open segment if its first record is older than this, Unix nanoseconds.
        var rotateBefore: UInt64?
        /// Try whether a failed disk takes records again.
        var probe = false
        /// Write what waits, then end.
        var close = false

        var isEmpty: Bool { rotateBefore == nil && !probe && !close }
    }

    init(limitBytes: Int, limitRecords: Int) {
        self.limitBytes = limitBytes
        self.limitRecords = limitRecords
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    /// Bytes and records that wait or are being written.
    var waiting: (bytes: Int, records: Int) { locked { (bytes, records) } }

    /// Takes an entry in, or says why not. An entry larger than the whole queue is taken if nothing else waits.
    func offer(_ waiting: WaitingEntry) -> JournalError? {
        locked {
            if tasks.close { return .closed }
            let size = waiting.entry.storedBytes
            guard records < limitRecords, records == 0 || size <= limitBytes - bytes else {
                return .full(
                    waitingBytes: bytes, waitingRecords: records, limitBytes: limitBytes, limitRecords: limitRecords)
            }
            bytes += size
            records += 1
            entries.append(waiting)
            if entries.count == 1 { pthread_cond_signal(condition) }
            return nil
        }
    }

    func ask(_ change: (inout Tasks) -> Void) {
        locked {
            change(&tasks)
            pthread_cond_signal(condition)
        }
    }

    /// Waits until there is something to do and takes all of it. `close` stays set.
    func take() -> (entries: [WaitingEntry], tasks: Tasks) {
        locked {
            while entries.isEmpty && tasks.isEmpty { pthread_cond_wait(condition, mutex) }
            defer {
                entries = []
                tasks = Tasks(close: tasks.close)
            }
            return (entries, tasks)
        }
    }

    /// Entries that were taken are written or refused.
    func finished(bytes: Int, records: Int) {
        locked {
            self.bytes -= bytes
            self.records -= records
        }
    }
}
