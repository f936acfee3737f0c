import OTLP

extension FuzzTarget {
    /// JSON as a tree: what was read is written so that it is read as the same.
    static let jsonValue = FuzzTarget(name: "json-value") { bytes in
        guard let value = try? JSONValue.parse(bytes) else { return }
        guard let again = try? JSONValue.parse(value.serialized) else { fatalError("what was written cannot be read") }
        require(value == again, "what was written is read as something else")
    }
}
