import Wire

/// `AttributeKeys` in the form in which the indexes look things up. Made once from the configuration and shared by all
/// threads; a class, so that a request costs one reference to it and not one to each of its arrays.
package final class CompiledKeys: Sendable {
    /// What the attributes of spans, log records and resources mean.
    let spans: NameTable
    let logs: NameTable
    let resources: NameTable
    /// How many resource attributes `OriginRule.resource` asks for.
    let originValueCount: Int
    /// For every rule of `keys.origins` its pairs: which of these attributes must have which value.
    private let originPairs: [[(value: Int, pattern: [UInt8])]]
    /// By join key and origin (`joinKey * (origins + 1) + origin`): whether the key is read there. Empty if all are
    /// read everywhere.
    private let isRead: [Bool]
    private let keys: AttributeKeys

    package init(_ keys: AttributeKeys) {
        self.keys = keys
        var valueNames: [[UInt8]] = []
        originPairs = keys.origins.map { rule in
            rule.resource.map { pair in
                let known = valueNames.firstIndex(of: pair.name)
                if known == nil { valueNames.append(pair.name) }
                return (known ?? valueNames.count - 1, pair.value)
            }
        }
        originValueCount = valueNames.count
        spans = NameTable(Self.meaningsOfSpans(keys))
        logs = NameTable(Self.meaningsOfLogs(keys))
        resources = NameTable(Self.meaningsOfResources(keys, valueNames))

        let count = keys.origins.count + 1
        isRead =
            keys.joinKeys.allSatisfy(\.origins.isEmpty)
            ? []
            : keys.joinKeys.flatMap { key in
                (0..<count).map { key.isRead(from: Origin(rawValue: UInt8(clamping: $0))) }
            }
    }

    /// Whether a join key is read from spans, log records and resources of a system.
    /// - Parameter joinKey: the position in `AttributeKeys.joinKeys`: `EvidenceEntry.rule`.
    package func isRead(joinKey: UInt8, from origin: Origin) -> Bool {
        guard !isRead.isEmpty else { return true }
        let position = Int(joinKey) * (keys.origins.count + 1) + Int(origin.rawValue)
        return Int(origin.rawValue) <= keys.origins.count && position < isRead.count && isRead[position]
    }

    /// Whether some join key is not read everywhere.
    var isSelective: Bool { !isRead.isEmpty }
}

// MARK: - What names mean

extension CompiledKeys {
    private typealias Entry = NameTable.Entry

    private static func meaningsOfSpans(_ keys: AttributeKeys) -> [Entry] {
        let kept = keptEvidence(keys)
        var entries = kept.map { Entry($0.name, .init(evidence: $0.key)) }
        entries += keys.redacted.map { Entry($0, .init(isRedacted: true)) }
        entries += common(keys)
        entries += joinKeys(keys, \.spanAttributes)
        guard keys.joinKeys.contains(where: { !$0.queryParameters.isEmpty }) else { return entries }
        // `http.target` and `url.full` hold a path and a query in one.
        for (name, key) in [("url.query", EvidenceKey.urlQuery), ("http.target", .urlFull), ("url.full", .urlFull)] {
            let name = Array(name.utf8)
            guard !kept.contains(where: { $0.name == name && $0.key == key }) else { continue }
            entries.append(Entry(name, .init(evidence: key)))
        }
        return entries
    }

    private static func meaningsOfLogs(_ keys: AttributeKeys) -> [Entry] {
        keptEvidence(keys).map { Entry($0.name, .init(evidence: $0.key)) } + common(keys) + joinKeys(keys, \.logAttributes)
    }

    private static func meaningsOfResources(_ keys: AttributeKeys, _ valueNames: [[UInt8]]) -> [Entry] {
        keys.resourceTenantAttributes.map { Entry($0, .init(evidence: .tenant)) }
            + joinKeys(keys, \.resourceAttributes)
            + valueNames.enumerated().map {
                Entry($0.element, .init(role: .originValue, rule: UInt8(clamping: $0.offset)))
            }
    }

