package import OTLP

extension Correlator {
    /// Sends on what of a new batch may leave and holds the rest.
    func dispatch(_ batch: SpanBatch, executions found: [Execution], now: UInt64) {
        let index = batch.index
        // Stays empty as long as every span so far leaves as it came: most batches are forwarded whole.
        var edits: [SpanEdit] = []
        var links: [AddedLink] = []
        var isWhole = index.rejectedSpans == 0
        var waiting: [Int32] = []
        // Neighbours mostly belong to one group: the decision about the last span is the decision about the next.
        var lastTrace = TraceID(high: 0, low: 0)
        var lastExecution: Int32 = -2
        var decided: Decision?
        var isForwarded = false
        for position in index.spans.indices {
            if lastExecution != index.spans[position].execution || !lastTrace.isSame(as: index.spans[position].traceID) {
                (lastTrace, lastExecution) = (index.spans[position].traceID, index.spans[position].execution)
                let execution = lastExecution >= 0 ? found[Int(lastExecution)] : nil
                decided = knownTrace(lastTrace).map { decide(execution, in: $0, now: now) }
                isForwarded = decided == nil
                if isForwarded { passedTraces.insert(lastTrace) }
            }
            if isForwarded, isWhole { continue }
            let span = index.spans[position]
            guard let decided else {
                edits.append(SpanEdit(unchanged: span, at: position))
                continue
            }
            if let deadline = decided.deadline {
                isWhole = leaveWhole(isWhole, batch, before: position, into: &edits)
                hold(Int32(waiting.count), of: decided.group, record: batch.record, deadline: deadline)
                waiting.append(Int32(position))
                continue
            }
            let edit =
                decided.plain?.edit(span, at: position)
                ?? self.edit(
                    span, at: position, of: decided.group, execution: decided.execution, place: decided.place,
                    amended: false, links: &links)
            if isWhole, edit.changes(span) { isWhole = leaveWhole(isWhole, batch, before: position, into: &edits) }
            if !isWhole { edits.append(edit) }
        }
        if !waiting.isEmpty { keep(batch, waiting) }
        if isWhole {
            if !index.spans.isEmpty {
                act(.release(Release(batch: batch, edits: nil, links: [], owner: batch.record)))
            }
        } else if !edits.isEmpty {
            act(.release(Release(batch: batch, edits: edits, links: links, owner: batch.record)))
        }
        if waiting.isEmpty { act(.finished(record: batch.record)) }
        flush()
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

    /// What becomes of the spans of one execution in one trace. An object, which is not copied for each of them.
    private final class Decision {
        let group: Group
        let execution: Execution?
        let place: Placement
        /// When they leave in any case, if they wait; unix nanoseconds.
        let deadline: UInt64?
        /// How those leave that can only be changed in one way; nil if each has to be looked at.
        let plain: PlainEdit?

        init(group: Group, execution: Execution?, place: Placement, deadline: UInt64?, plain: PlainEdit?) {
            self.group = group
            self.execution = execution
            self.place = place
            self.deadline = deadline
            self.plain = plain
        }
    }

    /// How spans of an execution's tasks leave.
    private struct PlainEdit {
        let place: Placement
        let entry: EntryParent

        /// Nil for a span that must be looked at closer.
        func edit(_ span: SpanEntry, at position: Int) -> SpanEdit? {
            switch span.kestra {
            case .none, .server: return nil
            case .executor, .worker: break
            }
            return SpanEdit(
                span: Int32(truncatingIfNeeded: position), traceID: place.traceID, parentSpanID: entry.parent(of: span),
                rule: place.rule, amended: false)
        }
    }

    /// The parent that Kestra's spans of an execution came in under, which the execution's own span replaces.
    private struct EntryParent {
        /// Nil if none is replaced.
        let replaced: UInt64?
        let executionSpan: SpanID

        func parent(of span: SpanEntry) -> SpanID {
            span.parentSpanID.raw == replaced ? executionSpan : span.parentSpanID
        }
    }

    private func entryParent(of execution: Execution, at place: Placement) -> EntryParent {
        guard let entry = execution.entryParent, hasSpan(execution, place) else {
            return EntryParent(replaced: nil, executionSpan: .none)
        }
        return EntryParent(replaced: entry.raw, executionSpan: execution.spanID)
    }

    private func decide(_ execution: Execution?, in trace: TraceState, now: UInt64) -> Decision {
        // An execution beyond the limits of relations leaves as the trace's other spans do.
        let group = execution.flatMap { $0.group(in: trace) } ?? trace.rest
        let place = placement(of: group)
        let deadline = (execution?.firstSeen ?? trace.firstSeen) &+ settings.hold
        let mayLeave = mayLeave(place, group, deadline: deadline, now: now)
        if mayLeave { noteReleased(group, place, leaving: []) }
        return Decision(
            group: group, execution: execution, place: place, deadline: mayLeave ? nil : deadline,
            plain: mayLeave ? execution.map { PlainEdit(place: place, entry: entryParent(of: $0, at: place)) } : nil)
    }

    /// Where spans of a group are, the group itself and SERVER spans each for itself, and which of these leave without a
    /// parent: bits, the first the lowest.
    private func targets(of group: Group, _ place: Placement) -> (traces: [TraceID], orphans: UInt64) {
        guard group.execution == nil, settings.late != .link else {
            // Mostly nothing has changed.
            return (group.targets.count == 1 && group.targets[0] == place.traceID ? group.targets : [place.traceID], 0)
        }
        var traces = [place.traceID]
        var orphans: UInt64 = place.context == nil ? 1 : 0
        for server in group.trace.servers {
            let place = placement(ofServer: server.id, in: group.trace)
            if place.context == nil, server.parent.isZero, traces.count < 64 { orphans |= 1 << UInt64(traces.count) }
            traces.append(place.traceID)
        }
        return (traces, orphans)
    }

    /// Learns where spans of a group leave to. Those that left before to elsewhere are amended.
    ///
    /// - Parameter leaving: records whose spans leave just now, and so have not left before.
    private func noteReleased(_ group: Group, _ place: Placement, leaving: [UInt64]) {
        let (targets, orphans) = targets(of: group, place)
        let links = group.execution == nil ? linkedHomes(of: group.trace).count : 0
        defer {
            group.targets = targets
            group.links = links
            group.orphans = orphans
        }
        // Roots of which evidence names a parent now, though not another trace.
        let adopted = group.orphans & ~orphans
        guard targets != group.targets || links != group.links || adopted != 0 else { return }
        noteMoved(group.trace, to: targets)
        // SERVER spans that were not known have not left.
        guard !group.targets.isEmpty,
            zip(group.targets, targets).contains(where: { $0 != $1 }) || links != group.links || adopted != 0
        else { return }
        amend(group, excluding: leaving)
    }

    private func noteMoved(_ trace: TraceState, to targets: [TraceID]) {
        mark(trace)
        for target in targets where target != trace.id { movedTraces[target, default: []].insert(trace.id) }
    }

    /// How one span leaves. `place` is the placement of its group, if the caller has asked for it already.
    func edit(
        _ span: SpanEntry, at position: Int, of group: Group, execution: Execution?, place known: Placement? = nil,
        amended: Bool, links: inout [AddedLink]
    ) -> SpanEdit {
        let trace = group.trace
        var server: SpanID?
        if case .server = span.kestra { server = span.spanID }
        let place =
            server != nil && settings.late != .link
            ? placement(ofServer: span.spanID, in: trace) : known ?? placement(of: group)
        var edit = SpanEdit(
            span: Int32(position), traceID: place.traceID, parentSpanID: span.parentSpanID, rule: place.rule,
            amended: amended)
        if let execution, span.kestra.rawValue != 0 {
            edit.parentSpanID = entryParent(of: execution, at: place).parent(of: span)
        } else if span.parentSpanID.isZero, let context = place.context, context.traceID != trace.id {
            edit.parentSpanID = context.spanID
        }
        let first = links.count
        if let server, let id = trace.servers.first(where: { $0.id == server })?.called {
            for called in executionsOf(id) where called.spanCount > 0 && called.fits(tenant: "", owner: trace.owner) {
                links.append(AddedLink(traceID: home(of: called).traceID, spanID: called.spanID, reason: "call"))
            }
        }
        if !trace.claims.isEmpty, execution == nil {
            for linked in linkedHomes(of: trace) where linked.span == span.spanID {
                var walk = Walk()
                guard let target = follow(linked.home, &walk) else { continue }
                links.append(AddedLink(traceID: target, spanID: linked.home.context.spanID, reason: "key"))
            }
        }
        if links.count > first { edit.links = Int32(first)..<Int32(links.count) }
        return edit
    }

    // MARK: Holding

    /// - Parameter span: counted among the spans of the record that wait.
    private func hold(_ span: Int32, of group: Group, record: UInt64, deadline: UInt64) {
        if let position = group.held.indices.last, group.held[position].record == record {
            group.held[position].spans.append(span)
            return
        }
        group.held.append(HeldSpans(record: record, spans: [span], deadline: deadline))
        heldRecords[record, default: HeldRecord(groups: 0)].groups += 1
        holdDeadlines.insert(group, deadline: deadline)
    }

    /// Keeps a batch of which spans wait, or only these if they are at most half of it, and lets go of the oldest kept
    /// ones when the memory for it is full.
    private func keep(_ batch: SpanBatch, _ waiting: [Int32]) {
        let part = 2 * waiting.count <= batch.index.spans.count ? batch.part(waiting) : nil
        let hasOthers = part == nil && waiting.count < batch.index.spans.count
        let batch = part ?? batch
        heldRecords[batch.record]?.kept = (batch, hasOthers ? waiting : nil)
        // What has left stays in the order until there is more of it than of what waits.
        if heldOrder.count > 2 * heldRecords.count + 64 { heldOrder.removeAll { heldRecords[$0] == nil } }
        heldOrder.append(batch.record)
        counters.heldBytes += batch.payload.count
        var position = 0
        while counters.heldBytes > settings.holdBytes, position < heldOrder.count {
            let oldest = heldOrder[position]
            position += 1
            guard let batch = heldRecords[oldest]?.kept?.batch else { continue }
            heldRecords[oldest]?.kept = nil
            counters.heldBytes -= batch.payload.count
            counters.evictedRecords += 1
        }
        heldOrder.removeFirst(position)
    }

    // MARK: Deciding again

    /// Looks again at everything that the last input touched: what waits there may be free to leave, and what has left
    /// may belong elsewhere.
    func settle(now: UInt64) {
        for unit in evidenced { unit.lastEvidence = max(unit.lastEvidence, lastRecord) }
        evidenced.removeAll(keepingCapacity: true)
        settleTurn += 1
        while let group = touched.popLast() {
            group.isTouched = false
            group.visits = (settleTurn, group.visits.turn == settleTurn ? group.visits.count + 1 : 1)
            // What a group depends on may be looked at after it: then it is looked at again, but not for ever.
            if group.visits.count <= 8 { settle(group, now: now) }
        }
        flush()
    }

    private func settle(_ group: Group, now: UInt64) {
        let place = placement(of: group)
        if place.traceID != group.place || place.isDecided != group.isDecided {
            if place.traceID != group.place { touchDependents(on: group.trace.id) }
            (group.place, group.isDecided) = (place.traceID, place.isDecided)
            hasLetGo = true
            if let execution = group.execution { followMove(of: execution) }
        }
        var leaving: [HeldSpans] = []
        if !group.held.isEmpty {
            leaving = group.held.filter { mayLeave(place, group, deadline: $0.deadline, now: now) }
            if !leaving.isEmpty { group.held.removeAll { mayLeave(place, group, deadline: $0.deadline, now: now) } }
        }
        if !group.targets.isEmpty || !leaving.isEmpty { noteReleased(group, place, leaving: leaving.map(\.record)) }
        guard !leaving.isEmpty else { return }
        for held in leaving { prepare(held, of: group, place) }
        hasLetGo = true
    }

    /// An execution is elsewhere now: its own span, what it started, and what links to it.
    private func followMove(of execution: Execution) {
        exportSpanAgain(execution)
        touchStarted(by: execution)
        exportSpansLinking(to: execution)
    }

    /// Adds waiting spans to the release of their record.
    private func prepare(_ held: HeldSpans, of group: Group, _ place: Placement) {
        guard let entry = heldRecords[held.record] else { return }
        if let (batch, positions) = entry.kept {
            // Taken out, so that appending does not copy what the dictionary still holds.
            var release = pendingReleases.removeValue(forKey: held.record) ?? (batch, [], [])
            for span in held.spans {
                let position = Int(positions?[Int(span)] ?? span)
                release.edits.append(
                    edit(
                        batch.index.spans[position], at: position, of: group, execution: group.execution, place: place,
                        amended: false, links: &release.links))
            }
            pendingReleases[held.record] = release
        } else {
            // The bytes are in the journal only: the edits are made when they have been read back.
            evictedReleases[held.record, default: []].append(group.name)
        }
        heldRecords[held.record]?.groups -= 1
    }

    /// Turns what `settle` prepared into actions, one release a record.
    private func flush() {
        // Mostly nothing is pending, and sorting nothing costs too.
        if pendingReleases.isEmpty, evictedReleases.isEmpty, pendingAmendments.isEmpty { return }
        for (record, pending) in pendingReleases.sorted(by: { $0.key < $1.key }) {
            let edits = pending.edits.sorted { $0.span < $1.span }
            act(.release(Release(batch: pending.batch, edits: edits, links: pending.links, owner: record)))
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
        if let kept = held.kept { counters.heldBytes -= kept.batch.payload.count }
        heldRecords[record] = nil
        act(.finished(record: record))
    }

    func act(_ action: CorrelatorAction) {
        if isReplaying { return }
        if case .release(let release) = action { count(release) }
        actions.append(action)
    }

    private func count(_ release: Release) {
        guard let edits = release.edits else { return }
        for edit in edits where !edit.traceID.isSame(as: release.batch.index.spans[Int(edit.span)].traceID) {
            counters.joinedSpans += 1
            if edit.amended { counters.amendedSpans += 1 }
        }
    }

    // MARK: Reading back

    private func amend(_ group: Group, excluding leaving: [UInt64] = []) {
        guard settings.late == .amend else { return }
        if let execution = group.execution { exportSpanAgain(execution) }
        guard !isReplaying else { return }
        let trace = group.trace.id
        var amendment =
            pendingAmendments[trace] ?? Amendment(trace: trace, groups: [:], through: lastRecord, owner: lastRecord)
        var excluding = Set(group.held.map(\.record) + leaving)
        if let arriving { excluding.insert(arriving) }
        amendment.groups[group.execution?.name, default: []].formUnion(excluding)
        pendingAmendments[trace] = amendment
    }

    /// What evidence had moved is moved again: whether that was delivered before a crash is not known.
    func amendAgain(_ unit: JoinUnit) {
        if let execution = unit as? Execution {
            execution.exportedSpan = nil
            for group in execution.groups {
                for moved in [group, group.trace.rest] where moved.targets.contains(where: { $0 != group.trace.id }) {
                    amend(moved)
                }
            }
            makeSpanDue(execution, now: execution.lastSeen)
        } else if let trace = unit as? TraceState, trace.rest.targets.contains(where: { $0 != trace.id }) {
            amend(trace.rest)
        }
    }

    /// The spans of a record that was read back for an amendment, as they belong now; nil if it has none of them.
    package func amend(_ batch: SpanBatch, _ amendment: Amendment) -> Release? {
        readBack(batch, amended: true, owner: amendment.owner) { group in
            group.trace == amendment.trace
                && (amendment.groups[group.execution].map { !$0.contains(batch.record) } ?? false)
        }
    }

    /// The spans of a record that waited longer than its bytes were kept in memory.
    package func reloaded(_ batch: SpanBatch, groups: [GroupName]) -> Release? {
        readBack(batch, amended: false, owner: batch.record) { groups.contains($0) }
    }

    private func readBack(
        _ batch: SpanBatch, amended: Bool, owner: UInt64, where isWanted: (GroupName) -> Bool
    ) -> Release? {
        var edits: [SpanEdit] = []
        var links: [AddedLink] = []
        let found = batch.index.executions.map { known($0, in: batch) }
        let names = [nil] + batch.index.executions.map { self.name(of: $0, in: batch) }
        for position in batch.index.spans.indices {
            let span = batch.index.spans[position]
            let execution = span.execution >= 0 ? found[Int(span.execution)] : nil
            guard let trace = knownTrace(span.traceID) else {
                // Forgotten since: what has not left yet must still leave.
                let names = [names[Int(span.execution) + 1], nil]
                if !amended, names.contains(where: { isWanted(GroupName(trace: span.traceID, execution: $0)) }) {
                    edits.append(SpanEdit(unchanged: span, at: position))
                }
                continue
            }
            let group = execution.flatMap { $0.group(in: trace) } ?? trace.rest
            guard isWanted(group.name) else { continue }
            edits.append(edit(span, at: position, of: group, execution: execution, amended: amended, links: &links))
        }
        guard !edits.isEmpty else { return nil }
        let release = Release(batch: batch, edits: edits, links: links, owner: owner)
        count(release)
        return release
    }

    private func name(of entry: ExecutionEntry, in batch: SpanBatch) -> ExecutionName? {
        let tenant = batch.text(entry.tenant)
        return ExecutionName(
            id: entry.id(in: batch.payload), tenant: tenant,
            owner: batch.tenant ?? mappedTenant(kestra: tenant, namespace: batch.text(entry.namespace)))
    }

    /// The execution of an entry, if it is remembered.
    func known(_ entry: ExecutionEntry, in batch: SpanBatch) -> Execution? {
        let tenant = batch.text(entry.tenant)
        let all = executionsOf(entry.id(in: batch.payload))
        guard all.count > 1 else { return all.first }
        let owner = batch.tenant ?? mappedTenant(kestra: tenant, namespace: batch.text(entry.namespace))
        return all.first { $0.tenant.isExactly(tenant) && $0.owner.isExactly(owner) }
            ?? all.first { $0.fits(tenant: tenant, owner: owner) }
    }

    // MARK: Logs and metrics

    /// Takes a request of logs or metrics in that names these traces. It leaves by `releaseDependent`, at once unless
    /// spans of one of the traces wait.
    package func receiveDependent(record: UInt64, traces named: some Sequence<TraceID>, now: UInt64) {
        lastRecord = max(lastRecord, record)
        var waiting: [TraceID] = []
        if !isReplaying {
            for trace in named where waiting.last != trace && mayStillMove(trace, now: now) { waiting.append(trace) }
        }
        if waiting.isEmpty {
            act(.releaseDependent(record: record))
        } else {
            dependents.append(Dependent(record: record, traces: waiting, deadline: now &+ settings.hold))
        }
    }

    /// Whether spans of a trace wait, or will when they come: log records may be the first that tell of a trace.
    private func mayStillMove(_ id: TraceID, now: UInt64) -> Bool {
        guard let trace = knownTrace(id) else { return false }
        if trace.isHolding { return true }
        return trace.isFollower && !trace.hasSpans && !trace.isHome && now < trace.firstSeen &+ settings.hold
    }

    func releaseDependents(now: UInt64) {
        guard !dependents.isEmpty else { return }
        // Between two looks nothing became free but by leaving or by time.
        guard hasLetGo || dependents.contains(where: { $0.deadline <= now }) else { return }
        hasLetGo = false
        var waiting: [Dependent] = []
        for dependent in dependents {
            let isFree = dependent.traces.allSatisfy { !mayStillMove($0, now: now) }
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
    /// Whether the span leaves different from how it came.
    func changes(_ span: SpanEntry) -> Bool {
        !traceID.isSame(as: span.traceID) || parentSpanID.raw != span.parentSpanID.raw || amended || !links.isEmpty
    }
}
