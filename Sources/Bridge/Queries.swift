import Correlation
import Enrichment
import Journal
import OTLP
import QueryAPI
import Synchronization
import Timeline
import Transport

/// Answers the API: asks the correlator what belongs together now, reads the spans from the journal on a query thread,
/// and applies the correlator's placements to them. Nothing is unified before somebody asks.
final class Queries: QueryBackend {
    private let join: JoinThread
    private let journal: Journal
    private let loops: [EventLoop]
    private let clock: Clock
    private let keys: CompiledKeys
    private let metricsText: @Sendable (String?) -> QueryAnswer
    private let readiness: @Sendable () -> String?
    private let statusJSON: @Sendable () -> [UInt8]
    private let resource: [(String, String)]
    private let tenantExport: TenantExport
    private let quiet: UInt64
    /// How many records one answer reads at most (`api.max_results` bounds lists, this bounds reading).
    private let recordLimit: Int
    /// How many answers may be in the making at once; beyond it the answer is 503.
    private let parallelLimit: Int
    /// How long an answer may take (`api.query_timeout`), nanoseconds.
    private let timeout: UInt64
    /// How many executions one explanation covers (`api.max_results`).
    private let explanationLimit: Int
    /// Whether executions without evidence are asked about.
    private let asksKestra: Bool
    private let running = Atomic<Int>(0)
    private let turn = Atomic<Int>(0)

    init(
        join: JoinThread, journal: Journal, loops: [EventLoop], clock: Clock, keys: CompiledKeys,
        resource: [(String, String)], tenantExport: TenantExport, quiet: UInt64, recordLimit: Int, parallelLimit: Int,
        explanationLimit: Int, asksKestra: Bool, timeout: UInt64,
        metricsText: @escaping @Sendable (String?) -> QueryAnswer, readiness: @escaping @Sendable () -> String?,
        statusJSON: @escaping @Sendable () -> [UInt8]
    ) {
        self.join = join
        self.journal = journal
        self.loops = loops
        self.clock = clock
        self.keys = keys
        self.resource = resource
        self.tenantExport = tenantExport
        self.quiet = quiet
        self.recordLimit = recordLimit
        self.parallelLimit = parallelLimit
        self.explanationLimit = explanationLimit
        self.asksKestra = asksKestra
        self.timeout = timeout
        self.metricsText = metricsText
        self.readiness = readiness
        self.statusJSON = statusJSON
    }

    func metrics(accept: String?) -> QueryAnswer { metricsText(accept) }

    func unreadiness() -> String? { readiness() }

    func status(completion: @escaping @Sendable (QueryAnswer) -> Void) { completion(.json(statusJSON())) }

    func doctor(completion: @escaping @Sendable (QueryAnswer) -> Void) {
        limited(completion) { done in
            self.join.diagnose { report in
                var writer = JSONWriter()
                report.write(to: &writer)
                done(.json(writer.bytes))
            }
        }
    }

    func events(_ filter: EventFilter, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void) {
        limited(completion) { done in
            self.join.ask { correlator in
                var skipping = filter.cursor != nil
                // One more than asked tells whether there is a next page.
                let found = correlator.events(limit: filter.limit + 1) { event in
                    // Before the cursor: that one may name anything.
                    guard let event = viewer.view(event, in: correlator) else { return false }
                    if skipping {
                        skipping = event.cursor != filter.cursor
                        return false
                    }
                    return filter.wants(event)
                }
                let page = found.prefix(filter.limit).compactMap { viewer.view($0, in: correlator) }
                var writer = JSONWriter()
                writer.beginObject()
                writer.key("events")
                writer.beginArray()
                for event in page { event.summary.write(to: &writer) }
                writer.endArray()
                writer.key("nextCursor")
                if found.count > filter.limit, let last = page.last {
                    writer.string(last.cursor)
                } else {
                    writer.null()
                }
                writer.endObject()
                done(.json(writer.bytes))
            }
        }
    }

    func event(_ name: EventQuery, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void) {
        limited(completion) { done in
            self.join.ask { correlator in
                switch Self.find(name, in: correlator, for: viewer) {
                case .failure(let problem): done(.problem(problem))
                case .success(let event):
                    var writer = JSONWriter()
                    event.summary.write(to: &writer)
                    done(.json(writer.bytes))
                }
            }
        }
    }

