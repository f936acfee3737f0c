import Exporters
import FoundationEssentials
import OTLP
import Testing

/// Seconds and milliseconds in the machine's nanoseconds.
func seconds(_ count: Double) -> UInt64 { UInt64(count * 1_000_000_000) }

/// Returns the same bits for ever, so that jitter has a known place in its range.
struct FixedRandom: RandomNumberGenerator, Sendable {
    var bits: UInt64
    mutating func next() -> UInt64 { bits }
}

/// SplitMix64.
struct SeededRandom: RandomNumberGenerator, Sendable {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

@Suite struct ExportQueueTests {
    private func queue(
        random: any RandomNumberGenerator & Sendable = FixedRandom(bits: 1 << 63),
        _ change: (inout ExportQueueSettings) -> Void = { _ in }
    ) -> ExportQueue {
        var settings = ExportQueueSettings.defaults
        settings.batchTimeout = 0
        change(&settings)
        return ExportQueue(settings: settings, random: random)
    }

    private func item(_ size: Int, _ receipt: UInt64 = 0, _ signal: Signal = .traces, records: Int = 1) -> ExportItem {
        ExportItem(
            signal: signal, payload: [UInt8](repeating: UInt8(truncatingIfNeeded: receipt), count: size),
            records: records, receipts: [receipt])
    }

    // MARK: Bounds

