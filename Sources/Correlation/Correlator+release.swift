package import OTLP

extension Correlator {
    /// Sends on what of a new batch may leave and holds the rest.
    func dispatch(_ batch: SpanBatch, executions found: [Execution], now: UInt64) {
        let index = batch.index
        // Stays empty as long as every span so far leaves as it came: most batches are forwarded whole.
        var edits: [SpanEdit] = []
        var links: [AddedLink] = []
        var isWhole = index.rejectedSpans == 0
        var held = 0
        // Neighbours mostly belong to one group: the decision about the last span is the decision about the next.
        var lastTrace = TraceID(high: 0, low: 0)
        var lastExecution: Int32 = -2
        var trace: TraceState?
        var group: Execution?
        var place: Placement?
        var decision = GroupDecision.leave
        for position in index.spans.indices {
            let span = index.spans[position]
            if lastTrace != span.traceID || lastExecution != span.execution {
                (lastTrace, lastExecution) = (span.traceID, span.execution)
                trace = traces[span.traceID]
                group = span.execution >= 0 ? found[Int(span.execution)] : nil
                decision = decide(group, in: trace, now: now)
                place = trace.map { placement(ofGroup: group, in: $0) }
                if trace == nil { passedTraces.insert(span.traceID) }
            }
            var edit = SpanEdit(unchanged: span, at: position)
            if let trace {
                if case .hold(let deadline) = decision {
                    isWhole = leaveWhole(isWhole, batch, before: position, into: &edits)
                    hold(Int32(position), of: group, in: trace, record: batch.record, deadline: deadline)
                    held += 1
                    continue
                }
                edit = self.edit(
                    span, at: position, of: group, in: trace, place: place, amended: false, links: &links)
                if edit.changes(span) {
                    isWhole = leaveWhole(isWhole, batch, before: position, into: &edits)
                }
            }
            if !isWhole { edits.append(edit) }
        }
        if held > 0 { keep(batch) }
        if isWhole {
            if !index.spans.isEmpty {
                act(.release(Release(record: batch.record, batch: batch, edits: nil, links: [], owner: batch.record)))
            }
        } else if !edits.isEmpty {
            act(.release(Release(record: batch.record, batch: batch, edits: edits, links: links, owner: batch.record)))
        }
        if held == 0 { act(.finished(record: batch.record)) }
    }

    /// Writes down that the spans so far leave unchanged, once one does not. Returns the new value of `isWhole`.
    private func leaveWhole(_ isWhole: Bool, _ batch: SpanBatch, before position: Int, into edits: inout [SpanEdit]) -> Bool {
        if isWhole {
            edits.reserveCapacity(batch.index.spans.count)
            for earlier in 0..<position {
                edits.append(SpanEdit(unchanged: batch.index.spans[earlier], at: earlier))
            }
        }
        return false
    }

    private enum GroupDecision {
        case leave
        case hold(deadline: UInt64)
    }

    private func decide(_ group: Execution?, in trace: TraceState?, now: UInt64) -> GroupDecision {
        guard let trace else { return .leave }
        let placement = placement(ofGroup: group, in: trace)
        let deadline = deadline(of: group, in: trace)
        guard mayLeave(placement, in: trace, deadline: deadline, now: now) else { return .hold(deadline: deadline) }
        noteReleased(group, in: trace, target: placement.traceID)
        return .leave
    }

    private func noteReleased(_ group: Execution?, in trace: TraceState, target: TraceID) {
        if let position = trace.released.firstIndex(where: { $0.execution === group }) {
            guard trace.released[position].target != target else { return }
            trace.released[position].target = target
        } else {
            trace.released.append(ReleasedGroup(execution: group, target: target))
        }
        noteMoved(trace, to: target)
    }

    private func noteMoved(_ trace: TraceState, to target: TraceID) {
        mark(trace)
        guard target != trace.id, movedTraces[target]?.contains(trace.id) != true else { return }
        movedTraces[target, default: []].append(trace.id)
    }

    /// How one span leaves. `known` is the placement of its group, if the caller has asked for it already.
    func edit(
        _ span: SpanEntry, at position: Int, of execution: Execution?, in trace: TraceState, place known: Placement? = nil,
        amended: Bool, links: inout [AddedLink]
    ) -> SpanEdit {
        let server = span.kestra == .server ? span.spanID : nil
        let place =
            server != nil && settings.late != .link
            ? placement(ofServer: server, in: trace) : known ?? placement(ofGroup: execution, in: trace)
        var edit = SpanEdit(
            span: Int32(position), traceID: place.traceID, parentSpanID: span.parentSpanID, rule: place.rule,
            amended: amended)
        if let execution, span.kestra != .none, span.parentSpanID == execution.entryParent, hasSpan(execution, place) {
            edit.parentSpanID = execution.spanID
        } else if server != nil, span.parentSpanID.isZero, let context = place.context, context.traceID != trace.id {
            edit.parentSpanID = context.spanID
        }
        if let server {
            let name = trace.servers.first { $0.id == server }?.called
            if let called = name.flatMap({ executions[$0] }), called.spanCount > 0 {
                links.append(AddedLink(traceID: home(of: called).traceID, spanID: called.spanID, reason: "call"))
                edit.links = Int32(links.count - 1)..<Int32(links.count)
            }
        }
        return edit
    }

