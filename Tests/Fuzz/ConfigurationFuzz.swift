import Configuration

extension FuzzTarget {
    /// A configuration file.
    static let configuration = FuzzTarget(name: "configuration") { bytes in
        let (_, diagnostics) = Configuration.load(
            bytes, path: "spanbridge.yaml", environment: ["HOME": "/root", "TOKEN": "secret"], overrides: [])
        for diagnostic in diagnostics { require(!diagnostic.description.isEmpty, "a mistake without words") }
    }
}
