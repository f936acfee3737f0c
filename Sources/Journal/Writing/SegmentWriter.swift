import Glibc

/// The open segment's file: appends at its committed end and goes back there after a failure. Belongs to the journal's
/// thread.
///
/// Groups are written in whole blocks past the page cache if the file system can (O_DIRECT): copying them into it costs
/// about as much as the disk's own work, and nobody reads them again as a rule. The last block of a group is written again
/// by the next, with what it holds.
final class SegmentWriter {
    /// Groups up to this size are written over zeros written ahead: a sync then changes no metadata, which halves its
    /// processor time (32 instead of 69 µs for 8 KB) and its wait. Larger groups cost less in fallocated space.
    private static let smallGroup = 64 << 10
    private static let zeroStep = 1 << 20
    private static let reserveStep = 16 << 20
    private static let bufferBytes = 1 << 20

    let segment: Segment
    private let file: Int32
    /// The same file, for writing past the page cache; negative if that is not to be done.
    private var direct: Int32 = -1
    private let files: FileOperations
    private let isDurable: Bool
    /// What was committed ends here.
    private(set) var end: Int
    /// The bytes before `end` in its block.
    private var tail: [UInt8] = []
    /// The group being written.
    private let buffer = BlockBuffer(capacity: bufferBytes)
    private let zeros = BlockBuffer(capacity: 256 << 10)
    /// What comes before the payload of a record.
    private var preamble: [UInt8] = []
    private var zeroedEnd: Int
    private var reservedEnd: Int

    struct Failure: Error {
        let operation: String
        let code: Int32
        /// After a failed sync the kernel may have dropped what it could not write: the segment must not be written again.
        var isSync = false
    }

    /// Opens the segment's file, made anew if `isNew`, and goes on at `end`.
    init(
        segment: Segment, end: Int, isNew: Bool, directory: String, files: FileOperations, isDurable: Bool
    ) throws(Failure) {
        self.segment = segment
        self.files = files
        self.isDurable = isDurable
        self.end = end
        zeroedEnd = end
        reservedEnd = end
        file = files.open(segment.path, O_RDWR | (isNew ? O_CREAT | O_TRUNC : 0))
        if file < 0 { throw Failure(operation: "open \(segment.path)", code: -file) }
        do throws(Failure) {
            try check("truncate", files.truncate(file, end))
            try check("write", files.writeAll(file, SegmentHead(first: segment.first, salt: segment.salt).encoded(), at: 0))
            // What a crashed process left unsynced is served from now on, so it has to be durable now.
            try check("fdatasync", isDurable ? files.synchronize(file) : 0)
            if isNew && isDurable { try check("fdatasync of the directory", files.synchronizeDirectory(directory)) }
            try readTail()
        } catch {
            files.close(file)
            if isNew { _ = files.remove(segment.path) }
            throw error
        }
        if isDurable { direct = files.openDirect(segment.path) }
    }

    deinit {
        files.close(file)
        if direct >= 0 { files.close(direct) }
    }

    private func check(_ operation: String, _ code: Int32) throws(Failure) {
        if code < 0 { throw Failure(operation: operation, code: -code) }
    }

    private func readTail() throws(Failure) {
        var failure: Int32 = 0
        let count = end % BlockBuffer.block
        tail = [UInt8](unsafeUninitializedCapacity: count) { into, done in
            // Safe: read fills at most the buffer's own size; `done` tells how much is initialised.
            let read = files.read(file, UnsafeMutableRawBufferPointer(into), end - count)
            done = max(read, 0)
            failure = read < 0 ? Int32(clamping: read) : read < count ? -EIO : 0
        }
        try check("read \(segment.path)", failure)
        buffer.begin(at: end, after: tail)
    }

    /// Gets space for a group of so many bytes. Never fails: the write will, if it must.
    func prepare(_ bytes: Int) {
        guard isDurable else { return }
        let wanted = BlockBuffer.roundedUp(end + bytes)
        if bytes <= Self.smallGroup {
            while zeroedEnd < wanted {
                var at = BlockBuffer.roundedUp(max(zeroedEnd, end))
                let stop = at + Self.zeroStep
                while at < stop {
                    if write(zeros.whole, at: at) < 0 { return }
                    at += zeros.whole.count
                }
                zeroedEnd = stop
                reservedEnd = max(reservedEnd, stop)
            }
        } else if reservedEnd < wanted {
            let count = max(wanted - reservedEnd, Self.reserveStep)
            if files.reserve(file, reservedEnd, count) >= 0 { reservedEnd += count }
        }
    }

    /// Adds a record to the group; returns its offset.
    func append(_ head: RecordHead, _ waiting: WaitingEntry) throws(Failure) -> Int {
        let offset = buffer.end
        preamble.removeAll(keepingCapacity: true)
        head.append(to: &preamble, content: waiting.content)
        waiting.entry.keys.withUnsafeBytes { preamble.append(contentsOf: $0) }
        preamble.append(contentsOf: waiting.entry.tenantBytes)
        try take(preamble)
        try take(waiting.entry.payload)
        return offset
    }

    private func take(_ bytes: [UInt8]) throws(Failure) {
        var done = 0
        while done < bytes.count {
            done += bytes.withUnsafeBytes { buffer.append(UnsafeRawBufferPointer(rebasing: $0[done...])) }
            if buffer.isFull {
                try check("write", write(buffer.blocks, at: buffer.offset))
                buffer.begin(at: buffer.end, after: [])
            }
        }
    }

    private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int32 {
        if direct >= 0 {
            let code = files.writeAll(direct, bytes, at: offset)
            if code != -EINVAL { return code }
            // The file system wants larger blocks.
            files.close(direct)
            direct = -1
        }
        return files.writeAll(file, bytes, at: offset)
    }

    /// Ends the group: writes what is left and makes it durable.
    func commit() throws(Failure) {
        try check("write", write(buffer.blocks, at: buffer.offset))
        if isDurable {
            let code = files.synchronize(file)
            if code < 0 { throw Failure(operation: "fdatasync", code: -code, isSync: true) }
        }
        end = buffer.end
        tail = buffer.tail
        buffer.begin(at: end, after: tail)
    }

    /// Takes back what was written of a failed group and drops the space written ahead.
    func truncate() throws(Failure) {
        buffer.begin(at: end, after: tail)
        zeroedEnd = end
        reservedEnd = end
        try check("truncate", files.truncate(file, end))
    }

    /// Shows whether the disk takes records: writes zeros ahead and syncs them.
    func probe() throws(Failure) {
        let start = BlockBuffer.roundedUp(end)
        try check("write", write(zeros.whole, at: start))
        try check("fdatasync", isDurable ? files.synchronize(file) : 0)
        zeroedEnd = max(zeroedEnd, start + zeros.whole.count)
        reservedEnd = max(reservedEnd, zeroedEnd)
    }
}
