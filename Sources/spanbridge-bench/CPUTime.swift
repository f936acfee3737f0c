import Glibc

/// Consumed CPU time in nanoseconds, user and system.
enum CPUTime {
    /// Of the calling thread.
    static var ofThread: UInt64 { read(CLOCK_THREAD_CPUTIME_ID) }

    /// Of this process, all threads.
    static var ofProcess: UInt64 { read(CLOCK_PROCESS_CPUTIME_ID) }

    /// Of another process, all its threads, to the nanosecond: `/proc/PID/stat` counts in hundredths of a second. Nil if
    /// there is no such process.
    static func of(process: pid_t) -> UInt64? {
        var clock = clockid_t()
        guard clock_getcpuclockid(process, &clock) == 0 else { return nil }
        return read(clock)
    }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
