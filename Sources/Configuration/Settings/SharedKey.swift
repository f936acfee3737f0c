extension Configuration {
    /// One entry of `correlation.keys`: what a value says that stands in certain places.
    package struct SharedKey: Sendable, Hashable {
        package enum Kind: String, Sendable, CaseIterable {
            case eventID = "event_id"
            case eventSource = "event_source"
            case eventType = "event_type"
            case eventSubject = "event_subject"
            case eventTenant = "event_tenant"
            /// An execution that the span's system started.
            case claimedExecution = "claimed_execution"
            case traceparent
            /// A URL's path, in which an execution id may stand.
            case urlPath = "url_path"
            /// A URL's query with `ce-id`, `ce-source` or `traceparent`.
            case urlQuery = "url_query"
            /// Nothing: takes a built-in meaning away.
            case ignore
            /// Which of a follower's spans are one execution.
            case execution
            /// The id of one message or run of a task: who sent it is the home of who handles it.
            case taskRun = "task_run"
            /// The same as `traceparent`.
            case context
            /// A value that two systems share, such as an order number.
            case business

            /// Whether the kind has a strength, a lifetime and systems of its own.
            package var isNamedValue: Bool { self == .business || self == .taskRun }

            /// Where a value of this kind may stand.
            package var scopes: [Place.Scope] {
                switch self {
                case .business: Place.Scope.allCases
                case .taskRun: [.span, .resource, .log, .header, .query]
                case .claimedExecution: [.span, .log, .header, .data]
                default: [.span, .log, .header]
                }
            }
        }

        package enum Strength: String, Sendable, CaseIterable {
            /// Followers move to the home's trace.
            case join
            /// They stay where they are and get a link.
            case link
        }

        /// The user's name for it; in the short form the attribute's name.
        package var name: String
        package var kind: Kind
        package var from: [Place]
        package var strength = Strength.join
        /// How far apart the starts of the two spans may lie; nil for any distance.
        package var lifetime: Nanoseconds?
        /// Names of the systems whose spans are read for it; empty for all.
        package var origins: [String] = []

        package init(name: String, kind: Kind, from: [Place]) {
            self.name = name
            self.kind = kind
            self.from = from
        }

        /// The short form, `ATTRIBUTE: KIND`: an attribute of spans and log records.
        package init(attribute: String, kind: Kind) {
            self.init(name: attribute, kind: kind, from: [Place(.span, attribute), Place(.log, attribute)])
        }
    }

    /// How many keys of kind `business` or `task_run` there may be; each takes a bit of an index's word.
    package static let namedValuesMax = 64
    /// How many keys there may be at all.
    package static let keysMax = 1_000
}

extension Configuration.SharedKey {
    /// Reads the long form; nil if it says too little to be one.
    static func read(_ section: Section, name: String, at origin: Origin, systems: [Configuration.OriginRule]) -> Self?
    {
        var kind: Kind?
        section.choice("kind", &kind)
        var key = Self(name: name, kind: kind ?? .business, from: [])
        section.places("from", &key.from, allowing: key.kind.scopes, isRequired: true)
        section.choice("strength", &key.strength)
        section.duration("lifetime", &key.lifetime, in: millisecond...3650 * day)
        section.list("origins", &key.origins)
        section.finish()
        if !section.isGiven("kind") {
            let words = Kind.allCases.map(\.rawValue).joined(separator: ", ")
            section.reading.complain(at: origin, path: section.path(of: "kind"), "is missing: write one of \(words)")
        }
        if !section.isGiven("from") {
            section.reading.complain(
                at: origin, path: section.path(of: "from"),
                "is missing: list where the value stands, such as [{span: order.id}]")
        }
        let known = systems.map(\.name)
        for system in key.origins where !known.contains(system) {
            let near =
                suggestion(for: system, among: known).map { "; did you mean \($0)?" }
                ?? "; known are \(known.joined(separator: ", "))"
            section.complain("origins", "\"\(excerpt(system))\" is no system of correlation.origins\(near)")
        }
        guard let kind else { return nil }
        let named = key.origins.compactMap { name in systems.first { $0.name == name } }
        if kind == .business, !named.isEmpty {
            let hasHome = named.contains { $0.role == .home } || key.from.contains { $0.scope == .data }
            if !hasHome || !named.contains(where: { $0.role == .follower }) {
                section.warn(
                    "origins", "name no \(hasHome ? "follower: nothing moves" : "home: there is nothing to move to")")
            }
        }
        if !kind.isNamedValue {
            for setting in ["strength", "lifetime", "origins"] where section.isGiven(setting) {
                section.complain(
                    setting, "\(kind.rawValue) has none: only business and task_run do. Remove it")
            }
        }
        return key
    }
}

extension Configuration.Correlation {
    /// Reads `keys`, short and long forms.
    mutating func readKeys(_ section: Section) {
        let kinds = Configuration.SharedKey.Kind.allCases.map(\.rawValue)
        var names: Set<String> = []
        for entry in section.entries("keys", kind: "a mapping of attribute names to meanings") {
            let path = "\(section.path(of: "keys")).\(entry.key)"
            func complain(_ message: String) {
                section.reading.complain(at: entry.value.origin, path: path, message)
            }
            guard names.insert(entry.key).inserted else {
                complain("stands here twice")
                continue
            }
            if names.count == Configuration.keysMax + 1 {
                complain("is one too many: at most \(Configuration.keysMax) keys")
            }
            guard names.count <= Configuration.keysMax else { continue }
            var key: Configuration.SharedKey?
            if case .mapping = entry.value.content {
                let child = section.section(of: entry, in: "keys")
                key = .read(child, name: entry.key, at: entry.keyOrigin, systems: origins.rules)
            } else if let text = section.text(of: entry.value, path: path, expecting: "a meaning or a mapping") {
                if let kind = Configuration.SharedKey.Kind(rawValue: text) {
                    key = Configuration.SharedKey(attribute: entry.key, kind: kind)
                } else {
                    let near = suggestion(for: text, among: kinds).map { "; did you mean \($0)?" } ?? ""
                    complain("expected one of \(kinds.joined(separator: ", ")), found \"\(excerpt(text))\"\(near)")
                }
            }
            guard let key else { continue }
            check(key, complain)
            keys.append(key)
        }
    }

    /// What only shows beside the keys before it.
    private func check(_ key: Configuration.SharedKey, _ complain: (String) -> Void) {
        guard key.kind.isNamedValue else {
            let mine = Set(key.from.filter { $0.scope != .data }.flatMap(\.attributes))
            let other = keys.first { other in
                !other.kind.isNamedValue && other.kind != key.kind
                    && other.from.contains { $0.scope != .data && !mine.isDisjoint(with: $0.attributes) }
            }
            if let other {
                complain(
                    "its attribute has the meaning \(other.kind.rawValue) already, by correlation.keys.\(other.name): "
                        + "remove one of them")
            }
            return
        }
        guard (1...128).contains(key.name.utf8.count), key.name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return complain("is no name for a key: use 1 to 128 ASCII characters without spaces")
        }
        if keys.count(where: \.kind.isNamedValue) == Configuration.namedValuesMax {
            complain(
                "is one too many: at most \(Configuration.namedValuesMax) keys of the kinds business and task_run")
        }
    }
}