    // MARK: Holding

    private func hold(_ span: Int32, of group: Execution?, in trace: TraceState, record: UInt64, deadline: UInt64) {
        if let position = trace.held.lastIndex(where: { $0.record == record && $0.execution === group }) {
            trace.held[position].spans.append(span)
            return
        }
        trace.held.append(HeldGroup(execution: group, record: record, spans: [span], deadline: deadline))
        heldRecords[record, default: HeldRecord(batch: nil, groups: 0)].groups += 1
        holdDeadlines.insert(trace, deadline: deadline)
    }

    /// Keeps a batch of which spans wait, and lets go of the oldest kept ones when the memory for it is full.
    private func keep(_ batch: SpanBatch) {
        heldRecords[batch.record]?.batch = batch
        // What has left stays in the order until there is more of it than of what waits.
        if heldOrder.count > 2 * heldRecords.count + 64 { heldOrder.removeAll { heldRecords[$0] == nil } }
        heldOrder.append(batch.record)
        counters.heldBytes += batch.payload.count
        while counters.heldBytes > settings.holdBytes, !heldOrder.isEmpty {
            let oldest = heldOrder.removeFirst()
            guard let kept = heldRecords[oldest]?.batch else { continue }
            heldRecords[oldest]?.batch = nil
            counters.heldBytes -= kept.payload.count
            counters.evictedRecords += 1
        }
    }

    // MARK: Deciding again

    /// Looks again at every trace that the last input touched: what waits there may be free to leave, and what has left
    /// may belong elsewhere.
    func settle(now: UInt64) {
        var visited: Set<TraceID> = []
        while let trace = touched.popLast() {
            guard visited.insert(trace.id).inserted else { continue }
            settle(trace, now: now)
        }
        flush()
    }

    private func settle(_ trace: TraceState, now: UInt64) {
        var waiting: [HeldGroup] = []
        var leaving: [HeldGroup] = []
        for group in trace.held {
            let placement = placement(ofGroup: group.execution, in: trace)
            if mayLeave(placement, in: trace, deadline: group.deadline, now: now) {
                leaving.append(group)
            } else {
                waiting.append(group)
            }
        }
        let held = trace.held
        func records(of group: Execution?) -> Set<UInt64> {
            Set(held.lazy.filter { $0.execution === group }.map(\.record))
        }
        trace.held = waiting
        for position in trace.released.indices {
            let released = trace.released[position]
            let target = placement(ofGroup: released.execution, in: trace).traceID
            guard target != released.target else { continue }
            trace.released[position].target = target
            noteMoved(trace, to: target)
            amend(released.execution, in: trace, excluding: records(of: released.execution))
            // What follows this group in its other traces has to be looked at too.
            released.execution?.traces.forEach { if $0 !== trace { touched.append($0) } }
        }
        for group in leaving {
            noteReleased(
                group.execution, in: trace, target: placement(ofGroup: group.execution, in: trace).traceID)
            prepare(group, in: trace)
        }
    }

    /// Adds the spans of a held group to the release of their record.
    private func prepare(_ group: HeldGroup, in trace: TraceState) {
        guard let held = heldRecords[group.record] else { return }
        if let batch = held.batch {
            // Taken out, so that appending does not copy what the dictionary still holds.
            var release = pendingReleases.removeValue(forKey: group.record) ?? ([], [])
            let place = placement(ofGroup: group.execution, in: trace)
            for span in group.spans {
                release.edits.append(
                    edit(
                        batch.index.spans[Int(span)], at: Int(span), of: group.execution, in: trace, place: place,
                        amended: false, links: &release.links))
            }
            pendingReleases[group.record] = release
        } else {
            // The bytes are in the journal only: the edits are made when they have been read back.
            evictedReleases[group.record, default: []].append(
                GroupName(trace: trace.id, execution: group.execution?.id ?? ""))
        }
        heldRecords[group.record]?.groups -= 1
    }

    /// Turns what `settle` prepared into actions, one release a record.
    private func flush() {
        for (record, pending) in pendingReleases.sorted(by: { $0.key < $1.key }) {
            let edits = pending.edits.sorted { $0.span < $1.span }
            act(
                .release(
                    Release(
                        record: record, batch: heldRecords[record]?.batch, edits: edits, links: pending.links,
                        owner: record)))
            dropIfFree(record)
        }
        pendingReleases.removeAll(keepingCapacity: true)
        for (record, groups) in evictedReleases.sorted(by: { $0.key < $1.key }) {
            let isLast = heldRecords[record]?.groups == 0
            act(.reload(record: record, groups: groups, isLast: isLast))
            if isLast { heldRecords[record] = nil }
        }
        evictedReleases.removeAll(keepingCapacity: true)
        for amendment in pendingAmendments.values.sorted(by: { $0.trace < $1.trace }) where settings.late == .amend {
            act(.amend(amendment))
        }
        pendingAmendments.removeAll(keepingCapacity: true)
    }

