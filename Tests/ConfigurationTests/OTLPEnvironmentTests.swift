import Configuration
import Testing

@Suite struct OTLPEnvironmentTests {
    private func exporters(_ variables: [String: String]) -> ([Configuration.Exporter], [Diagnostic]) {
        let prefixed = variables.map { ($0.key.hasPrefix("OTEL_") ? $0.key : "OTEL_EXPORTER_OTLP_" + $0.key, $0.value) }
        let (configuration, diagnostics) = load(nil, Dictionary(uniqueKeysWithValues: prefixed))
        return (configuration.exporters, diagnostics)
    }

    @Test("an endpoint makes one HTTP exporter, with the specification's defaults")
    func http() throws {
        let (exporters, diagnostics) = exporters(["ENDPOINT": "http://b:4318/base/"])
        #expect(diagnostics.isEmpty && exporters.count == 1)
        let exporter = try #require(exporters.first)
        #expect(
            exporter.name == "otlp_http/environment" && exporter.compression == .none
                && exporter.timeout == 10_000_000_000)
        #expect(exporter.endpoint(for: .logs)?.description == "http://b:4318/base/v1/logs")
        #expect(exporter.signals.count == 3)
    }

    @Test("a signal's endpoint is used as it is; without a path it is /")
    func signalEndpoint() throws {
        let (exporters, diagnostics) = exporters([
            "ENDPOINT": "http://b:4318", "TRACES_ENDPOINT": "http://t:1/custom", "METRICS_ENDPOINT": "http://m:1",
        ])
        #expect(diagnostics.isEmpty && exporters.count == 1)
        let exporter = try #require(exporters.first)
        #expect(exporter.endpoint(for: .traces)?.description == "http://t:1/custom")
        #expect(exporter.endpoint(for: .metrics)?.description == "http://m:1/")
        #expect(exporter.endpoint(for: .logs)?.description == "http://b:4318/v1/logs")
    }

    @Test("signals that differ in more than the endpoint get exporters of their own")
    func perSignal() {
        let (exporters, diagnostics) = exporters([
            "ENDPOINT": "http://b:4318", "TRACES_PROTOCOL": "GRPC", "TRACES_ENDPOINT": "http://t:4317",
            "LOGS_COMPRESSION": "gzip",
            "OTEL_METRICS_EXPORTER": "none",
        ])
        #expect(diagnostics.isEmpty)
        #expect(exporters.map(\.name) == ["otlp/environment", "otlp_http/environment"])
        #expect(exporters.map(\.signals) == [[.traces], [.logs]])
        #expect(exporters.map(\.compression) == [.none, .gzip])
    }

    @Test("headers are percent-decoded; what is no header is left out with a warning")
    func headers() {
        let (exporters, diagnostics) = exporters([
            "ENDPOINT": "http://b:4318", "HEADERS": "api-key=a%20b%3D , X-Y = 1,nonsense,bad=%zz,inject=a%0Ab",
        ])
        #expect(exporters.first?.headers == [.init(name: "api-key", value: "a b="), .init(name: "x-y", value: "1")])
        #expect(diagnostics.map(\.severity) == [.warning, .warning, .warning])
    }

    @Test(
        "what cannot be read is warned about once and ignored",
        arguments: [
            ("PROTOCOL", "carrier-pigeon"), ("COMPRESSION", "rar"), ("TIMEOUT", "-1"), ("TIMEOUT", "soon"),
            ("INSECURE", "yes"),
            ("OTEL_TRACES_EXPORTER", "zipkin"), ("PROTOCOL", "http/json"),
        ])
    func ignored(name: String, value: String) {
        let (exporters, diagnostics) = exporters(["ENDPOINT": "http://b:4318", name: value])
        #expect(diagnostics.map(\.severity) == [.warning], "\(diagnostics)")
        #expect(exporters.first?.kind == .http && exporters.first?.timeout == 10_000_000_000)
    }

    @Test("a timeout is milliseconds, 0 is no limit")
    func timeout() {
        #expect(exporters(["ENDPOINT": "http://b:1", "TIMEOUT": "1500"]).0.first?.timeout == 1_500_000_000)
        #expect(exporters(["ENDPOINT": "http://b:1", "TIMEOUT": "0"]).0.first?.timeout == 0)
    }

    @Test("TLS is used where it was asked for")
    func tls() {
        for variables in [["ENDPOINT": "https://b"], ["ENDPOINT": "b:4317", "PROTOCOL": "grpc"]] {
            let (exporters, diagnostics) = exporters(variables)
            #expect(exporters.first?.usesTLS == true && diagnostics.isEmpty)
        }
        let (mutual, _) = exporters([
            "ENDPOINT": "https://b", "CERTIFICATE": "ca", "CLIENT_CERTIFICATE": "cert", "CLIENT_KEY": "key",
        ])
        #expect(mutual.first?.tls?.caFile == "ca" && mutual.first?.tls?.certFile == "cert")
        #expect(mutual.first?.tls?.keyFile == "key")
        for half in ["CLIENT_CERTIFICATE", "CLIENT_KEY"] {
            let (exporters, diagnostics) = exporters(["ENDPOINT": "https://b", half: "x"])
            #expect(diagnostics.map(\.severity) == [.warning] && exporters.first?.tls == nil)
        }
        let (exporters, diagnostics) = exporters(["ENDPOINT": "b:4317", "PROTOCOL": "grpc", "INSECURE": "TRUE"])
        #expect(diagnostics.isEmpty && exporters.first?.endpoint(for: .traces)?.description == "http://b:4317")
    }

    @Test("an endpoint that is this relay itself is ignored with a warning")
    func itself() {
        let (exporters, diagnostics) = exporters(["ENDPOINT": "http://localhost:4318"])
        #expect(exporters.isEmpty && diagnostics.count == 2 && diagnostics.allSatisfy { $0.severity == .warning })
        #expect(diagnostics.contains { $0.message.contains("own receiver") })
    }

    @Test("the variables count only if no exporter is configured, and only with an endpoint")
    func onlyWithoutExporter() {
        #expect(
            load(anExporter, ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:1"]).configuration.exporters.map(\.name) == [
                "otlp_http/b"
            ])
        #expect(exporters(["HEADERS": "a=b"]).0.isEmpty)
        #expect(exporters(["ENDPOINT": ""]).0.isEmpty)
    }
}
