import Correlation
import Glibc
import OTLP
import Receivers
import Transport
import Wire

/// `spanbridge-bench instructions`: what a span costs in instructions, which unlike times are the same in every run. Each
/// part runs in a process of its own under valgrind, which counts what happens within `measuredPart` only.
struct InstructionRun {
    private let keys = CompiledKeys(.defaults)
    private static let spans = 1_000
    private static let traces = 50
    private static let executions = 25
    /// The first is not counted: it makes what is made once for the process.
    private static let requests = 1...4 as ClosedRange<UInt64>

    private typealias Part = (name: String, run: @Sendable (InstructionRun) throws -> Void)

    private static let parts: [Part] = [
        ("index", { try $0.index(.services) }),
        ("index, half Kestra", { try $0.index(.halfKestra) }),
        ("receive and index, gRPC", { $0.receive() }),
        ("fingerprint", { run in run.each(.services) { body, _ in _ = Fingerprint.of(body) } }),
        ("correlate, nothing to join", { try $0.correlate(.services, isBound: false) }),
        ("correlate, half Kestra bound", { try $0.correlate(.halfKestra, isBound: true) }),
        ("correlate, hold and release, half Kestra", { try $0.correlate(.halfKestra, isBound: false) }),
        ("rewrite, half of the spans", { try $0.rewrite() }),
        ("the state of executions", { try $0.store() }),
        ("the spans of executions", { $0.build() }),
    ]

    // MARK: Under valgrind

    /// Prints the table. Throws if a limit is passed.
    func runAll(in directory: String) throws {
        guard !AllocationLimits.isDebug else { throw BenchError("instructions are judged of release builds only") }
        let scratch = try ScratchDirectory(in: directory)
        // Debian's valgrind stops at the debugging data of this program, which is not needed: symbols are kept.
        let program = "\(scratch.path)/spanbridge-bench"
        try Tool(["objcopy", "--strip-debug", try ownPath(), program]).run(in: scratch)
        var table = Table("instructions a span", "counted", "limit", "of the limit")
        var passed: [String] = []
        for part in Self.parts {
            guard let limit = InstructionLimits.limits[part.name] else {
                throw BenchError("InstructionLimits.swift has no limit for \(part.name)")
            }
            let output = try Tool(
                [
                    "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*measuredPart*",
                    program, "instructions", "--only", part.name,
                ], environment: ["SWIFT_DETERMINISTIC_HASHING=1"]
            ).run(in: scratch)
            let words = output.split(separator: "\n").last { $0.contains("Collected :") }?.split(separator: " ")
            guard let total = words?.last.flatMap({ Int($0) }), total > 0 else {
                throw BenchError("valgrind does not say what it counted:\n\(output)")
            }
            let counted = total / (Self.spans * (Self.requests.count - 1))
            let share = Double(counted) / Double(limit)
            table.add(part.name, "\(counted)", "\(limit)", decimal(share * 100, places: 0) + " %")
            if share > 1 + InstructionLimits.tolerance { passed.append(part.name) }
        }
        show(table.text)
        guard passed.isEmpty else {
            throw BenchError("over 5 % more than InstructionLimits.swift allows: \(passed.joined(separator: "; "))")
        }
    }

    /// Does one part's work in this process.
    func run(_ name: String) throws {
        guard let part = Self.parts.first(where: { $0.name == name }) else {
            throw BenchError("\(name) is no part; there are \(Self.parts.map(\.name).joined(separator: "; "))")
        }
        try part.run(self)
    }

    // MARK: Parts

    private func template(_ shape: RequestTemplate.Shape) -> RequestTemplate {
        RequestTemplate(shape, spans: Self.spans, traces: Self.traces, executions: Self.executions)
    }

    /// Does `work` once for each request, counted from the second on.
    private func each(_ shape: RequestTemplate.Shape, _ work: ([UInt8], UInt64) -> Void) {
        let template = template(shape)
        for serial in Self.requests {
            let body = template.request(serial)
            count(serial) { work(body, serial) }
        }
    }

    private func count(_ serial: UInt64, _ work: () -> Void) {
        if serial == Self.requests.lowerBound { work() } else { measuredPart(work) }
    }

    private func index(_ shape: RequestTemplate.Shape) throws {
        var found = 0
        each(shape) { body, _ in found += (try? SpanIndex(payload: body, keys: keys))?.spans.count ?? 0 }
        guard found == Self.spans * Self.requests.count else { throw BenchError("the index finds \(found) spans") }
    }

