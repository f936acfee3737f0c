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

    /// Lets threads share `count` pools of free memory (M_ARENA_MAX), of which each otherwise gets one of its own: what one
    /// thread allocates another frees here, and each pool keeps what it has free.
    package static func sharePools(_ count: Int) {
        cuv_mallopt_arenas(Int32(clamping: count))
    }
}
