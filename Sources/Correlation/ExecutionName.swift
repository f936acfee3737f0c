/// What names an execution: the id alone is none, since another tenant may have it too.
package struct ExecutionName: Hashable, Sendable, Comparable {
    package var id: String
    /// Kestra's tenant; empty if no span told one.
    package var tenant: String
    /// The tenant by credential, attribute or mapping; empty if unknown.
    package var owner: String

    package init(id: String, tenant: String = "", owner: String = "") {
        self.id = id
        self.tenant = tenant
        self.owner = owner
    }

    package static func < (a: ExecutionName, b: ExecutionName) -> Bool {
        (a.id, a.tenant, a.owner) < (b.id, b.tenant, b.owner)
    }
}

/// A text that is the same as another only if their bytes are: Swift's strings also take different spellings of one
/// accented letter for the same.
struct ExactText: Hashable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (a: ExactText, b: ExactText) -> Bool { a.text.isExactly(b.text) }

    // Equal bytes are equal strings, which have equal hashes.
    func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

extension String {
    func isExactly(_ other: String) -> Bool {
        let (bytes, others) = (utf8.span, other.utf8.span)
        guard bytes.count == others.count else { return false }
        for position in bytes.indices where bytes[position] != others[position] { return false }
        return true
    }
}
