extension Configuration {
    /// Who is let in at a listener. Without the section everybody is.
    package struct Authentication: SettingsSection, Hashable {
        /// At least one, at most 1,024. A request without one of them is refused.
        package var tokens: [Token] = []

        package init() {}

        /// The most tokens that a listener takes.
        static let tokenLimit = 1024

        mutating func read(_ section: Section) {
            let complaints = section.reading.errorCount
            guard let entries = section.sections("tokens", kind: "list of {token, tenant}") else {
                if section.isTouched, section.reading.errorCount == complaints {
                    section.reading.complain(
                        at: section.origin, path: section.path(of: "tokens"),
                        "is missing: list at least one token, or remove auth to let everybody in")
                }
                return
            }
            guard !entries.isEmpty else {
                // Entries that are none were told by then.
                guard section.reading.errorCount == complaints else { return }
                section.complain("tokens", "names nobody: list at least one token, or remove auth to let everybody in")
                return
            }
            guard entries.count <= Self.tokenLimit else {
                section.complain("tokens", "has \(entries.count) entries, at most \(Self.tokenLimit) are taken")
                return
            }
            var seen: [String: Int] = [:]
            tokens = entries.enumerated().map { index, entry in
                var token = Token()
                token.read(entry)
                entry.finish()
                if let first = seen.updateValue(index, forKey: token.token), !token.token.isEmpty {
                    entry.complain("token", "is the same token as entry \(first + 1)'s: each stands for one sender")
                }
                return token
            }
        }
    }

    /// A token and whom it stands for.
    package struct Token: SettingsSection, Hashable, CustomStringConvertible {
        /// 16 to 4,096 visible ASCII characters. Best given as `${env:NAME}`.
        package var token = ""
        /// The tenant of everything that is sent with it, and whose things may be asked for with it; nil: none and all.
        package var tenant: String?

        package init() {}

        /// Without the token, so that no message shows it by accident.
        package var description: String { "a token of \(tenant ?? "no tenant")" }

        static let tokenBytes = 16...4096
        static let tenantBytes = 1...256

        mutating func read(_ section: Section) {
            let complaints = section.reading.errorCount
            section.secret("token", &token)
            // One mistake is told once.
            if section.reading.errorCount == complaints { check(section) }
            section.text("tenant", &tenant)
            if tenant == nil, section.names.contains(where: { $0.name == "tenant" }),
                section.reading.errorCount == complaints
            {
                section.reading.complain(
                    at: section.origin, path: section.path(of: "tenant"),
                    "has no value; without the key the token stands for no tenant and sees all")
            }
            if let tenant, !Self.tenantBytes.contains(tenant.utf8.count) {
                section.complain(
                    "tenant",
                    "has \(tenant.utf8.count) bytes, must have 1 to \(Self.tenantBytes.upperBound); without the key the token "
                        + "stands for no tenant and sees all")
            }
        }

        private func check(_ section: Section) {
            let bytes = token.utf8.count
            if !Self.tokenBytes.contains(bytes) {
                section.reading.complain(
                    at: section.origin, path: section.path(of: "token"),
                    "has \(bytes) bytes, must have \(Self.tokenBytes.lowerBound) to \(Self.tokenBytes.upperBound)")
            } else if !token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
                section.complain("token", "has spaces or other characters that no Authorization header can carry")
            }
        }
    }
}

extension Section {
    /// Reads `auth`. Left empty it is a mistake, not an open door.
    func authentication(_ value: inout Configuration.Authentication?) {
        optionalSection("auth", &value, from: Configuration.Authentication())
        if value == nil, names.contains(where: { $0.name == "auth" }) {
            complain("auth", "is empty: list at least one token under tokens, or remove it to let everybody in")
        }
    }
}
