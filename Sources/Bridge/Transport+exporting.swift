import Exporters
import Transport

extension Client: RequestSender {}

extension EventLoop: ExportLoop {
    package func wake(after nanoseconds: UInt64, _ work: @escaping @Sendable () -> Void) {
        _ = schedule(after: nanoseconds, work)
    }

    package var time: UInt64 { Self.now() }

    package var unixSeconds: UInt64 { Clock.wall / 1_000_000_000 }
}
