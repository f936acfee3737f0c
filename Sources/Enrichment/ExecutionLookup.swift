// Decides which executions Kestra is asked about, and when.
//
// It is a machine: ids, answers and the time go in, ids to request come out (`takeRequests`). It has no clock and no
// socket. Whatever telemetry says, Kestra sees at most so many requests a second and so many for one execution.

/// Which executions to ask for, and when. Belongs to one thread; times are nanoseconds of one monotonic clock.
package struct ExecutionLookup: Sendable {
    /// What came of a request.
    package enum Answer: Sendable, Equatable {
        /// A record. The fingerprint tells whether it says anything new.
        case found(fingerprint: UInt64, isFinal: Bool)
        /// Kestra does not know the execution, or does not know it yet.
        case missing
        /// Kestra can't be reached or refuses to answer anything.
        case unavailable
        /// An answer that can't be read.
        case unusable
    }

    private enum Phase: Equatable {
        case waiting(due: UInt64)
        case inFlight
        /// Nothing is to be done for it. Until then it is not taken up again.
        case resting(until: UInt64)
    }

    private struct Entry {
        var phase: Phase
        var requests = 0
        var misses = 0
        var answers = 0
        var fingerprint: UInt64?
    }

    private let settings: LookupSettings
    private var entries: [String: Entry] = [:]
    private var due = DueQueue()
    /// Resting ids in the order in which they came to rest; an id may be in it more than once.
    private var rested: [String] = []
    private var firstRested = 0
    private var nextRequest: UInt64 = 0
    private var failures = 0
    private var pausedUntil: UInt64 = 0
    private var counted = LookupCounters()

    package init(settings: LookupSettings = LookupSettings()) {
        self.settings = settings
    }

    package var counters: LookupCounters {
        var counters = counted
        counters.remembered = entries.count
        counters.isPaused = isPaused
        return counters
    }

    private var isPaused: Bool { failures >= settings.failuresToOpen }

    /// Wants to know about an execution. An id that waits or is known is not asked for anew, except that one that had
    /// not ended is asked for at once.
    package mutating func ask(_ id: String, now: UInt64) {
        counted.asked += 1
        guard Self.isPossible(id) else {
            counted.refused += 1
            return
        }
        guard let entry = entries[id] else {
            guard makeRoom() else {
                counted.refused += 1
                return
            }
            entries[id] = Entry(phase: .waiting(due: now))
            counted.waiting += 1
            due.insert(id, due: now)
            return
        }
        switch entry.phase {
        case .inFlight: break
        case .waiting(let time): if time > now, entry.answers > 0 { schedule(id, at: now) }
        case .resting(let until):
            if until <= now, entry.requests < settings.requestsPerExecution { schedule(id, at: now) }
        }
    }

    /// The ids to request now; each must be answered by `finish`.
    package mutating func takeRequests(now: UInt64) -> [String] {
        var taken: [String] = []
        while let id = nextID(), let time = nextTime(), time <= now {
            due.removeFirst()
            entries[id]?.phase = .inFlight
            entries[id]?.requests += 1
            counted.waiting -= 1
            counted.inFlight += 1
            counted.requests += 1
            nextRequest = now &+ settings.interval
            taken.append(id)
        }
        return taken
    }

    /// When `takeRequests` will have something, as far as is known now.
    package mutating func deadline() -> UInt64? {
        nextID() == nil ? nil : nextTime()
    }

    /// Takes the answer to a request. Returns whether it is a record that differs from the last one of this execution.
    package mutating func finish(_ id: String, _ answer: Answer, now: UInt64) -> Bool {
        guard var entry = entries[id], entry.phase == .inFlight else { return false }
        counted.inFlight -= 1
        var isNews = false
        var next: UInt64?
        var rest = now &+ settings.missLifetime
        switch answer {
        case .found(let fingerprint, let isFinal):
            counted.found += 1
            isNews = entry.fingerprint != fingerprint
            entry.fingerprint = fingerprint
            entry.answers += 1
            if isFinal {
                rest = now &+ settings.finalLifetime
            } else {
                rest = now
                next = delay(settings.followDelays, entry.answers - 1)
            }
        case .missing:
            counted.missing += 1
            entry.misses += 1
            if entry.answers == 0 { next = delay(settings.missDelays, entry.misses - 1) }
            if next == nil { counted.givenUp += 1 }
        case .unusable:
            counted.unusable += 1
        case .unavailable:
            counted.unavailable += 1
            next = delay(settings.missDelays, min(entry.requests, settings.missDelays.count) - 1)
        }
        noteHealth(answer != .unavailable, now: now)
        entry.phase = .resting(until: rest)
        entries[id] = entry
        if let next, entry.requests < settings.requestsPerExecution {
            schedule(id, at: now &+ next)
        } else {
            if next != nil { counted.givenUp += 1 }
            rested.append(id)
        }
        return isNews
    }

    /// While Kestra fails, one request at a time tries whether it is back.
    private mutating func noteHealth(_ isHealthy: Bool, now: UInt64) {
        if isHealthy {
            failures = 0
            return
        }
        failures += 1
        guard isPaused else { return }
        let doublings = min(failures - settings.failuresToOpen, 16)
        pausedUntil = now &+ min(settings.pause << UInt64(doublings), settings.longestPause)
    }

    private func delay(_ delays: [UInt64], _ position: Int) -> UInt64? {
        delays.indices.contains(position) ? delays[position] : nil
    }

    private mutating func schedule(_ id: String, at time: UInt64) {
        if case .waiting = entries[id]?.phase {} else { counted.waiting += 1 }
        entries[id]?.phase = .waiting(due: time)
        due.insert(id, due: time)
    }

    /// The id that is due first, without what has been scheduled anew since.
    private mutating func nextID() -> String? {
        while let first = due.first {
            if entries[first.id]?.phase == .waiting(due: first.due) { return first.id }
            due.removeFirst()
        }
        return nil
    }

    /// When the next request may begin; nil if an answer must come first.
    private func nextTime() -> UInt64? {
        guard let first = due.first, counted.inFlight < (isPaused ? 1 : settings.inFlight) else { return nil }
        return max(first.due, nextRequest, isPaused ? pausedUntil : 0)
    }

    /// Forgets the execution that has rested longest if there are too many; false if none rests.
    private mutating func makeRoom() -> Bool {
        while entries.count >= settings.executions {
            guard firstRested < rested.count else { return false }
            let id = rested[firstRested]
            firstRested += 1
            if case .resting = entries[id]?.phase { entries[id] = nil }
            if firstRested > 1024, firstRested * 2 > rested.count {
                rested.removeFirst(firstRested)
                firstRested = 0
            }
        }
        return true
    }

    /// Whether it can be an id of Kestra's. It comes from telemetry and becomes a part of a path.
    private static func isPossible(_ id: String) -> Bool {
        (1...64).contains(id.utf8.count)
            && id.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                    || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
            }
    }
}
