import Glibc
package import Transport

extension Client: RequestSender {}

extension EventLoop: ExportLoop {
    package func wake(after nanoseconds: UInt64, _ work: @escaping @Sendable () -> Void) {
        // Never cancelled: one wake-up too many does no harm.
        _ = schedule(after: nanoseconds, work)
    }

    package var time: UInt64 { EventLoop.now() }

    package var unixSeconds: UInt64 { UInt64(clamping: Glibc.time(nil)) }
}
