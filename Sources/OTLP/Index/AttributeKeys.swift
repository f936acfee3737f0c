/// Which attribute names are evidence, and where spans come from: the configured vocabulary of the span index.
package struct AttributeKeys: Sendable {
    /// Attribute name → meaning, for spans and log records.
    package var evidence: [(name: [UInt8], key: EvidenceKey)]
    /// Scope names (exact, or a prefix if the entry ends in `.*`) whose spans are Portarium's.
    package var portariumScopes: [[UInt8]]
    /// `service.name` values (exact, or a prefix if the entry ends in `*`) whose spans are Portarium's.
    package var portariumServices: [[UInt8]]
    /// The same for Kestra.
    package var kestraScopes: [[UInt8]]
    package var kestraServices: [[UInt8]]
    /// Names of string attributes in which webhook keys are masked on export.
    package var redacted: [[UInt8]]

    package init(
        evidence: [(name: String, key: EvidenceKey)], portariumScopes: [String], portariumServices: [String],
        kestraScopes: [String], kestraServices: [String], redacted: [String]
    ) {
        self.evidence = evidence.map { (Array($0.name.utf8), $0.key) }
        self.portariumScopes = portariumScopes.map { Array($0.utf8) }
        self.portariumServices = portariumServices.map { Array($0.utf8) }
        self.kestraScopes = kestraScopes.map { Array($0.utf8) }
        self.kestraServices = kestraServices.map { Array($0.utf8) }
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
        portariumScopes: ["portarium", "portarium.*"],
        portariumServices: ["portarium*"],
        kestraScopes: ["kestra"],
        kestraServices: ["kestra"],
        redacted: ["url.path", "url.query", "http.target"])
}
