import Correlation
import OTLP

extension Scenario {
    /// Everything in which a world that has played this differs from the truth, in words.
    package func mistakes(in world: World, conditions: Conditions) -> [String] {
        var mistakes = world.violations
        if world.correlator.held != (0, 0) { mistakes.append("spans wait for ever: \(world.correlator.held)") }
        compareSpans(world, conditions, &mistakes)
        compareRuns(world, conditions, &mistakes)
        if conditions.policy != .link, !conditions.isSequential { compareAnswers(world, conditions, &mistakes) }
        if !conditions.isCrashing, world.dependents.sorted() != world.dependentRecords {
            mistakes.append("of the log requests \(world.dependentRecords) left \(world.dependents)")
        }
        return mistakes
    }

    private func ownSpan(of key: Truth.Key?, _ conditions: Conditions) -> SpanID? {
        guard let run = key.flatMap({ truth.runs[$0] }) else { return nil }
        switch conditions.mode {
        case .all: return run.span
        case .joined: return run.isJoined ? run.span : nil
        case .none: return nil
        }
    }

    private func parent(of span: Truth.Span, _ conditions: Conditions) -> SpanID? {
        span.isTopLevel ? ownSpan(of: span.execution, conditions) ?? span.parent : span.parent
    }

    /// What a backend has of the spans.
    private func compareSpans(_ world: World, _ conditions: Conditions, _ mistakes: inout [String]) {
        var tenants: [TraceID: String] = [:]
        for (id, span) in truth.spans {
            guard let seen = world.backend[id] else {
                mistakes.append("\(describe(id)) never left")
                continue
            }
            // What comes late stays elsewhere with the other policies.
            guard conditions.policy == .amend else {
                if seen.amended { mistakes.append("\(describe(id)) was amended") }
                continue
            }
            if seen.trace != span.trace, !isForgotten(id, seen, world) {
                mistakes.append("\(describe(id)) lies in \(name(seen.trace))")
            }
            if !span.tenant.isEmpty, let other = tenants.updateValue(span.tenant, forKey: seen.trace),
                other != span.tenant
            {
                mistakes.append("trace \(name(seen.trace)) holds spans of the tenants \(other) and \(span.tenant)")
            }
            if let parent = parent(of: span, conditions), seen.parent != parent {
                let isTolerated =
                    !features.contains(.exactParents)
                    && (span.earlierParents.contains(seen.parent) || span.isTopLevel && seen.parent == span.parent
                        || conditions.mode == .joined && seen.parent == span.execution.flatMap { truth.runs[$0]?.span })
                if !isTolerated { mistakes.append("\(describe(id)) hangs under \(seen.parent.hex), not \(parent.hex)") }
            }
        }
        for id in world.backend.keys where truth.spans[id] == nil { mistakes.append("\(id.hex) was never sent") }
    }

    /// Whether a span of another system left so long before the first of Kestra's in its trace that nobody remembers:
    /// at least ten minutes (`RecentTraces`).
    private func isForgotten(_ id: SpanID, _ seen: World.Seen, _ world: World) -> Bool {
        guard let sent = spans.first(where: { $0.id == id }), sent.sender == .shop || sent.sender == .portarium,
            seen.trace == sent.trace
        else {
            return false
        }
        let first = spans.lazy.filter { $0.trace == sent.trace && ($0.sender == .kestra || $0.sender == .kestraServer) }
            .compactMap { world.arrivals[$0.id] }.min()
        return (world.arrivals[id] ?? 0) &+ 600 * second <= first ?? 0
    }

    /// What a backend has of the executions' own spans.
    private func compareRuns(_ world: World, _ conditions: Conditions, _ mistakes: inout [String]) {
        let exported = Dictionary(grouping: world.executionSpans) {
            Truth.Key(tenant: $0.tenant, execution: $0.executionID)
        }
        for key in exported.keys where truth.runs[key] == nil {
            mistakes.append("\(key.execution) of \(key.tenant) has a span of its own, and never was")
        }
        for (key, run) in truth.runs {
            let spans = exported[key] ?? []
            guard conditions.policy == .amend, ownSpan(of: key, conditions) != nil else {
                // Before it was joined or moved it may have had one, or not.
                if conditions.mode == .none, !spans.isEmpty { mistakes.append("\(key.execution) has a span of its own") }
                continue
            }
            let fresh = spans.filter { !$0.amended }.count
            if fresh != 1, !(conditions.isCrashing && fresh > 1) {
                mistakes.append("\(key.execution) has \(fresh) spans of its own")
            }
            if !conditions.isCrashing, spans.first?.amended == true {
                mistakes.append("\(key.execution)'s own span was amended before it left")
            }
            // What was due when the relay crashed may not be exported again.
            if conditions.isCrashing, !features.contains(.owedExecutionSpans) { continue }
            if let last = spans.last {
                compare(last, with: run, of: key, isExact: false, isTimed: !conditions.isSequential, &mistakes)
            }
        }
    }

