import Wire

/// Writes the spans of a `RequestTemplate` and notes where their ids lie. Ids are written as zeros.
struct SpanWriter {
    /// Where an id lies, and which of the request's ids it is.
    struct Place {
        var offset: Int
        var number: Int
    }

    private(set) var bytes: [UInt8] = []
    private(set) var traces: [Place] = []
    private(set) var spans: [Place] = []
    private(set) var executions: [Place] = []
    /// 32 hex digits that are different in each span and request, as ids of customers, sessions and orders are.
    private(set) var texts: [Place] = []
    private var spanCount = 0
    /// The SERVER span and the latest EXECUTOR span of the execution at hand, and how many spans followed the first.
    private var server = 0
    private var executor = 0
    private var inExecution = 0
    /// The first span of the trace at hand.
    private var root = 0
    private var currentTrace = -1
    private var random: UInt64 = 1

    private static let start: UInt64 = 1_760_000_000_000_000_000
    private static let queries = [
        "SELECT * FROM order_line WHERE order_id=$1", "SELECT id, name FROM customer WHERE id=$1",
        "UPDATE stock SET held=held+1 WHERE sku=$1", "SELECT rate FROM tax WHERE region=$1 AND at<$2",
        "INSERT INTO audit (who, what) VALUES ($1,$2)",
    ]
    private static let functions = ["OrderLines.load", "Customers.byID", "Stock.hold", "Taxes.rate", "Audit.write"]

    /// A `ResourceSpans` with one scope.
    mutating func resource(service: String, scope: String, _ body: (inout SpanWriter) -> Void) {
        message(10) { resource in
            resource.message(10) { attributes in
                attributes.attribute(10, "service.name", service)
                attributes.attribute(10, "service.instance.id", "b0a3c0de-52a1-4e31-9d3c-0d8f1a9c7e11")
                attributes.attribute(10, "telemetry.sdk.language", "java")
            }
            resource.message(18) { spans in
                spans.message(10) { $0.text(10, scope) }
                body(&spans)
            }
        }
    }

    /// A number below `limit` that looks random and is the same in every run: values that all repeat would flatter gzip.
    private mutating func any(below limit: Int) -> Int {
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(random >> 33) % limit
    }

    /// A span of an HTTP service: every fifth takes a call in, the others are its work.
    mutating func service(position: Int, trace: Int) {
        let isFirst = trace != currentTrace
        if isFirst { (currentTrace, root) = (trace, spanCount) }
        if position % 5 == 0 {
            span("GET /api/v1/orders/{id}", kind: 2, trace: trace, parent: isFirst ? nil : root) { span in
                span.attribute("http.request.method", "GET")
                span.attribute("http.route", "/api/v1/orders/{id}")
                span.text("url.path", "/api/v1/orders/")
                span.text("session.id", "")
                span.attribute("server.address", "checkout.svc")
                span.attribute("server.port", 8080)
                span.attribute("http.response.status_code", 200)
                span.attribute("network.protocol.version", "1.1")
                span.attribute("client.address", "10.42.\(span.any(below: 9)).\(100 + span.any(below: 150))")
                span.text("enduser.pseudo.id", "")
            }
        } else {
            span("SELECT orders.order_line", kind: 3, trace: trace, parent: root) { span in
                span.attribute("db.system.name", "postgresql")
                span.attribute("db.namespace", "orders")
                span.attribute("db.operation.name", "SELECT")
                span.text("db.query.text", "\(Self.queries[span.any(below: Self.queries.count)]) -- ")
                span.text("db.query.parameter.1", "")
                span.attribute("server.address", "postgres-\(span.any(below: 4)).data")
                span.attribute("server.port", 5432)
                span.attribute("thread.id", UInt64(10 + span.any(below: 110)))
                span.text("db.client.connection.id", "")
                span.attribute("code.function", Self.functions[span.any(below: Self.functions.count)])
            }
        }
    }

