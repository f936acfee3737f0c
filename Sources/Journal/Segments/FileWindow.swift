/// A piece of a file in memory that moves forward: sequential reading in few system calls. Belongs to one thread.
struct FileWindow {
    private let step: Int
    private let files: FileOperations
    private let file: Int32
    /// Where reading ends, though the file may be longer.
    let size: Int
    private var buffer: [UInt8] = []
    private var start = 0

    /// - Parameter step: how much is read ahead.
    init(files: FileOperations, file: Int32, size: Int, step: Int = 256 << 10) {
        self.step = step
        self.files = files
        self.file = file
        self.size = size
    }

    /// Calls the body with `count` bytes at an offset; nil if the file ends before. Throws `FileFailure` if reading fails.
    mutating func bytes<Result>(
        at offset: Int, count: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result? {
        guard offset >= 0, count >= 0, offset <= size, count <= size - offset else { return nil }
        if offset < start || offset + count > start + buffer.count {
            let wanted = min(max(count, step), size - offset)
            var failure: Int32 = 0
            buffer = [UInt8](unsafeUninitializedCapacity: wanted) { into, done in
                // Safe: read fills at most the buffer's own size; `done` tells how much is initialised.
                let read = files.read(file, UnsafeMutableRawBufferPointer(into), offset)
                failure = Int32(clamping: min(read, 0))
                done = max(read, 0)
            }
            start = offset
            if failure < 0 { throw FileOperations.FileFailure(code: -failure) }
            if buffer.count < count { return nil }
        }
        return try buffer.withUnsafeBytes { try body($0.part(offset - start..<offset - start + count)) }
    }

    /// The offset at or after `from` where the 8 bytes of `marker` are found.
    mutating func find(_ marker: UInt64, from: Int) throws -> Int? {
        var offset = from
        while offset + 8 <= size {
            let count = min(step, size - offset)
            let found = try bytes(at: offset, count: count) { bytes -> Int? in
                let first = UInt8(truncatingIfNeeded: marker)
                var at = 0
                while at + 8 <= bytes.count {
                    if bytes[at] == first, bytes.number(at: at) == marker { return at }
                    at += 1
                }
                return nil
            }
            guard let found else { return nil }
            if let found { return offset + found }
            offset += count - 7
        }
        return nil
    }

    /// The offset after the last byte that is not zero, at least `from`.
    mutating func endOfData(from: Int) throws -> Int {
        var end = from
        var offset = from
        while offset < size {
            let count = min(step, size - offset)
            let last = try bytes(at: offset, count: count) { bytes in bytes.lastIndex { $0 != 0 } }
            guard let last else { return end }
            if let last { end = offset + last + 1 }
            offset += count
        }
        return end
    }
}
