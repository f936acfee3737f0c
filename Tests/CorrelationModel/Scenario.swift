import Correlation
import OTLP

/// A random set of stories: what systems send, what else is told, and where all of it belongs.
package struct Scenario {
    package let seed: UInt64
    package let features: Features
    package internal(set) var spans: [TestSpan] = []
    package internal(set) var told: [World.Told] = []
    package internal(set) var truth = Truth()
    /// Where each story ends in `spans` and `told`.
    private(set) var stories: [(spans: Int, told: Int)] = []
    var random: Seeded
    private var lastNumber: UInt64 = 0

    // Of the story at hand.

    /// Whose it is; the tenant of its events.
    var tenant = ""
    /// The tenant that the senders' credentials stand for.
    var credential: String?
    /// Kestra's tenant: old versions have none.
    var kestraTenant = "main"
    /// Kestra 2.0 hangs WORKER spans under the EXECUTOR span that dispatched them, 1.3 beside it.
    var isNested = false
    /// Unix nanoseconds around which it happens.
    var clock: UInt64 = 0

    /// - Parameter size: how many stories.
    package init(seed: UInt64, size: Int, features: Features = .supported) {
        self.seed = seed
        self.features = features
        random = Seeded(quietly: seed)
        var kinds: [(inout Scenario) -> Void] = [
            { $0.addNative() }, { $0.addNative() }, { $0.addBound() }, { $0.addBound() }, { $0.addBound() },
            { $0.addUnbound() }, { $0.addFragmented() }, { $0.addFragmented() }, { $0.addSplit() },
            { $0.addRedelivery() }, { $0.addTriggered() }, { $0.addNoise() },
        ]
        if features.contains(.movedPublisher) { kinds.append { $0.addChain() } }
        if features.contains(.lateSplit) { kinds.append { $0.addInnerCall() } }
        if features.contains(.followsAcrossTraces) { kinds.append { $0.addFollower() } }
        if features.contains(.contextConflicts) { kinds.append { $0.addContextConflict() } }
        if features.contains(.tenancyConflicts) { kinds += [{ $0.addTwins() }, { $0.addStrangers() }] }
        if features.contains(.configuredSystems) { kinds += [{ $0.addOrder() }, { $0.addSharedOrder() }] }
        for _ in 0..<size {
            beginStory()
            kinds[Int.random(in: 0..<kinds.count, using: &random)](&self)
            stories.append((spans.count, told.count))
        }
    }

    private mutating func beginStory() {
        tenant = random.chance(30) ? "" : "ws-\(Int.random(in: 1...3, using: &random))"
        credential = nil
        kestraTenant = random.chance(10) ? "" : "main"
        isNested = random.chance(50)
        clock = .random(in: 1_000 * second...100_000 * second, using: &random)
    }

    // MARK: Names

    /// Numbers are unique in a world, and in no order: which of two places is the smaller must not depend on their age.
    mutating func newNumber() -> UInt64 {
        lastNumber += 1
        return random.next() << 20 | lastNumber
    }

    mutating func newTrace() -> UInt64 { newNumber() }
    mutating func newSpan() -> UInt64 { newNumber() }

    mutating func newName() -> Int {
        lastNumber += 1
        return Int(lastNumber)
    }

    mutating func some<Value>(_ values: [Value]) -> Value { values[Int.random(in: 0..<values.count, using: &random)] }

    /// The story's tenant as one teller tells it: not all of them do.
    mutating func maybeTenant() -> String? { tenant.isEmpty || random.chance(50) ? nil : tenant }

    // MARK: Writing down

    /// A span is sent. It belongs to `trace`; nil if it stays where it is.
    mutating func add(
        _ span: TestSpan, in trace: TraceID? = nil, under parent: SpanID? = nil, earlier: [SpanID] = [],
        isTopLevel: Bool = false, of key: Truth.Key? = nil, links: [Truth.Link] = []
    ) {
        // The clocks of the senders differ by up to a minute.
        let start = clock &+ .random(in: 0...120 * second, using: &random)
        var sent = span.at(start, start &+ .random(in: 0...20 * second, using: &random))
        sent.credential = credential
        if key != nil, random.chance(4) { sent.isError = true }
        spans.append(sent)
        truth.spans[span.id] = Truth.Span(
            name: span.name, trace: trace ?? span.trace, parent: parent ?? span.parent, earlierParents: earlier, isTopLevel: isTopLevel,
            execution: key, tenant: tenant, links: links)
        guard let key, var run = truth.runs[key] else { return }
        run.start = min(run.start, sent.start)
        run.end = max(run.end, sent.end)
        if sent.isError { run.hasErrors = true }
        truth.runs[key] = run
    }

    mutating func tell(_ event: CloudEvent) { told.append(.event(event, tenant: credential)) }
    mutating func tell(_ call: BindingCall) { told.append(.binding(call, tenant: credential)) }

    mutating func report(_ key: Truth.Key, _ change: (inout ReportedExecution) -> Void) {
        var report = ReportedExecution(executionID: key.execution)
        report.tenant = key.tenant
        change(&report)
        told.append(.report(report))
    }
}

/// Where a story's executions belong.
struct Place {
    var trace: TraceID
    /// What evidence names there.
    var context: TraceContext?
    /// What was named there before the best was told.
    var earlier: [SpanID] = []
    var isJoined: Bool
    /// Whether it stays in the trace of its caller, whose events may be its own.
    var isNative = false

    /// Where what it starts belongs.
    var followed: Place { Place(trace: trace, isJoined: isJoined, isNative: isNative) }
}
