import Configuration
import Testing

@Suite struct MistakeTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var text: String
        var line: Int
        var path: String
        var message: String
        var testDescription: String { "\(path): \(message)" }

        init(_ text: String, _ line: Int, _ path: String, _ message: String) {
            (self.text, self.line, self.path, self.message) = (text, line, path, message)
        }
    }

    @Test(
        "each mistake is told with its line, its path and what to do",
        arguments: [
            Case(
                "journal:\n  directry: x", 3, "journal.directry",
                "did you mean \"directory\"? Allowed here: directory, durability"),
            Case("jurnal: {}", 2, "jurnal", "did you mean \"journal\""),
            Case("zebra: 1", 2, "zebra", "allowed here: api, cloudevents, correlation"),
            Case("service:\n  pipelines: {}", 2, "service", "every receiver feeds every exporter"),
            Case("journal: x", 2, "journal", "expected a mapping of keys to values, found a single value"),
            Case("journal: {directory: [a]}", 2, "journal.directory", "expected text, found a list"),
            Case("journal: {directory: \"\"}", 2, "journal.directory", "found nothing"),
            Case("journal: {directory: \"a\\0b\"}", 2, "journal.directory", "control character"),
            Case("journal:\n  durability: fsynk", 3, "journal.durability", "did you mean fsync"),
            Case("journal: {segment_size: 12 parsecs}", 2, "journal.segment_size", "is no unit of size"),
            Case("journal: {segment_size: 1KiB}", 2, "journal.segment_size", "must be between 1MiB and 1GiB, is 1KiB"),
            Case("journal: {retention: {size: 128MiB}}", 2, "journal.retention.size", "at least 256MiB"),
            Case("journal: {queue_size: 1MiB}", 2, "journal.queue_size", "at least 64MiB"),
            Case("memory: {limit: 16MiB}", 2, "memory.limit", "at least 64MiB"),
            Case("correlation: {hold: 10}", 2, "correlation.hold", "has no unit: write 10s"),
            Case("correlation: {hold: 10 sec}", 2, "correlation.hold", "found \"10 sec\""),
            Case("correlation: {hold: 10sec}", 2, "correlation.hold", "\"sec\" is no unit of time"),
            Case("correlation: {hold: -1s}", 2, "correlation.hold", "cannot be negative"),
            Case("correlation: {hold: 2h}", 2, "correlation.hold", "must be between 0s and 1h, is 2h"),
            Case("correlation: {keys: {a: event}}", 2, "correlation.keys.a", "expected one of event_id"),
            Case("correlation: {keys: [a]}", 2, "correlation.keys", "expected a mapping of attribute names"),
            Case(
                "correlation: {origins: {kestra: {scopes: kestra}}}", 2, "correlation.origins.kestra.scopes",
                "expected a list"),
            Case(
                "correlation: {claimed_execution_paths: [a..b]}", 2, "correlation.claimed_execution_paths",
                "expected a path"),
            Case("threads: {event_loops: many}", 2, "threads.event_loops", "expected a whole number"),
            Case("threads: {event_loops: 257}", 2, "threads.event_loops", "between 0 and 256"),
            Case("api: {endpoint: localhost}", 2, "api.endpoint", "port is missing"),
            Case("api: {endpoint: \"http://localhost:1\"}", 2, "api.endpoint", "leave out the scheme"),
            Case("api: {endpoint: \"::1:4320\"}", 2, "api.endpoint", "brackets"),
            Case("api: {endpoint: \"localhost:65536\"}", 2, "api.endpoint", "is no port"),
            Case(
                "api: {endpoint: \"127.0.0.1:4317\"}", 2, "api.endpoint",
                "taken by receivers.otlp.protocols.grpc.endpoint"),
            Case(
                "receivers:\n  otlp:\n    protocols: {grpc: {endpoint: \"0.0.0.0:4320\"}}", 4,
                "receivers.otlp.protocols.grpc.endpoint", "taken by api.endpoint"),
            Case("log: {level: warn}", 2, "log.level", "did you mean warning"),
            Case(
                "log:\n  level: info\n  level: debug", 4, "",
                "the key \"level\" stands here again; it is first on line 3"),
            Case("enrichment:\n  kestra_api: {tenant: x}", 3, "enrichment.kestra_api.endpoint", "is missing"),
            Case(
                "enrichment: {kestra_api: {endpoint: \"http://k:1\", basic_auth: {password: x}}}", 2,
                "enrichment.kestra_api.basic_auth.username", "is missing"),
            Case(
                "enrichment: {kestra_api: {endpoint: \"http://k:1\", bearer_token: x, basic_auth: {username: x}}}", 2,
                "enrichment.kestra_api.bearer_token", "conflicts"),
            Case(
                "enrichment: {kestra_api: {endpoint: \"http://k:1\", rate: 0}}", 2, "enrichment.kestra_api.rate", "must be between 0.01"),
            Case(
                "enrichment: {kestra_api: {endpoint: \"http://k:1\", concurrency: 101}}", 2, "enrichment.kestra_api.concurrency",
                "must be between 1 and 100"),
            Case(
                "enrichment: {kestra_api: {endpoint: \"http://k:1\", backoff: [1s, soon]}}", 2, "enrichment.kestra_api.backoff",
                "expected a duration"),
            Case(
                "enrichment: {kestra_api: {endpoint: \"http://k:1\", follow: [0]}}", 2, "enrichment.kestra_api.follow", "must be between 1ms"),
            Case(
                "enrichment: {kestra_api: {endpoint: \"http://k:1\", follow: 5s}}", 2, "enrichment.kestra_api.follow", "expected a list"),
            Case(
                "enrichment: {kestra_api: {endpoint: \"http://k:1\", circuit_breaker: {pause: 1m, max_pause: 1s}}}", 2,
                "enrichment.kestra_api.circuit_breaker.max_pause", "1s is less than 1m"),
            Case(
                "enrichment: {kestra_api: {endpoint: \"http://k:1\", inputs: {trace_parent: [x]}}}", 2, "enrichment.kestra_api.inputs.trace_parent",
                "did you mean \"traceparent\""),
            Case(
                "enrichment: {kestra_api: {endpoint: \"https://k:1\", tls: {cert_file: x}}}", 2,
                "enrichment.kestra_api.tls.cert_file", "go together"),
            Case(
                "receivers: {otlp: {protocols: {grpc: {tls: {cert_file: x}}}}}", 2,
                "receivers.otlp.protocols.grpc.tls.key_file", "is missing"),
            Case("api: {tls: {key_file: x}}", 2, "api.tls.cert_file", "is missing"),
            Case("api: {tls: {cert_file: x, key_file: x, ca_file: x}}", 2, "api.tls.ca_file", "unknown key"),
            Case("journal: [", 3, "", "not YAML"),
            Case("journal: *x", 2, "", "names no anchor"),
            Case("? [a]\n: b", 2, "", "a key must be text"),
            Case("<<: 1", 2, "", "takes a mapping"),
        ])
    func single(_ expected: Case) throws {
        let diagnostics = load(anExporter + expected.text).diagnostics
        #expect(diagnostics.count == 1, "\(diagnostics)")
        let diagnostic = try #require(diagnostics.first)
        #expect(diagnostic.severity == .error && diagnostic.line == expected.line && diagnostic.path == expected.path)
        #expect(diagnostic.message.contains(expected.message), "\(diagnostic)")
    }

    @Test(
        "mistakes of exporters",
        arguments: [
            Case("otlp_http/b: {}", 2, "exporters.otlp_http/b.endpoint", "is missing"),
            Case("otlp_http/b:", 2, "exporters.otlp_http/b.endpoint", "is missing"),
            Case("jaeger: {endpoint: x}", 2, "exporters.jaeger", "is no exporter"),
            Case("otlp_htp/b: {endpoint: x}", 2, "exporters.otlp_htp/b", "did you mean otlp_http/b"),
            Case("otlp_http/: {endpoint: \"http://b:1\"}", 2, "exporters.otlp_http/", "needs a name"),
            Case(
                "otlp_http/b: {endpoint: \"http://b:1\"}\n  otlphttp/b: {endpoint: \"http://b:1\"}", 3,
                "exporters.otlphttp/b",
                "same exporter as otlp_http/b"),
            Case("otlp_http/b: {endpoint: \"ftp://b\"}", 2, "exporters.otlp_http/b.endpoint", "is no scheme"),
            Case(
                "otlp_http/b: {endpoint: \"http://u:secret@b\"}", 2, "exporters.otlp_http/b.endpoint",
                "authorization header"),
            Case("otlp_http/b: {endpoint: \"http://b?x=1\"}", 2, "exporters.otlp_http/b.endpoint", "no query"),
            Case("otlp_http/b: {endpoint: \"http://b:0\"}", 2, "exporters.otlp_http/b.endpoint", "port 0"),
            Case("otlp/b: {endpoint: b}", 2, "exporters.otlp/b.endpoint", "port is missing"),
            Case("otlp/b: {endpoint: \"http://b:1/x\"}", 2, "exporters.otlp/b.endpoint", "gRPC takes no path"),
            Case(
                "otlp/b: {endpoint: \"https://b:1\", tls: {key_file: x}}", 2, "exporters.otlp/b.tls.key_file",
                "go together"),
            Case(
                "otlp/b: {endpoint: \"b:1\", tls: {insecure: true, cert_file: x}}", 2, "exporters.otlp/b.tls.cert_file",
                "go together"),
            Case(
                "otlp/b: {endpoint: \"b:1\", tls: {insecure: maybe}}", 2, "exporters.otlp/b.tls.insecure",
                "expected true or false"),
            Case(
                "otlp/b: {endpoint: \"b:1\", traces_endpoint: x}", 2, "exporters.otlp/b.traces_endpoint", "unknown key"),
            Case(
                "otlp/b: {endpoint: \"b:1\", signals: [spans]}", 2, "exporters.otlp/b.signals",
                "expected traces, metrics, logs"),
            Case(
                "otlp/b: {endpoint: \"b:1\", headers: {a b: c}}", 2, "exporters.otlp/b.headers.a b", "is no header name"
            ),
            Case(
                "otlp/b: {endpoint: \"b:1\", headers: {Content-Type: c}}", 2, "exporters.otlp/b.headers.content-type",
                "exporter itself"),
            Case(
                "otlp/b: {endpoint: \"b:1\", compression: snappy}", 2, "exporters.otlp/b.compression",
                "expected one of gzip, zstd, none"),
            Case("otlp/b: {endpoint: \"b:1\", timeout: 1ms}", 2, "exporters.otlp/b.timeout", "or 0 for no limit"),
            Case(
                "otlp/b: {endpoint: \"b:1\", sending_queue: {queue_size: 1000}}", 2,
                "exporters.otlp/b.sending_queue.queue_size",
                "bounded in bytes"),
            Case(
                "otlp/b: {endpoint: \"b:1\", retry_on_failure: {multiplier: 0.5}}", 2,
                "exporters.otlp/b.retry_on_failure.multiplier",
                "between 1.0 and 100.0"),
            Case(
                "otlp/b: {endpoint: \"b:1\", retry_on_failure: {multiplier: 0x2}}", 2,
                "exporters.otlp/b.retry_on_failure.multiplier",
                "expected a number"),
            Case(
                "otlp/b: {endpoint: \"b:1\", retry_on_failure: {initial_interval: 1m}}", 2,
                "exporters.otlp/b.retry_on_failure.initial_interval", "longer than max_interval"),
            Case(
                "otlphttp/b: {endpoint: \"http://localhost:4318\"}", 2, "exporters.otlp_http/b.endpoint", "own receiver"
            ),
        ])
    func exporter(_ expected: Case) throws {
        let diagnostics = load("exporters:\n  " + expected.text).diagnostics.filter {
            !$0.message.contains("names nothing")
        }
        #expect(diagnostics.count == 1, "\(diagnostics)")
        let diagnostic = try #require(diagnostics.first)
        #expect(diagnostic.severity == .error && diagnostic.line == expected.line && diagnostic.path == expected.path)
        #expect(diagnostic.message.contains(expected.message), "\(diagnostic)")
        #expect(!diagnostic.description.contains("secret"))
    }

    @Test("all mistakes come at once: the file's by line, then the environment's and the flags'")
    func together() {
        let text = """
            journal:
              directry: /x
              durability: never
            exporters:
              otlp/a: {endpoint: "a:1", timeout: soon}
            api: {endpoint: 127.0.0.1:4317}
            correlation: {hold: 1x, late: {}}
            """
        let diagnostics = load(
            text,
            [
                "SPANBRIDGE_LOG_LEVEL": "loud", "SPANBRIDGE_JOURNAL_DIRECTRY": "x",
                "SPANBRIDGE_SERVICE_HOST": "10.0.0.1",
            ],
            set: [("threads.event_loops", "x"), ("a..b", "1"), ("log.levle", "info")]
        ).diagnostics
        #expect(diagnostics.map(\.line) == [2, 3, 5, 6, 7, 7, nil, nil, nil, nil, nil])
        let texts = diagnostics.map(\.description)
        #expect(
            texts.first == "spanbridge.yaml:2:3: error: journal.directry: unknown key; did you mean \"directory\"? "
                + "Allowed here: directory, durability, queue_size, retention, segment_size")
        #expect(texts.contains { $0.hasPrefix("environment SPANBRIDGE_LOG_LEVEL: error: log.level: expected one of") })
        #expect(
            texts.contains {
                $0.hasPrefix(
                    "environment SPANBRIDGE_JOURNAL_DIRECTRY: warning: sets nothing that is known; did you mean SPANBRIDGE_JOURNAL_DIRECTORY"
                )
            })
        #expect(
            texts.contains {
                $0.hasPrefix("--set threads.event_loops: error: threads.event_loops: expected a whole number")
            })
        #expect(texts.contains { $0.hasPrefix("--set a..b: error: expected --set PATH=VALUE") })
        #expect(
            texts.contains { $0.hasPrefix("--set log.levle: error: log.levle: unknown key; did you mean \"level\"") })
    }

    @Test("what is wrong keeps its default, so that the rest can be checked")
    func defaultsStay() {
        let (configuration, diagnostics) = load(anExporter + "journal: {segment_size: huge, directory: /x}")
        #expect(diagnostics.count == 1)
        #expect(configuration.journal.segmentSize == 128 << 20 && configuration.journal.directory == "/x")
    }
}
