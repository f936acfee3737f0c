import Exporters
import OTLP
import Testing

/// An event of so many bytes.
func forwardItem(_ number: Int, bytes: Int = 100) -> ForwardItem {
    ForwardItem(
        id: ForwardItem.ID(record: UInt64(number), position: 0), body: [UInt8](repeating: 0x20, count: bytes), headers: [],
        event: BindingCall.EventReference(id: "evt-\(number)", source: "s"))
}

@Suite struct ForwardQueueTests {
    /// With jitter in the middle of its range, so that waits are what the settings say.
    private func queue(
        random: any RandomNumberGenerator & Sendable = FixedRandom(bits: 1 << 63),
        _ change: (inout ForwardQueueSettings) -> Void = { _ in }
    ) -> ForwardQueue {
        var settings = ForwardQueueSettings()
        change(&settings)
        return ForwardQueue(settings: settings, random: random)
    }

    private func offer(_ item: ForwardItem, to queue: inout ForwardQueue) -> Bool { queue.offer(item) }

    private func taken(_ queue: inout ForwardQueue, now: UInt64) -> [(id: UInt64, item: ForwardItem)] {
        var all: [(id: UInt64, item: ForwardItem)] = []
        while let next = queue.next(now: now) { all.append(next) }
        return all
    }

    private let ownRetry = ForwardAttempt.retry(after: nil, isOfRoute: false, message: "HTTP status 500")
    private let routeRetry = ForwardAttempt.retry(after: nil, isOfRoute: true, message: "could not connect")

