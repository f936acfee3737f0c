import Correlation
import OTLP

/// A fault that is planted into a world, to see that the comparison notices it.
package enum Fault: CaseIterable, Sendable {
    case movedExecution, joinAcrossTenants, lostSpan, spanTwice, wrongParent
    case executionSpanMissing, executionSpanTwice, executionSpanMoved, logRequestLost

    /// A part of what the comparison then says.
    package var symptom: String {
        switch self {
        case .movedExecution: "lies in 00000000000000bb"
        case .joinAcrossTenants: "holds spans of the tenants"
        case .lostSpan: "never left"
        case .spanTwice: "left twice"
        case .wrongParent: "hangs under 00000000000000cc"
        case .executionSpanMissing: "has 0 spans of its own"
        case .executionSpanTwice: "has 2 spans of its own"
        case .executionSpanMoved: "own span lies in 00000000000000bb"
        case .logRequestLost: "of the log requests"
        }
    }

    /// Plants it. Returns false if the scenario has nothing that it could be planted in.
    package func plant(in world: World, of scenario: Scenario) -> Bool {
        var random = Seeded(quietly: scenario.seed)
        let runs = scenario.truth.runs.keys.sorted { $0.execution < $1.execution }
        let spans = scenario.truth.spans
        guard let key = runs.filter({ scenario.truth.runs[$0]?.tenant.isEmpty == false }).randomElement(using: &random),
            let run = scenario.truth.runs[key],
            let victim = spans.keys.filter({ spans[$0]?.execution == key }).min(by: { $0.raw < $1.raw })
        else { return false }
        let elsewhere = TraceID(high: 0xBB, low: 1)
        switch self {
        case .movedExecution:
            changeEdits(of: world) { edit, span in
                if spans[span]?.execution == key { edit.traceID = elsewhere }
                return [edit]
            }
        case .joinAcrossTenants:
            let others = runs.compactMap { scenario.truth.runs[$0] }
            guard let other = others.first(where: { !$0.tenant.isEmpty && $0.tenant != run.tenant }) else {
                return false
            }
            changeEdits(of: world) { edit, span in
                if spans[span]?.execution == key { edit.traceID = other.trace }
                return [edit]
            }
        case .lostSpan: changeEdits(of: world) { edit, span in span == victim ? [] : [edit] }
        case .spanTwice: changeEdits(of: world) { edit, span in span == victim ? [edit, edit] : [edit] }
        case .wrongParent:
            changeEdits(of: world) { edit, span in
                if span == victim { edit.parentSpanID = SpanID(raw: 0xCC) }
                return [edit]
            }
        case .executionSpanMissing: changeSpan(of: key, in: world) { _ in [] }
        case .executionSpanTwice: changeSpan(of: key, in: world) { $0.amended ? [$0] : [$0, $0] }
        case .executionSpanMoved:
            changeSpan(of: key, in: world) { span in
                var moved = span
                moved.traceID = elsewhere
                return [moved]
            }
        case .logRequestLost:
            world.tamper = { action in if case .releaseDependent = action { [] } else { [action] } }
        }
        return true
    }

    private func changeEdits(of world: World, _ change: @escaping (inout SpanEdit, SpanID) -> [SpanEdit]) {
        world.tamper = { action in
            guard case .release(var release) = action else { return [action] }
            let batch = release.batch
            release.edits = World.edits(of: release, batch).flatMap { edit in
                var edit = edit
                return change(&edit, batch.index.spans[Int(edit.span)].spanID)
            }
            return [.release(release)]
        }
    }

    private func changeSpan(of key: Truth.Key, in world: World, _ change: @escaping (ExecutionSpan) -> [ExecutionSpan]) {
        world.tamper = { action in
            guard case .executionSpan(let span) = action, span.executionID == key.execution, span.tenant == key.tenant
            else { return [action] }
            return change(span).map { .executionSpan($0) }
        }
    }
}
