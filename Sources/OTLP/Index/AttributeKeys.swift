/// Which attribute names are evidence, and where spans come from: the configured vocabulary of the span index.
package struct AttributeKeys: Sendable {
    /// Attribute name → meaning, for spans and log records.
    package var evidence: [(name: [UInt8], key: EvidenceKey)]
    /// Named values that systems share; at most 64.
    package var joinKeys: [JoinKey] = []
    /// Attributes of spans and log records that name the tenant.
    package var tenantAttributes: [[UInt8]] = []
    /// Attributes of resources that name the tenant.
    package var resourceTenantAttributes: [[UInt8]] = []
    /// Attributes, beside `kestra.executionId`, whose value groups a follower's spans into one execution.
    package var executionAttributes: [[UInt8]] = []
    /// Where spans come from; the first rule that fits counts. Portarium and Kestra are the first two.
    package var origins: [OriginRule]
    /// Names of string attributes in which webhook keys are masked on export.
    package var redacted: [[UInt8]]

    package init(evidence: [(name: String, key: EvidenceKey)], origins: [OriginRule], redacted: [String]) {
        self.evidence = evidence.map { (Array($0.name.utf8), $0.key) }
        self.origins = origins
        self.redacted = redacted.map { Array($0.utf8) }
    }

    /// What Portarium and Kestra send, and the usual spellings of CloudEvents attributes (OpenTelemetry semantic
    /// conventions, CloudEvents).
    package static let defaults = AttributeKeys(
        evidence: [
            ("cloudevents.event_id", .eventID), ("http.request.header.ce-id", .eventID),
            ("cloudevents.event_source", .eventSource), ("http.request.header.ce-source", .eventSource),
            ("cloudevents.event_type", .eventType), ("http.request.header.ce-type", .eventType),
            ("cloudevents.event_subject", .eventSubject), ("http.request.header.ce-subject", .eventSubject),
            ("cloudevents.event_tenantid", .eventTenant), ("http.request.header.ce-tenantid", .eventTenant),
            ("kestra.execution.id", .claimedExecution),
            ("url.path", .urlPath), ("http.target", .urlPath), ("url.query", .urlQuery),
            ("http.request.header.ce-traceparent", .traceparent),
        ],
        origins: [
            OriginRule(
                name: "portarium", role: .home, scopes: ["portarium", "portarium.*"], services: ["portarium*"]),
            OriginRule(name: "kestra", role: .follower, scopes: ["kestra"], services: ["kestra"]),
        ],
        redacted: ["url.path", "url.query", "http.target"])
}
