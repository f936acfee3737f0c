import CUV

/// How the C library's allocator treats large blocks. Set once, at the start of a process.
package enum Allocation {
    /// Keeps the pages of freed bodies instead of returning them to the system: a request of hundreds of kilobytes
    /// otherwise costs as many page faults, which doubles the cost of taking it in.
    ///
    /// - Parameters:
    ///   - bytes: how much freed memory is kept (M_TRIM_THRESHOLD).
    ///   - largest: the size from which a block gets a mapping of its own (M_MMAP_THRESHOLD).
    package static func keepFreedPages(bytes: Int32, largest: Int32) {
        cuv_mallopt_trim(bytes)
        cuv_mallopt_mmap(largest)
    }
}