    private func dropIfFree(_ record: UInt64) {
        guard let held = heldRecords[record], held.groups == 0 else { return }
        if let batch = held.batch { counters.heldBytes -= batch.payload.count }
        heldRecords[record] = nil
        act(.finished(record: record))
    }

    func act(_ action: CorrelatorAction) {
        if isReplaying { return }
        if case .release(let release) = action { count(release) }
        actions.append(action)
    }

    private func count(_ release: Release) {
        guard let edits = release.edits, let batch = release.batch else { return }
        for edit in edits where edit.traceID != batch.index.spans[Int(edit.span)].traceID {
            counters.joinedSpans += 1
            if edit.amended { counters.amendedSpans += 1 }
        }
    }

    // MARK: Reading back

    private func amend(_ group: Execution?, in trace: TraceState, excluding: Set<UInt64>) {
        guard settings.late == .amend, !isReplaying else { return }
        var amendment =
            pendingAmendments[trace.id]
            ?? Amendment(trace: trace.id, groups: [:], through: lastRecord, owner: lastRecord)
        amendment.groups[group?.id ?? "", default: []].formUnion(excluding)
        if let arriving { amendment.groups[group?.id ?? ""]?.insert(arriving) }
        pendingAmendments[trace.id] = amendment
        if let group { exportSpanAgain(group) }
    }

    /// The spans of a record that was read back for an amendment, as they belong now; nil if it has none of them.
    package func amend(_ batch: SpanBatch, _ amendment: Amendment) -> Release? {
        readBack(batch, amended: true, owner: amendment.owner) { trace, execution in
            trace == amendment.trace && amendment.groups[execution].map { !$0.contains(batch.record) } ?? false
        }
    }

    /// The spans of a record that waited longer than its bytes were kept in memory.
    package func reloaded(_ batch: SpanBatch, groups: [GroupName]) -> Release? {
        readBack(batch, amended: false, owner: batch.record) { trace, execution in
            groups.contains(GroupName(trace: trace, execution: execution))
        }
    }

    private func readBack(
        _ batch: SpanBatch, amended: Bool, owner: UInt64, where isWanted: (TraceID, String) -> Bool
    ) -> Release? {
        var edits: [SpanEdit] = []
        var links: [AddedLink] = []
        let names = batch.index.executions.map { batch.text($0.id) }
        for position in batch.index.spans.indices {
            let span = batch.index.spans[position]
            let name = span.execution >= 0 ? names[Int(span.execution)] : ""
            guard isWanted(span.traceID, name) else { continue }
            guard let trace = traces[span.traceID] else {
                // Forgotten since: what has not left yet must still leave.
                if !amended { edits.append(SpanEdit(unchanged: span, at: position)) }
                continue
            }
            edits.append(
                edit(span, at: position, of: executions[name], in: trace, amended: amended, links: &links))
        }
        guard !edits.isEmpty else { return nil }
        let release = Release(record: batch.record, batch: batch, edits: edits, links: links, owner: owner)
        count(release)
        return release
    }

    // MARK: Logs and metrics

    /// Takes a request of logs or metrics in that names these traces. It leaves by `releaseDependent`, at once unless
    /// spans of one of the traces wait.
    package func receiveDependent(record: UInt64, traces named: [TraceID], now: UInt64) {
        lastRecord = max(lastRecord, record)
        let waiting = isReplaying ? [] : named.filter { traces[$0]?.held.isEmpty == false }
        if waiting.isEmpty {
            act(.releaseDependent(record: record))
        } else {
            dependents.append(Dependent(record: record, traces: waiting, deadline: now &+ settings.hold))
        }
    }

    func releaseDependents(now: UInt64) {
        guard !dependents.isEmpty else { return }
        var waiting: [Dependent] = []
        for dependent in dependents {
            let isFree = dependent.traces.allSatisfy { traces[$0]?.held.isEmpty ?? true }
            if isFree || dependent.deadline <= now {
                act(.releaseDependent(record: dependent.record))
            } else {
                waiting.append(dependent)
            }
        }
        dependents = waiting
    }
}

extension SpanEdit {
    init(unchanged span: SpanEntry, at position: Int) {
        self.init(
            span: Int32(position), traceID: span.traceID, parentSpanID: span.parentSpanID, rule: .own, amended: false)
    }

    /// Whether the span leaves different from how it came.
    func changes(_ span: SpanEntry) -> Bool {
        traceID != span.traceID || parentSpanID != span.parentSpanID || amended || !links.isEmpty
    }
}
