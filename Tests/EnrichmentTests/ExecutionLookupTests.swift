import Testing

@testable import Enrichment

/// Which executions are asked for, and when.
@Suite struct ExecutionLookupTests {
    private let millisecond: UInt64 = 1_000_000
    private let second: UInt64 = 1_000_000_000

    /// A lookup with a clock, and an API that answers at once.
    private struct World {
        var lookup: ExecutionLookup
        var now: UInt64 = 1_000_000_000
        /// When each request was sent.
        var sent: [(at: UInt64, id: String)] = []
        var news = 0

        init(_ change: (inout LookupSettings) -> Void = { _ in }) {
            var settings = LookupSettings()
            change(&settings)
            lookup = ExecutionLookup(settings: settings)
        }

        mutating func ask(_ id: String) { lookup.ask(id, now: now) }

        /// Goes on until nothing is due before `end` any more.
        mutating func run(until end: UInt64, _ answer: (String) -> ExecutionLookup.Answer) {
            while let next = lookup.deadline(), next <= end {
                now = max(now, next)
                for id in lookup.takeRequests(now: now) {
                    sent.append((now, id))
                    if lookup.finish(id, answer(id), now: now) { news += 1 }
                }
            }
            now = end
        }

        func times(of id: String) -> [UInt64] { sent.filter { $0.id == id }.map(\.at) }
    }

    @Test("an id that waits or is known is asked for once")
    func coalesced() {
        var world = World()
        for _ in 0..<100 { world.ask("a") }
        world.run(until: 2 * second) { _ in .found(fingerprint: 1, isFinal: true) }
        for _ in 0..<100 { world.ask("a") }
        world.run(until: 10_000 * second) { _ in .found(fingerprint: 2, isFinal: true) }
        #expect(world.sent.count == 1 && world.news == 1)
        #expect(world.lookup.counters.asked == 200 && world.lookup.counters.requests == 1)
    }

    @Test("an unknown execution is asked for six times, ever more seldom, and that is remembered for a minute")
    func misses() {
        var world = World()
        world.ask("a")
        world.run(until: 20 * second) { _ in .missing }
        #expect(world.times(of: "a").map { ($0 - second) / millisecond } == [0, 200, 700, 1_700, 3_700, 8_700])
        world.ask("a")
        world.run(until: 30 * second) { _ in .missing }
        #expect(world.sent.count == 6 && world.lookup.counters.givenUp == 1)
        world.run(until: 100 * second) { _ in .missing }
        world.ask("a")
        world.run(until: 110 * second) { _ in .found(fingerprint: 1, isFinal: true) }
        #expect(world.sent.count == 7 && world.news == 1)
    }

    @Test("an execution that has not ended is asked for again, and at once if somebody wants to know")
    func follows() {
        var world = World()
        world.ask("a")
        world.run(until: 1_000 * second) { _ in .found(fingerprint: 1, isFinal: false) }
        #expect(world.times(of: "a").map { $0 / second } == [1, 6, 26, 86, 386])
        #expect(world.news == 1)
        world.ask("a")
        world.run(until: 2_000 * second) { _ in .found(fingerprint: 2, isFinal: false) }
        #expect(world.sent.count == 6 && world.sent.last?.at == 1_000 * second && world.news == 2)
        var other = World()
        other.ask("b")
        other.run(until: 2 * second) { _ in .found(fingerprint: 1, isFinal: false) }
        other.ask("b")
        other.run(until: 3 * second) { _ in .found(fingerprint: 2, isFinal: true) }
        other.run(until: 1_000 * second) { _ in .missing }
        #expect(other.times(of: "b") == [second, 2 * second] && other.news == 2)
    }

    @Test("an execution that has ended is not asked for again, unless somebody wants to know much later: it may run again")
    func restarted() {
        var world = World()
        world.ask("a")
        world.run(until: 2 * second) { _ in .found(fingerprint: 1, isFinal: true) }
        world.ask("a")
        world.run(until: 61 * second) { _ in .missing }
        #expect(world.sent.count == 1)
        world.run(until: 3_600 * second) { _ in .missing }
        world.ask("a")
        world.run(until: 3_601 * second) { _ in .found(fingerprint: 2, isFinal: false) }
        #expect(world.sent.count == 2 && world.news == 2)
        world.run(until: 3_700 * second) { _ in .found(fingerprint: 3, isFinal: true) }
        world.run(until: 36_000 * second) { _ in .missing }
        #expect(world.sent.count == 3 && world.news == 3)
    }

