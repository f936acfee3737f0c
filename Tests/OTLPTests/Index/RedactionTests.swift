import OTLP
import Testing

@Suite struct RedactionTests {
    private func masked(_ value: AttributeValue, name: String = "http.target") throws -> String {
        let payload = request([TestSpan(attributes: [(name, value)])])
        let index = try SpanIndex(payload: payload)
        for (a, b) in zip(index.redactions, index.redactions.dropFirst()) { #expect(a.end <= b.start) }
        for range in index.redactions { #expect(!range.isEmpty && Int(range.end) <= payload.count) }
        let detail = try SpanDetail(payload: payload, index: index, span: 0)
        guard case .string(let text)? = detail.attributes.first?.value else { return "\(detail.attributes)" }
        return text
    }

    @Test(
        "Webhook keys and secret parameters are masked, all else stays",
        arguments: [
            ("/api/v1/main/executions/webhook/a.b/flow/KEY", "/api/v1/main/executions/webhook/a.b/flow/***"),
            ("/api/v1/executions/webhook/a.b/flow/KEY/more/path", "/api/v1/executions/webhook/a.b/flow/***/more/path"),
            (
                "/api/v1/main/executions/webhook/a.b/flow/KEY?ce-id=1",
                "/api/v1/main/executions/webhook/a.b/flow/***?ce-id=1"
            ),
            ("/api/v1/main/executions/webhook/a.b/flow", "/api/v1/main/executions/webhook/a.b/flow"),
            ("/api/v1/main/executions/webhook/a.b/flow/", "/api/v1/main/executions/webhook/a.b/flow/"),
            ("/api/v1/main/executions/webhook/", "/api/v1/main/executions/webhook/"),
            (
                "http://h:1/kestra/api/v1/main/executions/webhook/a/b/k=v?token=x",
                "http://h:1/kestra/api/v1/main/executions/webhook/a/b/***?token=*"
            ),
            ("key=abc?def&x=1", "key=*******&x=1"), ("?Token=abc&API_KEY=d#f", "?Token=***&API_KEY=*#f"),
            ("monkey=1&keys=2&key=&password=p=q", "monkey=1&keys=2&key=&password=***"),
            ("secret", "secret"), ("", ""), ("=", "="), ("key=", "key="), ("&&=&key=a&", "&&=&key=*&"),
            ("key=/executions/webhook/a/b/c", "key=*************************"),
            ("access_token=a&client_secret=b", "access_token=*&client_secret=b"),
        ])
    func values(_ value: String, _ expected: String) throws {
        #expect(try masked(.string(value)) == expected)
        #expect(try masked(.string(value), name: "http.route") == value)
    }

    @Test("Strings in an array are masked one by one")
    func arrays() throws {
        let found = try masked(.array([.string("key=a"), .int(1), .string("token=b")]))
        #expect(found.contains("key=*") && found.contains("token=*"))
    }

    @Test("Random values never trap and never overlap")
    func random() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        let parts = ["/executions/webhook/", "key=", "token", "=", "&", "?", "#", "/", "a", "b", "secret="]
        for _ in 0..<500 {
            let value = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                parts.randomElement(using: &random) ?? ""
            }
            let text = try masked(.string(value.joined()))
            #expect(text.utf8.count == value.joined().utf8.count, "seed \(seed)")
        }
    }
}
