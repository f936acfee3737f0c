import Configuration

/// Loads a configuration as the program does, with less to write.
func load(
    _ text: String?, _ environment: [String: String] = [:], set overrides: [(String, String)] = []
) -> (configuration: Configuration, diagnostics: [Diagnostic]) {
    let (configuration, diagnostics) = Configuration.load(
        text.map { Array($0.utf8) }, path: text == nil ? nil : "spanbridge.yaml", environment: environment,
        overrides: overrides.map { Configuration.Override(path: $0.0, value: $0.1) })
    return (configuration, diagnostics)
}

/// An exporter, for texts that are about something else.
let anExporter = "exporters: {otlp_http/b: {endpoint: \"http://b:4318\"}}\n"

let smallestFile = """
    receivers: {otlp: {protocols: {grpc: {endpoint: 127.0.0.1:4317}, http: {endpoint: 127.0.0.1:4318}}}}
    exporters:
      otlp_http/backend: {endpoint: "http://127.0.0.1:14318", compression: gzip}
    journal: {directory: ./spanbridge-data, durability: fsync}
    correlation: {hold: 10s, late: amend, execution_span: {mode: all, quiet: 60s}}
    enrichment:                       # optional
      kestra_api: {endpoint: "http://127.0.0.1:8080", tenant: main, basic_auth: {username: "me@example.com", password: "${env:KESTRA_PASSWORD}"}}
    api: {endpoint: 127.0.0.1:4320}
    """

let fullFile = """
    receivers:
      otlp:
        protocols:
          grpc: {endpoint: "[::1]:14317"}
          http: {endpoint: "0.0.0.0:0", cors: {allowed_origins: ["https://*.example.org"], allowed_headers: [x-token], max_age: 1h}}
        max_request_size: 32MiB
        deduplicate: 0
      limits: {connections: 10, header_size: 8KiB, header_count: 50, concurrent_streams: 5, head_timeout: 1s, body_timeout: 2s, body_rate: 1KiB, idle_timeout: 3s}
    memory: {limit: 1GiB}
    exporters:
      otlp/tempo:
        endpoint: tempo:4317
        tls: {insecure: true}
        compression: zstd
        signals: [traces]
        batch: {max_size: 1MiB, timeout: 0}
      otlphttp/other:
        endpoint: http://other:4318/otlp/
        metrics_endpoint: http://metrics:9090/api/v1/otlp/v1/metrics
        headers: {X-Scope-OrgID: portarium, authorization: "Bearer ${env:TOKEN}"}
        timeout: 2.5s
        sending_queue: {size: 10MB, num_consumers: 2}
        retry_on_failure: {enabled: false, initial_interval: 5s, max_interval: 1m30s, multiplier: 2, randomization_factor: 0, max_elapsed_time: 300s}
    journal:
      directory: /var/lib/spanbridge
      durability: memory
      segment_size: 64MiB
      retention: {size: 1GiB, age: 12h}
      queue_size: 32MiB
    correlation:
      hold: 0
      hold_memory: 1MiB
      late: link
      execution_span: {mode: joined, quiet: 500ms}
      max_executions: 1000
      max_events: 2000
      max_traces: 3000
      max_in_memory: 700
      max_evidence: 4
      max_relations: 500
      max_traces_per_execution: 600
      detached_delivery: move
      http_pairing: link
      keys:
        order.event: event_id
        http.target: ignore
        order: {kind: business, from: [{span: order.id}, {header: X-Order}, {data: payload.id}], strength: link, lifetime: 24h, origins: [shop, kestra]}
      origins:
        portarium: {scopes: [control.*], services: [control]}
        kestra: {services: ["kestra*"]}
        shop: {role: home, scopes: [a.*], services: [shop], resource: {deployment.environment: prod}}
      tenancy: {from: [{span: tenant.id}, {resource: ws}], kestra_tenants: {main: acme}, namespaces: {"acme.*": acme}, export: none}
      claimed_execution_paths: [output.id, [a, b]]
    redaction: {attributes: []}
    enrichment: {kestra_api: {endpoint: "http://kestra:8080", bearer_token: "${env:TOKEN}"}}
    api: {endpoint: ":14320", max_request_size: 1MiB, query_timeout: 1s, max_results: 10}
    log: {level: debug, format: json}
    threads: {event_loops: 3}
    """
