import Correlation
import OTLP

extension ExecutionSpan {
    /// The span as it is exported: kind CONSUMER, named after its flow.
    ///
    /// - Parameter tenants: how the tenant it belongs to is shown (`correlation.tenancy.export`).
    func built(tenants: TenantExport) -> BuiltSpan {
        var attributes: [(String, BuiltSpan.Value)] = [("kestra.executionId", .string(executionID))]
        for (name, value) in [
            ("kestra.namespace", namespace), ("kestra.flowId", flow), ("kestra.tenantId", tenant),
            ("kestra.state", state), ("cloudevents.event_id", eventID), ("cloudevents.event_source", eventSource),
            ("cloudevents.event_type", eventType),
        ] where !value.isEmpty {
            attributes.append((name, .string(value)))
        }
        if let tenant = tenants.text(of: ownerTenant) { attributes.append(("tenant.id", .string(tenant))) }
        attributes.append(("spanbridge.rule", .string(rule.name)))
        if amended { attributes.append(("spanbridge.amended", .bool(true))) }
        return BuiltSpan(
            traceID: traceID, spanID: spanID, parentSpanID: parentSpanID,
            name: namespace.isEmpty ? flow : "\(namespace).\(flow)", kind: 5, start: start, end: end,
            attributes: attributes, links: links, statusCode: statusCode, statusMessage: statusMessage, flags: 0x101)
    }

    /// The best evidence there is: Kestra's own state, else an ERROR on one of its spans. Never OK for lack of errors.
    private var statusCode: UInt8 {
        switch state {
        case "SUCCESS", "WARNING": 1
        case "FAILED", "KILLED", "CANCELLED": 2
        default: hasErrors ? 2 : 0
        }
    }

    private var statusMessage: String {
        statusCode == 2 && !state.isEmpty ? "Kestra's state is \(state)" : ""
    }
}

extension DeliverySpan {
    /// The span as it is exported: kind PRODUCER, named after the event's type.
    func built(tenants: TenantExport) -> BuiltSpan {
        var attributes: [(String, BuiltSpan.Value)] = []
        for (name, value) in [
            ("cloudevents.event_id", eventID), ("cloudevents.event_source", eventSource),
            ("cloudevents.event_type", eventType),
        ] where !value.isEmpty {
            attributes.append((name, .string(value)))
        }
        if let tenant = tenants.text(of: ownerTenant) { attributes.append(("tenant.id", .string(tenant))) }
        if amended { attributes.append(("spanbridge.amended", .bool(true))) }
        return BuiltSpan(
            traceID: context.traceID, spanID: spanID, parentSpanID: context.spanID,
            name: eventType.isEmpty ? "delivery" : "delivery \(eventType)", kind: 4, start: start, end: end,
            attributes: attributes, links: [link], statusCode: 0, statusMessage: "", flags: 0x101)
    }
}
