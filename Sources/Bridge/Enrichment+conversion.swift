import Configuration
import Correlation
import Enrichment
import OTLP
import Transport

extension KestraAPISettings {
    /// Nil without an endpoint.
    init?(_ configuration: Configuration.KestraAPI) {
        guard let remote = configuration.endpoint else { return nil }
        self.init(endpoint: ClientEndpoint(
                host: remote.host, port: remote.port, tls: remote.scheme == .https, wireProtocol: .http1))
        basePath = remote.path == "/" ? "" : remote.path
        tenant = configuration.tenant
        if let basic = configuration.basicAuth {
            authorization = Self.basic(username: basic.username, password: basic.password)
        } else if let token = configuration.bearerToken {
            authorization = "Bearer \(token)"
        }
    }
}

extension ReportedExecution {
    init(_ record: ExecutionRecord) {
        self.init(executionID: record.id)
        namespace = record.namespace ?? ""
        flow = record.flow ?? ""
        state = record.state ?? ""
        started = record.started
        ended = record.ended
        event = record.event.map { event in
            Event(
                key: EventKey(tenant: event.tenantID ?? "", source: event.source, id: event.id),
                type: event.type ?? "", subject: event.subject ?? "", time: event.time, context: event.context)
        }
        inputContext = record.inputContext
        callerContext = record.callerContext
        nativeContext = record.nativeContext
        // A flow trigger names the execution that ended; a task that starts executions names its own.
        let isTriggered = record.triggerType?.hasSuffix(".Flow") ?? true
        triggeredBy = isTriggered ? record.triggeringExecution : nil
        startedBy = isTriggered ? nil : record.triggeringExecution
        // A replay keeps the trigger of the execution that it repeats.
        if let repeated = record.parentID ?? record.originalID { startedBy = repeated }
    }
}
