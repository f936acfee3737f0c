package import Correlation
package import OTLP

package let second: UInt64 = 1_000_000_000
package let source = "portarium"
package let e1 = execution(1)
package let e2 = execution(2)
package let e3 = execution(3)

/// A trace id, a span id and an execution id by number. Execution ids have the shape of Kestra's.
package func traceID(_ number: UInt64) -> TraceID { TraceID(high: 0xAA, low: number) }
package func id(_ number: UInt64) -> SpanID { SpanID(raw: number) }
package func execution(_ number: Int) -> String {
    let digits = String(number)
    return "execution" + String(repeating: "0", count: 11 - digits.count) + digits
}

package func context(_ traceNumber: UInt64, _ span: UInt64) -> TraceContext {
    TraceContext(traceID: traceID(traceNumber), spanID: id(span))
}

package func derived(_ execution: String) -> TraceID { DerivedIDs.trace(tenant: "main", execution: execution) }
package func own(_ execution: String) -> SpanID { DerivedIDs.executionSpan(tenant: "main", execution: execution) }

package func event(
    _ id: String, tenant: String? = nil, at context: TraceContext? = nil, data: String = ""
) -> CloudEvent {
    var event = CloudEvent(id: id, source: source, type: "run.started", rawData: Array(data.utf8))
    event.tenantID = tenant
    event.traceparent = context.map { Traceparent($0).text }
    return event
}

extension Traceparent {
    package init(_ context: TraceContext) { self.init(traceID: context.traceID, parentID: context.spanID, flags: 1) }
}
