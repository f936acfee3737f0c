import Glibc

/// Unix time that never jumps: the wall clock as it was at the start, moved on by the monotonic clock. Nanoseconds.
package struct Clock: Sendable {
    private let offset: UInt64

    package init() {
        offset = Clock.read(CLOCK_REALTIME) &- Clock.read(CLOCK_MONOTONIC)
    }

    package func now() -> UInt64 { Clock.read(CLOCK_MONOTONIC) &+ offset }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}
