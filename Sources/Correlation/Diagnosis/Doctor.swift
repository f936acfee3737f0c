// Names mis-set-ups from live telemetry.
//
// It is a machine that belongs to the correlator's thread: batches, events, bindings and the time go in, `report` says
// what is wrong. A batch costs one pass over its spans that touches two small tables; whatever costs more is done once a
// call, an execution or an event, or at a review, every ten seconds. All memory is bounded; what is beyond a bound is left
// out of the sample.

package import OTLP

/// Watches what the relay receives. Belongs to the correlator's thread.
package final class Doctor {
    /// Executions, calls and events that wait for a judgement, of each at most so many.
    static let sampleLimit = 512
    /// How long the other side's spans are waited for before a call is judged, nanoseconds.
    static let settling: UInt64 = 15 * second
    /// How long what has not come is waited for before it counts as missing, nanoseconds.
    static let missing: UInt64 = 60 * second
    /// From how much on two clocks differ, nanoseconds.
    static let skewLimit: UInt64 = 100_000_000
    /// From how much on a sender's clock is ahead of this one, nanoseconds.
    static let aheadLimit: UInt64 = 5 * second
    static let second: UInt64 = 1_000_000_000
    private static let reviewInterval: UInt64 = 10 * second

    let origins: [OriginRule]
    /// Whether Kestra's API is asked.
    let asksKestra: Bool
    /// Unix nanoseconds.
    let since: UInt64
    var spans: UInt64 = 0
    var requests: UInt64 = 0
    var facts = DoctorFacts()

    /// Cases of what is wrong, and of what is right or only happens.
    var cases: [FindingCode: Tally] = [:]
    var allSpans = Tally()
    var homeSpans = Tally()
    var kestraSpans = Tally()
    var executorSpans = Tally()
    var workerSpans = Tally()
    var starts = Tally()
    var newExecutions = Tally()
    var eventEvidence = Tally()
    var kestraMetrics = Tally()
    var joined = Tally()
    var calls = Tally()
    var contexts = Tally()
    var knownEventTraces = Tally()
    var knownParents = Tally()
    var comparedClocks = Tally()
    var lookupsFound = Tally()

    /// By the origin's raw value: when it was seen first and last, unix nanoseconds.
    var originsSeen: [(first: UInt64, last: UInt64)] = Array(repeating: (0, 0), count: 256)
    var services: [ServiceSeen] = []
    var spanIDs = SeenTable()
    var traceIDs = SeenTable()
    /// Spans of the current and of the last minute: how far the tables can be trusted.
    var writes: (minute: UInt64, current: Int, previous: Int) = (0, 0, 0)

    var clients: [KestraCall] = []
    var roots: [KestraCall] = []
    var natives: [NativeCall] = []
    /// Bit n: a parent is waited for whose id ends in n.
    var wanted: [UInt64] = Array(repeating: 0, count: 64)
    var executions: [(id: String, seenAt: UInt64)] = []
    var recentExecutions: (current: Set<UInt64>, previous: Set<UInt64>) = ([], [])
    var recentTurn: UInt64 = 0
    var bindings: [(id: String, seenAt: UInt64)] = []
    var events: [(id: String, context: Traceparent, seenAt: UInt64)] = []
    private var nextReview: UInt64 = 0

    /// A service and what it sent.
    struct ServiceSeen {
        var name: [UInt8]
        /// When each origin was last seen under this name, unix nanoseconds.
        var origins: [Origin: UInt64] = [:]
        /// When spans with execution ids were last seen, and SERVER spans of Kestra's paths that no origin fits.
        var executions: UInt64 = 0
        var unclaimedCalls: UInt64 = 0
        var isUnnamed: Bool { name.isEmpty || name.starts(with: "unknown_service".utf8) }
    }

    /// A call that Kestra took in under a caller's context.
    struct NativeCall {
        var call: KestraCall
        var isParentKnown: Bool
        /// Whether its clock was compared with the caller's.
        var isCompared = false
    }

    /// - Parameters:
    ///   - origins: the configured systems, in the order of their numbers.
    ///   - asksKestra: whether `enrichment.kestra_api` is configured.
    package init(origins: [OriginRule], asksKestra: Bool, now: UInt64) {
        self.origins = origins
        self.asksKestra = asksKestra
        since = now
        nextReview = now &+ Self.reviewInterval
    }

    func add(_ code: FindingCode, _ count: Int = 1, now: UInt64, _ example: () -> FindingEvidence?) {
        cases[code, default: Tally()].add(count, now: now, example)
    }

    // MARK: Evidence that comes beside spans

    /// An event of the tee.
    package func observe(_ event: CloudEvent, now: UInt64) {
        eventEvidence.add(now: now)
        guard let text = event.traceparent, !text.isEmpty else { return }
        guard let context = event.context else {
            add(.traceparentMalformed, now: now) {
                FindingEvidence("traceparent '\(text.prefix(80))' of an event", eventID: event.id, seenAt: now)
            }
            return
        }
        note(context, now: now) {
            FindingEvidence("an event's traceparent \(context.text)", traceID: context.traceID, eventID: event.id, seenAt: now)
        }
        guard context.isSampled else { return }
        if traceIDs.contains(context.traceID.low) {
            knownEventTraces.add(now: now)
        } else if events.count < Self.sampleLimit {
            events.append((event.id, context, now))
        }
    }

    /// What a flow told about its execution.
    package func observe(_ call: BindingCall, now: UInt64) {
        if call.event != nil { eventEvidence.add(now: now) }
        if let context = call.traceparent {
            note(context, now: now) {
                FindingEvidence(
                    "a binding's traceparent \(context.text)", traceID: context.traceID, executionID: call.executionID,
                    seenAt: now)
            }
        }
        if bindings.count < Self.sampleLimit { bindings.append((call.executionID, now)) }
    }

    /// What Kestra's record tells.
    package func observe(_ report: ReportedExecution, now: UInt64) {
        if report.event != nil { eventEvidence.add(now: now) }
        if let context = report.nativeContext ?? report.callerContext {
            note(context, now: now) {
                FindingEvidence(
                    "Kestra's record says traceParent \(context.text)", traceID: context.traceID,
                    executionID: report.executionID, seenAt: now)
            }
        }
    }

    /// A request of metrics.
    package func observe(metrics payload: [UInt8], now: UInt64) {
        requests &+= 1
        // Once a minute is enough to know that they come.
        guard now &- kestraMetrics.lastSeen >= 60 * Self.second else { return }
        if payload[...].position(of: Self.metricPrefix) != nil { kestraMetrics.add(now: now) }
    }

    /// A request of logs.
    package func observeLogs() { requests &+= 1 }

    /// Kestra's metrics all have this prefix unless `kestra.metrics.prefix` says otherwise.
    private static let metricPrefix = Array("kestra.".utf8)

    private func note(_ context: Traceparent, now: UInt64, _ example: () -> FindingEvidence?) {
        if context.isSampled { contexts.add(now: now) } else { add(.unsampled, now: now, example) }
    }

    // MARK: Time

    /// Whether `review` is due.
    package func isReviewDue(now: UInt64) -> Bool { now >= nextReview }

    /// Judges what has waited long enough.
    package func review(_ correlator: Correlator, facts: DoctorFacts, now: UInt64) {
        nextReview = now &+ Self.reviewInterval
        compare(facts, now: now)
        judgeCalls(now: now)
        judgeExecutions(correlator, now: now)
        judgeEvents(now: now)
        if now >= recentTurn {
            recentExecutions = ([], recentExecutions.current)
            recentTurn = now &+ Tally.window
        }
    }
}