    @Test("the queue is full at its bytes and at its items; what is in flight counts")
    func full() {
        var queue = queue {
            $0.queueBytes = 100
            $0.queueItems = 3
        }
        #expect(queue.offer(item(60), now: 0) == .accepted)
        #expect(queue.offer(item(41), now: 0) == .full)
        #expect(queue.offer(item(40), now: 0) == .accepted)
        let dispatch = queue.next(now: 0)
        #expect(dispatch?.payload.count == 100)
        #expect(queue.offer(item(1), now: 0) == .full)
        _ = queue.completed(dispatch?.id ?? 0, .delivered(rejected: 0, message: ""), now: 1)
        for _ in 0..<3 { #expect(queue.offer(item(1), now: 1) == .accepted) }
        #expect(queue.offer(item(1), now: 1) == .full)
        #expect(queue.counters.queueItems == 3)
        #expect(queue.counters.queueBytes == 3)
    }

    @Test("an empty queue takes an item that is larger than the queue")
    func oversize() {
        var queue = queue { $0.queueBytes = 10 }
        #expect(queue.offer(item(11), now: 0) == .accepted)
        #expect(queue.next(now: 0)?.payload.count == 11)
        #expect(queue.offer(item(1), now: 0) == .full)
    }

    @Test("C-1: an item larger than the request limit is dropped and counted, never sent")
    func requestLimit() {
        var queue = queue { $0.requestLimit = 10 }
        _ = queue.offer(item(11, 1), now: 0)
        _ = queue.offer(item(10, 2), now: 0)
        #expect(queue.next(now: 0)?.payload.count == 10)
        #expect(queue.next(now: 0) == nil)
        let finished = queue.takeFinished()
        #expect(finished.map(\.outcome) == [.dropped(.tooLarge)])
        #expect(finished.first?.receipts == [1])
        #expect(queue.counters.signals.traces.dropped == [.tooLarge: Tally(items: 1, records: 1, bytes: 11)])
    }

    @Test("an empty request is done without being sent")
    func empty() {
        var queue = queue()
        _ = queue.offer(item(0, 7, records: 0), now: 0)
        #expect(queue.next(now: 0) == nil)
        #expect(queue.takeFinished().map(\.outcome) == [.delivered(rejected: 0)])
        #expect(queue.isEmpty)
    }

    // MARK: Batches

    @Test("items of one signal are concatenated in order up to the batch's limit")
    func batches() {
        var queue = queue { $0.batchMaxBytes = 10 }
        for receipt in 1...4 { _ = queue.offer(item(4, UInt64(receipt)), now: 0) }
        _ = queue.offer(item(3, 9, .logs), now: 0)
        let first = queue.next(now: 0)
        #expect(first?.payload == [1, 1, 1, 1, 2, 2, 2, 2])
        #expect(first?.records == 2)
        #expect(queue.next(now: 0)?.payload == [3, 3, 3, 3, 4, 4, 4, 4])
        let logs = queue.next(now: 0)
        #expect(logs?.signal == .logs)
        #expect(queue.next(now: 0) == nil)
        let finished = queue.completed(first?.id ?? 0, .delivered(rejected: 0, message: ""), now: 1)
        #expect(finished.map(\.receipts) == [[1, 2]])
    }

    @Test("a small batch waits its timeout, a large one does not")
    func timeout() {
        var queue = queue {
            $0.batchTimeout = 200
            $0.batchMinBytes = 10
        }
        _ = queue.offer(item(4), now: 1_000)
        #expect(queue.next(now: 1_000) == nil)
        #expect(queue.deadline == 1_200)
        #expect(queue.next(now: 1_199) == nil)
        #expect(queue.next(now: 1_200)?.payload.count == 4)
        #expect(queue.deadline == nil)
        _ = queue.offer(item(4), now: 2_000)
        _ = queue.offer(item(6), now: 2_100)
        #expect(queue.next(now: 2_100)?.payload.count == 10)
    }

    @Test("the signal that has waited longest goes first")
    func fairness() {
        var queue = queue { $0.consumers = 3 }
        _ = queue.offer(item(1, 1, .logs), now: 5)
        _ = queue.offer(item(1, 2, .traces), now: 6)
        _ = queue.offer(item(1, 3, .metrics), now: 4)
        #expect((0..<3).map { _ in queue.next(now: 10)?.signal } == [.metrics, .logs, .traces])
    }

    @Test("C-3: no more batches are in flight than there are consumers, and retries keep their place")
    func consumers() {
        var queue = queue {
            $0.consumers = 2
            $0.batchMaxBytes = 1
        }
        for receipt in 0..<5 { _ = queue.offer(item(1, UInt64(receipt)), now: 0) }
        let first = queue.next(now: 0)
        #expect(queue.next(now: 0) != nil)
        #expect(queue.next(now: 0) == nil)
        #expect(queue.deadline == nil)
        _ = queue.completed(first?.id ?? 0, .retry(after: nil, message: "down"), now: 0)
        #expect(queue.next(now: 0) == nil)
        #expect(queue.deadline == seconds(5))
        #expect(queue.next(now: seconds(5))?.attempt == 2)
        #expect(queue.counters.inFlightRequests == 2)
    }

    // MARK: Retries

    /// Sends one item and lets it fail `times`; the waits until each next attempt.
    private func waits(_ queue: inout ExportQueue, times: Int, after: UInt64? = nil) -> [UInt64] {
        var now: UInt64 = seconds(100)
        _ = queue.offer(item(1), now: now)
        var waits: [UInt64] = []
        for _ in 0..<times {
            guard let dispatch = queue.next(now: now) else { break }
            _ = queue.completed(dispatch.id, .retry(after: after, message: "down"), now: now)
            guard let deadline = queue.deadline else { break }
            waits.append(deadline - now)
            #expect(queue.next(now: deadline - 1) == nil)
            now = deadline
        }
        return waits
    }

    @Test("C-7, C-8, C-10: waits grow by the multiplier up to the longest one")
    func backoff() {
        // Half of the range: no jitter.
        var queue = queue {
            $0.multiplier = 2
            $0.maxElapsedTime = 0
        }
        #expect(waits(&queue, times: 5).map { ($0 + 500_000) / 1_000_000_000 } == [5, 10, 20, 30, 30])
    }

    @Test("C-10, C-15: jitter stays within its bounds and reaches both ends", arguments: [0.0, 0.2, 0.5, 1.0])
    func jitter(spread: Double) {
        func first(_ random: any RandomNumberGenerator & Sendable) -> Double {
            var queue = queue(random: random) { $0.randomization = spread }
            return Double(waits(&queue, times: 1).first ?? 0) / 5e9
        }
        #expect(abs(first(FixedRandom(bits: 0)) - (1 - spread)) < 0.001)
        #expect(abs(first(FixedRandom(bits: .max)) - (1 + spread)) < 0.001)
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(state: seed)
        var seen: Set<Double> = []
        for _ in 0..<200 {
            let wait = first(SeededRandom(state: random.next()))
            #expect(wait >= 1 - spread - 0.001 && wait <= 1 + spread + 0.001, "seed \(seed)")
            seen.insert(wait)
        }
        #expect(spread == 0 || seen.count > 150, "seed \(seed)")
    }

    @Test("C-9: the backend's delay is honoured, with a little more; a shorter one does not shorten the backoff")
    func serverDelay() {
        var long = queue()
        let wait = waits(&long, times: 1, after: seconds(60))[0]
        #expect(wait >= seconds(60) && wait <= seconds(66))
        var short = queue()
        #expect(waits(&short, times: 1, after: seconds(1)) == [seconds(5)])
        var absurd = queue { $0.maxElapsedTime = 0 }
        #expect(waits(&absurd, times: 1, after: .max)[0] <= seconds(660))
    }

    @Test("C-11: a backend that asks for silence silences the whole exporter")
    func throttle() {
        var queue = queue { $0.batchMaxBytes = 1 }
        for receipt in 0..<3 { _ = queue.offer(item(1, UInt64(receipt)), now: 0) }
        let first = queue.next(now: 0)
        _ = queue.completed(first?.id ?? 0, .retry(after: seconds(20), message: "slow down"), now: 0)
        #expect(queue.next(now: 0) == nil)
        #expect(queue.next(now: seconds(19.9)) == nil)
        #expect(queue.deadline == queue.silentUntil)
        #expect(queue.silentUntil >= seconds(20))
        let now = queue.silentUntil
        #expect(queue.next(now: now)?.attempt == 2)
        #expect(queue.next(now: now)?.attempt == 1)
        #expect(queue.counters.throttles == 1)
    }

    @Test("max_elapsed_time ends retrying, 0 never does")
    func elapsed() {
        var queue = queue { $0.maxElapsedTime = seconds(300) }
        let waited = waits(&queue, times: 100)
        #expect(waited.reduce(0, +) <= seconds(300))
        #expect(queue.isEmpty)
        #expect(queue.counters.signals.traces.dropped.keys.map { $0 } == [.retriesExhausted])
        var endless = self.queue { $0.maxElapsedTime = 0 }
        #expect(waits(&endless, times: 1_000).count == 1_000)
    }

    @Test("C-6: a final refusal drops at once")
    func refused() {
        var queue = queue()
        _ = queue.offer(item(3, 5), now: 0)
        let dispatch = queue.next(now: 0)
        let finished = queue.completed(dispatch?.id ?? 0, .failed(.refused, message: "HTTP 400"), now: 0)
        #expect(finished.map(\.outcome) == [.dropped(.refused)])
        #expect(finished.first?.message == "HTTP 400")
        #expect(queue.next(now: seconds(1_000)) == nil)
        #expect(queue.counters.lastError == "HTTP 400")
    }

    @Test("C-5: partial success counts what was rejected and is never retried", arguments: [(3, 3), (-1, 0), (99, 10)])
    func partial(claimed: Int, rejected: Int) {
        var queue = queue()
        _ = queue.offer(item(3, 5, records: 10), now: 0)
        let dispatch = queue.next(now: 0)
        let finished = queue.completed(
            dispatch?.id ?? 0, .delivered(rejected: claimed, message: "bad ids"), now: 0)
        #expect(finished.map(\.outcome) == [.delivered(rejected: rejected)])
        #expect(queue.counters.signals.traces.delivered.records == 10 - rejected)
        #expect(queue.counters.signals.traces.rejectedRecords == rejected)
        #expect(queue.counters.signals.traces.accounted == queue.counters.signals.traces.accepted)
        #expect(queue.next(now: seconds(1_000)) == nil)
    }

    // MARK: Splitting

    @Test("a batch that is too large for the backend is halved until single items, which are dropped")
    func split() {
        var queue = queue()
        for receipt in 1...4 { _ = queue.offer(item(100, UInt64(receipt)), now: 0) }
        var sizes: [Int] = []
        var finished: [FinishedExport] = []
        while let dispatch = queue.next(now: 0) {
            sizes.append(dispatch.payload.count)
            let outcome: AttemptOutcome =
                dispatch.payload.count > 100 || dispatch.payload[0] == 3
                ? .tooLarge(message: "413") : .delivered(rejected: 0, message: "")
            finished += queue.completed(dispatch.id, outcome, now: 0)
        }
        #expect(sizes.sorted() == [100, 100, 100, 100, 200, 200, 400])
        #expect(finished.filter { $0.outcome == .dropped(.tooLargeForPeer) }.map(\.receipts) == [[3]])
        #expect(
            finished.filter { $0.outcome == .delivered(rejected: 0) }.flatMap(\.receipts).sorted() == [1, 2, 4])
        #expect(queue.counters.splits == 3)
        #expect(queue.isEmpty)
    }

