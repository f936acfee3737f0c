import Glibc
import Synchronization

/// One segment file as readers see it: every file is opened for each use, so that neither many segments nor slow readers
/// hold descriptors, and a segment deleted meanwhile is simply not found. Any thread.
final class Segment: Sendable {
    let first: UInt64
    let salt: UInt64
    let path: String
    let indexPath: String
    private let files: FileOperations
    private let secret: UInt64
    private let contents: Mutex<Contents>

    /// What changes, all at once under the lock.
    struct Contents {
        /// Records, damaged ones included.
        var count = 0
        /// The offset after the last record.
        var end = SegmentHead.bytes
        /// Times of the first record and of the newest one, Unix nanoseconds.
        var oldest: UInt64?
        var newest: UInt64 = 0
        /// True while the journal's thread writes to it.
        var isOpen = false
        /// Until the index file is written.
        var memory: MemoryIndex?
        var file: IndexFile?

        /// Bytes on disk.
        var bytes: Int { end + (file?.bytes ?? 0) }
    }

    /// A segment as found on disk, with its index file if that fits, else to be read by `rebuild`.
    init(head: SegmentHead, directory: String, files: FileOperations, secret: UInt64) {
        first = head.first
        salt = head.salt
        path = Segment.path(head.first, in: directory)
        indexPath = Segment.indexPath(head.first, in: directory)
        self.files = files
        self.secret = secret
        contents = Mutex(Contents())
    }

    static func path(_ first: UInt64, in directory: String) -> String { "\(directory)/\(name(first)).segment" }
    static func indexPath(_ first: UInt64, in directory: String) -> String { "\(directory)/\(name(first)).index" }

