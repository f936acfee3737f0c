/// How large a document may be. A configuration is small: what exceeds these is a mistake or an attack.
package struct YAMLLimits: Sendable {
    /// Bytes of the document.
    package var bytes: Int
    /// How deep mappings and sequences may nest, aliases followed.
    package var depth: Int
    /// How many nodes the tree may have, each alias counted as all that it stands for.
    package var nodes: Int

    package init(bytes: Int, depth: Int, nodes: Int) {
        self.bytes = bytes
        self.depth = depth
        self.nodes = nodes
    }

    package static let defaults = YAMLLimits(bytes: 1 << 20, depth: 32, nodes: 50_000)
}

/// What was read of a document.
package struct YAMLDocument: Sendable {
    /// The tree; nil if the document is empty or could not be read.
    package var root: YAMLNode?
    /// Mistakes with their places: at most one that ended the reading, which is then the last.
    package var mistakes: [(origin: Origin, message: String)]
    /// Whether the reading ended early, so that `root` says nothing.
    package var isBroken: Bool

    /// Reads one document. `origin` overrides the places in the text, for text that is no file.
    package static func parse(_ bytes: [UInt8], limits: YAMLLimits, origin: Origin? = nil) -> YAMLDocument {
        var builder = YAMLTreeBuilder(limits: limits, origin: origin)
        do throws(YAMLSyntaxError) {
            guard bytes.count <= limits.bytes else {
                throw YAMLSyntaxError(
                    position: YAMLPosition(line: 1, column: 1),
                    message: "the document has \(bytes.count) bytes, at most \(limits.bytes) are read")
            }
            try forEachYAMLEvent(of: bytes) { (event, position) throws(YAMLSyntaxError) in
                try builder.add(event, at: position)
            }
        } catch {
            builder.complain(at: error.position, error.message)
            return YAMLDocument(root: nil, mistakes: builder.mistakes, isBroken: true)
        }
        return YAMLDocument(root: builder.root, mistakes: builder.mistakes, isBroken: false)
    }
}

/// Builds the tree from events. Keeps its own stack: the nesting of the input never becomes recursion.
private struct YAMLTreeBuilder {
    let limits: YAMLLimits
    let origin: Origin?
    private(set) var root: YAMLNode?
    private(set) var mistakes: [(origin: Origin, message: String)] = []
    private var stack: [Collection] = []
    private var anchors: [String: Subtree] = [:]
    private var nodes = 0
    private var documents = 0

    /// A node with what an alias to it costs.
    private struct Subtree {
        var node: YAMLNode
        var nodes: Int
        var height: Int
    }

    /// A mapping or sequence whose end has not come yet.
    private struct Collection {
        var isMapping: Bool
        var anchor: String?
        var position: YAMLPosition
        var items: [YAMLNode] = []
        var entries: [YAMLNode.Entry] = []
        /// Key → where it stands, to find duplicates.
        var seen: [String: YAMLPosition] = [:]
        /// What `<<` brings; own keys win.
        var merged: [YAMLNode.Entry] = []
        var mergedKeys: Set<String> = []
        var key: (text: String, position: YAMLPosition)?
        var nodes = 1
        var height = 1
    }

    init(limits: YAMLLimits, origin: Origin?) {
        self.limits = limits
        self.origin = origin
    }

    mutating func complain(at position: YAMLPosition, _ message: String) {
        // Thousands of duplicates are one mistake to a person.
        if mistakes.count < 100 { mistakes.append((place(position), message)) }
    }

    mutating func add(_ event: YAMLEvent, at position: YAMLPosition) throws(YAMLSyntaxError) {
        switch event {
        case .documentStart:
            documents += 1
            if documents > 1 {
                throw YAMLSyntaxError(position: position, message: "a second document begins here; only one is read")
            }
        case .scalar(let text, let isPlain, let anchor):
            let node = YAMLNode(.scalar(text, isPlain: isPlain), origin: place(position))
            try attach(Subtree(node: node, nodes: 1, height: 0), added: 1, anchor: anchor, at: position)
        case .alias(let name):
            guard var target = anchors[name] else {
                throw YAMLSyntaxError(
                    position: position, message: "the alias *\(name) names no anchor that ended before")
            }
            target.node.origin = place(position)
            try attach(target, added: target.nodes, anchor: nil, at: position)
        case .sequenceStart(let anchor): try open(isMapping: false, anchor: anchor, at: position)
        case .mappingStart(let anchor): try open(isMapping: true, anchor: anchor, at: position)
        case .sequenceEnd, .mappingEnd: try close()
        }
    }

