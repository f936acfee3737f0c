// What the words of a scenario are on the wire: names, kinds, scopes and attributes as the systems were recorded to send
// them (Kestra 1.3.31 and 2.0.0; Portarium under OpenTelemetry's Node SDK).

import OTLP

/// One span, in the words of a scenario.
package struct ScenarioSpan: Sendable {
    package var label: String
    package var trace: String
    /// Nil for a root. The parent need not have been sent.
    package var parent: String?
    package var kind: Kind
    /// The label of the execution, `E1`.
    package var execution: String?
    package var options: [(name: String, value: String)] = []
    /// Unix nanoseconds.
    package var start: UInt64 = 0

    package enum Kind: String, Sendable {
        // Kestra's SERVER spans. `calls` names an execution in the path.
        case webhook, create, resume, restart, replay, kill, poll
        // Kestra's own.
        case executor, worker, subflow
        /// A polling trigger: a WORKER span without execution.
        case trigger
        // Portarium's.
        case portarium, client, command, publish, dispatch
        /// Another system's SERVER span.
        case shop
    }

    private static let base = "/api/v1/{tenant}/executions"

    func option(_ name: String) -> String? { options.first { $0.name == name }?.value }

    private var called: String { option("calls").map(Scenario.execution) ?? "" }

    private var tenant: String { option("tenant") ?? "main" }

    private struct Wire {
        var service: String
        var scope: String
        var name: String
        var kind: UInt8
        var attributes: [(String, String)] = []
    }

    private func wire(kestra: String) -> Wire {
        func server(_ method: String, _ route: String, _ path: String) -> Wire {
            var attributes = [
                ("http.request.method", method), ("http.route", Self.base + route),
                ("url.path", "/api/v1/main/executions" + path), ("network.protocol.version", "1.1"),
            ]
            if let query = option("query") { attributes.append(("url.query", query)) }
            for (name, value) in options where name.hasPrefix("header.") {
                attributes.append(("http.request." + name, value))
            }
            return Wire(
                service: "kestra", scope: "io.micronaut.http.server", name: "\(method) \(Self.base)\(route)", kind: 2,
                attributes: attributes)
        }
        func task(_ name: String, _ source: String, uid: String? = nil) -> Wire {
            var attributes = [
                ("kestra.source", source), ("kestra.namespace", "company.team"), ("kestra.flowId", "flow"),
            ]
            if tenant != "-" { attributes.append(("kestra.tenantId", tenant)) }
            if let execution { attributes.append(("kestra.executionId", Scenario.execution(execution))) }
            if let uid { attributes.append(("kestra.uid", uid)) }
            return Wire(service: "kestra", scope: "kestra", name: name, kind: 1, attributes: attributes)
        }
        func own(_ scope: String, _ name: String, _ kind: UInt8, _ attributes: [(String, String)] = []) -> Wire {
            Wire(service: "portarium-control-plane", scope: scope, name: name, kind: kind, attributes: attributes)
        }
        let executor = kestra == "2.0" ? "io.kestra.executor.DefaultExecutor" : "io.kestra.jdbc.runner.JdbcExecutor"
        let worker = kestra == "2.0" ? "io.kestra.core.runners.Worker" : "io.kestra.worker.DefaultWorker"
        switch kind {
        case .webhook:
            return server("POST", "/webhook/{namespace}/{id}/{key}{/path}", "/webhook/company.team/flow/wh-key")
        case .create: return server("POST", "/{namespace}/{id}", "/company.team/flow")
        case .resume: return server("POST", "/{executionId}/resume", "/\(called)/resume")
        case .restart: return server("POST", "/{executionId}/restart", "/\(called)/restart")
        case .replay: return server("POST", "/{executionId}/replay", "/\(called)/replay")
        case .kill: return server("DELETE", "/{executionId}/kill", "/\(called)/kill")
        case .poll: return server("GET", "/{executionId}", "/\(called)")
        case .executor: return task("EXECUTOR - \(tenant)_company.team_flow", executor)
        case .subflow:
            let type = "io.kestra.plugin.core.flow.Subflow"
            return task("EXECUTOR - \(type)", type)
        case .worker:
            let type = "io.kestra.plugin.core.\(option("type") ?? "log.Log")"
            return task("WORKER - \(type)", worker, uid: option("run") ?? "taskRunOf00000000\(label)")
        case .trigger:
            return task("WORKER - io.kestra.plugin.core.http.Trigger", worker, uid: "main_company.team_flow_poll")
        case .portarium: return own("@opentelemetry/instrumentation-http", "POST", 2, [("url.path", "/v1/workspaces/ws-acme/runs")])
        case .client:
            return own("@opentelemetry/instrumentation-undici", "POST", 3, [("url.path", "/api/v1/main/executions/webhook")])
        case .command: return own("portarium.application", "app.command.StartWorkflow", 1)
        case .publish:
            var attributes = [
                ("cloudevents.event_id", option("event") ?? ""), ("cloudevents.event_source", ScenarioParser.source),
                ("cloudevents.event_type", "com.portarium.run.RunStarted"),
            ]
            if let tenant = option("tenant") { attributes.append(("cloudevents.event_tenantid", tenant)) }
            return own("portarium.events", "kestra.trigger.publish", 4, attributes)
        case .dispatch:
            return own("portarium.events", "kestra.action.dispatch", 3, [("kestra.execution.id", called)])
        case .shop: return Wire(service: "shop", scope: "web", name: "GET /", kind: 2)
        }
    }

    /// One export request with these spans, a resource for each system.
    package static func request(_ spans: [ScenarioSpan], kestra: String) -> [UInt8] {
        var groups: [(service: String, scope: String, spans: [BuiltSpan])] = []
        for span in spans {
            let wire = span.wire(kestra: kestra)
            let built = span.built(wire)
            if let position = groups.firstIndex(where: { $0.service == wire.service && $0.scope == wire.scope }) {
                groups[position].spans.append(built)
            } else {
                groups.append((wire.service, wire.scope, [built]))
            }
        }
        return groups.flatMap { group in
            SpanBuilder.request(
                resource: [
                    ("service.name", group.service),
                    ("telemetry.sdk.language", group.service == "kestra" ? "java" : "nodejs"),
                    ("telemetry.sdk.name", "opentelemetry"),
                ], scope: group.scope, version: "", spans: group.spans)
        }
    }

    private func built(_ wire: Wire) -> BuiltSpan {
        // 0x200: the parent is remote. Kestra says so of all spans whose parent came from a stored traceparent.
        let isRemote = parent != nil && (wire.kind == 2 || wire.service == "kestra")
        return BuiltSpan(
            traceID: Scenario.trace(trace), spanID: Scenario.span(label),
            parentSpanID: parent.map(Scenario.span) ?? .none, name: wire.name, kind: wire.kind, start: start,
            end: start &+ 5_000_000, attributes: wire.attributes.map { ($0.0, .string($0.1)) },
            statusCode: options.contains { $0.name == "failed" } ? 2 : 0, flags: isRemote ? 0x301 : 0x101)
    }
}
