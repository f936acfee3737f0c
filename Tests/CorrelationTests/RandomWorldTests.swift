import CorrelationModel
import OTLP
import Testing

@testable import Correlation

/// Random worlds against a model: whatever the order, the batches and the time of the evidence, every span ends where the
/// generator, which knows everything, says.
@Suite struct RandomWorldTests {
    @Test("every span ends where it belongs, in any order, with whole batches sent twice")
    func orders() throws {
        var random = Seeded("RandomWorldTests.orders")
        var spans = 0
        while spans < 14_000 {
            let seed = random.next()
            let truth = try Truth(seed: seed)
            try truth.play(on: World())
            spans += truth.spans.count
        }
        print("RandomWorldTests.orders: \(spans) spans")
    }

    @Test("so they do if memory for waiting spans is short and the relay crashes again and again")
    func crashes() throws {
        var random = Seeded("RandomWorldTests.crashes")
        var spans = 0
        while spans < 6_000 {
            let truth = try Truth(seed: random.next())
            try truth.play(on: World { $0.holdBytes = 2_000 }, crashing: true)
            spans += truth.spans.count
        }
    }

    @Test("the comparison notices one execution that is elsewhere, and one span that never leaves")
    func canary() throws {
        var random = Seeded("RandomWorldTests.canary")
        for _ in 0..<5 {
            var truth = try Truth(seed: random.next())
            let moved = try #require(truth.executionTraces.keys.sorted().randomElement(using: &random))
            truth.move(moved, to: traceID(1))
            #expect(!(try truth.mistakes(after: World()).isEmpty))
            let lost = truth.spans.randomElement(using: &random)?.id
            truth = try Truth(seed: random.next())
            truth.expect(.shop(lost?.raw ?? 1, in: 1), in: traceID(2))
            #expect(!(try truth.mistakes(after: World()).isEmpty))
        }
    }
}

/// A random set of events and executions, and where each of their spans belongs.
private struct Truth {
    private(set) var spans: [TestSpan] = []
    private(set) var executionTraces: [String: TraceID] = [:]
    private var traces: [SpanID: TraceID] = [:]
    /// Calls and events that are told beside spans.
    private var evidence: [(World) -> Void] = []
    private var random: Seeded
    private var lastTrace: UInt64 = 100
    private var lastSpan: UInt64 = 1_000
    private var lastName = 0
    /// Which execution each span is of.
    private var executions: [SpanID: String] = [:]

    init(seed: UInt64) throws {
        random = Seeded(quietly: seed)
        for _ in 0..<Int.random(in: 4...16, using: &random) {
            switch Int.random(in: 0..<8, using: &random) {
            case 0, 1: addNative()
            case 2: addUnbound()
            case 3: addFragmented(isBound: false)
            case 4: addFragmented(isBound: true)
            case 5: addSplit()
            default: addBound()
            }
        }
    }

    // MARK: Kinds of executions

    /// Continues its caller's trace, whatever else is told about it.
    private mutating func addNative() {
        let (trace, caller, server) = (newTrace(), newSpan(), newSpan())
        let name = newExecution(in: traceID(trace))
        expect(.portarium(caller, in: trace), in: traceID(trace))
        let isTold = random.chance(30)
        if isTold || random.chance(85) { expect(.server(server, in: trace, under: caller), in: traceID(trace)) }
        addTasks(of: name, in: trace, under: server, depth: 0)
        addOthers(in: trace, under: server)
        if isTold { tell(name, placedAt: newTrace(), with: .binding) }
    }

    /// Begins in Kestra and nothing tells anything.
    private mutating func addUnbound() {
        let (trace, server) = (newTrace(), newSpan())
        let name = newExecution(in: traceID(trace))
        expect(.server(server, in: trace), in: traceID(trace))
        addTasks(of: name, in: trace, under: server, depth: 0)
        addOthers(in: trace, under: server)
    }

