import CAllocationCount
import Correlation
import OTLP
import Receivers
import Synchronization
import Transport

/// `spanbridge-bench allocations`: what a batch needs of the allocator, and that it does not depend on its spans.
struct AllocationRun {
    private let keys = CompiledKeys(.defaults)
    private static let traces = 40
    private static let executions = 20

    /// Prints the table. Throws if a limit is passed.
    func run() throws {
        var table = Table("calls of the allocator", "1,000 spans", "2,000 spans", "more", "allowed")
        var passed: [String] = []
        for measurement in measurements {
            let (small, large) = (try measurement.count(1_000), try measurement.count(2_000))
            guard let limit = AllocationLimits.limits[measurement.name] else {
                throw BenchError("AllocationLimits.swift has no limit for \(measurement.name)")
            }
            let isJudged = limit.holdsInDebug || !AllocationLimits.isDebug
            table.add(
                measurement.name, "\(small)", "\(large)", "\(large - small)", isJudged ? "\(limit.more)" : "(\(limit.more))")
            if isJudged, large - small > limit.more { passed.append(measurement.name) }
        }
        show(table.text)
        if AllocationLimits.isDebug {
            show("This is a debug build: limits in parentheses hold for release builds and are not judged here.\n")
        }
        guard passed.isEmpty else {
            throw BenchError("2,000 spans need more than AllocationLimits.swift allows: \(passed.joined(separator: "; "))")
        }
    }

    private struct Measurement {
        var name: String
        /// The calls for one batch of so many spans.
        var count: (_ spans: Int) throws -> Int
    }

    private var measurements: [Measurement] {
        [
            Measurement(name: "index") { spans in
                try counted(template(.halfKestra, spans)) { body, _ in _ = try SpanIndex(payload: body, keys: keys) }
            },
            Measurement(name: "receive and index, gRPC") { try received($0, coding: .identity) },
            Measurement(name: "receive, inflate and index, gRPC gzip") { try received($0, coding: .gzip) },
            Measurement(name: "rewrite, nothing changed") { spans in
                try rewritten(spans) { span in span.traceID }
            },
            Measurement(name: "rewrite, all changed") { spans in
                try rewritten(spans) { TraceID(high: $0.traceID.high, low: $0.traceID.low ^ 2) }
            },
            Measurement(name: "correlate and forward, services") { try correlated(.services, $0, isBound: false) },
            Measurement(name: "correlate and rewrite, half Kestra bound") {
                try correlated(.halfKestra, $0, isBound: true)
            },
            Measurement(name: "correlate, hold, release and rewrite, half Kestra") {
                try correlated(.halfKestra, $0, isBound: false)
            },
        ]
    }

    private func template(_ shape: RequestTemplate.Shape, _ spans: Int) -> RequestTemplate {
        RequestTemplate(shape, spans: spans, traces: Self.traces, executions: Self.executions)
    }

    /// Calls `body` for three requests and gives the calls of the allocator during the last: what is made once for the
    /// process is there by then.
    private func counted(_ template: RequestTemplate, _ body: ([UInt8], UInt64) throws -> Void) rethrows -> Int {
        var calls: UInt64 = 0
        for serial in 1...3 as ClosedRange<UInt64> {
            let request = template.request(serial)
            let before = allocation_count()
            try body(request, serial)
            calls = allocation_count() - before
        }
        return Int(calls)
    }

    /// From the whole body to the indexed batch, as the event loop does it.
    private func received(_ spans: Int, coding: ContentCoding) throws -> Int {
        let intake = DiscardingIntake()
        let receiver = OTLPReceiver(intake: intake, keys: keys, requestLimit: 64 << 20, counters: ReceiverCounters())
        let template = template(.halfKestra, spans)
        let head = RequestHead(
            method: "POST", target: Signal.traces.exportMethod, wireProtocol: .grpc,
            headers: coding == .identity ? [] : [HeaderField("grpc-encoding", coding.name)], peer: "", listener: "grpc")
        var calls: UInt64 = 0
        for serial in 1...3 as ClosedRange<UInt64> {
            let body = Compression.compress(template.request(serial), coding: coding)
            let request = Request(head: head, body: body, grpcCompressed: coding != .identity)
            let before = allocation_count()
            receiver.handle(request, responder: Responder { _ in })
            calls = allocation_count() - before
        }
        guard intake.spans == 3 * spans else { throw BenchError("the receiver took \(intake.spans) spans in") }
        return Int(calls)
    }

