import Configuration
import Correlation
import OTLP
import Testing

@testable import Bridge

@Suite struct CorrelationMappingTests {
    private func load(_ text: String) throws -> Configuration {
        let (configuration, diagnostics) = Configuration.load(
            Array(("exporters: {otlp_http/b: {endpoint: \"http://b:4318\"}}\n" + text).utf8), path: nil,
            environment: [:], overrides: [])
        try #require(diagnostics.isEmpty, "\(diagnostics)")
        return configuration
    }

    private func text(_ names: [[UInt8]]) -> [String] { names.map { String(decoding: $0, as: UTF8.self) } }
    private func meanings(_ keys: AttributeKeys) -> [String: EvidenceKey] {
        Dictionary(uniqueKeysWithValues: keys.evidence.map { (String(decoding: $0.name, as: UTF8.self), $0.key) })
    }

    @Test("the profiles give the built-in vocabulary, as an index has it without a configuration")
    func profiles() {
        let keys = AttributeKeys(Configuration())
        #expect(meanings(keys) == meanings(.defaults) && keys.evidence.count == AttributeKeys.defaults.evidence.count)
        for (own, known) in zip(keys.origins, AttributeKeys.defaults.origins) {
            #expect(own.name == known.name && own.role == known.role && own.resource.isEmpty)
            #expect(own.scopes == known.scopes && own.services == known.services)
        }
        #expect(keys.origins.count == AttributeKeys.defaults.origins.count)
        #expect(keys.redacted == AttributeKeys.defaults.redacted)
        #expect(keys.joinKeys.isEmpty && keys.executionAttributes.isEmpty)
        #expect(keys.tenantAttributes.isEmpty && keys.resourceTenantAttributes.isEmpty)
    }

    @Test("a pair of systems, its keys and its tenants reach the index and the correlator")
    func pair() throws {
        let configuration = try load(
            """
            correlation:
              max_relations: 50
              max_traces_per_execution: 60
              detached_delivery: move
              http_pairing: link
              origins:
                portarium: {role: bystander}
                shop: {role: home, services: [shop], resource: {deployment.environment: prod*}}
                worker: {role: follower, scopes: [shop.tasks]}
              keys:
                legacy.event: event_id
                http.target: ignore
                run: {kind: execution, from: [{span: celery.run}]}
                caller: {kind: context, from: [{span: app.traceparent}, {header: x-trace}]}
                order:
                  kind: business
                  from: [{span: order.id}, {resource: order}, {log: order_id}, {header: X-Order-Id}, {query: o}, {data: a.b}]
                  strength: link
                  lifetime: 24h
                  origins: [shop, worker]
                task: {kind: task_run, from: [{span: messaging.message.id}]}
                started: {kind: claimed_execution, from: [{data: result.run}]}
              tenancy:
                from: [{span: tenant.id}, {resource: workspace.id}, {log: tenant.id}]
                kestra_tenants: {main: ws-acme}
                namespaces: {"*": d, "acme.*": c, "acme.eu.*": b, acme.eu.x: a}
                export: plain
            """)
        let keys = AttributeKeys(configuration)
        #expect(keys.origins.map(\.name) == ["portarium", "kestra", "shop", "worker"])
        #expect(keys.origins.map(\.role) == [.bystander, .follower, .home, .follower])
        #expect(text(keys.origins[2].resource.map(\.value)) == ["prod*"])
        let known = meanings(keys)
        #expect(known["legacy.event"] == .eventID && known["http.target"] == nil && known["url.full"] == .urlFull)
        #expect(known["app.traceparent"] == .traceparent && known["http.request.header.x-trace"] == .traceparent)
        #expect(text(keys.executionAttributes) == ["celery.run"])
        #expect(text(keys.tenantAttributes) == ["tenant.id"] && text(keys.resourceTenantAttributes) == ["workspace.id"])

        #expect(keys.joinKeys.map(\.name) == ["order", "task"])
        let order = try #require(keys.joinKeys.first)
        #expect(order.kind == .business && order.strength == .link && order.lifetime == 86_400_000_000_000)
        #expect(order.origins == [Origin(rawValue: 3), Origin(rawValue: 4)])
        #expect(
            text(order.spanAttributes)
                == ["order.id", "http.request.header.x-order-id", "http.request.header.x_order_id"])
        #expect(text(order.resourceAttributes) == ["order"] && text(order.logAttributes) == ["order_id"])
        #expect(order.queryParameters == ["o"] && order.dataPaths == [["a", "b"]])
        #expect(keys.joinKeys.last?.kind == .taskRun && keys.joinKeys.last?.origins == [])

        let settings = CorrelationSettings(configuration)
        #expect(settings.joinKeys == keys.joinKeys)
        #expect(settings.relationLimit == 50 && settings.tracesOfExecutionLimit == 60)
        #expect(settings.detachedDelivery == .move && settings.pairsCalls && settings.hasOtherFollowers)
        #expect(settings.kestraTenants.map(\.kestra) == ["main"] && settings.kestraTenants.map(\.tenant) == ["ws-acme"])
        #expect(settings.namespaceTenants.map(\.tenant) == ["a", "b", "c", "d"])
        #expect(settings.claimedExecutionPaths.last == ["result", "run"])
        #expect(meanings(AttributeKeys(try load("")))["url.full"] == nil)
    }

    @Test("what the user says of an attribute replaces the profiles' meaning")
    func override() throws {
        let keys = AttributeKeys(
            try load(
                "correlation: {keys: {url.query: url_path, e: {kind: execution, from: [{span: kestra.execution.id}]}}}")
        )
        let known = meanings(keys)
        #expect(known["url.query"] == .urlPath && known["kestra.execution.id"] == nil)
        #expect(text(keys.executionAttributes) == ["kestra.execution.id"])
        #expect(keys.evidence.count == known.count)
    }
}
