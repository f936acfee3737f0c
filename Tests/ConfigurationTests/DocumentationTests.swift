import Testing

@testable import Configuration

@Suite struct DocumentationTests {
    private var documentation: String {
        get throws {
            let path = #filePath.split(separator: "/").dropLast().joined(separator: "/")
            return String(decoding: try ConfigurationFile.read("/\(path)/../../docs/configuration.md"), as: UTF8.self)
        }
    }

    @Test("the documentation has every key, with its variable and its default, and no others")
    func keys() throws {
        let rows = try documentation.split(separator: "\n").filter {
            $0.hasPrefix("| `") && $0.contains("<br>`SPANBRIDGE_")
        }
        let keys = Configuration.schema.filter { !$0.path.hasPrefix("exporters.otlp/") }
        for key in keys {
            let start =
                "| `\(key.path)`<br>`\(key.environmentName)` | \(key.defaultText.isEmpty ? "none" : "`\(key.defaultText)`") |"
            #expect(rows.contains { $0.hasPrefix(start) }, "\(start)")
        }
        #expect(rows.count == keys.count)
        #expect(Set(keys.map(\.environmentName)).count == keys.count)
    }

    @Test("the schema's gRPC exporter has the HTTP exporter's keys, but no endpoints for signals")
    func exporterKeys() {
        func names(_ prefix: String) -> Set<String> {
            Set(
                Configuration.schema.map(\.path).filter { $0.hasPrefix(prefix) }.map {
                    String($0.dropFirst(prefix.count))
                })
        }
        #expect(
            names("exporters.otlp_http/NAME.").subtracting(names("exporters.otlp/NAME."))
                == ["traces_endpoint", "metrics_endpoint", "logs_endpoint"])
    }

    @Test("every YAML example of the documentation loads")
    func examples() throws {
        let blocks = try documentation.components(between: "```yaml\n", and: "```")
        #expect(blocks.count >= 3)
        for block in blocks {
            let text = block.contains("exporters:") ? block : anExporter + block
            var environment = ["KESTRA_PASSWORD": "x"]
            for name in ["ACME", "SHARED", "SCRAPER"] { environment["\(name)_TOKEN"] = "\(name)-0123456789-token" }
            #expect(load(text, environment).diagnostics.isEmpty, "\(block)")
        }
        #expect(blocks.first == smallestFile + "\n")
    }

    @Test("the documentation shows the built-in profiles and a row for every kind, role and place")
    func systems() throws {
        let documentation = try documentation
        for profile in Profile.all { #expect(documentation.contains("```yaml\n\(profile.text)```"), "\(profile.name)") }
        let rows = documentation.split(separator: "\n").filter { $0.hasPrefix("| `") }
        for kind in Configuration.SharedKey.Kind.allCases {
            let row = rows.first { $0.split(separator: "|").first?.contains("`\(kind.rawValue)`") ?? false }
            let places =
                kind.scopes.count == Configuration.Place.Scope.allCases.count
                ? "all" : kind.scopes.map(\.rawValue).joined(separator: ", ")
            #expect(row?.hasSuffix("| \(places) |") == true, "\(kind): \(places)")
        }
        for role in Configuration.OriginRule.Role.allCases {
            #expect(rows.contains { $0.hasPrefix("| `\(role.rawValue)` |") })
        }
        for scope in Configuration.Place.Scope.allCases {
            #expect(rows.contains { $0.hasPrefix("| `{\(scope.rawValue): ") })
        }
    }

    @Test("every example file loads without a word, and says what the documentation's steps say")
    func exampleFiles() throws {
        let path = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        let file = String(
            decoding: try ConfigurationFile.read("/\(path)/../../docs/examples/shop-and-celery.yaml"), as: UTF8.self)
        let (example, diagnostics) = load(file)
        #expect(diagnostics.isEmpty, "\(diagnostics)")
        let steps = try #require(
            try documentation.components(between: "```yaml\n", and: "```").first { $0.contains("shop-worker") })
        let taught = load(anExporter + steps).configuration.correlation
        #expect(example.correlation == taught)
        #expect(example.correlation.keys.map(\.kind) == [.business, .context, .taskRun])
    }

    @Test("the documentation lists every exit code")
    func exitCodes() throws {
        for code in ExitCode.allCases { #expect(try documentation.contains("\n| \(code.rawValue) |")) }
    }
}

extension String {
    fileprivate func components(between start: String, and end: String) -> [String] {
        var found: [String] = []
        var rest = Substring(self)
        while let opening = rest.firstRange(of: start) {
            rest = rest[opening.upperBound...]
            guard let closing = rest.firstRange(of: end) else { break }
            found.append(String(rest[..<closing.lowerBound]))
            rest = rest[closing.upperBound...]
        }
        return found
    }
}