    private func rewritten(_ spans: Int, _ traceID: (SpanEntry) -> TraceID) throws -> Int {
        let template = template(.halfKestra, spans)
        var calls: UInt64 = 0
        for serial in 1...3 as ClosedRange<UInt64> {
            let body = template.request(serial)
            let index = try SpanIndex(payload: body, keys: keys)
            let edits = index.spans.enumerated().map { position, span in
                SpanEdit(
                    span: Int32(position), traceID: traceID(span), parentSpanID: span.parentSpanID, rule: .claimed,
                    amended: false)
            }
            let before = allocation_count()
            _ = TraceRewriter.rewrite(payload: body, index: index, edits: edits, links: [])
            calls = allocation_count() - before
        }
        return Int(calls)
    }

    /// Through the correlator and out, with executions that it has not seen before. Spans of executions without evidence
    /// wait until the hold is over.
    private func correlated(_ shape: RequestTemplate.Shape, _ spans: Int, isBound: Bool) throws -> Int {
        let template = template(shape, spans)
        let correlator = Correlator(settings: .defaults)
        var calls: UInt64 = 0
        var released = 0
        for serial in 1...3 as ClosedRange<UInt64> {
            let body = template.request(serial)
            let batch = SpanBatch(record: serial, payload: body, index: try SpanIndex(payload: body, keys: keys))
            let now = serial * 1_000_000_000_000
            for number in 0..<template.executionCount where isBound {
                let context = Traceparent(
                    traceID: RequestTemplate.traceID(serial, number), parentID: SpanID(raw: 1), flags: 1)
                correlator.receive(
                    BindingCall(executionID: RequestTemplate.execution(serial, number), traceparent: context),
                    record: serial, now: now)
            }
            _ = correlator.takeActions()
            let before = allocation_count()
            correlator.receive(batch, now: now)
            released += leave(correlator)
            correlator.tick(now: now + CorrelationSettings.defaults.hold)
            released += leave(correlator)
            calls = allocation_count() - before
            // What is due later does not belong to the next request.
            correlator.tick(now: now + 500_000_000_000)
            _ = correlator.takeActions()
            _ = correlator.takeChangedState()
        }
        guard released == 3 * spans else { throw BenchError("\(released) of \(3 * spans) spans left the correlator") }
        return Int(calls)
    }

    private func leave(_ correlator: Correlator) -> Int {
        var count = 0
        for case .release(let release) in correlator.takeActions() {
            let batch = release.batch
            if let edits = release.edits {
                _ = TraceRewriter.rewrite(
                    payload: batch.payload, index: batch.index, edits: edits, links: release.links)
                count += edits.count
            } else {
                _ = TraceRewriter.forward(payload: batch.payload, index: batch.index)
                count += batch.index.spans.count
            }
        }
        return count
    }
}

/// Takes batches and throws them away.
final class DiscardingIntake: Intake {
    private let taken = Mutex(0)

    var spans: Int { taken.withLock { $0 } }

    func unreadiness() -> ExportFailure? { nil }

    func submit(_ batch: ReceivedBatch, completion: @escaping @Sendable (ExportFailure?) -> Void) {
        taken.withLock { $0 += batch.count }
        completion(nil)
    }

    func submit(_ events: [CloudEvent], tenant: String?, completion: @escaping @Sendable (ExportFailure?) -> Void) {
        completion(nil)
    }

    func submit(_ call: BindingCall, tenant: String?, completion: @escaping @Sendable (ExportFailure?) -> Void) {
        completion(nil)
    }
}
