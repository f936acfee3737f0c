import Correlation
import OTLP

/// A correlator, its clock, and what it says is to be done.
struct CorrelatorFeed {
    let correlator: Correlator
    private(set) var spans = 0
    private(set) var left = 0
    private(set) var amendments = 0
    private(set) var largestState = 0
    private var now: UInt64 = 1_000_000_000
    private var record: UInt64 = 0

    init(spill: FileSpillStore) {
        correlator = Correlator(settings: .defaults, spillStore: spill)
    }

    mutating func receive(
        _ spans: [BuiltSpan], keys: CompiledKeys, service: String = "kestra", pause: UInt64 = 100_000_000
    ) throws {
        let payload = SpanBuilder.request(
            resource: [("service.name", service)], scope: service, version: "", spans: spans)
        record += 1
        self.spans += spans.count
        let index = try SpanIndex(payload: payload, keys: keys)
        correlator.receive(SpanBatch(record: record, payload: payload, index: index), now: now)
        advance(by: pause)
    }

    mutating func tell(_ event: CloudEvent, at context: Traceparent) {
        var event = event
        event.traceparent = context.text
        record += 1
        correlator.receive(event, record: record, now: now)
        carryOut()
    }

    mutating func bind(_ call: BindingCall, pause: UInt64 = 1_000_000) {
        record += 1
        correlator.receive(call, record: record, now: now)
        if pause > 0 { advance(by: pause) } else { carryOut() }
    }

    /// Lets everything leave that waits.
    mutating func finish() {
        for _ in 0..<100 { advance(by: 5_000_000_000) }
    }

    private mutating func advance(by pause: UInt64) {
        carryOut()
        now += pause
        correlator.tick(now: now)
        carryOut()
        for state in correlator.takeChangedState() { largestState = max(largestState, state.body.count) }
    }

    private mutating func carryOut() {
        for action in correlator.takeActions() {
            switch action {
            case .release(let release): left += release.edits?.count ?? release.batch.index.spans.count
            case .amend: amendments += 1
            default: break
            }
        }
    }
}
