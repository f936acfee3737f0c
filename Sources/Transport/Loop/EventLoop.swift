import CUV
import Glibc
import Synchronization

/// One thread that runs one libuv loop.
///
/// Unchecked Sendable: the mailbox has its lock, `thread` is atomic, and everything else belongs to the loop's thread
/// from `start()` until that thread is joined.
package final class EventLoop: @unchecked Sendable {
    private enum Phase { case idle, running, stopping, stopped }

    private struct Mailbox {
        var work: [@Sendable () -> Void] = []
        var phase = Phase.idle
    }

    /// Reads of all connections go through one buffer of this size: a machine copies what it keeps.
    static let readBufferSize = 256 << 10
    /// More capacity than this is given back once the output has been written.
    private static let outputKept = 1 << 20

    private let name: String
    private let mailbox = Mutex(Mailbox())
    /// The running thread's id, 0 when there is none.
    private let thread = Atomic<UInt>(0)
    private let joinable = Mutex<pthread_t?>(nil)

    let uv: UnsafeMutablePointer<uv_loop_t>
    private let wake: UnsafeMutablePointer<uv_async_t>
    private let alarm: UnsafeMutablePointer<uv_timer_t>
    private var timers = TimerHeap()
    private var alarmDeadline = UInt64.max
    private(set) var isStopping = false
    /// The thread closed the libuv loop, as the last thing.
    private var isUVClosed = false
    private var stopHooks: [ObjectIdentifier: () -> Void] = [:]
    private var isInBatch = false
    private var batchParticipants: [any BatchParticipant] = []
    /// What reads go into; valid during one read callback.
    let readBuffer: UnsafeMutableRawBufferPointer
    /// Where output of machines is gathered between being taken and written.
    var output: [UInt8] = []
    /// Where decrypted bytes are gathered; empty while in use.
    private var plain: [UInt8] = []

    /// - Parameter name: the thread's name, cut to the kernel's 15 bytes.
    package init(name: String) throws(TransportError) {
        let memory = UnsafeMutablePointer<uv_loop_t>.allocate(capacity: 1)
        let code = uv_loop_init(memory)
        guard code == 0 else {
            memory.deallocate()
            throw TransportError("the event loop \(name) could not be made", uv: code)
        }
        self.name = name
        uv = memory
        wake = .allocate(capacity: 1)
        alarm = .allocate(capacity: 1)
        readBuffer = .allocate(byteCount: Self.readBufferSize, alignment: 16)
        // Safe: the handles' callbacks run inside uv_run only, which runs inside `run()`, where self is retained.
        uv.pointee.data = Unmanaged.passUnretained(self).toOpaque()
        uv_timer_init(uv, alarm)
        alarm.pointee.data = nil
        let wakeCode = uv_async_init(uv, wake) { handle in
            guard let loop = handle.flatMap({ EventLoop.of($0.pointee.loop) }) else { return }
            loop.runBatch()
        }
        // Safe to trap: the program is starting; only a lack of file descriptors leads here.
        precondition(wakeCode == 0, "the event loop \(name): no file descriptor for its wake-ups")
        wake.pointee.data = nil
    }

    deinit {
        // Only a loop that never ran still has its handles: the thread closes them and retains self until then.
        if !isUVClosed { closeLoop() }
        uv.deallocate()
        wake.deallocate()
        alarm.deallocate()
        readBuffer.deallocate()
    }

    /// Monotonic nanoseconds, the clock of all deadlines.
    package static func now() -> UInt64 { uv_hrtime() }

    /// `now()` plus a duration, saturating.
    package static func deadline(after nanoseconds: UInt64) -> UInt64 {
        let (sum, overflow) = now().addingReportingOverflow(nanoseconds)
        return overflow ? .max : sum
    }

    /// Makes writes to closed connections fail with EPIPE instead of killing the process. Affects the whole process;
    /// starting a loop does it too, for libuv's writes need it.
    package static func ignoreBrokenPipes() {
        _ = signal(SIGPIPE, SIG_IGN)
    }

    /// Whether the caller runs on this loop's thread.
    package var isCurrent: Bool {
        thread.load(ordering: .relaxed) == UInt(pthread_self())
    }

    // MARK: Running

    /// Starts the thread. Work posted before is done first. May be called once.
    package func start() {
        Self.ignoreBrokenPipes()
        let isFirst = mailbox.withLock { mailbox in
            defer { if mailbox.phase == .idle { mailbox.phase = .running } }
            return mailbox.phase == .idle
        }
        precondition(isFirst, "an event loop starts once")
        // The thread inherits the mask, so that it blocks the signals from its first instruction.
        let mask = SignalWatcher.maskSignals()
        defer { SignalWatcher.restoreSignals(mask) }
        joinable.withLock { joinable in
            var created = pthread_t()
            let code = pthread_create(
                &created, nil,
                { argument in
                    guard let argument else { return nil }
                    // Safe: balances the passRetained below, once.
                    Unmanaged<EventLoop>.fromOpaque(argument).takeRetainedValue().run()
                    return nil
                }, Unmanaged.passRetained(self).toOpaque())
            // Safe to trap: the program is starting and has no thread to work with.
            precondition(code == 0, "the thread of the event loop \(name) could not be started")
            joinable = created
        }
    }

    /// Does the work posted so far, closes everything that lives on the loop and joins the thread. Work posted later
    /// is dropped. Blocks, also a second caller; a look-up of a name that is under way is waited for. Not to be called
    /// on the loop itself.
    package func stop() {
        precondition(!isCurrent, "an event loop cannot join itself")
        let dropped: [@Sendable () -> Void] = mailbox.withLock { mailbox in
            switch mailbox.phase {
            case .idle:
                mailbox.phase = .stopped
                return exchange(&mailbox.work, with: [])
            case .running:
                mailbox.phase = .stopping
                uv_async_send(wake)
            case .stopping, .stopped:
                break
            }
            return []
        }
        withExtendedLifetime(dropped) {}
        joinable.withLock { joinable in
            guard let thread = joinable else { return }
            joinable = nil
            pthread_join(thread, nil)
        }
    }

    private func run() {
        thread.store(UInt(pthread_self()), ordering: .relaxed)
        _ = cuv_name_thread(String(decoding: name.utf8.prefix(15), as: UTF8.self))
        uv_async_send(wake)
        uv_run(uv, UV_RUN_DEFAULT)
        let code = uv_loop_close(uv)
        assert(code == 0, "the event loop \(name) has open handles after its end")
        isUVClosed = true
        mailbox.withLock { $0.phase = .stopped }
        thread.store(0, ordering: .relaxed)
    }

    /// Runs what was posted, then what the batch's participants put off to its end.
    private func runBatch() {
        let (batch, stops) = mailbox.withLock { mailbox in
            (exchange(&mailbox.work, with: []), mailbox.phase == .stopping)
        }
        isInBatch = true
        for work in batch { work() }
        isInBatch = false
        while !batchParticipants.isEmpty {
            for participant in exchange(&batchParticipants, with: []) { participant.batchEnded() }
        }
        if stops, !isStopping { closeEverything() }
    }

    private func closeEverything() {
        isStopping = true
        timers.removeAll()
        for hook in exchange(&stopHooks, with: [:]).values { hook() }
        uv_walk(
            uv,
            { handle, _ in
                guard let handle, uv_is_closing(handle) == 0 else { return }
                if let object = LoopHandle.of(handle) { object.loopStops() } else { uv_close(handle, nil) }
            }, nil)
    }

    /// Closes a loop without a thread.
    private func closeLoop() {
        // Safe: no thread runs; the only handles are the loop's own, whose memory outlives this call.
        uv_close(UnsafeMutableRawPointer(wake).assumingMemoryBound(to: uv_handle_t.self), nil)
        uv_close(UnsafeMutableRawPointer(alarm).assumingMemoryBound(to: uv_handle_t.self), nil)
        uv_run(uv, UV_RUN_DEFAULT)
        uv_loop_close(uv)
    }

    static func of(_ uv: UnsafeMutablePointer<uv_loop_t>?) -> EventLoop? {
        // Safe: `run()` retains the loop for as long as callbacks come.
        uv?.pointee.data.map { Unmanaged<EventLoop>.fromOpaque($0).takeUnretainedValue() }
    }

    // MARK: Work

    /// Does `work` on the loop, after all that was posted before. From any thread; dropped once the loop stops.
    package func post(_ work: @escaping @Sendable () -> Void) {
        enqueue(work)
    }

    /// As `post`; false if the loop stops or has stopped.
    @discardableResult
    func enqueue(_ work: @escaping @Sendable () -> Void) -> Bool {
        mailbox.withLock { mailbox in
            guard mailbox.phase == .idle || mailbox.phase == .running else { return false }
            mailbox.work.append(work)
            // Under the lock, so that the wake handle is not closed meanwhile. The first of a burst writes an
            // eventfd; the call does not call back.
            if mailbox.work.count == 1, mailbox.phase == .running { uv_async_send(wake) }
            return true
        }
    }

    /// Does `work` now if called on the loop, else posts it. False if it will not be done.
    @discardableResult
    func perform(_ work: @escaping @Sendable () -> Void) -> Bool {
        guard isCurrent else { return enqueue(work) }
        work()
        return true
    }

    /// Calls `batchEnded()` when the posted work at hand is done, or at once outside of it. On the loop only.
    func atEndOfBatch(_ participant: any BatchParticipant) {
        if isInBatch { batchParticipants.append(participant) } else { participant.batchEnded() }
    }

    /// Calls `hook` when the loop stops, before handles are closed. On the loop only.
    func atStop(of owner: AnyObject, _ hook: @escaping () -> Void) {
        if isStopping { hook() } else { stopHooks[ObjectIdentifier(owner)] = hook }
    }

    func removeStopHook(of owner: AnyObject) {
        stopHooks[ObjectIdentifier(owner)] = nil
    }

    /// Forgets the gathered output, and its memory if it has become large.
    func clearOutput() {
        if output.capacity > Self.outputKept { output = [] } else { output.removeAll(keepingCapacity: true) }
    }

    /// An empty array with memory for decrypted bytes, to be put back after use.
    func takePlain() -> [UInt8] { exchange(&plain, with: []) }

    func putBack(plain used: consuming [UInt8]) {
        guard used.capacity <= Self.outputKept else { return }
        used.removeAll(keepingCapacity: true)
        plain = used
    }

    // MARK: Timers

    /// Does `work` on the loop once `nanoseconds` have passed, to the millisecond, never earlier. From any thread.
    package func schedule(after nanoseconds: UInt64, _ work: @escaping @Sendable () -> Void) -> TimerToken {
        TimerToken(loop: self, deadline: Self.deadline(after: nanoseconds), work: work)
    }

    func arm(_ timer: LoopTimer, at deadline: UInt64) {
        guard !isStopping else { return }
        timers.put(timer, at: deadline)
        setAlarm()
    }

    func disarm(_ timer: LoopTimer) {
        timers.remove(timer)
    }

    /// Sets libuv's one timer if the first deadline is earlier than what it is set for.
    private func setAlarm() {
        guard let first = timers.first, first.deadline < alarmDeadline else { return }
        alarmDeadline = first.deadline
        let now = Self.now()
        let wait = first.deadline > now ? first.deadline - now : 0
        uv_update_time(uv)
        // One millisecond at least: a timer due at once would be run again within the same round, before any socket.
        uv_timer_start(
            alarm,
            { handle in
                guard let loop = handle.flatMap({ EventLoop.of($0.pointee.loop) }) else { return }
                loop.runTimers()
            }, wait / 1_000_000 + 1, 0)
    }

    private func runTimers() {
        let now = Self.now()
        while let first = timers.first, first.deadline <= now {
            timers.remove(first)
            first.fire()
        }
        alarmDeadline = .max
        setAlarm()
    }
}

/// Puts work off to the end of a batch, as one write for many answers.
protocol BatchParticipant: AnyObject {
    func batchEnded()
}

/// Replaces a value and returns the old one.
private func exchange<Value>(_ value: inout Value, with new: Value) -> Value {
    let old = value
    value = new
    return old
}
