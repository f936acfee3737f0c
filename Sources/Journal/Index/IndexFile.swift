import Glibc

// The index of a closed segment is a file `<first record id>.index`:
//
//     head    magic 8, version 4, records 4, first id 8, pairs 4, zeros 4, segment's end 8, newest time 8, zeros 8,
//             checksum of the body 4, checksum of the head 4
//     body    records × (offset 4), then pairs × (key 8, ordinal 4) sorted by key and ordinal
//
// It can be made anew from the segment at any time, so nothing waits for it to reach the disk.

/// A closed segment's index file. The head is checked when the journal opens, the body at the first search, which also
/// keeps every 256th key in memory: later searches read one block or two.
struct IndexFile: Sendable {
    static let headBytes = 64
    private static let version: UInt32 = 1
    private static let magic: UInt64 = 0x5844_4E49_4E41_5053  // "SPANINDX"
    private static let pairBytes = 12
    private static let blockPairs = 256

    let path: String
    let records: Int
    let first: UInt64
    let pairs: Int
    /// The size of the segment that it describes.
    let segmentEnd: Int
    /// The time of the newest record, Unix nanoseconds.
    let newest: UInt64
    private let bodyChecksum: UInt32
    /// The first key of each block; nil until the body has been checked.
    private(set) var fences: [UInt64]?

    var bytes: Int { Self.headBytes + bodyBytes }
    private var bodyBytes: Int { 4 * records + Self.pairBytes * pairs }

    /// Reads and checks the head; nil if the file is missing or not a head of this version.
    init?(path: String, files: FileOperations) {
        let file = files.open(path, O_RDONLY)
        guard file >= 0 else { return nil }
        defer { files.close(file) }
        var window = FileWindow(files: files, file: file, size: files.size(file), step: Self.headBytes)
        let head = try? window.bytes(at: 0, count: Self.headBytes) { Array($0) }
        guard let head else { return nil }
        guard let read = head.withUnsafeBytes({ Self(path: path, head: $0) }), read.bytes == window.size else { return nil }
        self = read
    }

    private init?(path: String, head: UnsafeRawBufferPointer) {
        guard head.number(at: 0) == Self.magic, head.number(at: 8) == Self.version,
            head.number(at: 60) == Checksum.of(head.part(0..<60)),
            let end = Int(exactly: head.number(at: 32, as: UInt64.self))
        else { return nil }
        self.path = path
        records = Int(head.number(at: 12, as: UInt32.self))
        first = head.number(at: 16)
        pairs = Int(head.number(at: 24, as: UInt32.self))
        segmentEnd = end
        newest = head.number(at: 40)
        bodyChecksum = head.number(at: 56)
    }

    /// Writes a segment's index under a temporary name and moves it into place; throws the failed call's name and errno.
    static func write(
        _ index: MemoryIndex, first: UInt64, segmentEnd: Int, newest: UInt64, path: String, files: FileOperations
    ) throws(IndexFailure) -> IndexFile {
        let pairs = index.sortedPairs()
        var body: [UInt8] = []
        body.reserveCapacity(4 * index.offsets.count + pairBytes * pairs.count)
        index.offsets.withUnsafeBytes { body.append(contentsOf: $0) }
        for pair in pairs {
            body.append(number: pair.key)
            body.append(number: pair.ordinal)
        }
        var head: [UInt8] = []
        head.append(number: magic)
        head.append(number: version)
        head.append(number: UInt32(truncatingIfNeeded: index.offsets.count))
        head.append(number: first)
        head.append(number: UInt32(truncatingIfNeeded: pairs.count))
        head.append(number: UInt32(0))
        head.append(number: UInt64(segmentEnd))
        head.append(number: newest)
        head.append(number: UInt64(0))
        head.append(number: body.withUnsafeBytes { Checksum.of($0) })
        head.append(number: head.withUnsafeBytes { Checksum.of($0) })

        let temporary = path + ".new"
        let file = files.open(temporary, O_WRONLY | O_CREAT | O_TRUNC)
        if file < 0 { throw IndexFailure(operation: "open", code: -file) }
        var written = files.writeAll(file, head, at: 0)
        if written == 0 { written = files.writeAll(file, body, at: head.count) }
        files.close(file)
        if written < 0 {
            _ = files.remove(temporary)
            throw IndexFailure(operation: "write", code: -written)
        }
        let renamed = files.rename(temporary, path)
        if renamed < 0 { throw IndexFailure(operation: "rename", code: -renamed) }
        guard var read = head.withUnsafeBytes({ Self(path: path, head: $0) }) else {
            throw IndexFailure(operation: "read back", code: EIO)
        }
        read.fences = stride(from: 0, to: pairs.count, by: blockPairs).map { pairs[$0].key }
        return read
    }

