import Configuration
import Correlation
import Enrichment
import OTLP
import Timeline
import Transport

extension KestraAPISettings {
    /// Nil without an endpoint.
    init?(_ configuration: Configuration.KestraAPI, proxies: ProxyRules, tls context: TLSContext?) {
        guard let remote = configuration.endpoint else { return nil }
        let endpoint = ClientEndpoint(
            host: remote.host, port: remote.port, tls: configuration.usesTLS, wireProtocol: .http1)
        self.init(endpoint: endpoint.reached(through: configuration.proxyURL, else: proxies))
        tls = context
        basePath = remote.path == "/" ? "" : remote.path
        tenant = configuration.tenant
        if let basic = configuration.basicAuth {
            authorization = Base64.basicCredentials(username: basic.username, password: basic.password)
        } else if let token = configuration.bearerToken {
            authorization = "Bearer \(token)"
        }
        timeout = configuration.timeout
        responseLimit = configuration.maxResponseSize
        lookup = LookupSettings(configuration)
        inputs = InputNames(
            traceparent: configuration.inputs.traceparent, eventID: configuration.inputs.eventID,
            eventSource: configuration.inputs.eventSource)
    }
}

extension LookupSettings {
    init(_ configuration: Configuration.KestraAPI) {
        self.init()
        executions = configuration.cacheSize
        inFlight = configuration.concurrency
        // The configuration's range keeps this between 100 µs and 100 s.
        interval = UInt64(1_000_000_000 / configuration.rate)
        requestsPerExecution = configuration.maxAttempts
        missDelays = configuration.backoff
        followDelays = configuration.follow
        failuresToOpen = configuration.circuitBreaker.failures
        pause = configuration.circuitBreaker.pause
        longestPause = configuration.circuitBreaker.maxPause
    }
}

extension ReportedExecution {
    init(_ record: ExecutionRecord) {
        self.init(executionID: record.id)
        tenant = record.tenant ?? ""
        namespace = record.namespace ?? ""
        flow = record.flow ?? ""
        state = record.state ?? ""
        stateAt = record.stateAt
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

extension ExecutionInput {
    /// Takes over what only Kestra's record tells.
    mutating func add(_ record: ExecutionRecord) {
        history = record.history.map { Timeline.StateChange(state: $0.state, at: $0.at) }
        taskRuns = record.taskRuns.map { run in
            TaskRunInput(
                id: run.id, taskID: run.taskID, value: run.value, state: run.state, from: "Kestra API",
                attempts: run.attempts.map {
                    TaskRunInput.Attempt(state: $0.state, start: $0.start, end: $0.end)
                })
        }
    }
}
