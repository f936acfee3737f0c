import Correlation
import Enrichment
import OTLP
import Receivers
import Synchronization

/// The doctor with what it needs of the other parts, and its findings for metrics. All but `findings`, `noteFailure` and
/// `watch` belongs to the correlator's thread.
final class DoctorWatch: @unchecked Sendable {
    // Confined to the correlator's thread: doctor. The rest is guarded by `shared`.
    let doctor: Doctor
    private let shared = Mutex(Shared())

    private struct Shared {
        var findings: [FindingCode] = []
        var receiver: ReceiverCounters?
        var kestra: KestraAPIClient?
        var lastFailure = ""
    }

    init(doctor: Doctor) { self.doctor = doctor }

    /// What was wrong at the last review, for metrics; any thread.
    var findings: [FindingCode] { shared.withLock { $0.findings } }

    /// Names whose counters are read; before the first input.
    func watch(_ receiver: ReceiverCounters, _ kestra: KestraAPIClient?) {
        shared.withLock { ($0.receiver, $0.kestra) = (receiver, kestra) }
    }

    /// Why the Kestra API failed last, in words; any thread.
    func noteFailure(_ message: String) { shared.withLock { $0.lastFailure = message } }

    func observe(_ batch: SpanBatch, _ correlator: Correlator, now: UInt64) {
        doctor.observe(batch, now: now)
        if doctor.isReviewDue(now: now) { _ = examine(correlator, now: now) }
    }

    func observe(_ signal: Signal, _ payload: [UInt8], now: UInt64) {
        if signal == .metrics { doctor.observe(metrics: payload, now: now) } else { doctor.observeLogs() }
    }

    /// Judges what can be judged and says what is wrong.
    func examine(_ correlator: Correlator, now: UInt64) -> DoctorReport {
        doctor.review(correlator, facts: facts(correlator.counters), now: now)
        let report = doctor.report(now: now)
        shared.withLock { $0.findings = report.findings.map(\.code) }
        return report
    }

    private func facts(_ counters: CorrelatorCounters) -> DoctorFacts {
        var facts = DoctorFacts()
        facts.ambiguousEvents = counters.ambiguousEvents
        facts.tenantRefusals = counters.tenantRefusals
        shared.withLock { shared in
            facts.misplacedRequests = shared.receiver?.misplacedRequests ?? 0
            guard let counters = shared.kestra?.counters else { return }
            var lookups = DoctorFacts.Lookups()
            lookups.unavailable = counters.unavailable
            lookups.unusable = counters.unusable
            lookups.found = counters.found
            lookups.isPaused = counters.isPaused
            lookups.lastFailure = shared.lastFailure
            facts.lookups = lookups
        }
        return facts
    }
}
