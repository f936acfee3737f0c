import Configuration
import Testing

@Suite struct ProxyTests {
    @Test("a proxy is read with and without scheme, port and credentials")
    func values() throws {
        let full = try ProxyEndpoint.parse("HTTP://me:p%40ss%3a%25@proxy.example:3128/")
        #expect(full.host == "proxy.example" && full.port == 3128)
        #expect(full.credentials == ProxyEndpoint.Credentials(username: "me", password: "p@ss:%"))
        #expect(!full.description.contains("p@ss") && full.description == "http://proxy.example:3128")
        let least = try ProxyEndpoint.parse("[::1]")
        #expect(least.host == "::1" && least.port == 80 && least.credentials == nil)
        #expect(try ProxyEndpoint.parse("me@p:1").credentials == ProxyEndpoint.Credentials(username: "me", password: ""))
    }

    @Test(
        "what is no proxy is refused, and a password is never shown",
        arguments: [
            "socks5://hunter2@p:1", "https://a:hunter2@p:1", "http://a:hunter2%zz@p", "http://a:hunter2@", "http://:1",
            "http://a:hunter2@p:99999999", "http://p/path", "http://a%3Ab:hunter2@p",
        ])
    func mistakes(text: String) {
        let error = #expect(throws: Mistake.self) { try ProxyEndpoint.parse(text) }
        #expect(error?.message.contains("hunter2") == false)
    }

    @Test("the variables are read in capitals and in small letters; what cannot be read is warned about")
    func environment() {
        let (configuration, diagnostics) = load(
            anExporter,
            ["HTTP_PROXY": "", "http_proxy": "low:1", "HTTPS_PROXY": "up:2", "https_proxy": "low:2", "no_proxy": "a, b,,.c"])
        #expect(diagnostics.isEmpty)
        #expect(configuration.proxies.http?.host == "low" && configuration.proxies.https?.host == "up")
        #expect(configuration.proxies.exempt == ["a", "b", ".c"])
        let (ignoring, warnings) = load(anExporter, ["HTTPS_PROXY": "socks5://a:hunter2@p:1"])
        #expect(ignoring.proxies.https == nil)
        #expect(warnings.count == 1 && warnings[0].severity == .warning)
        #expect(warnings[0].description.contains("HTTPS_PROXY") && !warnings[0].description.contains("hunter2"))
    }

    @Test("proxy_url is a key of everything that sends")
    func keys() {
        let (configuration, diagnostics) = load(
            """
            exporters: {otlp/b: {endpoint: "b:4317", proxy_url: "http://u:x@one:1"}}
            enrichment: {kestra_api: {endpoint: "http://k:1", proxy_url: "two:2"}}
            cloudevents: {forward_to: {endpoint: "http://k:1/hook", proxy_url: "three:3"}}
            """)
        #expect(diagnostics.isEmpty, "\(diagnostics)")
        #expect(configuration.exporters.first?.proxyURL?.credentials?.password == "x")
        #expect(configuration.enrichment.kestraAPI?.proxyURL?.host == "two")
        #expect(configuration.cloudEvents.forwardTo?.proxyURL?.host == "three")
        let (_, mistakes) = load("exporters: {otlp/b: {endpoint: \"b:4317\", proxy_url: \"ftp://u:hunter2@one:1\"}}")
        #expect(mistakes.count == 1 && mistakes[0].path == "exporters.otlp/b.proxy_url")
        #expect(mistakes.allSatisfy { !$0.description.contains("hunter2") })
    }
}
