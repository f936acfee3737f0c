import OTLP
import Wire

/// The queue of one exporter as a machine: what to send next, when to try again, what has ended. It has no clock and
/// no socket: `now` is monotonic nanoseconds, randomness is given.
///
/// Items of one signal are merged into batches, which is concatenation. A batch that failed keeps its place among
/// `consumers` until it ends, so that a backend which is down is asked by that many batches and not by the whole
/// queue.
package struct ExportQueue: Sendable {
    /// What `offer` says.
    package enum Offer: Sendable, Hashable {
        case accepted
        /// Nothing was kept: the queue holds `queueBytes` or `queueItems` already, or is shutting down.
        case full
    }

    struct Part {
        /// Of the item as it was accepted.
        var bytes: Int
        var records: Int
        var receipts: [UInt64]
        /// Key in `cuts` if it is a piece of an item.
        var cut: UInt64?
    }

    /// An item that was cut, since alone it is larger than may be sent or than the backend takes.
    private struct Cut {
        /// Not ended yet.
        var pieces: Int
        /// Until they are given back.
        var receipts: [UInt64]?
    }

    struct Batch {
        var id: UInt64
        var signal: Signal
        var payload: [UInt8]
        /// The items that the payload is made of, in order.
        var parts: [Part]
        var attempts = 0
        var firstAttempt: UInt64?
        /// The wait after the next failure, before jitter.
        var interval: UInt64
        /// Not sent before.
        var notBefore: UInt64 = 0

        var tally: Tally {
            parts.reduce(Tally()) { $0 + Tally(items: 1, records: $1.records, bytes: $1.bytes) }
        }
    }

    private struct Pending {
        var items = FIFO<(item: ExportItem, arrival: UInt64)>()
        var bytes = 0
    }

    package let settings: ExportQueueSettings
    private var pending: [Pending] = Signal.allCases.map { _ in Pending() }
    /// Between two attempts. Unordered; few.
    var waiting: [Batch] = []
    private var inFlight: [UInt64: Batch] = [:]
    private var cuts: [UInt64: Cut] = [:]
    private var finished: [FinishedExport] = []
    private var nextID: UInt64 = 1
    private var random: any RandomNumberGenerator & Sendable
    /// The backend asked for silence until then.
    private var throttledUntil: UInt64 = 0
    /// Bytes of a batch: halved when the backend says too large. After `growAfter` deliveries of about that size it is
    /// tried again with twice as much, for gRPC says the same of a spent quota.
    private var batchLimit: Int
    private var deliveriesAtLimit = 0
    private static let growAfter = 100
    /// Batches refused as invalid since the last delivery; beyond the number below they are dropped as they are.
    private var refusalsInARow = 0
    private static let believedRefusals = 32
    private var drainDeadline: UInt64?

    /// Kept up to date by every call.
    package private(set) var counters = ExporterCounters()

    package init(settings: ExportQueueSettings, random: any RandomNumberGenerator & Sendable) {
        self.settings = settings
        self.random = random
        batchLimit = Self.largestBatch(settings)
        counters.queueBytesCapacity = settings.queueBytes
        counters.queueItemsCapacity = settings.queueItems
    }

    private static func largestBatch(_ settings: ExportQueueSettings) -> Int {
        max(1, min(settings.batchMaxBytes, settings.requestLimit))
    }

    // MARK: In

    /// Takes an item, or refuses it when the queue is full. An empty queue takes an item of any size, so that none
    /// waits for ever; one that can't be sent ends as dropped.
    package mutating func offer(_ item: ExportItem, now: UInt64) -> Offer {
        let bytes = item.payload.count
        let fits =
            counters.queueItems < settings.queueItems && bytes <= settings.queueBytes - counters.queueBytes
            || counters.queueItems == 0
        guard fits, drainDeadline == nil else { return .full }
        let tally = Tally(items: 1, records: item.records, bytes: bytes)
        counters.signals[item.signal].accepted += tally
        if bytes == 0 {
            // An empty request tells a backend nothing; forwarders may drop it (OTLP O-4).
            counters.signals[item.signal].delivered += tally
            finish(item.signal, [Part(item)], .delivered(rejected: 0), "")
            return .accepted
        }
        enqueue(item.signal, tally)
        counters.queueItems += 1
        counters.queueBytes += bytes
        pending[index(item.signal)].items.append((item, now))
        pending[index(item.signal)].bytes += bytes
        return .accepted
    }

    // MARK: Out

    /// The next batch to send, if there is one and a consumer is free; call it until it says nil. What it had to give
    /// up on the way is in `takeFinished`.
    package mutating func next(now: UInt64) -> Dispatch? {
        if let drainDeadline { abandonWhatIsTooLate(now: now, deadline: drainDeadline) }
        guard inFlight.count < settings.consumers, throttledUntil <= now else { return nil }
        while let batch = takeWaiting(now: now) ?? makeBatch(now: now) {
            let bytes = batch.payload.count
            if bytes <= settings.requestLimit { return dispatch(batch, now: now) }
            if cut(batch, now: now) { continue }
            drop(
                batch, .tooLarge,
                "a request of \(bytes) bytes is more than the \(settings.requestLimit) that may be sent, and cannot be cut")
        }
        return nil
    }

    /// A batch whose next attempt is due; it is not counted as queued any more.
    private mutating func takeWaiting(now: UInt64) -> Batch? {
        guard let due = waiting.indices.min(by: { waiting[$0].notBefore < waiting[$1].notBefore }),
            waiting[due].notBefore <= now
        else { return nil }
        let batch = waiting.remove(at: due)
        counters.signals[batch.signal].queued -= batch.tally
        counters.waitingRetries = waiting.count
        return batch
    }

    /// What came of a dispatch. One that is not in flight any more is ignored.
    package mutating func completed(_ id: UInt64, _ outcome: AttemptOutcome, now: UInt64) -> [FinishedExport] {
        guard let batch = inFlight.removeValue(forKey: id) else { return takeFinished() }
        counters.inFlightRequests = inFlight.count
        counters.signals[batch.signal].inFlight -= batch.tally
        switch outcome {
        case .delivered(let rejected, let message):
            deliver(batch, rejected: rejected, message)
        case .retry(let after, let message):
            note(message)
            retry(batch, after: after, message, now: now)
        case .tooLarge(let message):
            note(message)
            splitTooLarge(batch, message, now: now)
        case .invalid(let message):
            note(message)
            splitInvalid(batch, message, now: now)
        case .failed(let reason, let message):
            note(message)
            drop(batch, reason, message)
        }
        return takeFinished()
    }

    /// What has ended since the last call.
    package mutating func takeFinished() -> [FinishedExport] {
        let taken = finished
        finished = []
        return taken
    }

    /// When `next` may have something without any other call before; nil if only another call can bring it.
    package var deadline: UInt64? {
        guard !isEmpty else { return nil }
        var earliest = drainDeadline
        guard inFlight.count < settings.consumers else { return earliest }
        func consider(_ time: UInt64) {
            let time = max(time, throttledUntil)
            earliest = min(earliest ?? time, time)
        }
        waiting.forEach { consider($0.notBefore) }
        if inFlight.count + waiting.count < settings.consumers {
            for queue in pending { if let time = ripeTime(queue) { consider(time) } }
        }
        return earliest
    }

    /// Nothing is held.
    package var isEmpty: Bool { counters.queueItems == 0 }

    /// The backend asked for silence until then; 0 if it never did.
    package var silentUntil: UInt64 { throttledUntil }

    // MARK: Shutting down

    /// From now on nothing is taken, batches don't wait for more, and what can't be sent before `deadline` is given
    /// up with the reason `shutdown`: at once what would have to wait longer, the rest when `next` is called then.
    package mutating func beginDrain(deadline: UInt64) {
        drainDeadline = min(drainDeadline ?? deadline, deadline)
    }

    private mutating func abandonWhatIsTooLate(now: UInt64, deadline: UInt64) {
        let message = "not delivered before the time for shutting down was over"
        let silent = throttledUntil >= deadline
        if now >= deadline {
            for batch in inFlight.values.sorted(by: { $0.id < $1.id }) {
                counters.signals[batch.signal].inFlight -= batch.tally
                drop(batch, .shutdown, message)
            }
            inFlight = [:]
            counters.inFlightRequests = 0
        }
        let late = waiting.filter { now >= deadline || silent || $0.notBefore >= deadline }
        waiting.removeAll { now >= deadline || silent || $0.notBefore >= deadline }
        counters.waitingRetries = waiting.count
        for batch in late {
            counters.signals[batch.signal].queued -= batch.tally
            drop(batch, .shutdown, message)
        }
        guard now >= deadline || silent else { return }
        for signal in Signal.allCases {
            while let item = takeItem(signal) { drop(item, .shutdown, message) }
        }
    }

    // MARK: Batches

    private func index(_ signal: Signal) -> Int { Int(signal.rawValue) - 1 }

    private func ripeTime(_ queue: Pending) -> UInt64? {
        guard let first = queue.items.first else { return nil }
        if drainDeadline != nil || queue.bytes >= min(settings.batchMinBytes, batchLimit) { return first.arrival }
        return first.arrival &+ settings.batchTimeout
    }

    /// The signal whose first item has waited longest among those that need not wait for more.
    private func ripeSignal(now: UInt64) -> Signal? {
        var chosen: (signal: Signal, arrival: UInt64)?
        for signal in Signal.allCases {
            let queue = pending[index(signal)]
            guard let first = queue.items.first, let ripe = ripeTime(queue), ripe <= now else { continue }
            if let chosen, chosen.arrival <= first.arrival { continue }
            chosen = (signal, first.arrival)
        }
        return chosen?.signal
    }

    private mutating func makeBatch(now: UInt64) -> Batch? {
        guard inFlight.count + waiting.count < settings.consumers, let signal = ripeSignal(now: now) else { return nil }
        var parts: [Part] = []
        var payload: [UInt8] = []
        while let (item, _) = pending[index(signal)].items.first {
            let bytes = item.payload.count
            guard parts.isEmpty || payload.count + bytes <= batchLimit else { break }
            guard let item = takeItem(signal) else { break }
            if parts.isEmpty {
                // The only item of a batch shares its storage.
                payload = item.payload
            } else {
                if parts.count == 1 {
                    payload.reserveCapacity(min(batchLimit, payload.count + bytes + pending[index(signal)].bytes))
                }
                WireWriter.copy(item.payload, to: &payload)
            }
            parts.append(Part(item))
        }
        guard !parts.isEmpty else { return nil }
        defer { nextID += 1 }
        return Batch(
            id: nextID, signal: signal, payload: payload, parts: parts, interval: settings.initialInterval)
    }

    private mutating func takeItem(_ signal: Signal) -> ExportItem? {
        guard let (item, _) = pending[index(signal)].items.popFirst() else { return nil }
        pending[index(signal)].bytes -= item.payload.count
        counters.signals[signal].queued -= Tally(items: 1, records: item.records, bytes: item.payload.count)
        return item
    }

    /// Takes a batch that is not counted as queued.
    private mutating func dispatch(_ batch: Batch, now: UInt64) -> Dispatch {
        var batch = batch
        batch.attempts += 1
        batch.firstAttempt = batch.firstAttempt ?? now
        counters.signals[batch.signal].inFlight += batch.tally
        counters.requests += 1
        if batch.attempts > 1 { counters.retries += 1 }
        inFlight[batch.id] = batch
        counters.inFlightRequests = inFlight.count
        return Dispatch(
            id: batch.id, signal: batch.signal, payload: batch.payload, records: batch.tally.records,
            attempt: batch.attempts)
    }

    private mutating func enqueue(_ signal: Signal, _ tally: Tally) {
        counters.signals[signal].queued += tally
    }

    private mutating func wait(_ batch: Batch) {
        enqueue(batch.signal, batch.tally)
        waiting.append(batch)
        counters.waitingRetries = waiting.count
    }

    // MARK: Ends

    private mutating func note(_ message: String) {
        counters.failedRequests += 1
        counters.lastError = message
    }

    private mutating func deliver(_ batch: Batch, rejected: Int, _ message: String) {
        refusalsInARow = 0
        if batchLimit < Self.largestBatch(settings), batch.payload.count > batchLimit / 2 {
            deliveriesAtLimit += 1
            if deliveriesAtLimit == Self.growAfter {
                deliveriesAtLimit = 0
                batchLimit = min(batchLimit * 2, Self.largestBatch(settings))
            }
        }
        var tally = batch.tally
        // What the peer says is not trusted further than it goes.
        let rejected = min(max(rejected, 0), tally.records)
        tally.records -= rejected
        counters.signals[batch.signal].delivered += tally
        counters.signals[batch.signal].rejectedRecords += rejected
        release(batch.tally)
        finish(batch.signal, batch.parts, .delivered(rejected: rejected), message)
    }

    private mutating func retry(_ batch: Batch, after: UInt64?, _ message: String, now: UInt64) {
        var batch = batch
        let spread = min(max(settings.randomization, 0), 1)
        var delay = Self.scaled(batch.interval, by: 1 + spread * (2 * uniform() - 1))
        batch.interval = min(
            max(Self.scaled(batch.interval, by: settings.multiplier), batch.interval), settings.maxInterval)
        if let after {
            // A little later than asked, each at another time: others were told the same.
            let asked = min(after, settings.serverDelayLimit)
            let wait = Self.scaled(asked, by: 1 + 0.1 * uniform())
            delay = max(delay, wait)
            throttledUntil = max(throttledUntil, now &+ wait)
            if wait > 0 { counters.throttles += 1 }
        }
        let elapsed = now &- (batch.firstAttempt ?? now)
        if settings.maxElapsedTime > 0, elapsed &+ delay > settings.maxElapsedTime {
            return drop(batch, .retriesExhausted, message)
        }
        batch.notBefore = now &+ delay
        wait(batch)
    }

    /// Uniform in 0..<1, of one draw.
    private mutating func uniform() -> Double {
        Double(random.next() >> 11) * 0x1p-53
    }

    private static func scaled(_ time: UInt64, by factor: Double) -> UInt64 {
        // Settings and limits keep this far below a century; beyond it is only a wrong setting.
        UInt64(min(max(Double(time) * factor, 0), 3.2e18))
    }

    private mutating func splitTooLarge(_ batch: Batch, _ message: String, now: UInt64) {
        guard batch.parts.count > 1 else {
            if !cut(batch, now: now) { drop(batch, .tooLargeForPeer, message) }
            return
        }
        deliveriesAtLimit = 0
        batchLimit = max(min(batchLimit, batch.payload.count / 2), min(batchLimit, 64 << 10))
        halve(batch, now: now)
    }

    /// What is invalid in a batch must not take the rest with it. A backend that takes nothing at all is not asked about
    /// every part.
    private mutating func splitInvalid(_ batch: Batch, _ message: String, now: UInt64) {
        refusalsInARow += 1
        guard batch.parts.count > 1, refusalsInARow <= Self.believedRefusals else { return drop(batch, .refused, message) }
        halve(batch, now: now)
    }

    /// Cuts the only item of a batch between its records. Returns whether it could.
    private mutating func cut(_ batch: Batch, now: UInt64) -> Bool {
        guard let part = batch.parts.first, batch.parts.count == 1,
            let halves = try? RequestHalves(of: batch.payload, signal: batch.signal)
        else { return false }
        let origin = part.cut ?? nextID
        if part.cut == nil {
            nextID += 1
            cuts[origin] = Cut(pieces: 1, receipts: part.receipts)
        }
        cuts[origin]?.pieces += 1
        // A piece counts as an item, until it has ended.
        counters.signals[batch.signal].accepted.items += 1
        counters.queueItems += 1
        let bytes = min(part.bytes, halves.first.payload.count)
        let records = min(part.records, halves.first.records)
        put(
            (halves.first.payload, [Part(bytes: bytes, records: records, receipts: [], cut: origin)]),
            (halves.second.payload, [
                Part(bytes: part.bytes - bytes, records: part.records - records, receipts: [], cut: origin)
            ]), insteadOf: batch, now: now)
        return true
    }

    private mutating func halve(_ batch: Batch, now: UInt64) {
        var count = 0
        var bytes = 0
        while count < batch.parts.count - 1, count == 0 || bytes + batch.parts[count].bytes <= batch.payload.count / 2 {
            bytes += batch.parts[count].bytes
            count += 1
        }
        put(
            (Array(batch.payload[..<bytes]), Array(batch.parts[..<count])),
            (Array(batch.payload[bytes...]), Array(batch.parts[count...])), insteadOf: batch, now: now)
    }

    private mutating func put(
        _ first: (payload: [UInt8], parts: [Part]), _ second: (payload: [UInt8], parts: [Part]), insteadOf batch: Batch,
        now: UInt64
    ) {
        counters.splits += 1
        var batch = batch
        batch.notBefore = now
        (batch.payload, batch.parts) = first
        wait(batch)
        batch.id = nextID
        nextID += 1
        (batch.payload, batch.parts) = second
        wait(batch)
    }

    /// Ends a batch that is counted neither as queued nor as in flight.
    private mutating func drop(_ batch: Batch, _ reason: DropReason, _ message: String) {
        counters.signals[batch.signal].dropped[reason, default: Tally()] += batch.tally
        release(batch.tally)
        finish(batch.signal, batch.parts, .dropped(reason), message)
    }

    private mutating func drop(_ item: ExportItem, _ reason: DropReason, _ message: String) {
        let tally = Tally(items: 1, records: item.records, bytes: item.payload.count)
        counters.signals[item.signal].dropped[reason, default: Tally()] += tally
        release(tally)
        finish(item.signal, [Part(item)], .dropped(reason), message)
    }

    private mutating func release(_ tally: Tally) {
        counters.queueItems -= tally.items
        counters.queueBytes -= tally.bytes
    }

    private mutating func finish(_ signal: Signal, _ parts: [Part], _ outcome: ExportOutcome, _ message: String) {
        var receipts: [UInt64] = []
        var items = 0
        for part in parts {
            guard let origin = part.cut else {
                receipts += part.receipts
                items += 1
                continue
            }
            guard var cut = cuts[origin] else { continue }
            cut.pieces -= 1
            // An item has ended with its last piece; but if one is still owed, so is the whole.
            if cut.pieces == 0 || outcome == .dropped(.shutdown), let owed = cut.receipts {
                receipts += owed
                items += 1
                cut.receipts = nil
            }
            cuts[origin] = cut.pieces == 0 ? nil : cut
        }
        finished.append(
            FinishedExport(
                receipts: receipts, signal: signal, items: items, records: parts.reduce(0) { $0 + $1.records },
                bytes: parts.reduce(0) { $0 + $1.bytes }, outcome: outcome, message: message))
    }
}

extension ExportQueue.Part {
    init(_ item: ExportItem) {
        self.init(bytes: item.payload.count, records: item.records, receipts: item.receipts)
    }
}
