import Glibc
import Synchronization

/// The work of the journal's thread: takes all that waits, writes it in groups, syncs each once and then answers.
/// Belongs to the journal's thread (made by another, before that one starts).
final class JournalWriter {
    /// A group ends at this size, so that the first of many waiting does not wait for all.
    private static let groupBytes = 16 << 20
    /// Closed segments whose index is not written yet, before this thread writes them itself.
    private static let unsealedLimit = 4

    private let settings: JournalSettings
    private let store: SegmentStore
    private let queue: AppendQueue
    private let counters: JournalCounters
    private let status: JournalStatus
    private let clock: @Sendable () -> UInt64
    private let random: @Sendable () -> UInt64
    private var files: FileOperations { store.files }
    private var isDurable: Bool { settings.durability == .fsync }

    private var writer: SegmentWriter?
    private var nextID: UInt64
    private var keysInSegment = 0
    private var deduplication: Deduplication
    private var retryAt: UInt64 = 0
    /// A group failed and its bytes are not taken back yet.
    private var needsTruncate = false
    /// The segment cannot be trusted with more records.
    private var needsRotation = false

    /// Opens the last segment for writing, or makes the first one: a directory that cannot be written is found here.
    init(
        settings: JournalSettings, store: SegmentStore, queue: AppendQueue, counters: JournalCounters,
        status: JournalStatus, clock: @escaping @Sendable () -> UInt64, random: @escaping @Sendable () -> UInt64,
        now: UInt64
    ) throws(JournalError) {
        self.settings = settings
        self.store = store
        self.queue = queue
        self.counters = counters
        self.status = status
        self.clock = clock
        self.random = random
        nextID = store.last + 1
        deduplication = Deduplication(window: settings.deduplicateWindow, limit: settings.deduplicateEntries)
        remember(now: now)
        do throws(SegmentWriter.Failure) {
            if let last = store.all.last {
                let state = last.state
                writer = try SegmentWriter(
                    segment: last, end: state.end, isNew: false, directory: settings.directory, files: files,
                    isDurable: isDurable)
                last.setOpen(true)
                keysInSegment = last.publish([], end: state.end)
            } else {
                try beginSegment()
            }
        } catch {
            throw .directory(settings.directory, operation: error.operation, code: error.code)
        }
    }

    /// Fills the de-duplication with what was stored within the window before now.
    private func remember(now: UInt64) {
        guard deduplication.isOn else { return }
        let oldest = store.last - min(store.last, UInt64(settings.deduplicateEntries)) + 1
        for segment in store.all where segment.first + UInt64(segment.state.count) > oldest {
            let newest = segment.state.newest
            if newest < now && now - newest > settings.deduplicateWindow { continue }
            segment.forEachHead(from: oldest) { head in
                if deduplication.isWithinWindow(head.time, now: now) {
                    deduplication.insert(head.fingerprint, id: head.id, time: head.time)
                }
            }
        }
    }

    // MARK: The loop

    /// Runs until the queue is closed and empty.
    func run() {
        while true {
            let (entries, tasks) = queue.take()
            // First, so that what housekeeping asked for holds for the appends after it.
            if tasks.probe { probe() }
            if let before = tasks.rotateBefore, status.failure == nil { rotate(before: before) }
            var index = 0
            while index < entries.count {
                var bytes = 0
                let start = index
                while index < entries.count, index == start || bytes + entries[index].entry.storedBytes <= Self.groupBytes {
                    bytes += entries[index].entry.storedBytes
                    index += 1
                }
                commit(entries[start..<index], bytes: bytes)
            }
            if tasks.close && entries.isEmpty {
                finish()
                return
            }
        }
    }

    private func commit(_ group: ArraySlice<WaitingEntry>, bytes: Int) {
        if let failure = status.failure, clock() < retryAt { return refuse(group, failure, bytes) }
        do throws(SegmentWriter.Failure) {
            let duplicates = duplicates(in: group)
            let written = group.count - duplicates.count
            if written > 0 { try write(group, without: duplicates, bytes: bytes) }
            counters.duplicates.add(UInt64(duplicates.count), ordering: .relaxed)
            // The space is free before anyone hears of it, and may offer the next.
            queue.finished(bytes: bytes, records: group.count)
            var id = nextID - UInt64(written)
            for (index, waiting) in zip(group.indices, group) {
                if duplicates.contains(index) {
                    waiting.completion(.success(.duplicate))
                } else {
                    waiting.completion(.success(.stored(RecordID(raw: id))))
                    id += 1
                }
            }
        } catch {
            refuse(group, failed(error), bytes)
        }
    }

    private func refuse(_ group: ArraySlice<WaitingEntry>, _ failure: JournalError, _ bytes: Int) {
        counters.failed.add(UInt64(group.count), ordering: .relaxed)
        queue.finished(bytes: bytes, records: group.count)
        for waiting in group { waiting.completion(.failure(failure)) }
    }

