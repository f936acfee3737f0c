import Foundation
import Synchronization
import Testing

@testable import Transport

@Suite struct EventLoopTests {
    @Test("work runs in the order of posting, also what was posted before the start, on the loop's thread")
    func postOrder() throws {
        let loop = try EventLoop(name: "order")
        let seen = Collected<Int>()
        for number in 0..<100 { loop.post { seen.append(number) } }
        loop.start()
        for number in 100..<1_000 { loop.post { seen.append(number) } }
        let isCurrent = Waiter<Bool>()
        loop.post { isCurrent.set(loop.isCurrent) }
        #expect(try isCurrent.wait())
        #expect(!loop.isCurrent)
        #expect(seen.all == Array(0..<1_000))
        loop.stop()
    }

    @Test("every post of many threads is done once, in each thread's order")
    func manyThreads() throws {
        let loop = try EventLoop(name: "many")
        loop.start()
        let seen = Collected<(Int, Int)>()
        let threads = (0..<4).map { thread in
            let object = Thread {
                for number in 0..<2_000 { loop.post { seen.append((thread, number)) } }
                seen.threadDone()
            }
            object.start()
            return object
        }
        seen.wait(threads: threads.count)
        loop.stop()
        for thread in 0..<4 {
            #expect(seen.all.filter { $0.0 == thread }.map(\.1) == Array(0..<2_000))
        }
    }

    @Test("work posted by work runs after the batch; work posted after stop is dropped")
    func nested() throws {
        let loop = try EventLoop(name: "nested")
        let seen = Collected<String>()
        loop.post {
            seen.append("a")
            loop.post { seen.append("c") }
        }
        loop.post { seen.append("b") }
        loop.start()
        let done = Waiter<Void>()
        loop.post { loop.post { loop.post { done.set(()) } } }
        try done.wait()
        loop.stop()
        loop.post { seen.append("late") }
        loop.stop()
        #expect(seen.all == ["a", "b", "c"])
    }

    @Test("timers fire in the order of their deadlines, never early, and not once cancelled")
    func timers() throws {
        let loop = try EventLoop(name: "timers")
        loop.start()
        defer { loop.stop() }
        let seen = Collected<Int>()
        let done = Waiter<Void>()
        let start = EventLoop.now()
        let early = Atomic(0)
        var tokens: [TimerToken] = []
        for delay in [30, 10, 50, 20, 40] {
            tokens.append(
                loop.schedule(after: UInt64(delay) * 1_000_000) {
                    if EventLoop.now() < start + UInt64(delay) * 1_000_000 { early.add(1) }
                    seen.append(delay)
                    if delay == 50 { done.set(()) }
                })
        }
        tokens[3].cancel()
        tokens[3].cancel()
        try done.wait()
        #expect(seen.all == [10, 30, 40, 50])
        #expect(early.load(ordering: .relaxed) == 0)
        tokens[0].cancel()
    }

    @Test("a heap of random timers comes out sorted, with removals and changed deadlines")
    func heap() throws {
        let loop = try EventLoop(name: "heap")
        var generator = SystemRandomNumberGenerator()
        let seed = generator.next()
        var random = SeededGenerator(state: seed)
        var heap = TimerHeap()
        var expected: [ObjectIdentifier: UInt64] = [:]
        let timers = (0..<500).map { _ in LoopTimer(loop: loop) {} }
        for _ in 0..<5_000 {
            let timer = timers[Int(random.next() % 500)]
            if random.next() % 3 == 0 {
                heap.remove(timer)
                expected[ObjectIdentifier(timer)] = nil
            } else {
                let deadline = random.next() % 1_000
                heap.put(timer, at: deadline)
                expected[ObjectIdentifier(timer)] = deadline
            }
        }
        #expect(heap.count == expected.count, "seed \(seed)")
        var sorted: [UInt64] = []
        while let first = heap.first {
            sorted.append(first.deadline)
            heap.remove(first)
        }
        #expect(sorted == expected.values.sorted(), "seed \(seed)")
    }

    @Test("stop leaves no thread, with connections, timers and listeners on the loop")
    func stopLeavesNothing() throws {
        let loop = try EventLoop(name: "stops-clean")
        loop.start()
        let server = Server(loops: [loop], limits: .defaults, connectionLimit: 10)
        let port = try server.listen(name: "http", host: "127.0.0.1", port: 0, handler: EchoHandler())
        let client = Client(
            loop: loop, endpoint: ClientEndpoint(host: "127.0.0.1", port: port, wireProtocol: .http1), connections: 2,
            responseLimit: 1 << 20)
        let token = loop.schedule(after: 60_000_000_000) {}
        let answer = Waiter<Result<ClientResponse, ClientError>>()
        client.send(ClientRequest(target: "/echo", body: [1])) { answer.set($0) }
        #expect(try answer.wait().get().status == 200)
        let raw = try RawSocket(port: port)
        // The held request is in flight when the loop stops.
        let held = Waiter<Result<ClientResponse, ClientError>>()
        client.send(ClientRequest(target: "/never")) { held.set($0) }
        try eventually { server.counters.requests == 2 }
        #expect(threadNames().contains("stops-clean"))
        loop.stop()
        #expect(!threadNames().contains("stops-clean"))
        #expect(throws: ClientError.self) { try held.wait().get() }
        #expect(raw.readToEnd().isEmpty)
        #expect(server.connectionCount == 0)
        token.cancel()
        let late = Waiter<Result<ClientResponse, ClientError>>()
        client.send(ClientRequest(target: "/echo")) { late.set($0) }
        #expect(throws: ClientError.closed("the event loop has stopped")) { try late.wait().get() }
        let completed = Waiter<Void>()
        server.shutdown(deadline: EventLoop.now()) { completed.set(()) }
        try completed.wait()
    }

    @Test("a loop that never ran goes away; one that ran and stopped frees what its work held")
    func lifetimes() throws {
        weak var never: EventLoop?
        weak var object: Held?
        do {
            let loop = try EventLoop(name: "never")
            never = loop
            let held = Held()
            object = held
            loop.post { _ = held }
            loop.stop()
        }
        #expect(never == nil)
        #expect(object == nil)
        weak var ran: EventLoop?
        do {
            let loop = try EventLoop(name: "ran")
            ran = loop
            let held = Held()
            object = held
            loop.start()
            _ = loop.schedule(after: 60_000_000_000) { _ = held }
            loop.stop()
        }
        #expect(ran == nil)
        #expect(object == nil)
    }

    @Test("a signal reaches its watcher on the loop")
    func signals() throws {
        let loop = try EventLoop(name: "signals")
        loop.start()
        defer { loop.stop() }
        let got = Waiter<(Int32, Bool)>()
        let watcher = SignalWatcher(loop: loop) { got.set(($0, loop.isCurrent)) }
        let ready = Waiter<Void>()
        loop.post { ready.set(()) }
        try ready.wait()
        kill(getpid(), SIGHUP)
        let (signal, isCurrent) = try got.wait()
        #expect(signal == SIGHUP)
        #expect(isCurrent)
        watcher.close()
    }

    private final class Held: Sendable {}
}