    @Test("no execution is asked for more than ten times, whatever is answered and however often it is wanted",
        arguments: [ExecutionLookup.Answer.missing, .unavailable, .unusable, .found(fingerprint: 1, isFinal: false)])
    func limit(answer: ExecutionLookup.Answer) {
        var world = World()
        for minute in 1...300 as ClosedRange<UInt64> {
            world.ask("a")
            world.run(until: minute * 60 * second) { _ in answer }
        }
        #expect(world.sent.count == 10)
        #expect(world.lookup.counters.waiting == 0 && world.lookup.counters.inFlight == 0)
    }

    @Test("twenty requests a second, two at a time")
    func rate() {
        var world = World()
        for number in 0..<100 { world.ask("a\(number)") }
        let taken = [0, 49, 50, 10_000].map { world.lookup.takeRequests(now: world.now + $0 * millisecond) }
        // Then two are on their way: only an answer lets the next one go.
        #expect(taken.map(\.count) == [1, 0, 1, 0] && taken[0] == ["a0"])
        var deadline = world.lookup.deadline()
        #expect(deadline == nil && world.lookup.counters.inFlight == 2 && world.lookup.counters.waiting == 98)
        _ = world.lookup.finish("a0", .found(fingerprint: 1, isFinal: true), now: world.now + 10 * second)
        deadline = world.lookup.deadline()
        #expect(deadline == world.now + 100 * millisecond)
        world = World()
        for number in 0..<100 { world.ask("a\(number)") }
        world.run(until: 1_000 * second) { _ in .found(fingerprint: 1, isFinal: true) }
        #expect(Set(world.sent.map(\.id)).count == 100)
        #expect(zip(world.sent, world.sent.dropFirst()).allSatisfy { $1.at - $0.at >= 50 * millisecond })
    }

    @Test("after five failures in a row nothing is asked for a while, then one request tries, and one answer ends it")
    func breaker() {
        var world = World()
        for number in 0..<50 { world.ask("a\(number)") }
        world.run(until: 5 * second) { _ in .unavailable }
        #expect(world.sent.count == 5 && world.lookup.counters.isPaused)
        let first = world.sent.last?.at ?? 0
        world.run(until: 200 * second) { _ in .unavailable }
        let tries = world.sent.dropFirst(5).map { ($0.at - first) / second }
        #expect(tries == [5, 15, 35, 75, 155])
        let deadline = world.lookup.deadline()
        #expect(deadline == first + 315 * second)
        world.run(until: 1_000 * second) { _ in .found(fingerprint: 1, isFinal: true) }
        #expect(!world.lookup.counters.isPaused)
        #expect(Set(world.sent.map(\.id)).count == 50 && world.news == 50)
    }

    @Test("while it is paused only one request is on its way")
    func oneTry() {
        var world = World { $0.failuresToOpen = 1 }
        for number in 0..<5 { world.ask("a\(number)") }
        world.run(until: 2 * second) { _ in .unavailable }
        let taken = [100, 200].map { world.lookup.takeRequests(now: $0 * second).count }
        let deadline = world.lookup.deadline()
        #expect(taken == [1, 0] && deadline == nil)
    }

    @Test("what waits is limited; what is only remembered makes room")
    func full() {
        var world = World { $0.executions = 3 }
        for name in ["a", "b", "c", "d"] { world.ask(name) }
        #expect(world.lookup.counters.refused == 1 && world.lookup.counters.remembered == 3)
        world.run(until: 10 * second) { _ in .found(fingerprint: 1, isFinal: true) }
        for number in 0..<5_000 {
            world.ask("e\(number)")
            world.run(until: world.now + second) { _ in .found(fingerprint: 1, isFinal: true) }
        }
        #expect(world.lookup.counters.refused == 1 && world.lookup.counters.remembered == 3)
        #expect(world.sent.count == 5_003)
    }

    @Test("ids that can't be Kestra's never become a part of a path",
        arguments: ["", "a/b", "..", "a?b", "a b", "ä", "a%2F", String(repeating: "a", count: 65)])
    func impossible(id: String) {
        var world = World()
        world.ask(id)
        let deadline = world.lookup.deadline()
        #expect(deadline == nil && world.lookup.counters.refused == 1)
    }

    @Test("answers to what was not asked change nothing")
    func unasked() {
        var world = World()
        var news = [world.lookup.finish("a", .found(fingerprint: 1, isFinal: true), now: 1)]
        world.ask("a")
        news.append(world.lookup.finish("a", .unavailable, now: 1))
        #expect(news == [false, false])
        #expect(world.lookup.counters.waiting == 1 && world.lookup.counters.inFlight == 0)
    }
}
