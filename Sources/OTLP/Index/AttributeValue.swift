/// The value of an attribute, decoded for people and queries.
package enum AttributeValue: Sendable, Hashable {
    /// An `AnyValue` without a value.
    case empty
    /// Bytes that are not UTF-8 are replaced.
    case string(String)
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case bytes([UInt8])
    case array([AttributeValue])
    case map([Attribute])
}

/// A named value.
package struct Attribute: Sendable, Hashable {
    package var name: String
    package var value: AttributeValue

    package init(_ name: String, _ value: AttributeValue) {
        self.name = name
        self.value = value
    }
}
