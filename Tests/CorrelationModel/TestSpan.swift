package import OTLP

/// One span as a system sends it.
package struct TestSpan {
    package enum Sender: CaseIterable { case kestraServer, kestra, portarium, shop, store, storeWorker }

    package var sender: Sender
    package var trace: TraceID
    package var id: SpanID
    package var parent: SpanID
    package var name: String
    package var kind: UInt8
    package var attributes: [(String, String)]
    package var start = 10 * second
    package var end = 11 * second
    package var isError = false
    /// The tenant that the sender's credential stands for.
    package var credential: String?

    /// A call that Kestra took in.
    package static func server(
        _ id: UInt64, in trace: UInt64, under parent: UInt64 = 0, query: String = "", path: String = "",
        headers: [(String, String)] = [], method: String = "POST"
    ) -> TestSpan {
        var attributes = headers.map { ("http.request.header.\($0.0)", $0.1) }
        if !query.isEmpty { attributes.append(("url.query", query)) }
        if !path.isEmpty { attributes.append(("url.path", path)) }
        return TestSpan(
            sender: .kestraServer, trace: traceID(trace), id: SpanID(raw: id), parent: SpanID(raw: parent),
            name: "\(method) /webhook", kind: 2, attributes: attributes)
    }

    /// One message of an execution; `starts` if it is a task's that starts executions.
    package static func executor(
        _ id: UInt64, of execution: String, in trace: UInt64, under parent: UInt64 = 0, starts: Bool = false,
        tenant: String = "main"
    ) -> TestSpan {
        task(
            "EXECUTOR - main_shop_flow", id, execution, trace, parent,
            starts ? "io.kestra.plugin.core.flow.Subflow" : "x", tenant)
    }

    /// One attempt of a task run.
    package static func worker(
        _ id: UInt64, of execution: String, in trace: UInt64, under parent: UInt64 = 0, tenant: String = "main"
    ) -> TestSpan {
        task("WORKER - io.kestra.Log", id, execution, trace, parent, "io.kestra.Log", tenant)
    }

    private static func task(
        _ name: String, _ id: UInt64, _ execution: String, _ trace: UInt64, _ parent: UInt64, _ source: String,
        _ tenant: String
    ) -> TestSpan {
        TestSpan(
            sender: .kestra, trace: traceID(trace), id: SpanID(raw: id), parent: SpanID(raw: parent), name: name,
            kind: 1,
            attributes: [
                ("kestra.executionId", execution), ("kestra.namespace", "shop"), ("kestra.flowId", "flow"),
                ("kestra.source", source),
            ] + (tenant.isEmpty ? [] : [("kestra.tenantId", tenant)]))
    }

    /// A span of Portarium, which may publish an event or name an execution.
    package static func portarium(
        _ id: UInt64, in trace: UInt64, under parent: UInt64 = 0, publishes event: String? = nil,
        tenant: String? = nil, starts execution: String? = nil, kind: UInt8 = 4
    ) -> TestSpan {
        var attributes: [(String, String)] = []
        if let event { attributes += [("cloudevents.event_id", event), ("cloudevents.event_source", source)] }
        if let tenant { attributes.append(("cloudevents.event_tenantid", tenant)) }
        if let execution { attributes.append(("kestra.execution.id", execution)) }
        return TestSpan(
            sender: .portarium, trace: traceID(trace), id: SpanID(raw: id), parent: SpanID(raw: parent),
            name: "publish", kind: kind, attributes: attributes)
    }

    /// A span of a system that is neither.
    package static func shop(_ id: UInt64, in trace: UInt64, under parent: UInt64 = 0) -> TestSpan {
        TestSpan(
            sender: .shop, trace: traceID(trace), id: SpanID(raw: id), parent: SpanID(raw: parent),
            name: "GET /", kind: 2, attributes: [])
    }

    /// A span of one of the configured systems (see `World.configuredKeys`).
    package static func configured(
        _ sender: Sender, _ id: UInt64, in trace: UInt64, under parent: UInt64 = 0, kind: UInt8 = 1,
        attributes: [(String, String)] = []
    ) -> TestSpan {
        TestSpan(
            sender: sender, trace: traceID(trace), id: SpanID(raw: id), parent: SpanID(raw: parent), name: "step",
            kind: kind, attributes: attributes)
    }

    package func at(_ start: UInt64, _ end: UInt64) -> TestSpan {
        var span = self
        (span.start, span.end) = (start, end)
        return span
    }

    package var failed: TestSpan {
        var span = self
        span.isError = true
        return span
    }

    /// The request that carries the spans, one resource a sender.
    package static func request(_ spans: [TestSpan]) -> [UInt8] {
        var payload: [UInt8] = []
        for sender in Sender.allCases {
            let sent = spans.filter { $0.sender == sender }
            guard !sent.isEmpty else { continue }
            let (service, scope) =
                switch sender {
                case .kestraServer: ("kestra", "io.micronaut.http.server")
                case .kestra: ("kestra", "kestra")
                case .portarium: ("portarium-control-plane", "portarium.events")
                case .shop: ("shop", "web")
                case .store: ("store", "opentelemetry.instrumentation.fastapi")
                case .storeWorker: ("store-worker", "opentelemetry.instrumentation.celery")
                }
            payload += SpanBuilder.request(
                resource: [("service.name", service)], scope: scope, version: "1", spans: sent.map(\.built))
        }
        return payload
    }

    private var built: BuiltSpan {
        BuiltSpan(
            traceID: trace, spanID: id, parentSpanID: parent, name: name, kind: kind, start: start, end: end,
            attributes: attributes.map { ($0.0, .string($0.1)) }, statusCode: isError ? 2 : 0)
    }
}
