// The settings of the relay: what a user writes, as values. YAML, the environment and flags are read in `Reading`, each
// type reads its own keys, and `Configuration.load` puts the layers together and reports every mistake at once.
// This target knows neither sockets nor the journal; whoever builds the relay translates these values.

/// Everything that can be set. `Configuration()` holds the defaults.
package struct Configuration: Sendable, Hashable {
    package var receivers = Receivers()
    package var memory = Memory()
    /// In the order of the file.
    package var exporters: [Exporter] = []
    package var journal = Journal()
    package var correlation = Correlation()
    package var redaction = Redaction()
    package var enrichment = Enrichment()
    package var cloudEvents = CloudEvents()
    package var api = API()
    package var log = Log()
    package var threads = Threads()
    /// From the environment only.
    package var proxies = Proxies()

    package init() {}
}

extension Configuration: SettingsSection {
    mutating func read(_ section: Section) {
        section.section("receivers", &receivers)
        section.section("memory", &memory)
        readExporters(section)
        section.section("journal", &journal)
        section.section("correlation", &correlation)
        section.section("redaction", &redaction)
        section.section("enrichment", &enrichment)
        section.section("cloudevents", &cloudEvents)
        section.section("api", &api)
        section.section("log", &log)
        section.section("threads", &threads)
    }

    private mutating func readExporters(_ section: Section) {
        let map = section.child("exporters")
        var firstUse: [String: String] = [:]
        for (written, origin) in map.names {
            let child = map.child(written)
            let type = String(written.prefix { $0 != "/" })
            let own = written.dropFirst(type.count)
            guard let kind = exporterKinds[type] else {
                let near =
                    suggestion(for: type, among: exporterKinds.keys.sorted()).map { "; did you mean \($0)\(own)?" }
                    ?? ""
                section.reading.complain(
                    at: origin, path: child.path, "is no exporter: use otlp/NAME (gRPC) or otlp_http/NAME\(near)")
                continue
            }
            guard own != "/",
                own.dropFirst().utf8.allSatisfy({ isHeaderName(Character(UnicodeScalar($0)).lowercased()) })
            else {
                section.reading.complain(
                    at: origin, path: child.path, "needs a name of letters, digits, - or _ after the slash")
                continue
            }
            var exporter = Exporter(name: kind.rawValue + own, kind: kind)
            exporter.read(child)
            child.finish()
            // Later checks know the exporter by its own name, whatever alias the user wrote.
            section.reading.note(
                section.reading.origin(of: child.path(of: "endpoint")), of: "exporters.\(exporter.name).endpoint")
            if let other = firstUse.updateValue(written, forKey: exporter.name) {
                section.reading.complain(
                    at: origin, path: child.path, "is the same exporter as \(other) by another name")
            } else {
                exporters.append(exporter)
            }
        }
        map.finish()
    }
}

/// The collector's exporter types and their older and newer names.
private let exporterKinds: [String: Configuration.Exporter.Kind] = [
    "otlp": .grpc, "otlp_grpc": .grpc, "otlp_http": .http, "otlphttp": .http,
]
