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
        bodyRate = limits.bodyRate
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
        memoryLimit = settings.maxInMemory
        memoryMaximum = max(2 * settings.maxInMemory, 10_000)
        evidenceLimit = settings.maxEvidence
        relationLimit = settings.maxRelations
        tracesOfExecutionLimit = settings.maxTracesPerExecution
        claimedExecutionPaths = settings.claimedExecutionPaths
        for key in settings.keys where key.kind == .claimedExecution {
            claimedExecutionPaths += key.from.compactMap { $0.scope == .data ? $0.path : nil }
        }
        joinKeys = settings.joinKeys
        hasOtherFollowers = settings.origins.rules.contains { $0.role == .follower && $0.name != "kestra" }
        kestraTenants = settings.tenancy.kestraTenants.map { ($0.name, $0.tenant) }
        namespaceTenants = settings.tenancy.namespacesByPrecedence.map { ($0.name, $0.tenant) }
        detachedDelivery =
            switch settings.detachedDelivery {
            case .link: .link
            case .move: .move
            }
        pairsCalls = settings.httpPairing == .link
    }
}

extension AttributeKeys {
    init(_ configuration: Configuration) {
        let settings = configuration.correlation
        self.init(evidence: [], origins: settings.origins.rules.map(OriginRule.init), redacted: [])
        if settings.httpPairing == .link { evidence.append((Array("url.full".utf8), .urlFull)) }
        // Keys of the user's come last, so that what they say of an attribute replaces the profiles' meaning.
        for key in Profile.keys + settings.keys where !key.kind.isNamedValue {
            for name in key.from.attributes(of: [.span, .log, .header]) {
                evidence.removeAll { $0.name == name }
                executionAttributes.removeAll { $0 == name }
                if key.kind == .execution { executionAttributes.append(name) }
                if let meaning = EvidenceKey(key.kind) { evidence.append((name, meaning)) }
            }
        }
        joinKeys = settings.joinKeys
        tenantAttributes = settings.tenancy.from.attributes(of: [.span, .log, .header])
        resourceTenantAttributes = settings.tenancy.from.attributes(of: [.resource])
        redacted = configuration.redaction.attributes.map { Array($0.utf8) }
    }
}

extension OriginRule {
    init(_ rule: Configuration.OriginRule) {
        let role: OriginRole =
            switch rule.role {
            case .home: .home
            case .follower: .follower
            case .bystander: .bystander
            }
        self.init(
            name: rule.name, role: role, scopes: rule.scopes, services: rule.services,
            resource: rule.resource.map { ($0.name, $0.value) })
    }
}

extension Configuration.Correlation {
    /// The keys with a name of their own. Their order is that of `EvidenceEntry.rule`, so everybody takes them from here.
    var joinKeys: [JoinKey] {
        keys.filter(\.kind.isNamedValue).map { own in
            var key = JoinKey(
                name: own.name, kind: own.kind == .taskRun ? .taskRun : .business,
                strength: own.strength == .link ? .link : .join, lifetime: own.lifetime)
            key.origins = own.origins.compactMap { name in
                origins.rules.firstIndex { $0.name == name }.flatMap { UInt8(exactly: $0 + 1) }.map(Origin.init)
            }
            key.spanAttributes = own.from.attributes(of: [.span, .header])
            key.resourceAttributes = own.from.attributes(of: [.resource])
            key.logAttributes = own.from.attributes(of: [.log])
            key.queryParameters = own.from.compactMap { $0.scope == .query ? $0.name : nil }
            key.dataPaths = own.from.compactMap { $0.scope == .data ? $0.path : nil }
            return key
        }
    }
}

extension Configuration.Tenancy {
    /// Exact namespaces first, then prefixes, the longest first.
    fileprivate var namespacesByPrecedence: [Mapping] {
        func rank(_ mapping: Mapping) -> Int {
            mapping.name.hasSuffix("*") ? mapping.name.utf8.count : .max
        }
        return namespaces.sorted { rank($0) > rank($1) }
    }
}

extension Configuration.Place {
    /// The members of a path into a CloudEvent's data.
    fileprivate var path: [String] { name.split(separator: ".").map(String.init) }
}

extension [Configuration.Place] {
    /// The names of attributes in places of some scopes, each once.
    fileprivate func attributes(of scopes: Set<Configuration.Place.Scope>) -> [[UInt8]] {
        var names: [[UInt8]] = []
        for name in filter({ scopes.contains($0.scope) }).flatMap(\.attributes).map({ [UInt8]($0.utf8) })
        where !names.contains(name) {
            names.append(name)
        }
        return names
    }
}

extension EvidenceKey {
    fileprivate init?(_ kind: Configuration.SharedKey.Kind) {
        switch kind {
        case .eventID: self = .eventID
        case .eventSource: self = .eventSource
        case .eventType: self = .eventType
        case .eventSubject: self = .eventSubject
        case .eventTenant: self = .eventTenant
        case .claimedExecution: self = .claimedExecution
        case .traceparent, .context: self = .traceparent
        case .urlPath: self = .urlPath
        case .urlQuery: self = .urlQuery
        case .ignore, .execution, .taskRun, .business: return nil
        }
    }
}

extension TenantExport {
    init(_ export: Configuration.Tenancy.Export) {
        self =
            switch export {
            case .sha256: .sha256
            case .plain: .plain
            case .none: .none
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