    private static func name(_ first: UInt64) -> String {
        let digits = String(first, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The first id in a segment's file name; nil if the name is not one that `path` makes (or a number out of reach,
    /// with which sums could overflow).
    static func first(ofName name: some StringProtocol) -> UInt64? {
        guard let id = UInt64(name, radix: 16), id > 0, id < 1 << 62, self.name(id) == name else { return nil }
        return id
    }

    /// The state now, without the memory index: that would be copied at the next append.
    var state: (count: Int, end: Int, bytes: Int, oldest: UInt64?, newest: UInt64, isOpen: Bool, isSealed: Bool) {
        contents.withLock { ($0.count, $0.end, $0.bytes, $0.oldest, $0.newest, $0.isOpen, $0.file != nil) }
    }

    // MARK: The journal's thread

    /// A record that was written, for `publish`.
    struct Written {
        let offset: Int
        let time: UInt64
        let keys: [UInt64]
    }

    /// Makes written records visible to readers; returns how many index pairs the segment has now.
    func publish(_ records: [Written], end: Int) -> Int {
        contents.withLock { contents in
            if contents.memory == nil { contents.memory = MemoryIndex(secret: secret) }
            for record in records {
                contents.memory?.append(offset: UInt32(truncatingIfNeeded: record.offset), keys: record.keys)
                contents.oldest = contents.oldest ?? record.time
                contents.newest = max(contents.newest, record.time)
            }
            contents.count += records.count
            contents.end = end
            return contents.memory?.pairCount ?? 0
        }
    }

    func setOpen(_ isOpen: Bool) { contents.withLock { $0.isOpen = isOpen } }

    // MARK: Opening and sealing

    /// Takes the index file if it describes this segment of `end` bytes; else false.
    func adoptIndex(end: Int) -> Bool {
        guard let file = IndexFile(path: indexPath, files: files), file.first == first, file.segmentEnd == end
        else { return false }
        contents.withLock {
            $0.file = file
            $0.count = file.records
            $0.end = end
            $0.newest = file.newest
        }
        return true
    }

    /// What reading a whole segment found.
    struct Scan {
        var summary: SegmentScanner.Summary
        var tornBytes: Int
    }

    /// Reads the whole file and makes the index anew, in memory.
    /// - Parameter bound: the next segment's first id, if there is one: records missing before it count as damaged. Nil
    ///   keeps the count of records if it is known already.
    @discardableResult
    func rebuild(bound: UInt64?) throws(JournalError) -> Scan {
        let known = contents.withLock { (count: $0.count, end: $0.end) }
        let bound = bound ?? (known.count > 0 ? first + UInt64(known.count) : nil)
        let file = try open(path)
        defer { files.close(file) }
        let size = files.size(file)
        if size < 0 { throw .read(file: path, operation: "fstat", code: Int32(clamping: -size)) }
        var scanner = SegmentScanner(
            window: FileWindow(files: files, file: file, size: size), salt: salt, from: (SegmentHead.bytes, first),
            bound: bound ?? .max)
        var index = MemoryIndex(secret: secret)
        var oldest: UInt64?
        var newest: UInt64 = 0
        do {
            var summary = try scanner.scan { visit in
                while first + UInt64(index.offsets.count) < visit.head.id { index.append(offset: 0, keys: []) }
                let keys = stride(from: 0, to: visit.keys.count, by: 8).lazy.map {
                    visit.keys.number(at: $0, as: UInt64.self)
                }
                index.append(offset: UInt32(truncatingIfNeeded: visit.offset), keys: keys)
                oldest = oldest ?? visit.head.time
                newest = max(newest, visit.head.time)
                return true
            }
            let torn = try scanner.tornBytes()
            // Missing records at the end, as far as they can have been in this file.
            if let bound, bound - summary.next <= UInt64((max(size, known.end) - summary.end) / RecordHead.bytes) {
                summary.damaged += Int(bound - summary.next)
                while first + UInt64(index.offsets.count) < bound { index.append(offset: 0, keys: []) }
            }
            contents.withLock { [index, oldest, newest] in
                $0.memory = index
                $0.file = nil
                $0.count = index.offsets.count
                $0.end = summary.end
                $0.oldest = oldest
                $0.newest = newest
            }
            return Scan(summary: summary, tornBytes: torn)
        } catch {
            throw .read(file: path, operation: "read", code: (error as? FileOperations.FileFailure)?.code ?? EIO)
        }
    }

    /// Writes the index file of a closed segment and frees the one in memory. True if something was written.
    func seal(directory: String) throws(JournalError) -> Bool {
        let (memory, end, newest) = contents.withLock { ($0.isOpen ? nil : $0.memory, $0.end, $0.newest) }
        guard let memory else { return false }
        do throws(IndexFile.IndexFailure) {
            let file = try IndexFile.write(
                memory, first: first, segmentEnd: end, newest: newest, path: indexPath, files: files)
            contents.withLock {
                $0.file = file
                $0.memory = nil
            }
            return true
        } catch {
            throw .write(directory: directory, operation: "\(error.operation) \(indexPath)", code: error.code)
        }
    }

    // MARK: Reading

    /// Reads one record. The caller has checked that the id belongs here.
    func read(_ id: RecordID, missing: JournalError) throws(JournalError) -> JournalRecord {
        guard let offset = try offset(of: id.raw) else { throw missing }
        if offset == 0 { throw .damaged(id, file: path) }
        let file = files.open(path, O_RDONLY)
        if file == -ENOENT { throw missing }
        if file < 0 { throw .read(file: path, operation: "open", code: -file) }
        defer { files.close(file) }

        func fill(_ count: Int, at offset: Int) throws(JournalError) -> [UInt8] {
            var failure = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: count) { into, done in
                // Safe: read fills at most the buffer's own size; `done` tells how much is initialised.
                let read = files.read(file, UnsafeMutableRawBufferPointer(into), offset)
                failure = min(read, 0)
                done = max(read, 0)
            }
            if failure < 0 { throw .read(file: path, operation: "read", code: Int32(clamping: -failure)) }
            if bytes.count < count { throw .damaged(id, file: path) }
            return bytes
        }
        let headBytes = try fill(RecordHead.bytes, at: offset)
        let head = headBytes.withUnsafeBytes { RecordHead($0) }
        // A damaged length must not allocate more than the file could fill.
        guard head.salt == salt, head.id == id.raw, let kind = RecordKind(rawValue: head.kind),
            head.contentBytes <= files.size(file) - offset
        else { throw .damaged(id, file: path) }
        let keys = try fill(8 * Int(head.keyCount), at: offset + RecordHead.bytes)
        let tenant = try fill(Int(head.tenantBytes), at: offset + RecordHead.bytes + keys.count)
        let payload = try fill(Int(head.payloadBytes), at: offset + RecordHead.bytes + keys.count + tenant.count)
        var checksum = Checksum()
        keys.withUnsafeBytes { checksum.update($0) }
        tenant.withUnsafeBytes { checksum.update($0) }
        payload.withUnsafeBytes { checksum.update($0) }
        headBytes.withUnsafeBytes { checksum.update($0.part(0..<44)) }
        guard checksum.value == head.checksum else { throw .damaged(id, file: path) }
        return JournalRecord(
            id: id, kind: kind, time: head.time, payload: payload,
            tenant: tenant.isEmpty ? nil : String(decoding: tenant, as: UTF8.self))
    }

    /// Calls the body with the ids of a key's records from `from` on, ascending, until it says "no more" by false.
    func forEach(_ key: UInt64, from: UInt64, _ body: (RecordID) -> Bool) {
        var next = from > first ? Int(clamping: from - first) : 0
        func visit(_ ordinal: Int) -> Bool {
            next = ordinal + 1
            return body(RecordID(raw: first + UInt64(ordinal)))
        }
        for _ in 0..<Self.attempts {
            if let file = try? usableIndexFile() {
                if file.forEach(key, from: next, files: files, visit) { return }
                // It became unreadable after it was checked: look again, in the index made anew.
                _ = try? rebuild(bound: nil)
            } else {
                let isDone = contents.withLock { contents in
                    contents.memory?.forEach(key, from: next, visit)
                    return contents.memory != nil || contents.file == nil
                }
                if isDone { return }
            }
        }
    }

    /// Visits intact records from `from` to `through` in order; returns how many were damaged.
    func replay(
        from: UInt64, through: UInt64, _ body: (JournalRecord) throws -> Void
    ) throws -> Int {
        let end = contents.withLock { $0.end }
        let file = files.open(path, O_RDONLY)
        // Deleted by retention meanwhile.
        if file == -ENOENT { return 0 }
        if file < 0 { throw JournalError.read(file: path, operation: "open", code: -file) }
        defer { files.close(file) }
        var start = (offset: SegmentHead.bytes, id: first)
        if from > first, let offset = try offset(of: from), offset > 0 { start = (offset, from) }
        var scanner = SegmentScanner(
            window: FileWindow(files: files, file: file, size: end), salt: salt, from: start, bound: .max)
        var expected = from
        var damaged = 0
        do {
            _ = try scanner.scan { visit in
                if visit.head.id > through { return false }
                if visit.head.id >= from {
                    damaged += Int(visit.head.id - expected)
                    expected = visit.head.id + 1
                    if let kind = RecordKind(rawValue: visit.head.kind) {
                        try body(
                            JournalRecord(
                                id: RecordID(raw: visit.head.id), kind: kind, time: visit.head.time,
                                payload: Array(visit.payload),
                                tenant: visit.tenant.isEmpty ? nil : String(decoding: visit.tenant, as: UTF8.self)))
                    } else {
                        damaged += 1
                    }
                }
                return visit.head.id < through
            }
        } catch let failure as FileOperations.FileFailure {
            throw JournalError.read(file: path, operation: "read", code: failure.code)
        }
        return damaged + Int(through + 1 - expected)
    }

    /// Visits the heads of records from an id on without reading their contents (nothing is checked but salt and id).
    func forEachHead(from: UInt64, _ body: (RecordHead) -> Void) {
        let indexFile = try? usableIndexFile()
        let offsets = indexFile.flatMap { $0.offsets(files: files) } ?? contents.withLock { $0.memory?.offsets ?? [] }
        let file = files.open(path, O_RDONLY)
        guard file >= 0 else { return }
        defer { files.close(file) }
        var window = FileWindow(files: files, file: file, size: files.size(file), step: 4096)
        for ordinal in offsets.indices where offsets[ordinal] != 0 && first + UInt64(ordinal) >= from {
            let head = try? window.bytes(at: Int(offsets[ordinal]), count: RecordHead.bytes) { RecordHead($0) }
            if let head, head.salt == salt, head.id == first + UInt64(ordinal) { body(head) }
        }
    }

    /// How often a look-up starts again because the index moved between memory and file.
    private static let attempts = 3

    /// Where a record begins: 0 if it is damaged, nil if it is not there.
    private func offset(of id: UInt64) throws(JournalError) -> Int? {
        let ordinal = Int(clamping: id - first)
        for _ in 0..<Self.attempts {
            if let file = try usableIndexFile() {
                if ordinal >= file.records { return nil }
                if let offset = file.offset(of: ordinal, files: files) { return offset }
                try rebuild(bound: nil)
            } else {
                let (offset, isDone) = contents.withLock { contents -> (Int?, Bool) in
                    guard let memory = contents.memory else { return (nil, contents.file == nil) }
                    return (ordinal < memory.offsets.count ? Int(memory.offsets[ordinal]) : nil, true)
                }
                if isDone { return offset }
            }
        }
        return nil
    }

    /// The index file with its body checked; nil if the index is in memory, where a damaged file's index is made anew.
    private func usableIndexFile() throws(JournalError) -> IndexFile? {
        let (found, inMemory) = contents.withLock { ($0.file, $0.memory != nil) }
        guard var file = found, !inMemory else { return nil }
        if file.fences != nil { return file }
        guard file.load(files: files) else {
            try rebuild(bound: nil)
            return nil
        }
        contents.withLock { [file] in if $0.file != nil { $0.file = file } }
        return file
    }

    private func open(_ path: String) throws(JournalError) -> Int32 {
        let file = files.open(path, O_RDONLY)
        if file < 0 { throw .read(file: path, operation: "open", code: -file) }
        return file
    }
}
