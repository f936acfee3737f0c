import Testing

@testable import Configuration

@Suite struct LoadTests {
    @Test("the smallest file of the documentation loads without a word")
    func smallest() {
        let (configuration, diagnostics) = load(smallestFile, ["KESTRA_PASSWORD": "s3cret"])
        #expect(diagnostics.isEmpty)
        var expected = Configuration()
        var exporter = Configuration.Exporter(name: "otlp_http/backend", kind: .http)
        exporter.endpoint = RemoteEndpoint(scheme: .http, host: "127.0.0.1", port: 14318, path: "")
        expected.exporters = [exporter]
        expected.enrichment.kestraAPI = Configuration.KestraAPI()
        expected.enrichment.kestraAPI?.endpoint = RemoteEndpoint(scheme: .http, host: "127.0.0.1", port: 8080, path: "")
        expected.enrichment.kestraAPI?.basicAuth = Configuration.BasicAuth()
        expected.enrichment.kestraAPI?.basicAuth?.username = "me@example.com"
        expected.enrichment.kestraAPI?.basicAuth?.password = "s3cret"
        #expect(configuration == expected)
    }

    @Test("the acceptance tool's template loads without a word")
    func judge() {
        let text = """
            receivers:
              otlp:
                protocols:
                  grpc: {endpoint: 127.0.0.1:34567}
                  http: {endpoint: 127.0.0.1:34568}
            exporters:
              otlp_http/backend: {endpoint: "http://127.0.0.1:40001", compression: gzip}
            journal: {directory: /tmp/x-y_1/journal, durability: fsync}
            correlation: {hold: 2.0s, late: amend, execution_span: {mode: all, quiet: 2s}}
            api: {endpoint: 127.0.0.1:34569}
            enrichment:
              kestra_api: {endpoint: "http://127.0.0.1:40002", tenant: main, basic_auth: {username: judge@example.com, password: Judge-1}}

            """
        let (configuration, diagnostics) = load(text)
        #expect(diagnostics.isEmpty)
        #expect(configuration.correlation.hold == 2_000_000_000)
        #expect(configuration.journal.directory == "/tmp/x-y_1/journal")
        #expect(configuration.enrichment.kestraAPI?.basicAuth?.password == "Judge-1")
    }

