/// The three OTLP signals that the relay carries. The raw value is what the journal stores.
package enum Signal: UInt8, Sendable, CaseIterable {
    case traces = 1
    case metrics = 2
    case logs = 3

    /// The name in paths, configuration and metrics: `traces`, `metrics`, `logs`.
    package var name: String {
        switch self {
        case .traces: "traces"
        case .metrics: "metrics"
        case .logs: "logs"
        }
    }

    /// The path that takes requests of this signal (OTLP 1.11, "OTLP/HTTP Request").
    package var exportPath: String {
        switch self {
        case .traces: "/v1/traces"
        case .metrics: "/v1/metrics"
        case .logs: "/v1/logs"
        }
    }

    /// The gRPC method that takes requests of this signal (OTLP 1.11, "OTLP/gRPC").
    package var exportMethod: String {
        switch self {
        case .traces: "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
        case .metrics: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
        case .logs: "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
        }
    }
}
