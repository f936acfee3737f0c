/// The queue of one webhook as a machine: which event to send next, when to try again, what has ended. It has no clock
/// and no socket: `now` is monotonic nanoseconds, randomness is given.
///
/// Each event is a call of its own. One that fails by itself (500, no answer in time) waits beside the others; when the
/// webhook is out of reach or asks for silence, all wait.
package struct ForwardQueue: Sendable {
    private struct Entry {
        var item: ForwardItem
        var attempts = 0
        var firstAttempt: UInt64 = 0
        /// The wait after the next failure, before jitter.
        var interval: UInt64
        var notBefore: UInt64 = 0
    }

    package let settings: ForwardQueueSettings
    private var fresh = FIFO<Entry>()
    /// Between two attempts, unordered.
    private var waiting: [Entry] = []
    private var inFlight: [UInt64: Entry] = [:]
    private var nextID: UInt64 = 1
    private var random: any RandomNumberGenerator & Sendable
    /// Nothing is sent before.
    private var pausedUntil: UInt64 = 0
    /// The next pause, before jitter.
    private var pause: UInt64
    private var isStopped = false

    /// Kept up to date by every call.
    package private(set) var counters = ForwardCounters()

    package init(settings: ForwardQueueSettings, random: any RandomNumberGenerator & Sendable) {
        self.settings = settings
        self.random = random
        pause = settings.initialInterval
        counters.queueBytesCapacity = settings.queueBytes
    }

    /// Takes an event, or says false and keeps nothing: the queue is full or stopped. An empty queue takes an event of
    /// any size, so that none waits for ever.
    package mutating func offer(_ item: ForwardItem) -> Bool {
        let fits =
            counters.queueEvents < settings.queueEvents
            && item.body.count <= settings.queueBytes - counters.queueBytes
        guard !isStopped, fits || counters.queueEvents == 0 else { return false }
        counters.accepted += 1
        counters.queueEvents += 1
        counters.queueBytes += item.body.count
        fresh.append(Entry(item: item, interval: settings.initialInterval))
        return true
    }

    /// The next event to send, if one is due and a consumer is free, with a number for `completed`; call it until it says
    /// nil.
    package mutating func next(now: UInt64) -> (id: UInt64, item: ForwardItem)? {
        guard !isStopped, inFlight.count < settings.consumers, pausedUntil <= now else { return nil }
        var entry: Entry
        if let due = waiting.indices.min(by: { waiting[$0].notBefore < waiting[$1].notBefore }),
            waiting[due].notBefore <= now
        {
            entry = waiting.remove(at: due)
        } else if let first = fresh.popFirst() {
            entry = first
        } else {
            return nil
        }
        if entry.attempts == 0 { entry.firstAttempt = now } else { counters.retries += 1 }
        entry.attempts += 1
        counters.requests += 1
        let id = nextID
        nextID += 1
        inFlight[id] = entry
        note()
        return (id, entry.item)
    }

    /// What came of a call. Returns the event if it has ended. A number that is not in flight is ignored.
    package mutating func completed(_ id: UInt64, _ attempt: ForwardAttempt, now: UInt64) -> ForwardEnd? {
        guard let entry = inFlight.removeValue(forKey: id) else { return nil }
        defer { note() }
        switch attempt {
        case .ended(let outcome, let message):
            if !outcome.isDelivered { counters.failedRequests += 1 }
            pause = settings.initialInterval
            return end(entry, outcome, message)
        case .retry(let after, let isOfRoute, let message):
            counters.failedRequests += 1
            return retry(entry, after: after, isOfRoute: isOfRoute, message, now: now)
        }
    }

    /// When `next` may have something without any other call before; nil if only another call can bring it.
    package var deadline: UInt64? {
        guard !isStopped, inFlight.count < settings.consumers else { return nil }
        if !fresh.isEmpty { return pausedUntil }
        return waiting.map(\.notBefore).min().map { max($0, pausedUntil) }
    }

    /// Sends nothing more. What is in flight may still be completed.
    package mutating func stop() { isStopped = true }

    /// Whether no call is without an answer.
    package var isIdle: Bool { inFlight.isEmpty }

    private mutating func retry(
        _ entry: Entry, after: UInt64?, isOfRoute: Bool, _ message: String, now: UInt64
    ) -> ForwardEnd? {
        var entry = entry
        var delay: UInt64
        if isOfRoute {
            // Calls that were under way together fail together: that is one failure.
            if pausedUntil <= now {
                pausedUntil = now &+ jittered(pause)
                pause = grown(pause)
                counters.pauses += 1
            }
            if let after {
                // A little later than asked, each at another time: others were told the same.
                let asked = scaled(min(after, settings.serverDelayLimit), by: 1 + 0.1 * uniform())
                pausedUntil = max(pausedUntil, now &+ asked)
            }
            delay = pausedUntil - now
        } else {
            pause = settings.initialInterval
            delay = jittered(entry.interval)
            entry.interval = grown(entry.interval)
        }
        let elapsed = now &- entry.firstAttempt
        if settings.maxElapsedTime > 0, elapsed &+ delay > settings.maxElapsedTime {
            return end(entry, .retriesExhausted, message)
        }
        entry.notBefore = now &+ delay
        waiting.append(entry)
        return nil
    }

    private mutating func end(_ entry: Entry, _ outcome: ForwardOutcome, _ message: String) -> ForwardEnd {
        counters.queueEvents -= 1
        counters.queueBytes -= entry.item.body.count
        count(outcome)
        return ForwardEnd(item: entry.item, outcome: outcome, message: message)
    }

    /// Counts an event that ended; the owner calls it for one that never came here.
    package mutating func count(_ outcome: ForwardOutcome) {
        counters.ended[outcome.name, default: 0] += 1
        if case .refused(let status) = outcome { counters.refused[status, default: 0] += 1 }
    }

    private mutating func note() {
        counters.inFlight = inFlight.count
        counters.waitingRetries = waiting.count
    }

    private func grown(_ interval: UInt64) -> UInt64 {
        min(max(scaled(interval, by: settings.multiplier), interval), settings.maxInterval)
    }

    private mutating func jittered(_ interval: UInt64) -> UInt64 {
        let spread = min(max(settings.randomization, 0), 1)
        return scaled(interval, by: 1 + spread * (2 * uniform() - 1))
    }

    /// Uniform in 0..<1, of one draw.
    private mutating func uniform() -> Double { Double(random.next() >> 11) * 0x1p-53 }

    private func scaled(_ time: UInt64, by factor: Double) -> UInt64 {
        UInt64(min(max(Double(time) * factor, 0), 3.2e18))
    }
}

/// Everything a webhook's queue counts. Always: accepted = the ended without the unreadable + `queueEvents`.
package struct ForwardCounters: Sendable, Equatable {
    package var accepted: UInt64 = 0
    /// Events that ended, by `ForwardOutcome.name`.
    package var ended: [String: UInt64] = [:]
    /// Events refused, by status: at most as many entries as there are statuses.
    package var refused: [Int: UInt64] = [:]
    /// Calls started; those that did not deliver; those that were not the first of their event.
    package var requests: UInt64 = 0
    package var failedRequests: UInt64 = 0
    package var retries: UInt64 = 0
    /// Times that all events had to wait because the webhook was out of reach or asked for it.
    package var pauses: UInt64 = 0
    /// Held, waiting or in flight.
    package var queueEvents = 0
    package var queueBytes = 0
    package var queueBytesCapacity = 0
    package var inFlight = 0
    package var waitingRetries = 0

    package init() {}
}