    /// Of several entries of one name the last counts, as in a mapping.
    private static func keptEvidence(_ keys: AttributeKeys) -> [(name: [UInt8], key: EvidenceKey)] {
        var kept: [(name: [UInt8], key: EvidenceKey)] = []
        for entry in keys.evidence {
            if let position = kept.firstIndex(where: { $0.name == entry.name }) {
                kept[position].key = entry.key
            } else {
                kept.append(entry)
            }
        }
        return kept
    }

    /// What spans and log records have in common.
    private static func common(_ keys: AttributeKeys) -> [Entry] {
        roles.map { Entry(Array($0.0.utf8), .init(role: $0.1)) }
            + keys.tenantAttributes.map { Entry($0, .init(evidence: .tenant)) }
            + keys.executionAttributes.filter { name in !roles.contains { Array($0.0.utf8) == name && $0.1 == .executionID } }
            .map { Entry($0, .init(role: .configuredExecutionID)) }
    }

    private static func joinKeys(_ keys: AttributeKeys, _ names: KeyPath<JoinKey, [[UInt8]]>) -> [Entry] {
        keys.joinKeys.prefix(Int(UInt8.max)).enumerated().flatMap { rule, key in
            key[keyPath: names].map { Entry($0, .init(evidence: .joinKey, rule: UInt8(clamping: rule))) }
        }
    }

    private static let roles: [(String, NameTable.Role)] = [
        ("kestra.executionId", .executionID), ("executionId", .logExecutionID), ("kestra.namespace", .namespace),
        ("kestra.flowId", .flow), ("kestra.tenantId", .tenant), ("kestra.uid", .taskRun), ("kestra.source", .source),
    ]
}

// MARK: - Systems

extension CompiledKeys {
    /// Which system the spans of a scope come from.
    /// - Parameter values: the values of the resource attributes that rules ask for: `originValueCount`.
    func origin(
        scope: Range<Int>, service: Range<Int>, values: [Range<Int>], in reader: borrowing WireReader
    ) -> Origin {
        func matches(_ pattern: [UInt8], _ range: Range<Int>) -> Bool {
            let isPrefix = pattern.last == UInt8(ascii: "*")
            let fixed = isPrefix ? pattern.count - 1 : pattern.count
            guard isPrefix ? range.count >= fixed : range.count == fixed else { return false }
            var position = 0
            while position < fixed, pattern[position] == reader.byte(at: range.lowerBound + position) {
                position += 1
            }
            // An empty name is the name of nothing, whatever the pattern.
            return position == fixed && !range.isEmpty
        }
        func matches(any patterns: [[UInt8]], _ range: Range<Int>) -> Bool {
            for pattern in patterns where matches(pattern, range) { return true }
            return false
        }
        rules: for position in keys.origins.indices {
            let pairs = originPairs[position]
            let isNamed = matches(any: keys.origins[position].scopes, scope) || matches(any: keys.origins[position].services, service)
            guard isNamed || !pairs.isEmpty && keys.origins[position].hasNoNames else { continue }
            for (value, pattern) in pairs where !matches(pattern, values[value]) { continue rules }
            return Origin(rawValue: UInt8(truncatingIfNeeded: position + 1))
        }
        return .other
    }

    /// Whether log records can tell where spans belong, or of spans that may still move: of every configured follower.
    package var readsLogs: Bool {
        keys.joinKeys.contains { !$0.logAttributes.isEmpty || !$0.resourceAttributes.isEmpty }
            || keys.origins.dropFirst(2).contains { $0.role == .follower }
    }

    /// What becomes of the spans of a system.
    package func role(of origin: Origin) -> OriginRole {
        let position = Int(origin.rawValue) - 1
        return keys.origins.indices.contains(position) ? keys.origins[position].role : .bystander
    }

    /// The name of a system in the configuration and in answers.
    package func name(of origin: Origin) -> String {
        let position = Int(origin.rawValue) - 1
        return keys.origins.indices.contains(position) ? keys.origins[position].name : "other"
    }
}