    /// Begins in Kestra and belongs to an event; sometimes a replay of it is bound by nothing and follows.
    private mutating func addBound() {
        let (trace, server, target) = (newTrace(), newSpan(), newTrace())
        let name = newExecution(in: traceID(target))
        let means = Means.allCases.randomElement(using: &random) ?? .binding
        let query = tell(name, placedAt: target, with: means)
        expect(.server(server, in: trace, query: query), in: traceID(target))
        addTasks(of: name, in: trace, under: server, depth: 0)
        if random.chance(20) {
            let replay = newExecution(in: traceID(target))
            addTasks(of: replay, in: trace, under: server, depth: 1)
        }
        addOthers(in: trace, under: server, belonging: traceID(target))
    }

    /// Two executions below one call, bound to two events; what is of neither goes with the smaller trace.
    private mutating func addSplit() {
        let (trace, server) = (newTrace(), newSpan())
        let targets = [newTrace(), newTrace()]
        for target in targets {
            let name = newExecution(in: traceID(target))
            tell(name, placedAt: target, with: random.chance(50) ? .binding : .claim)
            addTasks(of: name, in: trace, under: server, depth: 0)
        }
        expect(.server(server, in: trace), in: traceID(targets[0]))
        addOthers(in: trace, under: server, belonging: traceID(targets[0]))
    }

    /// Every span is a trace of its own, but for what a subflow's starting span and a script's own spans share.
    private mutating func addFragmented(isBound: Bool) {
        let name = newExecution(in: .init(high: 0, low: 0))
        let target: TraceID
        if isBound {
            let event = newTrace()
            tell(name, placedAt: event, with: random.chance(50) ? .binding : .claim)
            target = traceID(event)
        } else {
            target = derived(name)
        }
        executionTraces[name] = target
        for position in 0..<Int.random(in: 2...12, using: &random) {
            let (trace, span) = (newTrace(), newSpan())
            if position == 0 || random.chance(50) {
                let starts = position > 0 && random.chance(30)
                expect(.executor(span, of: name, in: trace, starts: starts), in: target, of: name)
                if starts { addTasks(of: newExecution(in: target), in: trace, under: span, depth: 1) }
            } else {
                expect(.worker(span, of: name, in: trace), in: target, of: name)
                if random.chance(30) { expect(.shop(newSpan(), in: trace, under: span), in: target) }
            }
        }
    }

    /// The spans of an execution below `parent`, flat or nested, and of the subflows it starts.
    private mutating func addTasks(of name: String, in trace: UInt64, under parent: UInt64, depth: Int) {
        let target = executionTraces[name] ?? traceID(trace)
        var parents = [parent]
        for position in 0..<Int.random(in: 2...10, using: &random) {
            let span = newSpan()
            if position == 0 || random.chance(60) {
                let starts = position > 0 && depth < 2 && random.chance(25)
                expect(.executor(span, of: name, in: trace, under: parent, starts: starts), in: target, of: name)
                if starts {
                    addTasks(of: newExecution(in: target), in: trace, under: span, depth: depth + 1)
                } else {
                    parents.append(span)
                }
            } else {
                expect(
                    .worker(span, of: name, in: trace, under: parents.randomElement(using: &random) ?? parent),
                    in: target, of: name)
            }
        }
    }

