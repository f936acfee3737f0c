import Glibc
import Synchronization

/// The segments of a directory in order: shared by the journal's thread, which adds, housekeeping, which deletes, and
/// readers. Any thread.
final class SegmentStore: Sendable {
    let directory: String
    let files: FileOperations
    /// For the hash tables of indexes.
    let secret: UInt64
    private let segments = Mutex<[Segment]>([])
    /// The newest committed record; 0 if there was none.
    private let newest = Atomic<UInt64>(0)
    private let pinned = Atomic<UInt64>(.max)
    private let isSealing = Atomic<Bool>(false)

    init(directory: String, files: FileOperations, secret: UInt64) {
        self.directory = directory
        self.files = files
        self.secret = secret
    }

    var all: [Segment] { segments.withLock { $0 } }
    var last: UInt64 { newest.load(ordering: .acquiring) }
    /// The oldest record that is kept; `last` + 1 if there is none.
    var first: UInt64 { segments.withLock { $0.first?.first } ?? last + 1 }

    func add(_ segment: Segment) { segments.withLock { $0.append(segment) } }
    func setLast(_ id: UInt64) { newest.store(id, ordering: .releasing) }
    func pin(_ id: UInt64?) { pinned.store(id ?? .max, ordering: .releasing) }

    // MARK: Reading

    func read(_ id: RecordID) throws(JournalError) -> JournalRecord {
        let missing = JournalError.notFound(id, first: RecordID(raw: first), last: RecordID(raw: last))
        guard id.raw <= last, let segment = segment(of: id.raw) else { throw missing }
        return try segment.read(id, missing: missing)
    }

    func records(key: UInt64, from: UInt64, limit: Int) -> [RecordID] {
        guard limit > 0 else { return [] }
        var found: [RecordID] = []
        let last = last
        for segment in all where segment.first + UInt64(segment.state.count) > from {
            segment.forEach(key, from: from) { id in
                if id.raw <= last { found.append(id) }
                return found.count < limit
            }
            if found.count >= limit { break }
        }
        return found
    }

    func replay(from: UInt64, through: UInt64, _ body: (JournalRecord) throws -> Void) throws -> Int {
        var damaged = 0
        for segment in all {
            let count = UInt64(segment.state.count)
            guard count > 0 else { continue }
            let from = max(from, segment.first)
            let through = min(through, segment.first + count - 1)
            if from <= through { damaged += try segment.replay(from: from, through: through, body) }
        }
        return damaged
    }

    private func segment(of id: UInt64) -> Segment? {
        segments.withLock { segments in
            var low = 0
            var high = segments.count
            while low < high {
                let middle = (low + high) / 2
                if segments[middle].first <= id { low = middle + 1 } else { high = middle }
            }
            return low > 0 ? segments[low - 1] : nil
        }
    }

    // MARK: Housekeeping

    /// Writes the index files that are missing, oldest first; returns how many. Does nothing if another thread is at it.
    func seal() throws(JournalError) -> Int {
        guard isSealing.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else { return 0 }
        defer { isSealing.store(false, ordering: .releasing) }
        var count = 0
        for segment in all where try segment.seal(directory: directory) { count += 1 }
        return count
    }

    /// One caller at a time.
    func enforceRetention(bytes limit: Int, age: UInt64, now: UInt64) -> RetentionReport {
        var report = RetentionReport()
        let pin = pinned.load(ordering: .acquiring)
        let segments = all
        var total = segments.reduce(0) { $0 + $1.state.bytes }
        var expired: [Segment] = []
        for segment in segments {
            let state = segment.state
            let isOld = age > 0 && state.newest < now && now - state.newest > age
            guard !state.isOpen, isOld || total > limit else { break }
            if state.count > 0, segment.first + UInt64(state.count) > pin {
                report.heldByPin = true
                break
            }
            total -= state.bytes
            report.segments += 1
            report.bytes += state.bytes
            expired.append(segment)
        }
        self.segments.withLock { $0.removeFirst(expired.count) }
        for segment in expired {
            _ = files.remove(segment.indexPath)
            let code = files.remove(segment.path)
            if code < 0 && code != -ENOENT { report.failures.append("\(segment.path): errno \(-code)") }
        }
        report.bytesKept = total
        return report
    }

    // MARK: Opening

