import Configuration
import Testing

@Suite struct AuthenticationTests {
    private func tokens(_ list: String, _ environment: [String: String] = [:]) -> (Configuration, [Diagnostic]) {
        load("\(anExporter)receivers: {otlp: {auth: {tokens: \(list)}}}\napi: {auth: {tokens: \(list)}}", environment)
    }

    @Test("tokens are read with their tenants, variables filled in; without auth there are none")
    func read() throws {
        let (configuration, diagnostics) = tokens(
            "[{token: \"${env:ACME}\", tenant: ws-acme}, {token: 0123456789abcdef}]", ["ACME": "acme-0123456789-token"])
        #expect(diagnostics.isEmpty)
        for auth in [configuration.receivers.otlp.auth, configuration.api.auth] {
            let tokens = try #require(auth).tokens
            #expect(tokens.map(\.token) == ["acme-0123456789-token", "0123456789abcdef"])
            #expect(tokens.map(\.tenant) == ["ws-acme", nil])
        }
        #expect(!"\(configuration)".contains("0123456789"))
        #expect(load(anExporter).configuration.api.auth == nil)
        let variable = load(
            anExporter, ["SPANBRIDGE_API_AUTH_TOKENS": "[{token: 0123456789abcdef, tenant: a}, {token: fedcba9876543210}]"])
        #expect(variable.diagnostics.isEmpty && variable.configuration.api.auth?.tokens.count == 2)
    }

    @Test(
        "what would open a door by mistake is told, and no token is",
        arguments: [
            ("[]", "tokens", "names nobody"), ("", "tokens", "is missing"), ("s3cret-s3cret-s3cret", "tokens", "expected a list"),
            ("[s3cret-s3cret-s3cret]", "tokens[0]", "expected a mapping"),
            ("[{token: s3cret}]", "tokens[0].token", "has 6 bytes, must have 16 to 4096"),
            ("[{token: \"${env:UNSET:-}\"}]", "tokens[0].token", "has 0 bytes"),
            ("[{tenant: a}]", "tokens[0].token", "has 0 bytes"),
            ("[{token: [s3cret-s3cret-s3cret]}]", "tokens[0].token", "expected text"),
            ("[{token: \"s3cret ${s3cret s3cret\"}]", "tokens[0].token", "$$ for a dollar sign"),
            ("[{token: \"s3cret-${s3cret s3cret}-s3cret\"}]", "tokens[0].token", "$$ for a dollar sign"),
            ("[{token: \"s3cret-s3cret s3cret\"}]", "tokens[0].token", "no Authorization header"),
            ("[{token: \"s3cret-s3cret-\\ts3cret\"}]", "tokens[0].token", "control characters"),
            ("[{token: s3cret-s3cret-s3cret-é}]", "tokens[0].token", "no Authorization header"),
            ("[{token: s3cret-s3cret-s3cret, tenant: \"\"}]", "tokens[0].tenant", "has 0 bytes"),
            ("[{token: s3cret-s3cret-s3cret, tenant: }]", "tokens[0].tenant", "has no value"),
            ("[{token: s3cret-s3cret-s3cret, tennant: a}]", "tokens[0].tennant", "did you mean \"tenant\""),
            ("[{token: s3cret-s3cret-s3cret}, {token: s3cret-s3cret-s3cret, tenant: a}]", "tokens[1].token", "entry 1's"),
        ])
    func mistakes(list: String, path: String, message: String) throws {
        let (_, diagnostics) = tokens(list)
        let errors = diagnostics.filter { $0.severity == .error }
        #expect(errors.map(\.path) == ["receivers.otlp.auth.\(path)", "api.auth.\(path)"])
        for error in errors { #expect(error.message.contains(message), "\(error)") }
        #expect(!diagnostics.contains { "\($0)".contains("s3cret") }, "\(diagnostics)")
    }

    @Test("limits: 1,024 tokens, 4,096 bytes, 256 bytes of tenant")
    func limits() throws {
        func list(_ count: Int) -> String {
            "[\((0..<count).map { "{token: token-\($0)-0123456789}" }.joined(separator: ", "))]"
        }
        #expect(tokens(list(1_024)).1.isEmpty)
        #expect(tokens(list(1_025)).1.map(\.message).allSatisfy { $0.contains("1025 entries, at most 1024") })
        func entry(_ token: Int, _ tenant: Int) -> [Diagnostic] {
            tokens("[{token: \(String(repeating: "x", count: token)), tenant: \(String(repeating: "t", count: tenant))}]").1
        }
        #expect(entry(16, 1).isEmpty && entry(4_096, 256).isEmpty)
        #expect(entry(15, 1).count == 2 && entry(4_097, 1).count == 2 && entry(16, 257).count == 2)
    }

    @Test("an auth section without content is a mistake", arguments: ["auth:", "auth: {}", "auth: {tokens: }"])
    func empty(auth: String) {
        let (_, diagnostics) = load("\(anExporter)receivers: {otlp: {\(auth)}}")
        #expect(diagnostics.count == 1 && diagnostics[0].severity == .error)
    }
}