    /// A span of Kestra: an execution has one SERVER span without a parent, then EXECUTOR spans below it, each followed by
    /// one WORKER span.
    mutating func kestra(execution: Int, trace: Int, isFirst: Bool) {
        inExecution = isFirst ? 0 : inExecution + 1
        if isFirst {
            server = spanCount
            span("POST /api/v1/{tenant}/executions/webhook/{namespace}/{id}/{key}", kind: 2, trace: trace, parent: nil) {
                $0.attribute("http.request.method", "POST")
                $0.attribute("http.route", "/api/v1/{tenant}/executions/webhook/{namespace}/{id}/{key}")
                $0.attribute("url.path", "/api/v1/main/executions/webhook/acme/sync/k3y0fTheWebhook")
                $0.attribute("url.scheme", "http")
                $0.attribute("server.address", "kestra")
                $0.attribute("server.port", 8080)
                $0.attribute("http.response.status_code", 200)
                $0.attribute("network.protocol.version", "1.1")
                $0.attribute("client.address", "10.42.7.12")
                $0.attribute("thread.name", "default-nioEventLoopGroup-1-3")
            }
            return
        }
        let isExecutor = inExecution % 2 == 1
        if isExecutor { executor = spanCount }
        span(
            isExecutor ? "EXECUTOR - io.kestra.core.models.executions.Execution" : "WORKER - io.kestra.plugin.core.log.Log",
            kind: 1, trace: trace, parent: isExecutor ? server : executor
        ) { span in
            span.attribute("kestra.tenantId", "main")
            span.attribute("kestra.namespace", "acme")
            span.attribute("kestra.flowId", "sync")
            span.executionAttribute(execution)
            span.attribute(
                "kestra.source",
                isExecutor ? "io.kestra.core.models.executions.Execution" : "io.kestra.plugin.core.log.Log")
            span.text("kestra.uid", "")
            span.text("job.id", "")
            span.attribute("thread.id", UInt64(10 + span.any(below: 110)))
            span.attribute("kestra.attempt", 1)
            span.text("container.id", "")
        }
    }

    // MARK: Pieces

    private mutating func span(
        _ name: String, kind: UInt64, trace: Int, parent: Int?, _ attributes: (inout SpanWriter) -> Void
    ) {
        let number = spanCount
        spanCount += 1
        message(18) { span in
            WireWriter.header(10, count: 16, to: &span.bytes)
            span.traces.append(Place(offset: span.bytes.count, number: trace))
            span.bytes += [UInt8](repeating: 0, count: 16)
            span.spanID(18, number)
            if let parent { span.spanID(34, parent) }
            span.text(42, name)
            WireWriter.varint(48, kind, to: &span.bytes)
            let start = Self.start + UInt64(number * 1_000_000 + span.any(below: 1_000_000))
            WireWriter.fixed64(57, start, to: &span.bytes)
            WireWriter.fixed64(65, start + UInt64(100_000 + span.any(below: 20_000_000)), to: &span.bytes)
            attributes(&span)
            span.message(122) { WireWriter.varint(24, 1, to: &$0.bytes) }
            WireWriter.fixed32(133, 0x101, to: &span.bytes)
        }
    }

    private mutating func spanID(_ tag: UInt32, _ number: Int) {
        WireWriter.header(tag, count: 8, to: &bytes)
        spans.append(Place(offset: bytes.count, number: number))
        bytes += [UInt8](repeating: 0, count: 8)
    }

    private mutating func executionAttribute(_ execution: Int) {
        message(74) { attribute in
            attribute.text(10, "kestra.executionId")
            attribute.message(18) { value in
                WireWriter.header(10, count: RequestTemplate.executionBytes, to: &value.bytes)
                value.executions.append(Place(offset: value.bytes.count, number: execution))
                value.bytes += [UInt8](repeating: UInt8(ascii: "0"), count: RequestTemplate.executionBytes)
            }
        }
    }

    /// An attribute with a text that is nobody else's.
    private mutating func text(_ name: String, _ start: String) {
        message(74) { attribute in
            attribute.text(10, name)
            attribute.message(18) { value in
                WireWriter.header(10, count: start.utf8.count + 32, to: &value.bytes)
                value.bytes += start.utf8
                value.texts.append(Place(offset: value.bytes.count, number: value.texts.count))
                value.bytes += [UInt8](repeating: UInt8(ascii: "0"), count: 32)
            }
        }
    }

    private mutating func attribute(_ name: String, _ value: String) { attribute(74, name, value) }

    private mutating func attribute(_ tag: UInt32, _ name: String, _ value: String) {
        message(tag) { attribute in
            attribute.text(10, name)
            attribute.message(18) { $0.text(10, value) }
        }
    }

    private mutating func attribute(_ name: String, _ value: UInt64) {
        message(74) { attribute in
            attribute.text(10, name)
            attribute.message(18) { WireWriter.varint(24, value, to: &$0.bytes) }
        }
    }

    private mutating func text(_ tag: UInt32, _ value: String) {
        WireWriter.delimited(tag, value.utf8, to: &bytes)
    }

    /// A message whose length is not known before its body: the body is written, then moved behind its head.
    private mutating func message(_ tag: UInt32, _ body: (inout SpanWriter) -> Void) {
        let start = bytes.count
        let marks = (traces.count, spans.count, executions.count, texts.count)
        body(&self)
        var head: [UInt8] = []
        WireWriter.header(tag, count: bytes.count - start, to: &head)
        bytes.insert(contentsOf: head, at: start)
        for position in marks.0..<traces.count { traces[position].offset += head.count }
        for position in marks.1..<spans.count { spans[position].offset += head.count }
        for position in marks.2..<executions.count { executions[position].offset += head.count }
        for position in marks.3..<texts.count { texts[position].offset += head.count }
    }
}
