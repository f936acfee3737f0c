/// Which configured system made a span, as told by its scope and resource: 0 for none of them, else one more than the
/// system's position in `AttributeKeys.origins`. The two built-in systems come first.
package struct Origin: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let other = Origin(rawValue: 0)
    package static let portarium = Origin(rawValue: 1)
    package static let kestra = Origin(rawValue: 2)
}

/// What a system's traces do when they are joined.
package enum OriginRole: UInt8, Sendable {
    /// Its spans are relayed as they are; what they say counts as evidence.
    case bystander = 0
    /// Its traces are where the others are moved to; they are never rewritten.
    case home = 1
    /// Its traces are moved to those of a home if evidence tells to which.
    case follower = 2
}

/// How the spans of one system are told from others, and what becomes of them.
///
/// A scope is of a system if its name or its service is one of those listed (if neither list has an entry, any is), and if
/// its resource has all the attributes that `resource` lists. A rule without any of the three fits nothing.
package struct OriginRule: Sendable {
    package var name: String
    package var role: OriginRole
    /// Scope names: exact, or a prefix if the entry ends in `*`.
    package var scopes: [[UInt8]]
    /// Values of `service.name`: exact, or a prefix if the entry ends in `*`.
    package var services: [[UInt8]]
    /// Resource attributes by name with values like those of `services`: all of them must be there.
    package var resource: [(name: [UInt8], value: [UInt8])]

    package init(
        name: String, role: OriginRole, scopes: [String], services: [String],
        resource: [(name: String, value: String)] = []
    ) {
        self.name = name
        self.role = role
        self.scopes = scopes.map { Array($0.utf8) }
        self.services = services.map { Array($0.utf8) }
        self.resource = resource.map { (Array($0.name.utf8), Array($0.value.utf8)) }
    }

    /// Whether it is told by resource attributes alone.
    var hasNoNames: Bool { scopes.isEmpty && services.isEmpty }
}