    private func place(_ position: YAMLPosition) -> Origin {
        origin ?? .file(line: position.line, column: position.column)
    }

    private mutating func open(isMapping: Bool, anchor: String?, at position: YAMLPosition) throws(YAMLSyntaxError) {
        try checkDepth(stack.count + 1, at: position)
        stack.append(Collection(isMapping: isMapping, anchor: anchor, position: position))
    }

    private mutating func close() throws(YAMLSyntaxError) {
        guard let done = stack.popLast() else { return }
        let content: YAMLNode.Content =
            done.isMapping
            ? .mapping(done.entries + done.merged.filter { done.seen[$0.key] == nil }) : .sequence(done.items)
        let node = YAMLNode(content, origin: place(done.position))
        let subtree = Subtree(node: node, nodes: done.nodes, height: done.height)
        try attach(subtree, added: 1, anchor: done.anchor, at: done.position)
    }

    /// Puts a finished node where it belongs: as key, value, item or root. `added` is how many of its nodes were not
    /// counted yet; each addend is at most the limit, so the sum cannot overflow.
    private mutating func attach(
        _ subtree: Subtree, added: Int, anchor: String?, at position: YAMLPosition
    ) throws(YAMLSyntaxError) {
        if let anchor { anchors[anchor] = subtree }
        nodes += added
        guard nodes <= limits.nodes else {
            throw YAMLSyntaxError(position: position, message: "more than \(limits.nodes) nodes, aliases included")
        }
        try checkDepth(stack.count + subtree.height, at: position)
        guard let top = stack.indices.last else {
            root = subtree.node
            return
        }
        stack[top].nodes += subtree.nodes
        stack[top].height = max(stack[top].height, subtree.height + 1)
        if !stack[top].isMapping {
            stack[top].items.append(subtree.node)
        } else if let key = stack[top].key {
            stack[top].key = nil
            addEntry(key.text, at: key.position, subtree.node, valueAt: position)
        } else {
            guard case .scalar(let text, _) = subtree.node.content else {
                throw YAMLSyntaxError(position: position, message: "a key must be text, this is \(subtree.node.kind)")
            }
            stack[top].key = (text, position)
        }
    }

    private mutating func addEntry(_ key: String, at position: YAMLPosition, _ value: YAMLNode, valueAt: YAMLPosition) {
        guard let top = stack.indices.last else { return }
        if key == "<<" {
            merge(value, at: valueAt)
        } else if let first = stack[top].seen[key] {
            complain(at: position, "the key \"\(key)\" stands here again; it is first on line \(first.line)")
        } else {
            stack[top].seen[key] = position
            stack[top].entries.append(YAMLNode.Entry(key: key, keyOrigin: place(position), value: value))
        }
    }

    /// YAML's merge key: entries of another mapping, or of several, where this one has none. The first wins.
    private mutating func merge(_ value: YAMLNode, at position: YAMLPosition) {
        guard let top = stack.indices.last else { return }
        let sources = if case .sequence(let items) = value.content { items } else { [value] }
        for source in sources {
            guard case .mapping(let entries) = source.content else {
                complain(at: position, "<< takes a mapping or a list of mappings, this is \(source.kind)")
                continue
            }
            for entry in entries where stack[top].mergedKeys.insert(entry.key).inserted {
                stack[top].merged.append(entry)
            }
        }
    }

    private func checkDepth(_ depth: Int, at position: YAMLPosition) throws(YAMLSyntaxError) {
        guard depth <= limits.depth else {
            throw YAMLSyntaxError(position: position, message: "nested deeper than \(limits.depth) levels")
        }
    }
}
