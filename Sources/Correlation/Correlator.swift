// The correlator decides under which trace id each span leaves, and when.
//
// It is a machine: batches, events, bindings and the time go in, actions come out (`takeActions`). It has no clock, no
// socket and no file, and belongs to one thread. It must not know journals, Kestra's API or how spans are encoded: it
// reads spans through their index and answers with edits.

import OTLP

/// Joins what followers sent to events, keys and contexts of homes, and decides where their spans belong. Belongs to the
/// correlator's thread.
package final class Correlator {
    let settings: CorrelationSettings
    /// By id; executions of several tenants with one id hang together by `namesake`.
    var executions: [ExactText: Execution] = [:]
    var executionCount = 0
    var events: [EventKey: EventState] = [:]
    /// By the name without a tenant.
    var eventNames: [EventKey: EventName] = [:]
    /// The events whose traceparent, publisher or home lies in a trace.
    var eventsByTrace: [TraceID: [EventState]] = [:]
    /// The units that were given a context of a trace, other than by an event.
    var unitsByTrace: [TraceID: [JoinUnit]] = [:]
    /// Events that share a run or a correlation id, which only links them.
    var eventsByWeakKey: [WeakKey: [EventState]] = [:]
    var traces: [TraceID: TraceState] = [:]
    var heldRecords: [UInt64: HeldRecord] = [:]
    var heldOrder: [UInt64] = []
    var dependents: [Dependent] = []
    var holdDeadlines = DeadlineQueue<Group>()
    var spanDeadlines = DeadlineQueue<Execution>()
    var actions: [CorrelatorAction] = []
    /// The traces of spans that were forwarded because no span of a follower was known of them.
    package var passedTraces = RecentTraces()
    /// Traces with spans of a home; kept only if there are followers that do not tell by themselves whether they were
    /// called from there.
    var homeTraces: TraceNotes<HomeSpans>
    /// Whose traces are; kept only for those whose tenant is known. An empty text stands for several.
    var traceOwners: TraceNotes<String>
    /// Which original traces have spans under a unified trace id other than their own.
    var movedTraces: [TraceID: Set<TraceID>] = [:]
    /// What must be stored.
    var dirtyExecutions: [Execution] = []
    var dirtyEvents: [EventState] = []
    var dirtyTraces: [TraceState] = []
    /// What to forget first.
    var quietExecutions = QuietQueue<Execution>()
    var quietEvents = QuietQueue<EventState>()
    var quietTraces = QuietQueue<TraceState>()
    /// Where quiet things go once `CorrelationSettings.memoryLimit` is reached; without it all stay in memory.
    let spillStore: (any SpillStore)?
    var spilled = SpillIndex()
    var spillTurn = 0
    /// When to try again after nothing could be spilled; unix nanoseconds.
    var nextSpill: UInt64 = 0
    /// How many things were spilled since the quiet queues were last rid of them.
    var spilledSinceSweep = 0
    /// What had changed when it was spilled, or was forgotten, and must still be stored so.
    var changedOutOfMemory: [StoredState] = []
    /// The largest number that anything was stored under. To be set before state is restored.
    package var lastStoredID: UInt64 = 0
    /// Whether stored state is taken in: nothing changes by that, and nothing has to be looked at again.
    var isRestoring = false
    var calls = CallPairing()
    var nextTurn: UInt64 = 0
    /// The record whose spans are about to leave or to wait: they have not left yet.
    var arriving: UInt64?
    /// What the input at hand changed; emptied by `settle`.
    var touched: [Group] = []
    var settleTurn: UInt64 = 0
    /// What the input at hand told evidence about.
    var evidenced: [JoinUnit] = []
    var pendingReleases: [UInt64: (batch: SpanBatch, edits: [SpanEdit], links: [AddedLink])] = [:]
    var evictedReleases: [UInt64: [GroupName]] = [:]
    var pendingAmendments: [TraceID: Amendment] = [:]
    /// Whether anything that waited has left since the dependents were last looked at.
    var hasLetGo = false
    /// The last record that was taken in.
    package var lastRecord: UInt64 = 0
    /// Whether records are read back after a start, up to the point that had been delivered: they are learned from and
    /// nothing leaves.
    package var isReplaying = false
    /// Whether records are read back after a start. What evidence in them led to may have left before, and since nobody
    /// stored that, have been taken back by later evidence.
    package var isCatchingUp = false
    /// What has happened, for metrics.
    package var counters = CorrelatorCounters()

    package init(settings: CorrelationSettings, spillStore: (any SpillStore)? = nil) {
        self.settings = settings
        self.spillStore = spillStore
        homeTraces = TraceNotes(limit: settings.traceLimit)
        traceOwners = TraceNotes(limit: settings.traceLimit)
    }

    deinit {
        // What it remembers refers to each other in circles.
        for execution in executions.values.flatMap(namesakes) {
            execution.forgetTraces()
            execution.claims = []
            execution.startedBy = nil
            execution.started = []
            execution.namesake = nil
        }
        for event in events.values {
            event.executions = []
            event.traces = []
            event.homes = []
            event.publisher = nil
            event.name.nameless = nil
            event.name.tenanted = []
        }
        for trace in traces.values {
            trace.claims = []
            trace.fragmentOwner = nil
            trace.starters = []
            trace.forgetGroups()
        }
    }

    /// What is to be done, in order; the list is empty afterwards.
    package func takeActions() -> [CorrelatorAction] {
        defer { actions.removeAll(keepingCapacity: true) }
        return actions
    }

    /// When `tick` must be called next, unix nanoseconds.
    package var deadline: UInt64? {
        [holdDeadlines.first, spanDeadlines.first, dependents.lazy.map(\.deadline).min()].compactMap { $0 }.min()
    }

    /// Lets go what has waited long enough and exports the spans of executions that have been quiet.
    package func tick(now: UInt64) {
        // A group of a trace that is no longer in memory has nothing that waits.
        while let group = holdDeadlines.popDue(now: now) {
            if traces[group.trace.id] === group.trace { lookAgain(at: group) }
        }
        settle(now: now)
        while let execution = spanDeadlines.popDue(now: now) {
            exportSpanIfQuiet(execution, now: now)
        }
        releaseDependents(now: now)
        spillBeyondLimit(now: now)
        if now >= nextTurn {
            passedTraces.turn()
            nextTurn = now &+ 600_000_000_000
        }
    }

    /// How many records wait, and how many payload bytes of them are in memory.
    package var held: (records: Int, bytes: Int) {
        (heldRecords.count, counters.heldBytes)
    }

    /// How many executions, events and traces are remembered, in memory or in the spill store.
    package var sizes: (executions: Int, events: Int, traces: Int) {
        let spilled = spilled.counts
        return (
            executionCount + spilled.executions, events.count + spilled.events, traces.count + spilled.traces
        )
    }
}