    /// A request of one resource with `count` log records of about 100 bytes.
    private func logs(_ count: Int, _ receipt: UInt64) -> ExportItem {
        func field(_ tag: UInt8, _ body: [UInt8]) -> [UInt8] {
            [tag, UInt8(body.count & 0x7F) | 0x80, UInt8(body.count >> 7)] + body
        }
        let record = field(18, field(26, [UInt8](repeating: UInt8(ascii: "x"), count: 100)))
        let payload = field(10, field(18, Array([[UInt8]](repeating: record, count: count).joined())))
        return ExportItem(signal: .logs, payload: payload, records: count, receipts: [receipt])
    }

    @Test("an item that is too large for the backend is cut between records; it ends with its last piece")
    func cut() {
        var queue = queue { $0.consumers = 2 }
        _ = queue.offer(logs(8, 1), now: 0)
        var finished: [FinishedExport] = []
        var sizes: [Int] = []
        while let dispatch = queue.next(now: 0) {
            sizes.append(dispatch.records)
            finished += queue.completed(
                dispatch.id, dispatch.records > 2 ? .tooLarge(message: "413") : .delivered(rejected: 0, message: ""), now: 0)
            #expect(queue.counters.signals.logs.accounted == queue.counters.signals.logs.accepted)
            #expect(queue.isEmpty == (finished.reduce(0) { $0 + $1.records } == 8))
        }
        #expect(sizes.sorted() == [2, 2, 2, 2, 4, 4, 8])
        #expect(finished.map(\.items) == [0, 0, 0, 1] && finished.map(\.receipts) == [[], [], [], [1]])
        #expect(finished.reduce(0) { $0 + $1.bytes } == logs(8, 1).payload.count)
        #expect(queue.counters.signals.logs.delivered == Tally(items: 4, records: 8, bytes: logs(8, 1).payload.count))
        #expect(queue.counters.queueBytes == 0 && queue.counters.queueItems == 0)
    }