    private func receive() {
        let receiver = OTLPReceiver(
            intake: DiscardingIntake(), keys: keys, requestLimit: 64 << 20, counters: ReceiverCounters())
        let head = RequestHead(
            method: "POST", target: Signal.traces.exportMethod, wireProtocol: .grpc, headers: [], peer: "",
            listener: "grpc")
        each(.halfKestra) { body, _ in
            receiver.handle(Request(head: head, body: body, grpcCompressed: false), responder: Responder { _ in })
        }
    }

    private func batch(_ template: RequestTemplate, _ serial: UInt64) throws -> SpanBatch {
        let body = template.request(serial)
        return SpanBatch(record: serial, payload: body, index: try SpanIndex(payload: body, keys: keys))
    }

    /// Requests come 20 s apart: what was held by default has left by then.
    private func time(_ serial: UInt64) -> UInt64 { serial * 20_000_000_000 }

    private func bind(_ template: RequestTemplate, _ serial: UInt64, in correlator: Correlator) {
        for number in 0..<template.executionCount {
            let context = Traceparent(
                traceID: RequestTemplate.traceID(serial, number), parentID: SpanID(raw: 1), flags: 1)
            correlator.receive(
                BindingCall(executionID: RequestTemplate.execution(serial, number), traceparent: context),
                record: serial, now: time(serial))
        }
        _ = correlator.takeActions()
    }

    private func correlate(_ shape: RequestTemplate.Shape, isBound: Bool) throws {
        let template = template(shape)
        let correlator = Correlator(settings: .defaults)
        var released = 0
        for serial in Self.requests {
            let (batch, now) = (try batch(template, serial), time(serial))
            if isBound { bind(template, serial, in: correlator) }
            count(serial) {
                correlator.receive(batch, now: now)
                if !isBound { correlator.tick(now: now + CorrelationSettings.defaults.hold) }
            }
            for case .release(let release) in correlator.takeActions() {
                released += release.edits?.count ?? batch.index.spans.count
            }
            _ = correlator.takeChangedState()
        }
        guard released == Self.spans * Self.requests.count else {
            throw BenchError("\(released) spans left the correlator")
        }
    }

    private func rewrite() throws {
        let template = template(.halfKestra)
        for serial in Self.requests {
            let batch = try batch(template, serial)
            let edits = batch.index.spans.enumerated().map { position, span in
                var moved = span.traceID
                if span.execution >= 0 { moved = TraceID(high: moved.high, low: moved.low ^ 2) }
                return SpanEdit(
                    span: Int32(position), traceID: moved, parentSpanID: span.parentSpanID, rule: .claimed,
                    amended: false)
            }
            count(serial) {
                _ = TraceRewriter.rewrite(payload: batch.payload, index: batch.index, edits: edits, links: [])
            }
        }
    }

    /// What is stored of the executions of a request.
    private func store() throws {
        let template = template(.halfKestra)
        let correlator = Correlator(settings: .defaults)
        for serial in Self.requests {
            bind(template, serial, in: correlator)
            correlator.receive(try batch(template, serial), now: time(serial))
            _ = correlator.takeActions()
            count(serial) { _ = correlator.takeChangedState() }
        }
    }

    /// The executions' own spans, for the spans of a request.
    private func build() {
        for serial in Self.requests {
            let spans = (0..<Self.executions).map { number in
                BuiltSpan(
                    traceID: RequestTemplate.traceID(serial, number), spanID: SpanID(raw: UInt64(number) + 1),
                    parentSpanID: SpanID(raw: 9), name: "acme.sync", kind: 5, start: 1, end: 2,
                    attributes: [
                        ("kestra.executionId", .string(RequestTemplate.execution(serial, number))),
                        ("kestra.namespace", .string("acme")), ("kestra.flowId", .string("sync")),
                        ("kestra.tenantId", .string("main")), ("spanbridge.rule", .string("claimed")),
                    ])
            }
            count(serial) {
                _ = SpanBuilder.request(
                    resource: [("service.name", "spanbridge"), ("service.version", "1")], scope: "spanbridge",
                    version: "1", spans: spans)
            }
        }
    }
}

/// What valgrind counts, by its name: never inlined, so that it is there.
@inline(never)
private func measuredPart(_ work: () -> Void) {
    work()
}
