import FoundationEssentials
import Glibc
import OTLP
import Testing
import Transport

/// tinyproxy between the relay and its backends.
@Suite("HTTP proxies in front of the running relay", .serialized)
struct ProxyTests {
    @Test("plain HTTP, HTTPS and gRPC go through a proxy that wants a password, and wait while it refuses")
    func through() throws {
        let certificate = try Certificate()
        let (plain, secured, behind) = (
            try RecordingSink(), try RecordingSink(tls: .server(certificate.files)), try RecordingSink()
        )
        defer { for sink in [plain, secured, behind] { sink.stop() } }
        let backend = try BridgeProcess(sinkPort: behind.port)
        let port = try freePort()
        let directory = backend.directory.path
        // Tunnels to one port only, so that this one is refused.
        let refused = try RecordingSink()
        defer { refused.stop() }
        try """
            Port \(port)
            Listen 127.0.0.1
            Timeout 60
            MaxClients 50
            BasicAuth relay pass_word
            ConnectPort \(secured.port)
            ConnectPort \(backend.grpcPort)
            LogLevel Connect
            """.write(toFile: "\(directory)/proxy.conf", atomically: true, encoding: .utf8)
        let proxy = try spawn("tinyproxy", ["-d", "-c", "\(directory)/proxy.conf"], output: "\(directory)/proxy.log")
        defer {
            kill(proxy, SIGKILL)
            waitpid(proxy, nil, 0)
        }
        let route = "proxy_url: \"http://relay:pass%5Fword@127.0.0.1:\(port)\""
        let retry = "retry_on_failure: {initial_interval: 100ms, max_interval: 500ms}"
        let bridge = try BridgeProcess(
            sinkPort: plain.port,
            exporters: """
                  otlp_http/plain: {endpoint: "http://127.0.0.1:\(plain.port)", \(route), \(retry)}
                  otlp_http/secured: {endpoint: "https://localhost:\(secured.port)", tls: {ca_file: "\(certificate.file)"}, \(route), \(retry)}
                  otlp/behind: {endpoint: "http://127.0.0.1:\(backend.grpcPort)", \(route), \(retry)}
                  otlp_http/refused: {endpoint: "https://localhost:\(refused.port)", \(route), \(retry)}
                  otlp_http/outsider: {endpoint: "http://127.0.0.1:\(plain.port)", proxy_url: "127.0.0.1:\(port)", \(retry)}
                  otlp_http/stranger: {endpoint: "https://localhost:\(secured.port)", proxy_url: "127.0.0.1:\(port)", \(retry)}
                """)
        let capture = try Capture("kestra/1.3.31/s13-burst-100")
        for item in capture.items { try bridge.send(item) }
        let judge = try Judge(capture, evidence: .none)
        for sink in [plain, secured, behind] {
            try waitUntil("a backend has everything", seconds: 40) { try judge.isComplete(sink.all) }
        }
        try waitUntil("the refusals are told", seconds: 20) {
            bridge.log.contains("it answers 403 to CONNECT localhost:\(refused.port)")
                && bridge.log.contains("it answers 407 to CONNECT localhost:\(secured.port)")
                && bridge.log.contains("the proxy answers 407: give proxy_url,")
        }
        #expect(refused.all.isEmpty)
        #expect(!bridge.log.contains("pass_word") && !bridge.log.contains("pass%5Fword"))
        let said = try String(contentsOfFile: "\(directory)/proxy.log", encoding: .utf8)
        #expect(said.contains("POST http://127.0.0.1:\(plain.port)/v1/traces"), "\(said)")
        #expect(said.contains("CONNECT localhost:\(secured.port) ") && said.contains("CONNECT 127.0.0.1:\(backend.grpcPort) "))
        bridge.stop()
        #expect(backend.stop() == 0)
    }
}
