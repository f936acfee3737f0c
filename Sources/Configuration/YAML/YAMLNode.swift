/// One node of a configuration tree, with the place it came from.
package struct YAMLNode: Sendable, Hashable {
    package enum Content: Sendable, Hashable {
        /// Text as written; its type is decided by whoever reads it. `isPlain` tells `null` from `"null"`.
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        /// In the order of the file; keys are unique.
        case mapping([Entry])
    }

    package struct Entry: Sendable, Hashable {
        package var key: String
        package var keyOrigin: Origin
        package var value: YAMLNode
    }

    package var content: Content
    package var origin: Origin

    package init(_ content: Content, origin: Origin) {
        self.content = content
        self.origin = origin
    }

    /// Whether the node says "nothing here": YAML's null, in all its spellings.
    package var isNull: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// What the node is, for messages.
    package var kind: String {
        switch content {
        case .scalar: isNull ? "nothing" : "a single value"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    /// The value under `key`, if this is a mapping that has it.
    package subscript(key: String) -> YAMLNode? {
        guard case .mapping(let entries) = content else { return nil }
        return entries.first { $0.key == key }?.value
    }

    /// Replaces what stands at `path`, making the mappings on the way there.
    package mutating func set(_ path: ArraySlice<String>, to value: YAMLNode) {
        guard let key = path.first else {
            self = value
            return
        }
        var entries: [Entry] = []
        if case .mapping(let existing) = content { entries = existing } else { origin = value.origin }
        let position = entries.firstIndex { $0.key == key }
        var child = position.map { entries[$0].value } ?? YAMLNode(.mapping([]), origin: value.origin)
        child.set(path.dropFirst(), to: value)
        let entry = Entry(key: key, keyOrigin: position.map { entries[$0].keyOrigin } ?? value.origin, value: child)
        if let position { entries[position] = entry } else { entries.append(entry) }
        content = .mapping(entries)
    }
}