    /// Spans of other systems that a task called.
    private mutating func addOthers(in trace: UInt64, under parent: UInt64, belonging target: TraceID? = nil) {
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            expect(.shop(newSpan(), in: trace, under: parent), in: target ?? traceID(trace))
        }
    }

    // MARK: Evidence

    private enum Means: CaseIterable { case binding, bindingEvent, claim, eventData, query, publisher, contextQuery }

    /// Sees to it that evidence about an execution will be told. Returns the query of its SERVER span.
    @discardableResult
    private mutating func tell(_ name: String, placedAt trace: UInt64, with means: Means) -> String {
        let span = newSpan()
        let place = context(trace, span)
        lastName += 1
        let eventID = "evt-\(lastName)"
        switch means {
        case .binding:
            evidence.append { $0.bind(name, traceparent: place) }
        case .bindingEvent:
            evidence.append { $0.bind(name, event: eventID) }
            evidence.append { $0.receive(event(eventID, at: place)) }
        case .claim:
            expect(.portarium(span, in: trace, starts: name), in: traceID(trace))
        case .eventData:
            evidence.append { $0.receive(event(eventID, at: place, data: "{\"executionId\":\"\(name)\"}")) }
        case .query:
            evidence.append { $0.receive(event(eventID, at: place)) }
            return "ce-id=\(eventID)&ce-source=\(source)"
        case .publisher:
            // The event was made elsewhere than it was published: the publishing span counts.
            let elsewhere = context(newTrace(), newSpan())
            if random.chance(50) { evidence.append { $0.receive(event(eventID, at: elsewhere)) } }
            expect(.portarium(span, in: trace, publishes: eventID), in: traceID(trace))
            return "ce-id=\(eventID)&ce-source=\(source)"
        case .contextQuery:
            return "traceparent=\(Traceparent(place).text)"
        }
        return ""
    }

    // MARK: Names

    private mutating func newTrace() -> UInt64 {
        lastTrace += 1
        return lastTrace
    }

    private mutating func newSpan() -> UInt64 {
        lastSpan += 1
        return lastSpan
    }

    private mutating func newExecution(in trace: TraceID) -> String {
        lastName += 1
        executionTraces[execution(lastName)] = trace
        return execution(lastName)
    }

    mutating func expect(_ span: TestSpan, in trace: TraceID, of execution: String? = nil) {
        spans.append(span)
        traces[span.id] = trace
        executions[span.id] = execution
    }

    /// Plants a mistake into the truth.
    mutating func move(_ execution: String, to trace: TraceID) {
        executionTraces[execution] = trace
        for (span, owner) in executions where owner == execution { traces[span] = trace }
    }

    // MARK: Playing

    /// Sends everything in random order and batches, some twice, and compares.
    func play(on world: World, crashing: Bool = false) throws {
        let mistakes = try mistakes(after: world, crashing: crashing)
        #expect(mistakes.isEmpty, "seed \(random.seed)")
    }

    func mistakes(after world: World, crashing: Bool = false) throws -> [String] {
        var random = Seeded(quietly: random.seed ^ 1)
        var batches: [[TestSpan]] = []
        // Mostly spans arrive near their neighbours, sometimes anywhere.
        var rest = random.chance(70) ? spans : spans.shuffled(using: &random)
        while !rest.isEmpty {
            let count = min(rest.count, Int.random(in: 1...20, using: &random))
            batches.append(rest.suffix(count).shuffled(using: &random))
            rest.removeLast(count)
        }
        batches += batches.filter { _ in random.chance(15) }
        var steps: [(World) throws -> Void] = batches.map { batch in { world in _ = try world.receive(batch) } }
        steps += evidence.map { tell in { world in tell(world) } }
        for step in steps.shuffled(using: &random) {
            try step(world)
            if random.chance(30) { world.wait(.random(in: 0...8 * second, using: &random)) }
            if crashing {
                if random.chance(20) { world.store() }
                if random.chance(8) { world.crash() }
            }
        }
        world.wait(1_000 * second)
        return differences(world, exactly: !crashing)
    }

    private func differences(_ world: World, exactly: Bool) -> [String] {
        var mistakes = world.violations
        for (span, trace) in traces where world.backend[span]?.trace != trace {
            let got = world.backend[span].map { "in \($0.trace.hex), \($0.rule), \($0.copies) copies" } ?? "nowhere"
            mistakes.append("span \(span.hex) of \(executions[span] ?? "nothing") is \(got), not in \(trace.hex)")
        }
        let own = Dictionary(grouping: world.executionSpans, by: \.executionID)
        for (name, trace) in executionTraces {
            let exported = own[name] ?? []
            if exported.last?.traceID != trace {
                mistakes.append("\(name)'s own span is in \(exported.last?.traceID.hex ?? "")")
            }
            if exactly, exported.filter({ !$0.amended }).count != 1 { mistakes.append("\(name) has not one own span") }
        }
        if world.correlator.held != (0, 0) { mistakes.append("spans wait: \(world.correlator.held)") }
        // What a query shows is the same, computed from the stored bytes.
        for (_, batch) in world.journal {
            for edit in world.correlator.unify(batch).edits {
                let span = batch.index.spans[Int(edit.span)].spanID
                if edit.traceID != traces[span] { mistakes.append("span \(span.hex) is shown in \(edit.traceID.hex)") }
            }
        }
        return Array(mistakes.sorted().prefix(10))
    }
}
