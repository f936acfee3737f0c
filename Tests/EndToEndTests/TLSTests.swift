import FoundationEssentials
import Glibc
import OTLP
import Testing
import Transport

/// The relay with TLS at every port and towards its backend.
@Suite("TLS of the running relay", .serialized)
final class TLSTests {
    private let directory: String
    private var process: pid_t = 0

    init() throws {
        directory = FileManager.default.temporaryDirectory.path + "/spanbridge-tls-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for name in ["one", "two"] { try Certificate.make(name, in: directory) }
    }

    deinit {
        if process > 0 {
            kill(process, SIGKILL)
            waitpid(process, nil, 0)
        }
        try? FileManager.default.removeItem(atPath: directory)
    }

    private var log: String { (try? String(contentsOfFile: "\(directory)/log", encoding: .utf8)) ?? "" }

    private func wait(_ process: pid_t) -> Int32 {
        var status: Int32 = 0
        waitpid(process, &status, 0)
        return status >> 8 & 0xFF
    }

    private func put(_ name: String) throws {
        for kind in ["pem", "key"] {
            let bytes = try Data(contentsOf: URL(filePath: "\(directory)/\(name).\(kind)"))
            try bytes.write(to: URL(filePath: "\(directory)/live.\(kind)"), options: .atomic)
        }
    }

    private func context(trusts name: String, shows certificate: String? = nil) throws -> TLSContext {
        var files = TLSContext.ClientFiles()
        files.authorities = "\(directory)/\(name).pem"
        files.certificate = certificate.map { "\(directory)/\($0).pem" }
        files.key = certificate.map { "\(directory)/\($0).key" }
        return try .client(files)
    }

    private func serve(_ configuration: String) throws {
        try configuration.write(toFile: "\(directory)/config.yaml", atomically: true, encoding: .utf8)
        process = try spawn(
            BridgeProcess.binary, ["serve", "--config", "\(directory)/config.yaml"], output: "\(directory)/log")
    }

    private func port(_ listener: String) -> Int {
        let line = log.split(separator: "\n").first { $0.hasPrefix("\(listener) ") }
        return line?.split(separator: ":").last.flatMap { Int($0) } ?? 0
    }

    @Test("telemetry comes in and goes out over TLS, strangers are refused, renewed certificates are picked up")
    func everywhere() throws {
        try put("one")
        let sink = try RecordingSink(
            tls: .server(
                TLSContext.ServerFiles(
                    certificate: "\(directory)/two.pem", key: "\(directory)/two.key",
                    clientAuthorities: "\(directory)/one.pem")))
        defer { sink.stop() }
        let files = "cert_file: \"\(directory)/live.pem\", key_file: \"\(directory)/live.key\""
        try serve(
            """
            receivers:
              otlp:
                protocols:
                  grpc: {endpoint: "127.0.0.1:0", tls: {\(files), client_ca_file: "\(directory)/two.pem"}}
                  http: {endpoint: "127.0.0.1:0", tls: {\(files)}}
            exporters:
              otlp_http/backend:
                endpoint: "https://localhost:\(sink.port)"
                tls: {ca_file: "\(directory)/two.pem", cert_file: "\(directory)/one.pem", key_file: "\(directory)/one.key"}
            journal: {directory: "\(directory)/journal"}
            correlation: {hold: 300ms, execution_span: {quiet: 300ms}}
            api: {endpoint: "127.0.0.1:0", tls: {\(files)}}
            """)
        try waitUntil("the relay listens", seconds: 60) { port("api") > 0 }
        let (anybody, known) = (
            try TestClient(tls: context(trusts: "one")), try TestClient(tls: context(trusts: "one", shows: "two"))
        )
        let plain = try TestClient()
        defer { for client in [anybody, known, plain] { client.stop() } }
        let capture = try Capture("kestra/1.3.31/s13-burst-100")
        for item in capture.items {
            if item.transport == "grpc" {
                #expect(try known.grpc(port("grpc"), item.signal, item.body, gzip: item.isGzipped).code == 0)
            } else {
                let path = item.signal.exportPath
                let answer = try anybody.http(port("http"), "POST", path, item.body, type: "application/x-protobuf")
                #expect(answer.status == 200)
            }
        }
        let judge = try Judge(capture, evidence: .none)
        try waitUntil("the backend has everything", seconds: 30) { try judge.isComplete(sink.all) }
        #expect(throws: ClientError.self) { try anybody.grpc(port("grpc"), .traces, [], gzip: false) }
        for listener in ["grpc", "http", "api"] {
            #expect(throws: ClientError.self) { try plain.http(port(listener), "GET", "/healthz") }
        }
        let metrics = String(decoding: try anybody.http(port("api"), "GET", "/metrics").body, as: UTF8.self)
        #expect(metrics.contains("spanbridge_tls_failures_total{listeners=\"receivers\"}"), "\(metrics)")

        let status = try spawn(
            BridgeProcess.binary, ["events", "--api", "https://localhost:\(port("api"))"],
            output: "\(directory)/events", environment: ["SSL_CERT_FILE": "\(directory)/one.pem"])
        #expect(wait(status) == 0)
        let refused = try spawn(
            BridgeProcess.binary, ["events", "--api", "https://localhost:\(port("api"))"], output: "\(directory)/events")
        #expect(wait(refused) != 0)

        try put("two")
        try waitUntil("the new certificate is shown", seconds: 20) {
            let client = try TestClient(tls: context(trusts: "two"))
            defer { client.stop() }
            return (try? client.http(port("api"), "GET", "/healthz").status) == 200
        }
        // Connections from before go on.
        #expect(try anybody.http(port("api"), "GET", "/healthz").status == 200)
        kill(process, SIGTERM)
        #expect(wait(process) == 0, "\(log)")
        process = 0
    }

