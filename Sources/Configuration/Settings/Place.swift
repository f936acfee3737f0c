extension Configuration {
    /// One place where a value stands, written as `{span: order.id}`.
    package struct Place: Sendable, Hashable {
        package enum Scope: String, Sendable, CaseIterable {
            /// An attribute of a span.
            case span
            /// An attribute of the resource that spans are of.
            case resource
            /// An attribute of a log record, which tells it of the span that the record names.
            case log
            /// A request header that was captured as an attribute of a span.
            case header
            /// A parameter of a URL's query.
            case query
            /// A member of a CloudEvent's data, outermost first, joined by dots.
            case data
        }

        package var scope: Scope
        /// Of a header in lower case.
        package var name: String

        package init(_ scope: Scope, _ name: String) {
            self.scope = scope
            self.name = name
        }

        /// The names that the attribute may have, for places that are attributes: a captured header stands under
        /// `http.request.header.` with its own name (OpenTelemetry semantic conventions, HTTP spans), or, as some
        /// instrumentations still write it, with `_` for each `-`.
        package var attributes: [String] {
            guard scope == .header else { return [name] }
            let own = "http.request.header." + name
            let older = String(own.map { $0 == "-" ? "_" : $0 })
            return own == older ? [own] : [own, older]
        }
    }
}

extension Section {
    /// A list of mappings with one entry each, of the scopes that make sense here.
    func places(
        _ name: String, _ value: inout [Configuration.Place], allowing scopes: [Configuration.Place.Scope],
        isRequired: Bool = false
    ) {
        let kind = "list of places such as {span: NAME}"
        guard let items = items(name, kind: kind, shown: isRequired ? "" : "[]") else { return }
        let path = path(of: name)
        value = []
        if items.isEmpty {
            complain(name, "is empty: list at least one place, such as [{span: order.id}]")
        }
        if items.count > placesMax { complain(name, "lists \(items.count) places, at most \(placesMax) are read") }
        for item in items.prefix(placesMax) {
            guard case .mapping(let entries) = item.content, entries.count == 1, let entry = entries.first else {
                reading.complain(
                    at: item.origin, path: path,
                    "expected one place such as {span: order.id}, found \(placeKind(of: item))")
                continue
            }
            let words = scopes.map(\.rawValue)
            guard let scope = Configuration.Place.Scope(rawValue: entry.key) else {
                let near = suggestion(for: entry.key, among: words).map { "; did you mean \($0)?" } ?? ""
                reading.complain(
                    at: entry.keyOrigin, path: path,
                    "\"\(excerpt(entry.key))\" is no place: use \(words.joined(separator: ", "))\(near)")
                continue
            }
            guard scopes.contains(scope) else {
                reading.complain(
                    at: entry.keyOrigin, path: path,
                    "\(scope.rawValue) is not read here: use \(words.joined(separator: ", "))")
                continue
            }
            guard let text = text(of: entry.value, path: path, expecting: "a name") else { continue }
            if let mistake = mistake(in: text, scope) {
                reading.complain(at: entry.value.origin, path: path, mistake)
                continue
            }
            let place = Configuration.Place(scope, scope == .header ? text.lowercased() : text)
            if value.contains(place) {
                reading.complain(at: item.origin, path: path, "{\(scope.rawValue): \(excerpt(text))} stands here twice")
            } else {
                value.append(place)
            }
        }
    }

    private func placeKind(of node: YAMLNode) -> String {
        if case .mapping(let entries) = node.content { return "a mapping with \(entries.count) entries" }
        return node.kind
    }

    private func mistake(in name: String, _ scope: Configuration.Place.Scope) -> String? {
        guard !name.isEmpty, name.utf8.count <= 256 else { return "expected a name of 1 to 256 bytes" }
        switch scope {
        case .header where !isHeaderName(name.lowercased()):
            return "\"\(excerpt(name))\" is no header name: use letters, digits and -"
        case .data where name.split(separator: ".", omittingEmptySubsequences: false).contains(""):
            return "expected a path such as payload.order.id, found \"\(excerpt(name))\""
        default: return nil
        }
    }
}

/// More than any key needs, and little enough to look at for every span.
private let placesMax = 64