/// A record of which spans wait.
struct HeldRecord {
    /// The batch, and where in it the spans are that waited when it came: nil if it has no others. Nil once the memory for
    /// waiting spans ran out: the journal has the bytes.
    var kept: (batch: SpanBatch, positions: [Int32]?)?
    /// How many groups of it still wait.
    var groups: Int
}

/// A log or metric request that names traces of which spans wait.
struct Dependent {
    var record: UInt64
    var traces: [TraceID]
    /// Unix nanoseconds.
    var deadline: UInt64
}

/// What the correlator has done since it was made.
package struct CorrelatorCounters: Sendable {
    /// Payload bytes of records that wait in memory.
    package var heldBytes = 0
    /// Spans that left under another trace id than they came with.
    package var joinedSpans: UInt64 = 0
    /// Spans that left again because evidence came late.
    package var amendedSpans: UInt64 = 0
    /// Executions' own spans that left.
    package var executionSpans: UInt64 = 0
    /// Records dropped from memory while waiting, because `correlation.hold_memory` was full.
    package var evictedRecords: UInt64 = 0
    /// Executions, events and traces forgotten because of their limits.
    package var forgotten: UInt64 = 0
    /// Evidence that names an event without tenant of which several tenants have one, and so joined nothing.
    package var ambiguousEvents: UInt64 = 0
    /// Evidence that would have joined what belongs to two tenants.
    package var tenantRefusals: UInt64 = 0
    /// Times that evidence turned out to lead round in a circle, and so nowhere.
    package var circles: UInt64 = 0
    /// Times that what had been quiet left memory, and came back because it was asked for: executions, events and traces
    /// that refer to each other go together.
    package var spilledClusters: UInt64 = 0
    package var recalledClusters: UInt64 = 0
    /// Times that the spill store could not be written or read.
    package var spillFailures: UInt64 = 0
    /// Relations not kept because one trace, event or execution has too many.
    package var relationsCut: UInt64 = 0

    package init() {}
}
