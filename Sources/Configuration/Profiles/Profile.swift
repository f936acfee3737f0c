/// What the relay knows of one system without being told, written as a user would write it.
package struct Profile: Sendable {
    package var name: String
    /// A configuration file's text.
    package var text: String

    /// In the order in which their systems are looked at.
    package static let all = [portarium, kestra]

    /// The systems of all profiles.
    package static var origins: [Configuration.OriginRule] { builtIn.origins.rules }
    /// The keys of all profiles. Keys of the user's come on top: what they say about an attribute replaces this.
    package static var keys: [Configuration.SharedKey] { builtIn.keys }

    /// All profiles as one text, for `check-config --print-profiles`.
    package static var allText: String { all.map(\.text).joined(separator: "\n") }

    /// What this profile says, read as a file is, with what does not fit.
    func read() -> (Configuration.Correlation, [Diagnostic]) {
        let reading = Reading(file: "\(name).yaml", environment: [:])
        let document = YAMLDocument.parse(Array(text.utf8), limits: .defaults)
        for (origin, message) in document.mistakes { reading.complain(at: origin, path: "", message) }
        let root = Section(path: "", node: document.root, reading: reading)
        // The default systems are made of this, so they cannot be where it begins.
        var correlation = Configuration.Correlation(origins: Configuration.Origins(rules: []))
        root.section("correlation", &correlation)
        root.finish()
        return (correlation, reading.diagnostics)
    }

    private static let builtIn: Configuration.Correlation = {
        var all = Configuration.Correlation(origins: Configuration.Origins(rules: []))
        for profile in Self.all {
            let (own, _) = profile.read()
            all.origins.rules += own.origins.rules
            all.keys += own.keys
        }
        return all
    }()
}
