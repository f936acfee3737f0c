import Configuration
import Testing

@Suite struct ForwardingConfigurationTests {
    private func forward(_ lines: String) -> (configuration: Configuration, diagnostics: [Diagnostic]) {
        load(anExporter + "cloudevents:\n  forward_to:\n    " + lines)
    }

    private static let url = "http://kestra:8080/api/v1/main/executions/webhook/acme/sync/s3cr3t"

    @Test("nothing is forwarded unless it is told")
    func off() {
        #expect(load(anExporter).configuration.cloudEvents.forwardTo == nil)
        #expect(load(anExporter + "cloudevents: {}").diagnostics.isEmpty)
    }

    @Test("one endpoint takes every type, after the routes")
    func routes() throws {
        let (configuration, diagnostics) = forward(
            """
            {endpoint: "\(Self.url)?a=b", timeout: 5s, headers: {Authorization: x}, sending_queue: {size: 4MiB},
              retry_on_failure: {max_elapsed_time: 1h},
              routes: [{types: [a.b, "c.*"], name: one, endpoint: "https://other/x"}]}
            """)
        #expect(diagnostics.isEmpty)
        let settings = try #require(configuration.cloudEvents.forwardTo)
        #expect(settings.routes.map(\.name) == ["one", "default"])
        #expect(settings.routes[1].endpoint?.target == "/api/v1/main/executions/webhook/acme/sync/s3cr3t?a=b")
        #expect(settings.routes[1].endpoint?.server.port == 8080 && settings.routes[0].endpoint?.server.port == 443)
        #expect(settings.usesTLS && settings.timeout == 5_000_000_000 && settings.sendingQueue.size == 4 << 20)
        #expect(settings.headers == [.init(name: "authorization", value: "x")])
        for (type, takes) in [("a.b", true), ("a.b.c", false), ("c.", true), ("c.d.e", true), ("c", false)] {
            #expect(settings.routes[0].takes(type: type) == takes && settings.routes[1].takes(type: type))
        }
        #expect(Configuration.ForwardTo().sendingQueue.size == 16 << 20)
    }

    @Test(
        "mistakes are told without the webhook's key",
        arguments: [
            ("{timeout: 5s}", "cloudevents.forward_to.endpoint", "is missing"),
            ("{endpoint: \"kestra:8080/a/s3cr3t\"}", "cloudevents.forward_to.endpoint", "the whole URL"),
            ("{endpoint: \"http://kestra:8080\"}", "cloudevents.forward_to.endpoint", "no path"),
            ("{endpoint: \"ftp://kestra/s3cr3t\"}", "cloudevents.forward_to.endpoint", "no scheme"),
            ("{endpoint: \"http://kestra/s3cr3t/{key}\"}", "cloudevents.forward_to.endpoint", "placeholder"),
            ("{endpoint: \"http://kestra/s3cr3t x\"}", "cloudevents.forward_to.endpoint", "percent-encoded"),
            ("{endpoint: \"http://kestra/s3cr3t#x\"}", "cloudevents.forward_to.endpoint", "fragment"),
            ("{endpoint: \"http://u:s3cr3t@kestra/x\"}", "cloudevents.forward_to.endpoint", "user name or password"),
            ("{endpoint: \"http://kestra:99999/s3cr3t\"}", "cloudevents.forward_to.endpoint", "no port"),
            ("{endpoint: \"http://127.0.0.1:4320/s3cr3t\"}", "cloudevents.forward_to.endpoint", "this relay itself"),
            ("{routes: [{types: [a]}]}", "cloudevents.forward_to.routes[0].endpoint", "is missing"),
            ("{routes: [{endpoint: \"http://k/s3cr3t\"}]}", "cloudevents.forward_to.routes[0].types", "names nothing"),
            (
                "{routes: [{types: [\"a*b\"], endpoint: \"http://k/s3cr3t\"}]}", "cloudevents.forward_to.routes[0].types",
                "not its last character"
            ),
            (
                "{routes: [{types: [a], endpoint: \"http://k/s3cr3t\", name: \"a/b\"}]}",
                "cloudevents.forward_to.routes[0].name", "letters, digits"
            ),
            ("{routes: [{types: [a], endpont: x}]}", "cloudevents.forward_to.routes[0].endpont", "did you mean"),
            ("{routes: {}}", "cloudevents.forward_to.routes", "expected a list"),
            (
                "{endpoint: \"http://k/s3cr3t\", headers: {Content-Type: x}}",
                "cloudevents.forward_to.headers.content-type", "remove it"
            ),
        ])
    func mistakes(text: String, path: String, message: String) {
        let found = forward(text).diagnostics
        #expect(found.contains { $0.path == path && $0.message.contains(message) }, "\(found)")
        #expect(!found.contains { "\($0)".contains("s3cr3t") })
    }
}
