import Dispatch

/// Lets one thread wait until another has raised it, once.
final class Signalled: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func raise() { semaphore.signal() }

    func wait() { semaphore.wait() }
}
