// The correlator decides under which trace id each span leaves, and when.
//
// It is a machine: batches, events, bindings and the time go in, actions come out (`takeActions`). It has no clock, no
// socket and no file, and belongs to one thread. It must not know journals, Kestra's API or how spans are encoded: it
// reads spans through their index and answers with edits.

import OTLP

/// Joins executions to events and decides where their spans belong. Belongs to the correlator's thread.
package final class Correlator {
    let settings: CorrelationSettings
    var executions: [String: Execution] = [:]
    var events: [EventKey: EventState] = [:]
    /// The events of each source and id, whatever their tenant: the key's tenant is empty.
    var eventsByName: [EventKey: [EventState]] = [:]
    /// The events whose traceparent or publisher names a trace: how a native execution's event is found.
    var eventsByTrace: [TraceID: [EventState]] = [:]
    var traces: [TraceID: TraceState] = [:]
    var heldRecords: [UInt64: HeldRecord] = [:]
    var heldOrder: [UInt64] = []
    var dependents: [Dependent] = []
    var holdDeadlines = DeadlineQueue<TraceState>()
    var spanDeadlines = DeadlineQueue<Execution>()
    var actions: [CorrelatorAction] = []
    /// The traces of spans that were forwarded because no Kestra span of them was known.
    package var passedTraces = RecentTraces()
    /// Which original traces have spans under a unified trace id other than their own.
    var movedTraces: [TraceID: [TraceID]] = [:]
    /// What must be stored.
    var dirtyExecutions: [Execution] = []
    var dirtyEvents: [EventState] = []
    var dirtyTraces: [TraceState] = []
    var nextTurn: UInt64 = 0
    /// The record whose spans are about to leave or to wait: they have not left yet.
    var arriving: UInt64?
    /// What the input at hand changed; emptied by `settle`.
    var touched: [TraceState] = []
    var pendingReleases: [UInt64: (edits: [SpanEdit], links: [AddedLink])] = [:]
    var evictedReleases: [UInt64: [GroupName]] = [:]
    var pendingAmendments: [TraceID: Amendment] = [:]
    /// The last record that was taken in.
    package var lastRecord: UInt64 = 0
    /// Whether records are read back after a start, up to the point that had been delivered: they are learned from and
    /// nothing leaves.
    package var isReplaying = false
    /// What has happened, for metrics.
    package var counters = CorrelatorCounters()

    package init(settings: CorrelationSettings) {
        self.settings = settings
    }

    deinit {
        // What it remembers refers to each other in circles.
        for execution in executions.values {
            execution.traces = []
            execution.nativeTraces = []
            execution.claims = []
            execution.startedBy = nil
        }
        for event in events.values { event.executions = [] }
        for trace in traces.values {
            trace.fragmentOwner = nil
            trace.executions = []
            trace.starters = []
            trace.held = []
            trace.released = []
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
        while let trace = holdDeadlines.popDue(now: now) {
            touched.append(trace)
        }
        settle(now: now)
        while let execution = spanDeadlines.popDue(now: now) {
            exportSpanIfQuiet(execution, now: now)
        }
        releaseDependents(now: now)
        if now >= nextTurn {
            passedTraces.turn()
            nextTurn = now &+ 600_000_000_000
        }
    }

    /// How many records wait, and how many payload bytes of them are in memory.
    package var held: (records: Int, bytes: Int) {
        (heldRecords.count, counters.heldBytes)
    }

    /// How many executions, events and Kestra traces are remembered.
    package var sizes: (executions: Int, events: Int, traces: Int) {
        (executions.count, events.count, traces.count)
    }
}

/// A record of which spans wait.
struct HeldRecord {
    /// Nil once the memory for waiting spans ran out: the journal has the bytes.
    var batch: SpanBatch?
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
    /// Events named without tenant that exist under several, and so were not joined.
    package var ambiguousEvents: UInt64 = 0

    /// Relations not kept because one trace, event or execution has too many.
    package var relationsCut: UInt64 = 0

    package init() {}
}
