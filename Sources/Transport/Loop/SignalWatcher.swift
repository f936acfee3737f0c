import CUV
import Glibc

/// Calls a closure on a loop when the process gets SIGTERM, SIGINT or SIGHUP, instead of their default action.
package final class SignalWatcher: Sendable {
    /// Confined to the loop's thread.
    private final class Handle: LoopHandle {
        private let handler: @Sendable (Int32) -> Void

        init(loop: EventLoop, signal: Int32, handler: @escaping @Sendable (Int32) -> Void) throws(TransportError) {
            self.handler = handler
            try super.init(uv_signal_t.self, loop: loop, what: "signal \(signal) cannot be watched") {
                uv_signal_init($0, $1)
            }
            // Safe: the memory was initialised as a uv_signal_t.
            let memory = UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_signal_t.self)
            uv_signal_start(
                memory,
                { memory, signal in
                    guard let memory else { return }
                    // Safe: a uv_signal_t begins as a uv_handle_t.
                    let handle = UnsafeMutableRawPointer(memory).assumingMemoryBound(to: uv_handle_t.self)
                    (LoopHandle.of(handle) as? Handle)?.handler(signal)
                }, signal)
        }
    }

    /// Confined to the loop's thread.
    private final class Handles: @unchecked Sendable {
        var all: [Handle] = []
    }

    package static let signals = [SIGTERM, SIGINT, SIGHUP]

    private let loop: EventLoop
    private let handles = Handles()

    /// Watches from the loop's next turn on. `handler` gets the signal's number, on the loop.
    package init(loop: EventLoop, handler: @escaping @Sendable (Int32) -> Void) {
        self.loop = loop
        loop.perform { [handles] in
            // Only a stopping loop refuses, and a program that stops needs no signals.
            handles.all = Self.signals.compactMap { try? Handle(loop: loop, signal: $0, handler: handler) }
        }
    }

    /// Back to the default actions.
    package func close() {
        loop.perform { [handles] in
            for handle in handles.all { handle.closeHandle() }
            handles.all = []
        }
    }

    /// Blocks the watched signals in the calling thread, so that they interrupt the main thread only; threads made
    /// from here inherit that.
    package static func blockSignals() {
        _ = maskSignals()
    }

    /// As `blockSignals`; returns the mask of before.
    static func maskSignals() -> sigset_t {
        var set = sigset_t()
        var old = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        pthread_sigmask(SIG_BLOCK, &set, &old)
        return old
    }

    static func restoreSignals(_ mask: sigset_t) {
        var mask = mask
        pthread_sigmask(SIG_SETMASK, &mask, nil)
    }
}
