extension Configuration {
    /// One `--set PATH=VALUE`.
    package struct Override: Sendable, Hashable {
        /// Such as `journal.directory`; names with dots stand in double quotes.
        package var path: String
        /// As in the file; lists also as `a,b` and mappings as `a=b,c=d`.
        package var value: String

        package init(path: String, value: String) {
            self.path = path
            self.value = value
        }
    }

    /// Reads the settings from a file's text, the environment and flags, and reports every mistake in them.
    ///
    /// A flag beats the environment, the environment beats the file, the file beats the default. Where a value is
    /// wrong its default stands in the result, so that the rest can be checked; a result with errors is not to be used.
    ///
    /// - Parameters:
    ///   - text: the file's bytes, YAML in UTF-8 or UTF-16; nil runs without a file.
    ///   - path: the file's name, for messages.
    ///   - environment: all variables of the process.
    ///   - overrides: from `--set`; of two for the same path the later wins.
    /// - Returns: the settings, and the mistakes: those of the file by line, then the others.
    package static func load(
        _ text: [UInt8]?, path: String?, environment: [String: String], overrides: [Override]
    ) -> (Configuration, [Diagnostic]) {
        let reading = Reading(file: path, environment: environment)
        var configuration = Configuration()
        let document = YAMLDocument.parse(text ?? [], limits: .defaults)
        for (origin, message) in document.mistakes { reading.complain(at: origin, path: "", message) }
        // Behind a syntax error nothing is known, and guessing would report keys as missing that are not.
        guard !document.isBroken else { return (configuration, reading.diagnostics) }

        var root = document.root ?? YAMLNode(.mapping([]), origin: .builtIn)
        if root.isNull { root = YAMLNode(.mapping([]), origin: .builtIn) }
        apply(overrides, to: &root, reading)
        let section = Section(path: "", node: root, reading: reading)
        configuration.read(section)
        section.finish()
        configuration.proxies.read(reading)
        configuration.addExporterOfEnvironment(reading)
        configuration.checkTogether(reading)
        checkVariables(reading)
        return (configuration, sorted(reading.diagnostics))
    }

    /// Every key that can be set, in reading order. Exporters, systems and keys of the user's are called `NAME`.
    package static let schema: [ConfigurationKey] = {
        let specimen =
            "{exporters: {otlp_http/NAME: {}, otlp/NAME: {}}, correlation: {origins: {NAME: {}}, keys: {NAME: {}}}}"
        let reading = Reading(file: nil, environment: [:])
        let root = YAMLDocument.parse(Array(specimen.utf8), limits: .defaults).root
        var configuration = Configuration()
        configuration.read(Section(path: "", node: root, reading: reading))
        return reading.keys
    }()

    private static func apply(_ overrides: [Override], to root: inout YAMLNode, _ reading: Reading) {
        for override in overrides {
            let (path, value) = (override.path, override.value)
            guard let names = segments(ofPath: path), names.count <= YAMLLimits.defaults.depth else {
                reading.complain(
                    at: .flag(path), path: "", "expected --set PATH=VALUE with a path such as journal.directory")
                continue
            }
            let node = YAMLNode(.scalar(value, isPlain: true), origin: .flag(path))
            // An empty value would read as "not given".
            root.set(names[...], to: value.isEmpty ? YAMLNode(.scalar("", isPlain: false), origin: .flag(path)) : node)
        }
    }

    /// Splits `a.b."c.d"` at its dots; nil if a part is empty or a quote stays open.
    static func segments(ofPath path: String) -> [String]? {
        var segments: [String] = []
        var current = ""
        var isQuoted = false
        for character in path {
            switch character {
            case "\"": isQuoted.toggle()
            case "." where !isQuoted:
                segments.append(current)
                current = ""
            default: current.append(character)
            }
        }
        segments.append(current)
        return isQuoted || segments.contains("") ? nil : segments
    }

    /// Variables that begin like ours and set nothing. Only a warning: Kubernetes makes some for a service's name.
    private static func checkVariables(_ reading: Reading) {
        let names = reading.environment.keys.filter { $0.hasPrefix("SPANBRIDGE_") }.sorted()
        guard !names.isEmpty else { return }
        let known = reading.keys.map(\.environmentName) + ["SPANBRIDGE_CONFIG", "SPANBRIDGE_API", "SPANBRIDGE_API_TOKEN", "SPANBRIDGE_SEED"]
        let isKnown = Set(known)
        for name in names where !isKnown.contains(name) {
            let isOfKubernetes = name.hasSuffix("_SERVICE_HOST") || name.contains("_PORT")
            guard !isOfKubernetes else { continue }
            let near = suggestion(for: name, among: known).map { "; did you mean \($0)?" } ?? ""
            reading.complain(.warning, at: .environment(name), path: "", "sets nothing that is known\(near)")
        }
    }

    private static func sorted(_ diagnostics: [Diagnostic]) -> [Diagnostic] {
        diagnostics.enumerated().sorted { a, b in
            let places = [a, b].map { ($0.element.line ?? .max, $0.element.column ?? .max, $0.offset) }
            return places[0] < places[1]
        }.map(\.element)
    }
}