    func timeline(event name: EventQuery, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void) {
        limited(completion) { done in
            self.join.ask { correlator in
                switch Self.find(name, in: correlator, for: viewer) {
                case .failure(let problem): done(.problem(problem))
                case .success(let event):
                    let story = Story(event: event, executions: event.executions, in: correlator)
                    self.tell(story, for: viewer, done)
                }
            }
        }
    }

    func timeline(execution id: String, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void) {
        limited(completion) { done in
            self.join.ask { correlator in
                guard let execution = correlator.execution(id: id), viewer.mayView(execution, in: correlator) else {
                    done(.problem(.notFound(Self.unknownExecution(id))))
                    return
                }
                self.tell(Story(event: nil, executions: [execution], in: correlator), for: viewer, done)
            }
        }
    }

    func explain(
        execution id: String, tenant: String?, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void
    ) {
        limited(completion) { done in
            self.join.ask { correlator in
                let found = correlator.explain(execution: id, tenant: tenant).compactMap {
                    viewer.view($0, in: correlator)
                }
                if found.count == 1 {
                    done(.json(Explanation(found[0], asksKestra: self.asksKestra).json))
                } else if found.isEmpty {
                    done(.problem(.notFound(Self.unknownExecution(id))))
                } else {
                    done(.problem(Self.ambiguousExecution(id, tenants: found.map(\.execution.tenant))))
                }
            }
        }
    }

    func explain(event name: EventQuery, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void) {
        limited(completion) { done in
            self.join.ask { correlator in
                switch Self.find(name, in: correlator, for: viewer) {
                case .failure(let problem): done(.problem(problem))
                case .success(let event):
                    let found = event.executions.prefix(self.explanationLimit).flatMap { execution in
                        correlator.explain(execution: execution.id, tenant: execution.tenant)
                            .filter { $0.execution.tenant == execution.tenant }
                            .compactMap { viewer.view($0, in: correlator) }
                    }
                    var notes: [String] = []
                    if event.executions.isEmpty {
                        notes.append(
                            """
                            No execution is known to belong to this event. A binding call, the event's id on the webhook call, \
                            or a traceparent header from the trace that published it would tell (docs/set-up.md#what-makes-them-join).
                            """)
                    } else if event.traces.isEmpty || event.publisher == nil && event.context == nil {
                        notes.append(
                            """
                            Nothing tells in which trace the event was published: send the CloudEvent with its traceparent to \
                            POST /v1/cloudevents (docs/set-up.md#the-tee).
                            """)
                    }
                    done(
                        self.list(
                            ExplanationList(
                                event: TimelineEvent(event), traceID: event.traces.first, executions: [], notes: notes),
                            found, of: event.executions.count))
                }
            }
        }
    }

    func explain(trace id: TraceID, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void) {
        limited(completion) { done in
            self.join.ask { correlator in
                let found = correlator.explain(trace: id).compactMap { viewer.view($0, in: correlator) }
                guard !found.isEmpty else {
                    done(
                        .problem(
                            .notFound(
                                """
                                No execution has spans in trace \(id.hex): none of it was seen, or none of its spans is Kestra's. \
                                Spans of other systems stay where they are.
                                """)))
                    return
                }
                done(
                    self.list(
                        ExplanationList(event: nil, traceID: id, executions: [], notes: []),
                        Array(found.prefix(self.explanationLimit)), of: found.count))
            }
        }
    }

    private func list(_ list: ExplanationList, _ found: [JoinExplanation], of count: Int) -> QueryAnswer {
        var list = list
        list.executions = found.map { Explanation($0, asksKestra: asksKestra) }
        if count > explanationLimit {
            list.notes.append("\(explanationLimit) of \(count) executions are listed (api.max_results).")
        }
        return .json(list.json)
    }

