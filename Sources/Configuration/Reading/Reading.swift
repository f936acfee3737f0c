/// What one run through the configuration has found: shared by all of its sections.
final class Reading {
    let file: String?
    let environment: [String: String]
    private(set) var diagnostics: [Diagnostic] = []
    /// Every key that was asked for, in the order of asking.
    private(set) var keys: [ConfigurationKey] = []
    /// Where each value that was given stands, by path.
    private var origins: [String: Origin] = [:]

    init(file: String?, environment: [String: String]) {
        self.file = file
        self.environment = environment
    }

    func complain(_ severity: Diagnostic.Severity = .error, at origin: Origin, path: String, _ message: String) {
        diagnostics.append(
            Diagnostic(severity: severity, file: file, origin: origin, path: path, message: message))
    }

    /// How many errors were told so far.
    var errorCount: Int { diagnostics.count { $0.severity == .error } }

    func note(_ key: ConfigurationKey) {
        keys.append(key)
    }

    func note(_ origin: Origin, of path: String) {
        origins[path] = origin
    }

    /// Where the value at a path was given; `.builtIn` if the default holds.
    func origin(of path: String) -> Origin {
        origins[path] ?? .builtIn
    }

    /// The value of an environment variable; empty counts as unset.
    func variable(_ name: String) -> String? {
        environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}