    @Test("of an item that is cut only the records that are too large alone are dropped")
    func cutAndDropped() {
        var queue = queue()
        _ = queue.offer(logs(4, 1), now: 0)
        var finished: [FinishedExport] = []
        var singles = 0
        while let dispatch = queue.next(now: 0) {
            if dispatch.records == 1 { singles += 1 }
            let isTaken = dispatch.records == 1 && singles != 2
            finished += queue.completed(
                dispatch.id, isTaken ? .delivered(rejected: 0, message: "") : .tooLarge(message: "413"), now: 0)
        }
        #expect(queue.counters.signals.logs.dropped[.tooLargeForPeer]?.records == 1)
        #expect(queue.counters.signals.logs.delivered.records == 3)
        #expect(finished.flatMap(\.receipts) == [1])
    }

    @Test("C-1: what is larger than may be sent is cut before")
    func cutToLimit() {
        var queue = queue { $0.requestLimit = 300 }
        _ = queue.offer(logs(9, 1), now: 0)
        var records = 0
        while let dispatch = queue.next(now: 0) {
            #expect(dispatch.payload.count <= 300)
            records += dispatch.records
            _ = queue.completed(dispatch.id, .delivered(rejected: 0, message: ""), now: 0)
        }
        #expect(records == 9 && queue.isEmpty)
    }

