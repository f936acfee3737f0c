/// What is to be written at one place of a file, from memory and in steps that direct I/O takes: whole blocks from aligned
/// addresses. Belongs to the journal's thread.
final class BlockBuffer {
    /// No smaller than the blocks of disks and file systems in use.
    static let block = 4096

    // Safe: allocated once, with zeros, and freed with the buffer; every index below is bounded by `count <= memory.count`.
    private let memory: UnsafeMutableRawBufferPointer
    /// Where in the file the first byte belongs: a multiple of `block`.
    private(set) var offset = 0
    private(set) var count = 0

    /// - Parameter capacity: a multiple of `block`.
    init(capacity: Int) {
        memory = .allocate(byteCount: capacity, alignment: Self.block)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { memory.deallocate() }

    static func roundedUp(_ offset: Int) -> Int { (offset + block - 1) / block * block }

    /// Where in the file the next byte belongs.
    var end: Int { offset + count }
    var isFull: Bool { count == memory.count }

    /// All of the memory, whatever it holds.
    var whole: UnsafeRawBufferPointer { UnsafeRawBufferPointer(memory) }

    /// The blocks that hold what was appended, the last one filled up with zeros.
    var blocks: UnsafeRawBufferPointer {
        let rounded = Self.roundedUp(count)
        UnsafeMutableRawBufferPointer(rebasing: memory[count..<rounded]).initializeMemory(as: UInt8.self, repeating: 0)
        return UnsafeRawBufferPointer(rebasing: memory[..<rounded])
    }

    /// What was appended since the last whole block.
    var tail: [UInt8] { Array(memory[count / Self.block * Self.block..<count]) }

    /// Begins anew in the middle of a block, before which it holds `tail`.
    func begin(at end: Int, after tail: [UInt8]) {
        offset = end - tail.count
        count = 0
        _ = tail.withUnsafeBytes(append)
    }

    /// Takes as many bytes as there is room for; returns how many.
    func append(_ bytes: UnsafeRawBufferPointer) -> Int {
        let taken = min(bytes.count, memory.count - count)
        UnsafeMutableRawBufferPointer(rebasing: memory[count..<count + taken])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<taken]))
        count += taken
        return taken
    }
}
