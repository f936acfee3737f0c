import Synchronization

/// Work scheduled on a loop, to be cancelled from any thread.
package final class TimerToken: Sendable {
    /// Belongs to the loop's thread, like all of its state.
    private final class Entry: @unchecked Sendable {
        var timer: LoopTimer?
    }

    private let loop: EventLoop
    private let entry = Entry()
    private let isCancelled = Atomic(false)

    init(loop: EventLoop, deadline: UInt64, work: @escaping @Sendable () -> Void) {
        self.loop = loop
        loop.perform { [self] in
            guard !isCancelled.load(ordering: .relaxed) else { return }
            let timer = LoopTimer(loop: loop) { [self] in
                entry.timer = nil
                if !isCancelled.load(ordering: .relaxed) { work() }
            }
            entry.timer = timer
            timer.arm(at: deadline)
        }
    }

    /// The work does not begin after this returns. Harmless if it has run, and when called twice.
    package func cancel() {
        guard !isCancelled.exchange(true, ordering: .relaxed) else { return }
        loop.perform { [entry] in
            entry.timer?.invalidate()
            entry.timer = nil
        }
    }
}