    struct IndexFailure: Error {
        let operation: String
        let code: Int32
    }

    /// Checks the body and fills the fences; false if it is damaged or cannot be read.
    mutating func load(files: FileOperations) -> Bool {
        if fences != nil { return true }
        let file = files.open(path, O_RDONLY)
        guard file >= 0 else { return false }
        defer { files.close(file) }
        var window = FileWindow(files: files, file: file, size: bytes)
        var checksum = Checksum()
        var fences: [UInt64] = []
        var offset = Self.headBytes
        let step = Self.pairBytes * Self.blockPairs
        let pairsStart = Self.headBytes + 4 * records
        while offset < bytes {
            // The offsets in pieces, then the pairs block by block.
            let inPairs = offset >= pairsStart
            let count = min(step, (inPairs ? bytes : pairsStart) - offset)
            let read = try? window.bytes(at: offset, count: count) { part in
                checksum.update(part)
                if inPairs { fences.append(part.number(at: 0)) }
                return true
            }
            guard read == .some(true) else { return false }
            offset += count
        }
        guard checksum.value == bodyChecksum else { return false }
        self.fences = fences
        return true
    }

    /// Where the record with this ordinal begins; 0 if it is damaged, nil if the file cannot be read.
    func offset(of ordinal: Int, files: FileOperations) -> Int? {
        guard ordinal >= 0, ordinal < records else { return 0 }
        let file = files.open(path, O_RDONLY)
        guard file >= 0 else { return nil }
        defer { files.close(file) }
        var number: UInt32 = 0
        let read = withUnsafeMutableBytes(of: &number) { files.read(file, $0, Self.headBytes + 4 * ordinal) }
        return read == 4 ? Int(number) : nil
    }

    /// Where all records begin; nil if the file cannot be read.
    func offsets(files: FileOperations) -> [UInt32]? {
        let file = files.open(path, O_RDONLY)
        guard file >= 0 else { return nil }
        defer { files.close(file) }
        var complete = false
        let offsets = [UInt32](unsafeUninitializedCapacity: records) { into, count in
            // Safe: read fills at most the buffer's own size; only whole numbers that were read count as initialised.
            let read = files.read(file, UnsafeMutableRawBufferPointer(into), Self.headBytes)
            count = max(read, 0) / 4
            complete = count == records
        }
        return complete ? offsets : nil
    }

    /// As `MemoryIndex.forEach`; false if the file cannot be read or was not loaded.
    func forEach(_ key: UInt64, from: Int, files: FileOperations, _ body: (Int) -> Bool) -> Bool {
        guard let fences else { return false }
        // The first block that can hold the key is the one before the first fence that is not smaller.
        var low = 0
        var high = fences.count
        while low < high {
            let middle = (low + high) / 2
            if fences[middle] < key { low = middle + 1 } else { high = middle }
        }
        var block = max(low - 1, 0)
        guard block < fences.count else { return true }
        let file = files.open(path, O_RDONLY)
        guard file >= 0 else { return false }
        defer { files.close(file) }
        var window = FileWindow(files: files, file: file, size: bytes, step: Self.pairBytes * Self.blockPairs)
        while block < fences.count, fences[block] <= key {
            let start = block * Self.blockPairs
            let count = min(Self.blockPairs, pairs - start)
            let more = try? window.bytes(
                at: Self.headBytes + 4 * records + Self.pairBytes * start, count: Self.pairBytes * count
            ) { bytes in
                for at in stride(from: 0, to: bytes.count, by: Self.pairBytes) {
                    let found: UInt64 = bytes.number(at: at)
                    if found > key { return false }
                    let ordinal = Int(bytes.number(at: at + 8, as: UInt32.self))
                    if found == key, ordinal >= from, !body(ordinal) { return false }
                }
                return true
            }
            guard let more else { return false }
            if !more { return true }
            block += 1
        }
        return true
    }
}
