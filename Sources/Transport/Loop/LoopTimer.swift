/// Work that a loop does at a deadline, armed as often as wanted. Confined to its loop's thread.
final class LoopTimer {
    private unowned let loop: EventLoop
    private var work: (() -> Void)?
    /// Monotonic nanoseconds. Only `TimerHeap` and the loop's arming change it.
    fileprivate(set) var deadline: UInt64 = 0
    /// The place in the heap, -1 outside of it.
    fileprivate var place = -1

    init(loop: EventLoop, work: @escaping () -> Void) {
        self.loop = loop
        self.work = work
    }

    var isArmed: Bool { place >= 0 }

    /// Sets the deadline, whether armed or not.
    func arm(at deadline: UInt64) {
        guard work != nil else { return }
        loop.arm(self, at: deadline)
    }

    /// Fires at `deadline` or, if already armed for an earlier time, then: the owner looks again and arms anew.
    /// Moving a deadline back, which happens with every request, costs nothing this way.
    func arm(noLaterThan deadline: UInt64) {
        if !isArmed || deadline < self.deadline { arm(at: deadline) }
    }

    func disarm() {
        if isArmed { loop.disarm(self) }
    }

    /// Disarms for good and lets go of what the work holds.
    func invalidate() {
        disarm()
        work = nil
    }

    func fire() {
        work?()
    }
}

/// A binary heap of timers by deadline; each knows its place, so that any can be removed.
struct TimerHeap {
    private var timers: [LoopTimer] = []

    var first: LoopTimer? { timers.first }
    var count: Int { timers.count }

    /// Puts `timer` in, or moves it to the new deadline.
    mutating func put(_ timer: LoopTimer, at deadline: UInt64) {
        timer.deadline = deadline
        if timer.place < 0 {
            timer.place = timers.count
            timers.append(timer)
        }
        rise(from: timer.place)
        sink(from: timer.place)
    }

    mutating func remove(_ timer: LoopTimer) {
        let place = timer.place
        guard place >= 0 else { return }
        timer.place = -1
        let last = timers.removeLast()
        guard last !== timer else { return }
        timers[place] = last
        last.place = place
        rise(from: place)
        sink(from: last.place)
    }

    mutating func removeAll() {
        let removed = timers
        timers = []
        for timer in removed { timer.place = -1 }
        for timer in removed { timer.invalidate() }
    }

    private mutating func rise(from start: Int) {
        var place = start
        while place > 0 {
            let parent = (place - 1) / 2
            guard timers[place].deadline < timers[parent].deadline else { return }
            exchange(place, parent)
            place = parent
        }
    }

    private mutating func sink(from start: Int) {
        var place = start
        while true {
            var least = place
            for child in (2 * place + 1)...(2 * place + 2)
            where child < timers.count && timers[child].deadline < timers[least].deadline {
                least = child
            }
            guard least != place else { return }
            exchange(place, least)
            place = least
        }
    }

    private mutating func exchange(_ a: Int, _ b: Int) {
        timers.swapAt(a, b)
        timers[a].place = a
        timers[b].place = b
    }
}