    /// Finds the directory's segments, repairs what a crash left behind and returns what was found. The last segment stays
    /// the one to go on with, if there is one.
    func recover() throws(JournalError) -> Recovery {
        var recovery = Recovery()
        var names: [String]
        do throws(FileOperations.FileFailure) {
            names = try files.list(directory)
        } catch {
            throw .directory(directory, operation: "list", code: error.code)
        }
        // Indexes that were being written.
        for name in names where name.hasSuffix(".index.new") { _ = files.remove("\(directory)/\(name)") }
        names.sort()
        var found: [Segment] = []
        for name in names where name.hasSuffix(".segment") {
            if let segment = try openSegment(name, &recovery) { found.append(segment) }
        }
        let firsts = Set(found.map(\.first))
        for name in names where name.hasSuffix(".index") {
            if let first = Segment.first(ofName: name.dropLast(6)), !firsts.contains(first) {
                _ = files.remove("\(directory)/\(name)")
            }
        }
        for (segment, next) in zip(found, found.dropFirst()) { try recover(segment, next: next.first, &recovery) }
        if let last = found.last { try recoverLast(last, &recovery) }
        recovery.segments = found.count
        segments.withLock { [found] in $0 = found }
        if let last = found.last { setLast(last.first + UInt64(last.state.count) - 1) }
        return recovery
    }

    /// A segment by its head, or by its first record if the head is damaged; nil if the file is no segment.
    private func openSegment(_ name: String, _ recovery: inout Recovery) throws(JournalError) -> Segment? {
        let path = "\(directory)/\(name)"
        let file = files.open(path, O_RDONLY)
        if file < 0 { throw .read(file: path, operation: "open", code: -file) }
        defer { files.close(file) }
        var window = FileWindow(files: files, file: file, size: max(files.size(file), 0), step: 4096)
        let first = Segment.first(ofName: name.dropLast(8))
        do {
            let reading = try window.bytes(at: 0, count: SegmentHead.bytes) { SegmentHead.read($0) } ?? .damaged
            switch reading {
            case .otherVersion(let found):
                throw JournalError.version(file: path, found: found, supported: SegmentHead.version)
            case .head(let head) where head.first == first:
                return Segment(head: head, directory: directory, files: files, secret: secret)
            case .head, .damaged: break
            }
            // The first record repeats the salt: it stands in for a damaged head if its checksum is right.
            let salt = try window.bytes(at: SegmentHead.bytes, count: 8) { $0.number(at: 0, as: UInt64.self) }
            if let first, let salt {
                var scanner = SegmentScanner(
                    window: window, salt: salt, from: (SegmentHead.bytes, first), bound: first + 1)
                if try scanner.scan({ _ in false }).intact == 1 {
                    return Segment(
                        head: SegmentHead(first: first, salt: salt), directory: directory, files: files, secret: secret)
                }
            }
            if try window.endOfData(from: 0) == 0 {
                // A crash came between making the file and writing its head.
                _ = files.remove(path)
                return nil
            }
        } catch let error as JournalError {
            throw error
        } catch {
            throw .read(file: path, operation: "read", code: (error as? FileOperations.FileFailure)?.code ?? EIO)
        }
        let code = files.rename(path, path + ".damaged")
        if code < 0 { throw .directory(directory, operation: "rename \(name)", code: -code) }
        recovery.setAside.append(name)
        return nil
    }

    private func recover(_ segment: Segment, next: UInt64, _ recovery: inout Recovery) throws(JournalError) {
        let file = files.open(segment.path, O_RDONLY)
        if file < 0 { throw .read(file: segment.path, operation: "open", code: -file) }
        let size = files.size(file)
        files.close(file)
        if segment.adoptIndex(end: size), segment.first + UInt64(segment.state.count) == next { return }
        let scan = try segment.rebuild(bound: next)
        recovery.indexesRebuilt += 1
        recovery.damagedRecords += scan.summary.damaged
    }

    private func recoverLast(_ segment: Segment, _ recovery: inout Recovery) throws(JournalError) {
        // It is written again, so an index file no longer fits.
        _ = files.remove(segment.indexPath)
        let scan = try segment.rebuild(bound: nil)
        recovery.recordsKept = scan.summary.intact
        recovery.bytesCut = scan.tornBytes
        recovery.damagedRecords += scan.summary.damaged
    }
}