    func trace(
        _ id: TraceID, asProtobuf: Bool, for viewer: Viewer, completion: @escaping @Sendable (QueryAnswer) -> Void
    ) {
        limited(completion) { done in
            self.join.ask { correlator in
                let unified = correlator.unifiedTraces(of: id)
                let story = Story(traces: unified, in: correlator, for: viewer)
                self.collect(story, for: viewer) { batches in
                    var payload: [UInt8] = []
                    for batch in batches {
                        let edits = batch.edits.filter { story.unified.contains($0.traceID) }
                        guard !edits.isEmpty else { continue }
                        payload += TraceRewriter.rewrite(
                            payload: batch.batch.payload, index: batch.batch.index, edits: edits, links: batch.links)
                    }
                    var made = MadeSpans()
                    for span in story.executionSpans {
                        made.append(span.built(tenants: self.tenantExport), owner: span.owner)
                    }
                    if !made.isEmpty { payload += made.encoded(resource: self.resource) }
                    if payload.isEmpty {
                        done(.problem(.notFound("No span of trace \(id.hex) is in the journal.")))
                    } else if asProtobuf {
                        done(.bytes(payload, contentType: "application/x-protobuf"))
                    } else if let json = try? OTLPJSON.decode(protobuf: payload, message: .tracesRequest) {
                        done(.json(json))
                    } else {
                        done(.problem(.unavailable("The stored spans of trace \(id.hex) cannot be read.")))
                    }
                }
            }
        }
    }

    // MARK: Steps

    /// Counts an answer in, and out again when it is given.
    private func limited(
        _ completion: @escaping @Sendable (QueryAnswer) -> Void,
        _ body: (@escaping @Sendable (QueryAnswer) -> Void) -> Void
    ) {
        guard running.add(1, ordering: .relaxed).newValue <= parallelLimit else {
            running.subtract(1, ordering: .relaxed)
            completion(
                .problem(
                    .unavailable("\(parallelLimit) questions are being answered already; ask again in a moment.")))
            return
        }
        let isAnswered = Once()
        let late = loops[0].schedule(after: timeout) {
            guard isAnswered.claim() else { return }
            completion(
                .problem(
                    .unavailable("The answer took longer than api.query_timeout. Ask for less, or raise that key.")))
        }
        body { answer in
            self.running.subtract(1, ordering: .relaxed)
            late.cancel()
            if isAnswered.claim() { completion(answer) }
        }
    }

    private func tell(_ story: Story, for viewer: Viewer, _ done: @escaping @Sendable (QueryAnswer) -> Void) {
        let now = clock.now()
        collect(story, for: viewer) { batches in
            var spans: [TimelineSpan] = story.executionSpans.map { TimelineSpan($0) }
            for batch in batches {
                for edit in batch.edits where story.unified.contains(edit.traceID) {
                    if let span = TimelineSpan(edit, of: batch.batch, keys: self.keys) { spans.append(span) }
                }
            }
            let input = TimelineInput(
                event: story.event.map(TimelineEvent.init), traceID: story.traceID,
                executions: story.executions.map { execution in
                    var input = ExecutionInput(execution, of: story.event)
                    if let record = self.latestRecord(of: execution.id) { input.add(record) }
                    return input
                }, spans: spans, now: now, quiet: self.quiet)
            var writer = JSONWriter()
            Timeline(of: input).write(to: &writer)
            done(.json(writer.bytes))
        }
    }

    /// Reads a story's records and has the correlator place those of their spans that the viewer may see.
    private func collect(_ story: Story, for viewer: Viewer, _ body: @escaping @Sendable ([PlacedBatch]) -> Void) {
        let loop = loops[turn.add(1, ordering: .relaxed).oldValue % loops.count]
        loop.post {
            var records: Set<UInt64> = []
            for trace in story.originals {
                for id in self.journal.records(key: RecordKeys.trace(trace), limit: self.recordLimit) {
                    records.insert(id.raw)
                }
            }
            var batches: [SpanBatch] = []
            for record in records.sorted().prefix(self.recordLimit) {
                guard let stored = try? self.journal.read(RecordID(raw: record)), stored.kind == .traces,
                    let index = try? SpanIndex(payload: stored.payload, keys: self.keys)
                else { continue }
                batches.append(
                    SpanBatch(record: record, payload: stored.payload, index: index, tenant: stored.tenant))
            }
            let found = batches
            self.join.ask { correlator in
                let placed = found.map { batch in
                    let (edits, links) = correlator.unify(batch)
                    return PlacedBatch(
                        batch: batch, edits: viewer.view(edits, of: batch, in: correlator), links: links)
                }
                loop.post { body(placed) }
            }
        }
    }

