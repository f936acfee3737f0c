extension Configuration {
    /// How tenants are told. Two things whose tenants are both known and differ are never joined.
    package struct Tenancy: SettingsSection, Hashable {
        /// How tenant ids appear on what the relay itself makes.
        package enum Export: String, Sendable, CaseIterable {
            /// As the first half of their SHA-256, so that equal tenants look equal.
            case sha256
            case plain
            case none
        }

        /// One name of Kestra's, and the tenant that it means.
        package struct Mapping: Sendable, Hashable {
            /// A tenant id of Kestra's, or a namespace: exact, or a prefix if it ends in `*`.
            package var name: String
            package var tenant: String

            package init(name: String, tenant: String) {
                self.name = name
                self.tenant = tenant
            }
        }

        /// Where the tenant's id stands. Default nowhere.
        package var from: [Place] = []
        package var kestraTenants: [Mapping] = []
        /// An exact name wins, else the longest prefix.
        package var namespaces: [Mapping] = []
        /// Default `sha256`.
        package var export = Export.sha256

        mutating func read(_ section: Section) {
            section.places("from", &from, allowing: [.span, .resource, .log, .header])
            kestraTenants = mappings(section, "kestra_tenants", kind: "a mapping of Kestra's tenants to tenants")
            namespaces = mappings(section, "namespaces", kind: "a mapping of namespaces to tenants")
            for mapping in namespaces where !isPattern(mapping.name) {
                section.complain(
                    "namespaces",
                    "\"\(excerpt(mapping.name))\" fits nothing: write a namespace, or a beginning and * at the end")
            }
            section.choice("export", &export)
        }

        private func mappings(_ section: Section, _ name: String, kind: String) -> [Mapping] {
            var mappings: [Mapping] = []
            for (key, tenant, origin) in section.pairs(name, kind: kind) {
                let path = "\(section.path(of: name)).\(key)"
                if tenant.isEmpty || key.isEmpty {
                    section.reading.complain(at: origin, path: path, "expected a tenant, found nothing")
                } else if mappings.contains(where: { $0.name == key }) {
                    section.reading.complain(at: origin, path: path, "stands here twice")
                } else {
                    mappings.append(Mapping(name: key, tenant: tenant))
                }
            }
            return mappings
        }
    }
}