    private func write(
        _ group: ArraySlice<WaitingEntry>, without duplicates: Set<Int>, bytes: Int
    ) throws(SegmentWriter.Failure) {
        let writer = try writableSegment()
        writer.prepare(bytes)
        needsTruncate = true
        var written: [Segment.Written] = []
        written.reserveCapacity(group.count)
        var id = nextID
        for (index, waiting) in zip(group.indices, group) where !duplicates.contains(index) {
            let head = RecordHead(salt: writer.segment.salt, id: id, entry: waiting.entry)
            let offset = try writer.append(head, waiting)
            written.append(Segment.Written(offset: offset, time: waiting.entry.time, keys: waiting.entry.keys))
            id += 1
        }
        let start = writer.end
        try writer.commit()
        needsTruncate = false
        nextID = id
        keysInSegment = writer.segment.publish(written, end: writer.end)
        store.setLast(id - 1)
        id -= UInt64(written.count)
        for (index, waiting) in zip(group.indices, group) where !duplicates.contains(index) {
            deduplication.insert(waiting.entry.fingerprint, id: id, time: waiting.entry.time)
            id += 1
        }
        counters.bytes.add(UInt64(writer.end - start), ordering: .relaxed)
        counters.records.add(UInt64(written.count), ordering: .relaxed)
        counters.groups.add(1, ordering: .relaxed)
        if isDurable { counters.synchronizations.add(1, ordering: .relaxed) }
        status.clear()
    }

    // MARK: Duplicates

    /// The indexes of entries whose bytes are stored already, or are earlier in the group.
    private func duplicates(in group: ArraySlice<WaitingEntry>) -> Set<Int> {
        guard deduplication.isOn else { return [] }
        var duplicates: Set<Int> = []
        var inGroup: [UInt64: Int] = [:]
        for (index, waiting) in zip(group.indices, group) where waiting.entry.fingerprint != 0 {
            let entry = waiting.entry
            if let earlier = inGroup[entry.fingerprint] {
                let other = group[earlier].entry
                if other.kind == entry.kind && other.tenantBytes.elementsEqual(entry.tenantBytes)
                    && other.payload == entry.payload
                {
                    duplicates.insert(index)
                    continue
                }
            } else if isStored(entry) {
                duplicates.insert(index)
                continue
            }
            inGroup[entry.fingerprint] = index
        }
        return duplicates
    }

    private func isStored(_ entry: JournalEntry) -> Bool {
        guard let id = deduplication.candidate(entry.fingerprint), let record = try? store.read(id) else { return false }
        return deduplication.isWithinWindow(record.time, now: entry.time) && record.kind == entry.kind
            && (record.tenant ?? "").utf8.elementsEqual(entry.tenantBytes) && record.payload == entry.payload
    }

    // MARK: Segments and failures

    /// The segment for the next group, repaired or begun if it must be.
    private func writableSegment() throws(SegmentWriter.Failure) -> SegmentWriter {
        if needsTruncate {
            try writer?.truncate()
            needsTruncate = false
        }
        if let writer, !needsRotation, writer.end < settings.segmentBytes, keysInSegment < settings.segmentKeys {
            return writer
        }
        return try beginSegment()
    }

    /// Begins the segment of the next record and closes the one before.
    @discardableResult
    private func beginSegment() throws(SegmentWriter.Failure) -> SegmentWriter {
        if let writer {
            try writer.truncate()
            if writer.segment.first == nextID {
                // Nothing was committed to it: go on in the same file, emptied, through a new descriptor.
                let again = try SegmentWriter(
                    segment: writer.segment, end: SegmentHead.bytes, isNew: true, directory: settings.directory,
                    files: files, isDurable: isDurable)
                self.writer = again
                needsRotation = false
                return again
            }
        }
        // The lowest byte is never zero: searching for the salt skips zeros quickly.
        let head = SegmentHead(first: nextID, salt: random() | 1)
        let segment = Segment(head: head, directory: settings.directory, files: files, secret: store.secret)
        let next = try SegmentWriter(
            segment: segment, end: SegmentHead.bytes, isNew: true, directory: settings.directory, files: files,
            isDurable: isDurable)
        segment.setOpen(true)
        store.add(segment)
        writer?.segment.setOpen(false)
        writer = next
        keysInSegment = 0
        needsRotation = false
        counters.segmentsBegun.add(1, ordering: .relaxed)
        if store.all.count(where: { !$0.state.isOpen && !$0.state.isSealed }) > Self.unsealedLimit { _ = try? store.seal() }
        return next
    }

    private func rotate(before: UInt64) {
        guard let writer, let oldest = writer.segment.state.oldest, oldest < before else { return }
        do throws(SegmentWriter.Failure) { try beginSegment() } catch { _ = failed(error) }
    }

    /// Notes a failure: until `retryAt` appends are refused without touching the disk.
    private func failed(_ failure: SegmentWriter.Failure) -> JournalError {
        if failure.isSync { needsRotation = true }
        retryAt = clock() &+ settings.retryInterval
        let error = JournalError.write(
            directory: settings.directory, operation: failure.operation, code: failure.code)
        status.set(error)
        return error
    }

    /// Tries a failed disk with what costs nobody a record.
    private func probe() {
        guard status.failure != nil, clock() >= retryAt else { return }
        do throws(SegmentWriter.Failure) {
            try writableSegment().probe()
            status.clear()
        } catch {
            _ = failed(error)
        }
    }

    /// Leaves the last segment without the space written ahead.
    private func finish() {
        if let writer {
            try? writer.truncate()
        }
        writer = nil
    }
}

/// Why the disk does not take records now, if so. Any thread.
final class JournalStatus: Sendable {
    private let state = Mutex<JournalError?>(nil)
    private let isFailing = Atomic<Bool>(false)

    var failure: JournalError? { isFailing.load(ordering: .acquiring) ? state.withLock { $0 } : nil }

    func set(_ error: JournalError) {
        state.withLock { $0 = error }
        isFailing.store(true, ordering: .releasing)
    }

    func clear() {
        if isFailing.load(ordering: .relaxed) { isFailing.store(false, ordering: .releasing) }
    }
}