    /// What the Kestra API told last about an execution.
    private func latestRecord(of execution: String) -> ExecutionRecord? {
        for id in journal.records(key: RecordKeys.report(execution), limit: recordLimit).reversed() {
            if let stored = try? journal.read(id), stored.kind == .execution,
                let record = ExecutionRecord.parse(stored.payload), record.id == execution
            {
                return record
            }
        }
        return nil
    }

    private static func find(
        _ name: EventQuery, in correlator: Correlator, for viewer: Viewer
    ) -> Result<EventSnapshot, Problem> {
        let found = correlator.events(id: name.id, source: name.source, tenant: name.tenant).compactMap {
            viewer.view($0, in: correlator)
        }
        guard let first = found.first else {
            return .failure(
                .notFound(
                    """
                    No event '\(name.id)' was seen. Events are learned from POST /v1/cloudevents, POST /v1/bindings and \
                    the cloudevents.event_id attribute; `spanbridge events` lists the known ones.
                    """))
        }
        guard found.count == 1 else {
            var writer = JSONWriter()
            writer.beginArray()
            for event in found {
                writer.beginObject()
                writer.key("tenant")
                writer.string(event.key.tenant)
                writer.key("source")
                writer.string(event.key.source)
                writer.key("id")
                writer.string(event.key.id)
                writer.endObject()
            }
            writer.endArray()
            return .failure(
                Problem(
                    status: 409, title: "Ambiguous event",
                    detail: "\(found.count) events have the id '\(name.id)'; name the source or tenant too.",
                    candidates: writer.bytes))
        }
        return .success(first)
    }

    private static func ambiguousExecution(_ id: String, tenants: [String]) -> Problem {
        var writer = JSONWriter()
        writer.beginArray()
        for tenant in tenants {
            writer.beginObject()
            writer.member("tenant", tenant)
            writer.endObject()
        }
        writer.endArray()
        return Problem(
            status: 409, title: "Ambiguous execution",
            detail: "\(tenants.count) tenants have an execution '\(id)'; name the tenant too.", candidates: writer.bytes)
    }

    private static func unknownExecution(_ id: String) -> String {
        "No span and no binding call named execution '\(id)'. Ids are case-sensitive."
    }
}

/// Lets only the first of several do something.
private final class Once: Sendable {
    private let isClaimed = Atomic<Bool>(false)

    func claim() -> Bool { isClaimed.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged }
}

/// A stored batch and where its spans belong now.
private struct PlacedBatch: Sendable {
    var batch: SpanBatch
    var edits: [SpanEdit]
    var links: [AddedLink]
}

/// What an answer is about: which traces to read and which to show.
private struct Story: Sendable {
    var event: EventSnapshot?
    var executions: [ExecutionSnapshot]
    var executionSpans: [ExecutionSpan]
    /// The unified traces that are shown.
    var unified: Set<TraceID> = []
    /// The original traces that are read.
    var originals: Set<TraceID> = []
    /// The trace that the answer is headed with.
    var traceID: TraceID

    init(event: EventSnapshot?, executions: [ExecutionSnapshot], in correlator: Correlator) {
        self.event = event
        self.executions = executions
        traceID = event?.traces.first ?? executions.first?.traceID ?? TraceID(high: 0, low: 0)
        executionSpans = executions.compactMap { correlator.executionSpan($0.name) }
        add((event?.traces ?? []) + executions.map(\.traceID), in: correlator)
        for execution in executions { originals.formUnion(execution.originalTraces) }
    }

    init(traces: [TraceID], in correlator: Correlator, for viewer: Viewer) {
        executions = []
        executionSpans = correlator.executionSpans(in: traces).filter { span in
            correlator.execution(id: span.executionID).map { viewer.mayView($0, in: correlator) } ?? (viewer.tenant == nil)
        }
        traceID = traces.first ?? TraceID(high: 0, low: 0)
        add(traces, in: correlator)
    }

    mutating func add(_ traces: [TraceID], in correlator: Correlator) {
        unified.formUnion(traces)
        for trace in traces { originals.formUnion(correlator.originalTraces(of: trace)) }
    }
}
