package import OTLP

/// The system that made a span, as answers name it.
package struct TimelineOrigin: Sendable, Hashable {
    /// The name in the configuration; `other` for none of the systems there.
    package var name: String
    package var role: OriginRole

    package init(name: String, role: OriginRole) {
        self.name = name
        self.role = role
    }

    package static let portarium = TimelineOrigin(name: "portarium", role: .home)
    package static let kestra = TimelineOrigin(name: "kestra", role: .follower)
    package static let other = TimelineOrigin(name: "other", role: .bystander)
}

extension TimelineOrigin {
    /// The word for the role in the configuration and in answers.
    var roleName: String {
        switch role {
        case .home: "home"
        case .follower: "follower"
        case .bystander: "bystander"
        }
    }

    /// As an answer tells it; without a role, which answers did not have at first, by the names of the built-in systems.
    init(name: String, roleName: String?) {
        let known = [Self.portarium, .kestra].first { $0.name == name } ?? .other
        self.name = name.isEmpty ? Self.other.name : name
        switch roleName {
        case "home": role = .home
        case "follower": role = .follower
        case "bystander": role = .bystander
        default: role = known.role
        }
    }
}