    @Test("no more calls are in flight than there are consumers")
    func consumers() throws {
        var queue = queue { $0.consumers = 2 }
        for number in 1...3 { #expect(offer(forwardItem(number), to: &queue)) }
        let first = taken(&queue, now: 0)
        #expect(first.map(\.item.id.record) == [1, 2])
        #expect(queue.deadline == nil && !queue.isIdle)
        let end = queue.completed(first[0].id, .ended(.taken, message: ""), now: 1)
        #expect(end?.item.id.record == 1 && end?.outcome == .taken)
        #expect(taken(&queue, now: 1).map(\.item.id.record) == [3])
        let again = queue.completed(first[0].id, .ended(.taken, message: ""), now: 1)
        #expect(again == nil, "nothing ends twice")
    }

    @Test("an event that fails by itself waits longer each time, and the others do not wait for it")
    func ownFailure() {
        var queue = queue { $0.consumers = 1 }
        #expect(offer(forwardItem(1), to: &queue))
        #expect(offer(forwardItem(2), to: &queue))
        var now: UInt64 = 0
        var waits: [UInt64] = []
        for attempt in 0..<12 {
            let next = taken(&queue, now: now)
            #expect(next.map(\.item.id.record) == [1])
            _ = queue.completed(next.first?.id ?? 0, ownRetry, now: now)
            if attempt == 0 {
                let other = taken(&queue, now: now)
                #expect(other.map(\.item.id.record) == [2])
                _ = queue.completed(other.first?.id ?? 0, .ended(.conditionsNotMet, message: ""), now: now)
            }
            let deadline = queue.deadline ?? 0
            #expect(queue.next(now: deadline - 1) == nil)
            waits.append(deadline - now)
            now = deadline
        }
        #expect(waits[0] == seconds(1) && waits[1] == seconds(1.5) && waits.last == seconds(30))
        #expect(queue.counters.retries == 11 && queue.counters.pauses == 0 && queue.counters.waitingRetries == 1)
        #expect(queue.counters.ended == ["conditions_not_met": 1])
    }

    @Test("a webhook that is out of reach is left alone by all, and failures of one moment count once")
    func pause() {
        var queue = queue { $0.consumers = 2 }
        for number in 1...4 { #expect(offer(forwardItem(number), to: &queue)) }
        for call in taken(&queue, now: 0) { #expect(queue.completed(call.id, routeRetry, now: 10) == nil) }
        #expect(queue.counters.pauses == 1)
        #expect(queue.deadline == 10 + seconds(1))
        #expect(queue.next(now: seconds(1)) == nil)
        let again = taken(&queue, now: 10 + seconds(1))
        #expect(Set(again.map(\.item.id.record)) == [1, 2])
        _ = queue.completed(again[0].id, routeRetry, now: seconds(2))
        #expect(queue.deadline == seconds(3.5), "the second pause is longer")
        _ = queue.completed(again[1].id, .ended(.taken, message: ""), now: seconds(2))
        let third = taken(&queue, now: seconds(3.5))
        _ = queue.completed(third[0].id, routeRetry, now: seconds(4))
        #expect(queue.deadline == seconds(5), "what succeeded began anew")
    }

    @Test("a wish for silence is honoured up to its limit, by all")
    func retryAfter() {
        var queue = queue { $0.serverDelayLimit = seconds(100) }
        #expect(offer(forwardItem(1), to: &queue))
        for (asked, least) in [(seconds(50), seconds(50)), (UInt64.max, seconds(100))] {
            let start = queue.deadline ?? 0
            let call = taken(&queue, now: start)
            _ = queue.completed(
                call.first?.id ?? 0, .retry(after: asked, isOfRoute: true, message: "HTTP status 429"), now: start)
            let wait = (queue.deadline ?? 0) - start
            #expect(wait >= least && wait <= least + least / 10)
        }
    }

    @Test("an event is given up when its time is over, and at once when it is refused")
    func givingUp() {
        var queue = queue { $0.maxElapsedTime = seconds(2) }
        #expect(offer(forwardItem(1), to: &queue))
        #expect(offer(forwardItem(2), to: &queue))
        let calls = taken(&queue, now: 0)
        let refused = queue.completed(calls[1].id, .ended(.refused(status: 404), message: "HTTP status 404"), now: 1)
        #expect(refused?.outcome == .refused(status: 404) && refused?.outcome.isDelivered == false)
        #expect(queue.completed(calls[0].id, ownRetry, now: 1) == nil)
        let second = taken(&queue, now: queue.deadline ?? 0)
        let end = queue.completed(second[0].id, ownRetry, now: seconds(1.1))
        #expect(end?.outcome == .retriesExhausted && end?.message == "HTTP status 500")
        #expect(queue.counters.ended == ["refused": 1, "retries_exhausted": 1])
        #expect(queue.counters.refused == [404: 1])
        #expect(queue.counters.queueEvents == 0 && queue.counters.queueBytes == 0)
    }

    @Test("the queue is bounded in bytes and events, and an empty one takes an event of any size")
    func bounds() {
        var byBytes = queue { $0.queueBytes = 250 }
        #expect(offer(forwardItem(1), to: &byBytes))
        #expect(offer(forwardItem(2), to: &byBytes))
        #expect(!offer(forwardItem(3), to: &byBytes))
        #expect(byBytes.counters.accepted == 2 && byBytes.counters.queueBytes == 200)
        var byCount = queue { $0.queueEvents = 1 }
        #expect(offer(forwardItem(1), to: &byCount))
        #expect(!offer(forwardItem(2, bytes: 0), to: &byCount))
        var empty = queue { $0.queueBytes = 10 }
        #expect(offer(forwardItem(1, bytes: 1_000), to: &empty))
        #expect(!offer(forwardItem(2, bytes: 1), to: &empty))
    }

    @Test("a stopped queue takes and sends nothing, and is idle when the last call is answered")
    func stop() {
        var queue = queue { $0.consumers = 1 }
        #expect(offer(forwardItem(1), to: &queue))
        #expect(offer(forwardItem(2), to: &queue))
        let call = taken(&queue, now: 0)
        queue.stop()
        #expect(!offer(forwardItem(3), to: &queue))
        #expect(!queue.isIdle)
        #expect(queue.completed(call[0].id, .ended(.taken, message: ""), now: 1) != nil)
        #expect(queue.next(now: .max) == nil)
        #expect(queue.isIdle && queue.deadline == nil)
    }

    @Test("whatever happens, every event ends once and nothing is lost", arguments: 0..<50)
    func random(seed: UInt64) {
        var random = SeededRandom(state: seed)
        var queue = queue(random: SeededRandom(state: seed &+ 1_000)) {
            $0.queueBytes = 2_000
            $0.consumers = 3
            $0.maxElapsedTime = seed % 2 == 0 ? 0 : seconds(20)
        }
        var (now, number, offered) = (UInt64(0), 0, Set<UInt64>())
        var (open, ended): ([UInt64], [UInt64]) = ([], [])
        for _ in 0..<2_000 {
            now += UInt64.random(in: 0...seconds(0.5), using: &random)
            if Int.random(in: 0..<3, using: &random) == 0 {
                number += 1
                if queue.offer(forwardItem(number, bytes: Int.random(in: 0...400, using: &random))) {
                    offered.insert(UInt64(number))
                }
            }
            open += taken(&queue, now: now).map(\.id)
            #expect(open.count <= 3)
            if let position = open.indices.randomElement(using: &random) {
                let attempt: ForwardAttempt =
                    [
                        .ended(.taken, message: ""), .ended(.refused(status: 422), message: ""), ownRetry, routeRetry,
                        .retry(after: seconds(1), isOfRoute: true, message: ""),
                    ].randomElement(using: &random) ?? ownRetry
                if let end = queue.completed(open.remove(at: position), attempt, now: now) {
                    ended.append(end.item.id.record)
                }
            }
            let counters = queue.counters
            #expect(counters.accepted == UInt64(counters.queueEvents) + counters.ended.values.reduce(0, +))
            #expect(counters.inFlight == open.count)
        }
        for id in open { if let end = queue.completed(id, .ended(.taken, message: ""), now: now) { ended.append(end.item.id.record) } }
        while let deadline = queue.deadline {
            now = max(now, deadline)
            while let next = queue.next(now: now) {
                if let end = queue.completed(next.id, .ended(.taken, message: ""), now: now) { ended.append(end.item.id.record) }
            }
        }
        #expect(ended.count == offered.count && Set(ended) == offered, "seed \(seed)")
    }
}