    @Test("a certificate that cannot be used ends the start with its key and file")
    func mistakes() throws {
        for (settings, words) in [
            ("api: {tls: {cert_file: /no/such.pem, key_file: /no/such.key}}", ["api.tls.cert_file", "/no/such.pem"]),
            (
                "api: {tls: {cert_file: \"\(directory)/one.pem\", key_file: \"\(directory)/two.key\"}}",
                ["api.tls.key_file", "two.key", "does not belong"]
            ),
            (
                "exporters: {otlp/b: {endpoint: \"b:1\", tls: {ca_file: \"\(directory)/one.key\"}}}",
                ["exporters.otlp/b.tls.ca_file", "one.key", "no PEM certificates"]
            ),
        ] {
            try? FileManager.default.removeItem(atPath: "\(directory)/log")
            try serve("journal: {directory: \"\(directory)/journal\"}\n\(settings)")
            #expect(wait(process) == 1)
            process = 0
            for word in words { #expect(log.contains(word), "\(log)") }
        }
    }

    @Test("the Kestra API is asked over TLS with a bearer token, again if its index lags behind, and not if it is a stranger")
    func kestra() throws {
        let capture = try Capture("kestra/1.3.31/s14-errors")
        let context = try TLSContext.server(
            TLSContext.ServerFiles(certificate: "\(directory)/one.pem", key: "\(directory)/one.key", clientAuthorities: nil))
        for isTrusted in [true, false] {
            let sink = try RecordingSink()
            defer { sink.stop() }
            let kestra = try KestraStandIn(capture.records, misses: 1, authorization: "Bearer t0ken", tls: context)
            defer { kestra.stop() }
            let bridge = try BridgeProcess(
                sinkPort: sink.port, hold: "1s", quiet: "300ms",
                extra: kestra.configuration(
                    credentials: "bearer_token: t0ken",
                    ", tls: {ca_file: \"\(directory)/\(isTrusted ? "one" : "two").pem\"}, backoff: [50ms, 100ms], rate: 1000"))
            for item in capture.items { try bridge.send(item) }
            func metrics() throws -> String {
                try bridge.metrics
            }
            let prefix = "spanbridge_kestra_api_answers_total{outcome=\"\(isTrusted ? "found" : "unavailable")\"} "
            try waitUntil("the outcome of asking shows", seconds: 20) {
                let line = try metrics().split(separator: "\n").first { $0.hasPrefix(prefix) }
                let count = line.flatMap { Int($0.dropFirst(prefix.count)) } ?? 0
                return count >= (isTrusted ? capture.executions.count : 1)
            }
            #expect(kestra.most == (isTrusted ? 2 : 0))
            #expect(bridge.log.contains("Asking the Kestra API failed") != isTrusted && !bridge.log.contains("t0ken"))
        }
    }

    @Test("events are forwarded over TLS with the client certificate that is asked for, and to no stranger")
    func forwarding() throws {
        let context = try TLSContext.server(
            TLSContext.ServerFiles(
                certificate: "\(directory)/one.pem", key: "\(directory)/one.key", clientAuthorities: "\(directory)/two.pem"))
        for isTrusted in [true, false] {
            let sink = try RecordingSink()
            defer { sink.stop() }
            let kestra = try WebhookStandIn(tls: context) { _, number in WebhookStandIn.started("exec-\(number)") }
            defer { kestra.stop() }
            let files = """
                , tls: {ca_file: "\(directory)/\(isTrusted ? "one" : "two").pem", cert_file: "\(directory)/two.pem", key_file: "\(directory)/two.key"}
                """
            let bridge = try BridgeProcess(
                sinkPort: sink.port, extra: WebhookStandIn.configuration(port: kestra.port, scheme: "https", more: files))
            let event = #"{"specversion": "1.0", "id": "evt-1", "source": "portarium", "type": "t"}"#
            let answer = try bridge.http(
                "POST", "/v1/cloudevents", Array(event.utf8), type: "application/cloudevents+json")
            #expect(answer.status == 202)
            try waitUntil("it is delivered, or the failure is told", seconds: 20) {
                isTrusted ? kestra.calls.map(\.event) == ["evt-1"] : bridge.log.contains("certificate")
            }
            #expect(isTrusted || kestra.calls.isEmpty)
            bridge.killHard()
        }
    }
}
