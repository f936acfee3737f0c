import Configuration
import Correlation
import Enrichment
import Exporters
import Journal
import OTLP
import Transport

// From what a user writes to what each part takes.

extension ServerLimits {
    init(_ limits: Configuration.Limits) {
        self = .defaults
        headerBytes = limits.headerSize
        headerCount = limits.headerCount
        concurrentStreams = limits.concurrentStreams
        headTimeout = limits.headTimeout
        bodyTimeout = limits.bodyTimeout
        idleTimeout = limits.idleTimeout
    }
}

extension BearerAuthentication {
    convenience init(_ authentication: Configuration.Authentication?) {
        self.init(tokens: authentication?.tokens.map { ($0.token, $0.tenant) })
    }
}

extension JournalSettings {
    init(_ configuration: Configuration) {
        self.init(directory: configuration.journal.directory)
        durability = configuration.journal.durability == .fsync ? .fsync : .memory
        segmentBytes = configuration.journal.segmentSize
        queueBytes = configuration.journal.queueSize
        // A record is the inflated request and a small head.
        recordBytes = configuration.receivers.otlp.maxRequestSize + (1 << 20)
        deduplicateWindow = configuration.receivers.otlp.deduplicate
        retentionBytes = configuration.journal.retention.size
        retentionAge = configuration.journal.retention.age
    }
}

extension CorrelationSettings {
    init(_ configuration: Configuration) {
        let settings = configuration.correlation
        self = .defaults
        asksAboutExecutions = configuration.enrichment.kestraAPI != nil
        hold = settings.hold
        holdBytes = settings.holdMemory
        late =
            switch settings.late {
            case .amend: .amend
            case .link: .link
            case .ignore: .ignore
            }
        executionSpan =
            switch settings.executionSpan.mode {
            case .all: .all
            case .joined: .joined
            case .none: .none
            }
        quiet = settings.executionSpan.quiet
        executionLimit = settings.maxExecutions
        eventLimit = settings.maxEvents
        traceLimit = settings.maxTraces
        evidenceLimit = settings.maxEvidence
        claimedExecutionPaths = settings.claimedExecutionPaths
    }
}

extension AttributeKeys {
    init(_ configuration: Configuration) {
        var keys = AttributeKeys.defaults
        for own in configuration.correlation.keys {
            let name = Array(own.attribute.utf8)
            keys.evidence.removeAll { $0.name == name }
            if let key = EvidenceKey(own.meaning) { keys.evidence.append((name, key)) }
        }
        let origins = configuration.correlation.origins
        keys.origins = [
            OriginRule(
                name: "portarium", role: .home, scopes: origins.portarium.scopes, services: origins.portarium.services),
            OriginRule(
                name: "kestra", role: .follower, scopes: origins.kestra.scopes, services: origins.kestra.services),
        ]
        keys.redacted = configuration.redaction.attributes.map { Array($0.utf8) }
        self = keys
    }
}

extension EvidenceKey {
    fileprivate init?(_ meaning: Configuration.AttributeMeaning.Meaning) {
        switch meaning {
        case .eventID: self = .eventID
        case .eventSource: self = .eventSource
        case .eventType: self = .eventType
        case .eventSubject: self = .eventSubject
        case .eventTenant: self = .eventTenant
        case .claimedExecution: self = .claimedExecution
        case .traceparent: self = .traceparent
        case .urlPath: self = .urlPath
        case .urlQuery: self = .urlQuery
        case .ignore: return nil
        }
    }
}

extension ExporterSettings {
    init(_ exporter: Configuration.Exporter) {
        self.init(
            name: exporter.name, wireProtocol: exporter.kind == .grpc ? .grpc : .http1,
            basePath: exporter.endpoint?.path ?? "", version: Version.current)
        headers = exporter.headers.map { HeaderField($0.name, $0.value) }
        compression =
            switch exporter.compression {
            case .gzip: .gzip
            case .zstd: .zstd
            case .none: .identity
            }
        timeout = exporter.timeout
        signals = Set(exporter.signals.map(Signal.init))
        queue.queueBytes = exporter.sendingQueue.size
        queue.consumers = exporter.sendingQueue.consumers
        queue.batchMaxBytes = exporter.batch.maxSize
        queue.batchMinBytes = min(queue.batchMinBytes, exporter.batch.maxSize)
        queue.batchTimeout = exporter.batch.timeout
        queue.initialInterval = exporter.retryOnFailure.initialInterval
        queue.maxInterval = exporter.retryOnFailure.maxInterval
        queue.multiplier = exporter.retryOnFailure.multiplier
        queue.randomization = exporter.retryOnFailure.randomizationFactor
        // One nanosecond: the first failure is the last attempt.
        queue.maxElapsedTime = exporter.retryOnFailure.enabled ? exporter.retryOnFailure.maxElapsedTime : 1
    }
}

extension Signal {
    init(_ signal: Configuration.Exporter.Signal) {
        switch signal {
        case .traces: self = .traces
        case .metrics: self = .metrics
        case .logs: self = .logs
        }
    }
}