    @Test("every setting of a full file arrives")
    func full() throws {
        let (c, diagnostics) = load(fullFile, ["TOKEN": "t"])
        #expect(diagnostics.isEmpty)
        #expect(c.receivers.otlp.protocols.grpc == ListenEndpoint(host: "::1", port: 14317))
        #expect(c.receivers.otlp.protocols.http == ListenEndpoint(host: "0.0.0.0", port: 0))
        #expect(c.receivers.otlp.maxRequestSize == 32 << 20)
        #expect(c.receivers.otlp.deduplicate == 0)
        #expect(c.receivers.limits.headerSize == 8192)
        #expect(c.receivers.limits.idleTimeout == 3_000_000_000)
        #expect(c.memory.limit == 1 << 30)
        let tempo = try #require(c.exporters.first)
        #expect(
            tempo.name == "otlp/tempo" && tempo.kind == .grpc && tempo.compression == .zstd
                && tempo.signals == [.traces])
        #expect(tempo.endpoint(for: .traces)?.description == "http://tempo:4317")
        #expect(!tempo.usesTLS && tempo.batch.maxSize == 1 << 20 && tempo.batch.timeout == 0)
        let other = try #require(c.exporters.last)
        #expect(other.name == "otlp_http/other" && other.kind == .http)
        #expect(other.endpoint(for: .traces)?.description == "http://other:4318/otlp/v1/traces")
        #expect(other.endpoint(for: .metrics)?.description == "http://metrics:9090/api/v1/otlp/v1/metrics")
        #expect(other.headers.map(\.name) == ["x-scope-orgid", "authorization"])
        #expect(other.headers.map(\.value) == ["portarium", "Bearer t"])
        #expect(
            other.timeout == 2_500_000_000 && other.sendingQueue.size == 10_000_000 && other.sendingQueue.consumers == 2
        )
        #expect(!other.retryOnFailure.enabled && other.retryOnFailure.maxInterval == 90_000_000_000)
        #expect(other.retryOnFailure.multiplier == 2 && other.retryOnFailure.maxElapsedTime == 300_000_000_000)
        #expect(c.journal.durability == .memory && c.journal.retention.age == 43_200_000_000_000)
        #expect(c.correlation.late == .link && c.correlation.executionSpan.mode == .joined)
        #expect(c.correlation.keys.map(\.kind) == [.eventID, .ignore, .business])
        #expect(c.correlation.origins["portarium"]?.scopes == ["control.*"])
        #expect(
            c.correlation.origins["kestra"]
                == .init(name: "kestra", role: .follower, scopes: ["kestra"], services: ["kestra*"]))
        #expect(c.correlation.claimedExecutionPaths == [["output", "id"], ["a", "b"]])
        #expect(c.redaction.attributes.isEmpty)
        #expect(c.enrichment.kestraAPI?.bearerToken == "t")
        #expect(c.api.endpoint == ListenEndpoint(host: "0.0.0.0", port: 14320))
        #expect(c.log.level == .debug && c.log.format == .json && c.threads.eventLoops == 3)
    }

    @Test("what bounds the questions to Kestra can be set, from a file and from variables")
    func kestraAPI() throws {
        let text = """
            enrichment:
              kestra_api:
                endpoint: kestra:8443
                tls: {ca_file: /etc/kestra.pem}
                timeout: 2s
                max_response_size: 1MiB
                rate: 2.5
                concurrency: 7
                cache_size: 50
                max_attempts: 3
                backoff: [100ms, 1s]
                circuit_breaker: {failures: 2, pause: 1s, max_pause: 2s}
                inputs: {traceparent: [tp], event_id: [order_event]}
            """
        let loaded = load(anExporter + text, ["SPANBRIDGE_ENRICHMENT_KESTRA_API_FOLLOW": "1s, 1m"])
        let api = try #require(loaded.configuration.enrichment.kestraAPI)
        #expect(loaded.diagnostics.isEmpty, "\(loaded.diagnostics)")
        #expect(api.usesTLS && api.tls?.caFile == "/etc/kestra.pem" && api.rate == 2.5 && api.concurrency == 7)
        #expect(api.timeout == 2_000_000_000 && api.maxResponseSize == 1 << 20 && api.cacheSize == 50)
        #expect(api.maxAttempts == 3 && api.backoff == [100_000_000, 1_000_000_000])
        #expect(api.follow == [1_000_000_000, 60_000_000_000])
        #expect(api.circuitBreaker.failures == 2 && api.circuitBreaker.maxPause == 2_000_000_000)
        #expect(api.inputs.traceparent == ["tp"] && api.inputs.eventID == ["order_event"])
        #expect(api.inputs.eventSource == Configuration.Inputs().eventSource)
        let plain = load(anExporter + "enrichment: {kestra_api: {endpoint: \"http://k:1\", tls: {ca_file: x}}}")
        #expect(plain.configuration.enrichment.kestraAPI?.usesTLS == false)
        #expect(plain.diagnostics.map(\.path) == ["enrichment.kestra_api.tls"])
    }

    @Test(
        "without a file it runs on defaults, and says that nothing is sent on",
        arguments: [nil, "", "# nothing\n", "---\n", "~"])
    func empty(text: String?) {
        let (configuration, diagnostics) = load(text)
        #expect(configuration == Configuration())
        #expect(diagnostics.count == 1 && diagnostics.first?.severity == .warning)
        #expect(diagnostics.first?.message.contains("OTEL_EXPORTER_OTLP_ENDPOINT") == true)
    }

    @Test("keys without values keep their defaults")
    func nulls() {
        let (configuration, diagnostics) = load(anExporter + "journal:\nlog: {level: }\nenrichment: {kestra_api: }\n")
        #expect(diagnostics.isEmpty)
        #expect(configuration.journal == Configuration.Journal() && configuration.enrichment.kestraAPI == nil)
    }

    @Test("a file that names one protocol opens that one only; flags do not count as naming")
    func protocols() {
        let one = load(anExporter + "receivers: {otlp: {protocols: {grpc: }}}").configuration.receivers.otlp.protocols
        #expect(one.grpc == ListenEndpoint(host: "127.0.0.1", port: 4317) && one.http == nil)
        let flagged = load(anExporter, set: [("receivers.otlp.protocols.grpc.endpoint", "0.0.0.0:1")]).configuration
        #expect(flagged.receivers.otlp.protocols.http != nil)
        let both = load(
            anExporter + "receivers: {otlp: {protocols: {grpc: }}}",
            ["SPANBRIDGE_RECEIVERS_OTLP_PROTOCOLS_HTTP_ENDPOINT": "127.0.0.1:9"])
        #expect(both.configuration.receivers.otlp.protocols.http?.port == 9)
    }

    @Test("a flag beats the environment, the environment the file, the file the default")
    func precedence() {
        let file = anExporter + "log: {level: error}\n"
        #expect(load(anExporter).configuration.log.level == .info)
        #expect(load(file).configuration.log.level == .error)
        let environment = ["SPANBRIDGE_LOG_LEVEL": "debug"]
        #expect(load(file, environment).configuration.log.level == .debug)
        #expect(load(file, environment, set: [("log.level", "trace")]).configuration.log.level == .trace)
        #expect(
            load(file, environment, set: [("log.level", "trace"), ("log.level", "notice")]).configuration.log.level
                == .notice)
        #expect(load(file, ["SPANBRIDGE_LOG_LEVEL": ""]).configuration.log.level == .error)
    }

    @Test("flags and variables reach lists, mappings, names with dots and exporters")
    func overrides() {
        let (configuration, diagnostics) = load(
            nil,
            [
                "SPANBRIDGE_REDACTION_ATTRIBUTES": "a, b", "SPANBRIDGE_EXPORTERS_OTLP_B_C_HEADERS": "k=v=w,l=x",
                "SPANBRIDGE_ENRICHMENT_KESTRA_API_ENDPOINT": "http://k:1",
            ],
            set: [
                ("exporters.otlp/b-c.endpoint", "b:4317"), ("correlation.keys.\"order.id\"", "event_id"),
                ("correlation.claimed_execution_paths", "[[x, y], z.w]"), ("api.endpoint", "[::1]:4320"),
                ("journal", "{directory: /x, segment_size: 1MiB}"),
            ])
        #expect(diagnostics.isEmpty)
        #expect(configuration.redaction.attributes == ["a", "b"])
        #expect(configuration.exporters.first?.headers.map(\.value) == ["v=w", "x"])
        #expect(configuration.exporters.first?.endpoint?.host == "b")
        #expect(configuration.correlation.keys == [.init(attribute: "order.id", kind: .eventID)])
        #expect(configuration.correlation.claimedExecutionPaths == [["x", "y"], ["z", "w"]])
        #expect(configuration.api.endpoint.host == "::1")
        #expect(configuration.journal.directory == "/x" && configuration.journal.segmentSize == 1 << 20)
        #expect(configuration.enrichment.kestraAPI?.endpoint?.port == 1)
    }

    @Test("TLS of listeners and exporters")
    func tls() throws {
        let text = """
            receivers:
              otlp:
                protocols:
                  grpc: {endpoint: "0.0.0.0:4317", tls: {cert_file: a.pem, key_file: a.key, client_ca_file: ca.pem}}
                  http: {endpoint: "0.0.0.0:4318"}
            api: {tls: {cert_file: b.pem, key_file: b.key}}
            exporters:
              otlp/a: {endpoint: "a:1", tls: {ca_file: x, server_name_override: y}}
              otlp/b: {endpoint: "b:1"}
              otlp/c: {endpoint: "https://c:1"}
              otlp_http/d: {endpoint: "http://d:1", traces_endpoint: "https://d:2"}
              otlp/e: {endpoint: "e:1", tls: {insecure: true}}
            """
        let (configuration, diagnostics) = load(text)
        #expect(diagnostics.isEmpty)
        let protocols = configuration.receivers.otlp.protocols
        #expect(protocols.grpcTLS?.certFile == "a.pem" && protocols.grpcTLS?.keyFile == "a.key")
        #expect(protocols.grpcTLS?.clientCAFile == "ca.pem" && protocols.httpTLS == nil)
        #expect(configuration.api.tls?.keyFile == "b.key")
        let exporters = Dictionary(uniqueKeysWithValues: configuration.exporters.map { ($0.name, $0) })
        #expect(exporters.filter(\.value.usesTLS).keys.sorted() == ["otlp/a", "otlp/c", "otlp_http/d"])
        let mixed = try #require(exporters["otlp_http/d"])
        #expect(mixed.endpoint(for: .traces).map(mixed.usesTLS(to:)) == true)
        #expect(mixed.endpoint(for: .logs).map(mixed.usesTLS(to:)) == false)
        let byVariable = load(
            anExporter, ["SPANBRIDGE_API_TLS_CERT_FILE": "c.pem", "SPANBRIDGE_API_TLS_KEY_FILE": "c.key"])
        #expect(byVariable.configuration.api.tls?.certFile == "c.pem" && byVariable.diagnostics.isEmpty)
        let without = load("exporters: {otlp/a: {endpoint: \"http://a:1\", tls: {ca_file: x}}}")
        #expect(without.diagnostics.map(\.severity) == [.warning])
    }

    @Test("variables stand in values: set, with default, escaped, short")
    func expansion() {
        func directory(_ text: String, _ environment: [String: String] = [:]) -> (String, [Diagnostic]) {
            let result = load(anExporter + "journal: {directory: \"\(text)\"}", environment)
            return (result.configuration.journal.directory, result.diagnostics)
        }
        #expect(directory("/a/${env:X}/b", ["X": "1"]).0 == "/a/1/b")
        #expect(directory("/a/${X}${env:Y}", ["X": "1", "Y": "${X}"]).0 == "/a/1${X}")
        #expect(directory("/a/${env:X:-d:-e}").0 == "/a/d:-e")
        #expect(directory("/a/${env:X:-d}", ["X": ""]).0 == "/a/d")
        #expect(directory("/a/$$x$1$").0 == "/a/$x$1$")
        let (value, diagnostics) = directory("/a/${env:X}")
        #expect(value == "/a/" && diagnostics.map(\.severity) == [.warning] && diagnostics.first?.line == 2)
        for wrong in ["${env:X", "${file:X}", "${}", "${env:1X}", "${env:A B}"] {
            #expect(directory(wrong).1.map(\.severity) == [.error], "\(wrong)")
        }
        let bomb = directory(String(repeating: "${X}", count: 100), ["X": String(repeating: "x", count: 100_000)])
        #expect(bomb.1.first?.message.contains("longer than") == true)
    }
}
