extension Configuration {
    /// The systems whose spans the relay tells apart, the two built-in ones first. The first that fits a span counts.
    package struct Origins: SettingsSection, Hashable {
        /// Portarium and Kestra, as their profiles say; then the user's own in the order of the file.
        package var rules: [OriginRule]

        /// How many systems there may be, the built-in ones among them.
        package static let limit = 32

        package init(rules: [OriginRule] = Profile.origins) {
            self.rules = rules
        }

        package subscript(name: String) -> OriginRule? { rules.first { $0.name == name } }

        mutating func read(_ section: Section) {
            let builtIn = rules.map(\.name)
            for index in rules.indices {
                let child = section.child(rules[index].name)
                rules[index].read(child, isNew: false)
                child.finish()
            }
            var isTold = false
            for (name, origin) in section.names where !builtIn.contains(name) {
                let child = section.child(name)
                guard name.utf8.count <= 64, name != "other", name != "spanbridge", isSystemName(name) else {
                    section.reading.complain(
                        at: origin, path: child.path,
                        "is no name for a system: use at most 64 letters, digits, -, _ or ., and neither other nor spanbridge"
                    )
                    continue
                }
                guard rules.count < Self.limit else {
                    if !isTold {
                        section.reading.complain(
                            at: origin, path: child.path,
                            "is one too many: at most \(Self.limit) systems, portarium and kestra among them")
                    }
                    isTold = true
                    continue
                }
                var rule = OriginRule(name: name, role: .bystander)
                rule.read(child, isNew: true)
                child.finish()
                rule.checkNew(child, at: origin, builtIn: builtIn)
                rules.append(rule)
            }
        }
    }

    /// How the spans of one system are told from others, and what becomes of them. A span is the system's if its scope or
    /// its service is listed, or neither list has an entry, and each resource attribute fits.
    package struct OriginRule: Sendable, Hashable {
        package enum Role: String, Sendable, CaseIterable {
            /// Others are moved to its traces; its own are never rewritten.
            case home
            /// Its traces are moved to those of a home.
            case follower
            /// Its spans are relayed as they are; what they say counts.
            case bystander
        }

        package struct ResourceAttribute: Sendable, Hashable {
            package var name: String
            /// Exact, or a prefix if it ends in `*`.
            package var value: String

            package init(name: String, value: String) {
                self.name = name
                self.value = value
            }
        }

        package var name: String
        package var role: Role
        /// Instrumentation scopes: exact, or a prefix if the entry ends in `*`. A given list replaces the default.
        package var scopes: [String]
        /// Values of `service.name`: exact, or a prefix if the entry ends in `*`. A given list replaces the default.
        package var services: [String]
        package var resource: [ResourceAttribute] = []

        package init(name: String, role: Role, scopes: [String] = [], services: [String] = []) {
            self.name = name
            self.role = role
            self.scopes = scopes
            self.services = services
        }

        mutating func read(_ section: Section, isNew: Bool) {
            var role: Role? = isNew ? nil : self.role
            section.choice("role", &role)
            self.role = role ?? self.role
            section.list("scopes", &scopes)
            section.list("services", &services)
            let pairs = section.pairs("resource", kind: "a mapping of resource attributes to values")
            if section.isGiven("resource") {
                resource = pairs.map { ResourceAttribute(name: $0.name, value: $0.text) }
            }
            for (key, patterns) in [
                ("scopes", scopes), ("services", services), ("resource", resource.map(\.value)),
            ] {
                for pattern in patterns where !isPattern(pattern) {
                    section.complain(
                        key,
                        "\"\(excerpt(pattern))\" fits nothing: write an exact name, or a beginning and * at the end")
                }
            }
        }

        fileprivate func checkNew(_ section: Section, at origin: Origin, builtIn: [String]) {
            if !section.isGiven("role") {
                let near = suggestion(for: name, among: builtIn).map { ". Did you mean the built-in \($0)?" } ?? ""
                section.reading.complain(
                    at: origin, path: section.path(of: "role"), "is missing: write home, follower or bystander\(near)")
            }
            if scopes.isEmpty, services.isEmpty, resource.isEmpty {
                section.reading.complain(
                    at: origin, path: section.path,
                    "fits no span: give services, scopes or resource, such as services: [\(name)]")
            }
        }
    }
}

/// Letters, digits, `-`, `_` and `.`.
func isSystemName(_ name: String) -> Bool {
    !name.isEmpty
        && name.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte) || "-_.".utf8.contains(byte)
        }
}

/// Whether a text is an exact name, or a beginning with `*` as its last character.
func isPattern(_ text: String) -> Bool {
    !text.isEmpty && !text.dropLast().contains("*")
}