    @Test("an item of which a piece is left at a shutdown is owed, once")
    func cutAndShutdown() {
        var queue = queue { $0.initialInterval = seconds(100) }
        _ = queue.offer(logs(4, 1), now: 0)
        let whole = queue.next(now: 0)
        _ = queue.completed(whole?.id ?? 0, .tooLarge(message: "413"), now: 0)
        let (first, second) = (queue.next(now: 0), queue.next(now: 0))
        queue.beginDrain(deadline: seconds(10))
        _ = queue.completed(first?.id ?? 0, .retry(after: nil, message: "down"), now: 0)
        #expect(queue.next(now: 0) == nil)
        let left = queue.takeFinished()
        #expect(left.map(\.outcome) == [.dropped(.shutdown)] && left.map(\.receipts) == [[1]])
        let rest = queue.completed(second?.id ?? 0, .delivered(rejected: 0, message: ""), now: 0)
        #expect(rest.map(\.receipts) == [[]] && rest.map(\.items) == [0])
        #expect(queue.isEmpty)
    }

    @Test("what is invalid in a batch does not take the rest with it", arguments: [1, 2, 5, 8])
    func invalidPart(bad: UInt8) {
        var queue = queue()
        for receipt in 1...8 { _ = queue.offer(item(100, UInt64(receipt)), now: 0) }
        var requests = 0
        var finished: [FinishedExport] = []
        while let dispatch = queue.next(now: 0) {
            requests += 1
            let isBad = stride(from: 0, to: dispatch.payload.count, by: 100).contains { dispatch.payload[$0] == bad }
            finished += queue.completed(
                dispatch.id, isBad ? .invalid(message: "400") : .delivered(rejected: 0, message: ""), now: 0)
        }
        #expect(finished.filter { $0.outcome == .dropped(.refused) }.map(\.receipts) == [[UInt64(bad)]])
        #expect(finished.filter { $0.outcome == .delivered(rejected: 0) }.flatMap(\.receipts).count == 7)
        #expect(requests == 7 && queue.counters.splits == 3 && queue.isEmpty)
        // Later batches are as large as before.
        for receipt in 1...8 { _ = queue.offer(item(100, UInt64(receipt + 10)), now: 0) }
        #expect(queue.next(now: 0)?.payload.count == 800)
    }

    @Test("a backend that calls everything invalid is not asked about every part for ever")
    func everythingInvalid() {
        var queue = queue()
        var requests = 0
        for round in 0..<20 {
            for receipt in 1...8 { _ = queue.offer(item(100, UInt64(8 * round + receipt)), now: 0) }
            while let dispatch = queue.next(now: 0) {
                requests += 1
                _ = queue.completed(dispatch.id, .invalid(message: "400"), now: 0)
            }
        }
        #expect(queue.isEmpty && queue.counters.signals.traces.droppedTotal.items == 160)
        // Two whole batches are taken apart, then each costs a request or the rest of its parts.
        #expect(requests < 60, "\(requests)")
    }