    private func compare(
        _ span: ExecutionSpan, with run: Truth.Run, of key: Truth.Key, isExact: Bool, isTimed: Bool,
        _ mistakes: inout [String]
    ) {
        func differ(_ what: String) {
            mistakes.append("\(isExact ? "answer: " : "")\(key.execution)'s own span \(what)")
        }
        if span.traceID != run.trace { differ("lies in \(name(span.traceID)), not \(name(run.trace))") }
        if span.spanID != run.span { differ("is \(span.spanID.hex), not \(run.span.hex)") }
        let isParentTolerated =
            !isExact && !features.contains(.exactParents) && run.earlierParents.contains(span.parentSpanID)
        if span.parentSpanID != run.parent, !isParentTolerated {
            differ("hangs under \(span.parentSpanID.hex), not \(run.parent.hex)")
        }
        if isExact || features.contains(.exactExecutionSpans) {
            let links = truth.resolve(run.links)
            if Set(span.links) != links || span.links.count != links.count {
                differ("has the links \(span.links), not \(links)")
            }
        } else if !Set(span.links.lazy.filter { $0.reason != "event_context" }.map(\.spanID)).isSubset(
            of: truth.resolve(run.links).map(\.spanID))
        {
            differ("has the links \(span.links)")
        }
        if span.state != run.state, !(run.state.isEmpty && span.state == "RUNNING") {
            differ("has the state '\(span.state)', not '\(run.state)'")
        }
        if isTimed, span.end != run.end { differ("ends at \(span.end), not \(run.end)") }
        guard isExact || features.contains(.exactExecutionSpans) else { return }
        if let event = run.event, span.eventID != event { differ("names the event '\(span.eventID)', not '\(event)'") }
        if span.hasErrors != run.hasErrors { differ("has errors: \(span.hasErrors)") }
        if isTimed, span.start != run.start {
            differ("starts at \(span.start), not \(run.start)")
        }
    }

    /// What a query is answered, computed from the stored bytes: by what is known now, whatever has left.
    private func compareAnswers(_ world: World, _ conditions: Conditions, _ mistakes: inout [String]) {
        for batch in world.journal.values {
            let (edits, links) = world.correlator.unify(batch)
            for edit in edits {
                let id = batch.index.spans[Int(edit.span)].spanID
                guard let span = truth.spans[id] else { continue }
                if edit.traceID != span.trace {
                    mistakes.append("answer: \(describe(id)) is shown in \(name(edit.traceID))")
                }
                if let parent = parent(of: span, conditions), edit.parentSpanID != parent {
                    mistakes.append("answer: \(describe(id)) is under \(edit.parentSpanID.hex), not \(parent.hex)")
                }
                // What carries keys of several homes is linked with each; the judge of pairs compares those links.
                let added = Set(links[Int(edit.links.lowerBound)..<Int(edit.links.upperBound)].filter { $0.reason != "key" })
                if added != truth.resolve(span.links) { mistakes.append("answer: \(describe(id)) has the links \(added)") }
            }
        }
        for (key, run) in truth.runs where ownSpan(of: key, conditions) != nil {
            let name = ExecutionName(id: key.execution, tenant: key.tenant)
            guard let span = world.correlator.executionSpan(name), span.tenant == key.tenant else {
                mistakes.append("answer: \(key.execution) is not known")
                continue
            }
            compare(span, with: run, of: key, isExact: true, isTimed: true, &mistakes)
        }
    }

    /// The unified traces of everything, on two replicas that were given the same data.
    package func differences(_ one: World, _ other: World) -> [String] {
        truth.spans.keys.compactMap { id in
            guard let a = one.backend[id], let b = other.backend[id], a.trace != b.trace, !isForgotten(id, a, one),
                !isForgotten(id, b, other)
            else { return nil }
            return "\(describe(id)) lies in different traces on two replicas"
        }
    }

    // MARK: Words

    private func describe(_ id: SpanID) -> String {
        guard let span = truth.spans[id] else { return "span \(id.hex)" }
        let owner = span.execution.map { " of \($0.execution)" } ?? ""
        return "\(span.name) \(id.hex)\(owner) (belongs to \(name(span.trace)))"
    }

    private func name(_ trace: TraceID) -> String { trace.hex }
}