    @Test("later batches keep to the size that the backend took")
    func learnedLimit() {
        var queue = queue()
        for receipt in 1...4 { _ = queue.offer(item(100_000, UInt64(receipt)), now: 0) }
        let first = queue.next(now: 0)
        #expect(first?.payload.count == 400_000)
        _ = queue.completed(first?.id ?? 0, .tooLarge(message: "413"), now: 0)
        while let half = queue.next(now: 0) {
            #expect(half.payload.count == 200_000)
            _ = queue.completed(half.id, .delivered(rejected: 0, message: ""), now: 0)
        }
        for receipt in 1...4 { _ = queue.offer(item(100_000, UInt64(receipt)), now: 1) }
        #expect(queue.next(now: 1)?.payload.count == 200_000)
    }

    @Test("after a hundred deliveries of the size that it took, the backend is asked again")
    func growingLimit() {
        var queue = queue {
            $0.batchMaxBytes = 400_000
            $0.consumers = 1
        }
        func sendAll(_ items: Int, _ outcome: AttemptOutcome) -> Int {
            for receipt in 0..<items { _ = queue.offer(item(100_000, UInt64(receipt)), now: 0) }
            var largest = 0
            while let batch = queue.next(now: 0) {
                largest = max(largest, batch.payload.count)
                let taken = AttemptOutcome.delivered(rejected: 0, message: "")
                _ = queue.completed(batch.id, batch.payload.count == 400_000 ? outcome : taken, now: 0)
            }
            return largest
        }
        #expect(sendAll(4, .tooLarge(message: "413")) == 400_000)
        // The two halves were the first two.
        #expect(sendAll(2 * 97, .tooLarge(message: "413")) == 200_000)
        #expect(sendAll(6, .tooLarge(message: "413")) == 400_000)
        #expect(queue.counters.splits == 2)
    }

    // MARK: Shutting down

    @Test("C-4: draining sends at once, and what is left at the deadline ends as shutdown")
    func drain() {
        var queue = queue {
            $0.batchTimeout = seconds(1)
            $0.batchMaxBytes = 1
            $0.consumers = 1
        }
        for receipt in 0..<3 { _ = queue.offer(item(1, UInt64(receipt)), now: 0) }
        queue.beginDrain(deadline: seconds(2))
        #expect(queue.offer(item(1), now: 0) == .full)
        let first = queue.next(now: 0)
        #expect(first != nil)
        #expect(queue.deadline == seconds(2))
        _ = queue.completed(first?.id ?? 0, .delivered(rejected: 0, message: ""), now: 0)
        let second = queue.next(now: 0)
        #expect(queue.next(now: seconds(2)) == nil)
        let finished = queue.takeFinished()
        #expect(finished.map(\.receipts) == [[1], [2]])
        #expect(finished.allSatisfy { $0.outcome == .dropped(.shutdown) })
        #expect(queue.isEmpty)
        #expect(queue.deadline == nil)
        // Too late to matter.
        let late = queue.completed(second?.id ?? 0, .delivered(rejected: 0, message: ""), now: seconds(3))
        #expect(late.isEmpty)
        #expect(queue.counters.signals.traces.accounted == queue.counters.signals.traces.accepted)
    }

    @Test("a retry that would come after the deadline is not waited for")
    func drainRetry() {
        var queue = queue { $0.batchMaxBytes = 1 }
        _ = queue.offer(item(1), now: 0)
        _ = queue.offer(item(1), now: 0)
        let first = queue.next(now: 0)
        let second = queue.next(now: 0)
        queue.beginDrain(deadline: seconds(4))
        _ = queue.completed(first?.id ?? 0, .retry(after: nil, message: "down"), now: 0)
        #expect(queue.next(now: 0) == nil)
        #expect(queue.takeFinished().map(\.outcome) == [.dropped(.shutdown)])
        #expect(!queue.isEmpty)
        let rest = queue.completed(second?.id ?? 0, .delivered(rejected: 0, message: ""), now: 0)
        #expect(rest.count == 1)
        #expect(queue.isEmpty)
    }

    // MARK: The invariant

    @Test("accepted = delivered + rejected + dropped + queued + in flight, in any schedule")
    func invariant() {
        let seed =
            ProcessInfo.processInfo.environment["SPANBRIDGE_SEED"].flatMap(UInt64.init)
            ?? UInt64.random(in: .min ... .max)
        var random = SeededRandom(state: seed)
        for round in 0..<60 {
            var queue = queue(random: SeededRandom(state: random.next())) {
                $0.queueBytes = Int.random(in: 200...4_000, using: &random)
                $0.queueItems = Int.random(in: 5...100, using: &random)
                $0.consumers = Int.random(in: 1...5, using: &random)
                $0.batchMaxBytes = Int.random(in: 1...500, using: &random)
                $0.batchMinBytes = Int.random(in: 1...500, using: &random)
                $0.batchTimeout = UInt64.random(in: 0...10, using: &random)
                $0.requestLimit = Int.random(in: 80...500, using: &random)
                $0.initialInterval = UInt64.random(in: 1...20, using: &random)
                $0.maxInterval = 50
                $0.maxElapsedTime = UInt64.random(in: 0...200, using: &random)
            }
            var now: UInt64 = 0
            var flying: [UInt64] = []
            var open: Set<UInt64> = []
            var receipt: UInt64 = 0
            func close(_ finished: [FinishedExport]) {
                for receipt in finished.flatMap(\.receipts) {
                    #expect(open.remove(receipt) != nil, "receipt \(receipt) ended twice, seed \(seed)")
                }
            }
            func check() {
                var held = Tally()
                for signal in Signal.allCases {
                    let counters = queue.counters.signals[signal]
                    #expect(counters.accounted == counters.accepted, "seed \(seed), round \(round)")
                    held += counters.held
                }
                #expect(held.items == queue.counters.queueItems, "seed \(seed), round \(round)")
                #expect(held.bytes == queue.counters.queueBytes, "seed \(seed), round \(round)")
                #expect(queue.counters.inFlightRequests == flying.count, "seed \(seed), round \(round)")
                #expect(flying.count <= queue.settings.consumers, "seed \(seed), round \(round)")
                #expect(queue.deadline.map { $0 >= now } ?? true, "seed \(seed), round \(round)")
            }
            for step in 0..<300 {
                switch Int.random(in: 0..<10, using: &random) {
                case 0..<5:
                    receipt += 1
                    let signal = Signal.allCases.randomElement(using: &random) ?? .logs
                    let offered =
                        Int.random(in: 0..<4, using: &random) == 0
                        ? logs(Int.random(in: 1...9, using: &random), receipt)
                        : item(
                            Int.random(in: 0...100, using: &random), receipt, signal,
                            records: Int.random(in: 0...9, using: &random))
                    if queue.offer(offered, now: now) == .accepted { open.insert(receipt) }
                case 5..<8:
                    guard let index = flying.indices.randomElement(using: &random) else { break }
                    let outcome: AttemptOutcome =
                        switch Int.random(in: 0..<8, using: &random) {
                        case 0..<3:
                            .delivered(rejected: Int.random(in: -1...20, using: &random), message: "")
                        case 3..<5: .retry(after: nil, message: "r")
                        case 5: .retry(after: UInt64.random(in: 0...30, using: &random), message: "s")
                        case 6: .tooLarge(message: "t")
                        default: .failed(.refused, message: "f")
                        }
                    close(queue.completed(flying.remove(at: index), outcome, now: now))
                default:
                    now += UInt64.random(in: 0...20, using: &random)
                }
                if step == 250 { queue.beginDrain(deadline: now + 100) }
                while let dispatch = queue.next(now: now) { flying.append(dispatch.id) }
                close(queue.takeFinished())
                if queue.counters.inFlightRequests == 0 { flying = [] }
                check()
            }
            now += 100
            #expect(queue.next(now: now + 2_000) == nil)
            close(queue.takeFinished())
            flying = []
            check()
            #expect(open.isEmpty, "seed \(seed)")
            #expect(queue.isEmpty, "seed \(seed)")
        }
    }
}
