/// A group of settings that stands under one key.
protocol SettingsSection: Sendable {
    /// Takes the settings' values from a section, by asking it for each key once. What is asked for is what is allowed.
    mutating func read(_ section: Section)
}

/// A value that is written as one of a few words.
typealias Choice = CaseIterable & RawRepresentable<String> & Sendable

/// One mapping of the configuration while it is read. Each method reads the value of one key, if it was given, into its
/// argument, which holds the default; a value that does not fit is reported and the default stays.
final class Section {
    let path: String
    let reading: Reading
    private let entries: [YAMLNode.Entry]
    /// Where the section begins.
    let origin: Origin
    private(set) var allowed: [String] = []
    /// Whether any value was found in here, in the file, the environment or a flag.
    private(set) var isTouched = false

    init(path: String, node: YAMLNode?, reading: Reading) {
        self.path = path
        self.reading = reading
        origin = node?.origin ?? .builtIn
        if case .mapping(let entries) = node?.content { self.entries = entries } else { entries = [] }
        if let node, !node.isNull {
            isTouched = true
            if case .mapping = node.content {
            } else {
                reading.complain(
                    at: node.origin, path: path, "expected a mapping of keys to values, found \(node.kind)")
            }
        }
    }

    /// The path of a key of this section, as flags write it.
    func path(of name: String) -> String {
        let quoted = name.contains(".") ? "\"\(name)\"" : name
        return path.isEmpty ? quoted : "\(path).\(quoted)"
    }

    func complain(_ name: String, _ message: String) {
        reading.complain(at: reading.origin(of: path(of: name)), path: path(of: name), message)
    }

    func warn(_ name: String, _ message: String) {
        reading.complain(.warning, at: reading.origin(of: path(of: name)), path: path(of: name), message)
    }

    /// The keys that the user wrote, for sections whose keys are names.
    var names: [(name: String, origin: Origin)] { entries.map { ($0.key, $0.keyOrigin) } }

    /// Reports what nobody asked for. The last call on a section.
    func finish() {
        for entry in entries where !allowed.contains(entry.key) {
            let hint: String
            if let known = keysOfTheCollector[entry.key] {
                hint = known
            } else if let near = suggestion(for: entry.key, among: allowed) {
                hint = "did you mean \"\(near)\"? Allowed here: \(allowed.sorted().joined(separator: ", "))"
            } else {
                hint = "allowed here: \(allowed.sorted().joined(separator: ", "))"
            }
            reading.complain(at: entry.keyOrigin, path: path(of: entry.key), "unknown key; \(hint)")
        }
    }

    // MARK: - Sections

    func section(_ name: String, _ value: inout some SettingsSection) {
        let child = child(name)
        value.read(child)
        child.finish()
        isTouched = isTouched || child.isTouched
    }

    /// A section that may be left out: nil unless something in it was given.
    func optionalSection<Value: SettingsSection>(_ name: String, _ value: inout Value?, from blank: Value) {
        let child = child(name)
        var read = value ?? blank
        read.read(child)
        child.finish()
        if child.isTouched { value = read }
        isTouched = isTouched || child.isTouched
    }

    /// A section for the caller to read and finish.
    func child(_ name: String) -> Section {
        allowed.append(name)
        let node = entries.first { $0.key == name }?.value
        if let node { reading.note(node.origin, of: path(of: name)) }
        return Section(path: path(of: name), node: unfolded(node), reading: reading)
    }

    // MARK: - Single values

    func text(_ name: String, _ value: inout String) {
        scalar(name, &value, kind: "text", shown: value) { (text) throws(Mistake) in
            guard !text.isEmpty else { throw Mistake("expected text, found nothing between the quotes") }
            return text
        }
    }

    func text(_ name: String, _ value: inout String?) {
        scalar(name, &value, kind: "text", shown: value ?? "") { (text) throws(Mistake) in text }
    }

    /// Text that no message may show, not even in part.
    func secret(_ name: String, _ value: inout String) {
        guard let node = take(name, kind: "text", shown: value) else { return }
        if let text = text(of: node, path: path(of: name), expecting: "text", isSecret: true) { value = text }
    }

    func flag(_ name: String, _ value: inout Bool) {
        scalar(name, &value, kind: "true or false", shown: "\(value)") { (text) throws(Mistake) in
            switch text.lowercased() {
            case "true": return true
            case "false": return false
            default: throw Mistake("expected true or false, found \"\(excerpt(text))\"")
            }
        }
    }

    func choice<Value: Choice>(_ name: String, _ value: inout Value) {
        let words = Value.allCases.map(\.rawValue)
        let list = words.joined(separator: ", ")
        scalar(name, &value, kind: "one of \(list)", shown: value.rawValue) { (text) throws(Mistake) in
            try chosen(text, of: words, list)
        }
    }

    func choice<Value: Choice>(_ name: String, _ value: inout Value?) {
        let words = Value.allCases.map(\.rawValue)
        let list = words.joined(separator: ", ")
        scalar(name, &value, kind: "one of \(list)", shown: value?.rawValue ?? "") { (text) throws(Mistake) in
            try chosen(text, of: words, list)
        }
    }

    private func chosen<Value: Choice>(_ text: String, of words: [String], _ list: String) throws(Mistake) -> Value {
        if let value = Value(rawValue: text.lowercased()) { return value }
        let near = suggestion(for: text, among: words).map { "; did you mean \($0)?" } ?? ""
        throw Mistake("expected one of \(list), found \"\(excerpt(text))\"\(near)")
    }

    func count(_ name: String, _ value: inout Int, in range: ClosedRange<Int>) {
        scalar(name, &value, kind: "number", shown: "\(value)") { (text) throws(Mistake) in
            guard let number = Int(text) else { throw Mistake("expected a whole number, found \"\(excerpt(text))\"") }
            guard range.contains(number) else {
                throw Mistake("must be between \(range.lowerBound) and \(range.upperBound), is \(number)")
            }
            return number
        }
    }

    func number(_ name: String, _ value: inout Double, in range: ClosedRange<Double>) {
        scalar(name, &value, kind: "number", shown: "\(value)") { (text) throws(Mistake) in
            guard text.utf8.allSatisfy({ $0 == 0x2E || $0 == 0x2D || (0x30...0x39).contains($0) }),
                let number = Double(text)
            else {
                throw Mistake("expected a number such as 1.5, found \"\(excerpt(text))\"")
            }
            guard range.contains(number) else {
                throw Mistake("must be between \(range.lowerBound) and \(range.upperBound), is \(number)")
            }
            return number
        }
    }

    /// `zeroMeans` says what 0 stands for; without it 0 is refused unless the range holds it.
    func duration(
        _ name: String, _ value: inout Nanoseconds, in range: ClosedRange<Nanoseconds>, zeroMeans: String? = nil
    ) {
        scalar(name, &value, kind: "duration", shown: describe(duration: value)) { (text) throws(Mistake) in
            try duration(in: text, range, zeroMeans)
        }
    }

    func duration(_ name: String, _ value: inout Nanoseconds?, in range: ClosedRange<Nanoseconds>) {
        scalar(name, &value, kind: "duration", shown: value.map(describe(duration:)) ?? "") { (text) throws(Mistake) in
            try duration(in: text, range, nil)
        }
    }

    private func duration(
        in text: String, _ range: ClosedRange<Nanoseconds>, _ zeroMeans: String?
    ) throws(Mistake) -> Nanoseconds {
        let duration = try parseDuration(text)
        guard range.contains(duration) || duration == 0 && zeroMeans != nil else {
            let zero = zeroMeans.map { ", or 0 for \($0)" } ?? ""
            throw Mistake(
                "must be between \(describe(duration: range.lowerBound)) and \(describe(duration: range.upperBound))\(zero), "
                    + "is \(describe(duration: duration))")
        }
        return duration
    }

    func size(_ name: String, _ value: inout ByteCount, in range: ClosedRange<ByteCount>) {
        scalar(name, &value, kind: "size", shown: describe(size: value)) { (text) throws(Mistake) in
            let size = try parseSize(text)
            guard range.contains(size) else {
                throw Mistake(
                    "must be between \(describe(size: range.lowerBound)) and \(describe(size: range.upperBound)), "
                        + "is \(describe(size: size))")
            }
            return size
        }
    }

    func listener(_ name: String, _ value: inout ListenEndpoint) {
        scalar(name, &value, kind: "HOST:PORT", shown: value.description, parse: ListenEndpoint.parse)
    }

    func remote(_ name: String, _ value: inout RemoteEndpoint?) {
        scalar(name, &value, kind: "URL or HOST:PORT", shown: value?.description ?? "") { (text) throws(Mistake) in
            try RemoteEndpoint.parse(text)
        }
    }

    func proxy(_ name: String, _ value: inout ProxyEndpoint?) {
        scalar(name, &value, kind: "URL", shown: "") { (text) throws(Mistake) in try ProxyEndpoint.parse(text) }
    }

    /// Reads one value: from a flag, else the environment, else the file.
    private func scalar<Value>(
        _ name: String, _ value: inout Value, kind: String, shown: String, parse: (String) throws(Mistake) -> Value
    ) {
        guard let node = take(name, kind: kind, shown: shown) else { return }
        guard let text = text(of: node, path: path(of: name), expecting: kind) else { return }
        do throws(Mistake) { value = try parse(text) } catch { complain(name, error.message) }
    }

    /// A URL whose path is a secret.
    func webhook(_ name: String, _ value: inout WebhookEndpoint?) {
        scalar(name, &value, kind: "URL", shown: "") { (text) throws(Mistake) in try WebhookEndpoint.parse(text) }
    }

    // MARK: - Several values

    func list(_ name: String, _ value: inout [String]) {
        guard let node = take(name, kind: "list", shown: "[\(value.joined(separator: ", "))]") else { return }
        if let items = items(of: node, name: name) {
            value = items.compactMap { text(of: $0, path: path(of: name), expecting: "text") }
        }
    }

    /// A list of mappings, each as a section for the caller to read and finish; nil if none is given.
    func sections(_ name: String, kind: String) -> [Section]? {
        guard let node = take(name, kind: kind, shown: ""), let items = items(of: node, name: name) else { return nil }
        return items.enumerated().compactMap { index, item in
            let path = "\(path(of: name))[\(index)]"
            let item = unfolded(item) ?? item
            if case .mapping = item.content { return Section(path: path, node: item, reading: reading) }
            reading.complain(at: item.origin, path: path, "expected a mapping of keys to values, found \(item.kind)")
            return nil
        }
    }

    func choices<Value: Choice & Hashable>(_ name: String, _ value: inout Set<Value>) {
        let words = Value.allCases.map(\.rawValue)
        let given = Value.allCases.filter(value.contains).map(\.rawValue).joined(separator: ", ")
        guard let node = take(name, kind: "list of \(words.joined(separator: ", "))", shown: "[\(given)]"),
            let items = items(of: node, name: name)
        else { return }
        var chosen: Set<Value> = []
        for item in items {
            guard let text = text(of: item, path: path(of: name), expecting: "text") else { continue }
            if let choice = Value(rawValue: text.lowercased()) {
                chosen.insert(choice)
            } else {
                let near = suggestion(for: text, among: words).map { "; did you mean \($0)?" } ?? ""
                reading.complain(
                    at: item.origin, path: path(of: name),
                    "expected \(words.joined(separator: ", ")), found \"\(excerpt(text))\"\(near)")
            }
        }
        if chosen.isEmpty { complain(name, "names nothing: list at least one of \(words.joined(separator: ", "))") }
        value = chosen
    }

    /// Dotted paths: `[output.executionId, executionId]`; a path may also stand as a list of its members.
    func paths(_ name: String, _ value: inout [[String]]) {
        let shown = "[\(value.map { $0.joined(separator: ".") }.joined(separator: ", "))]"
        guard let node = take(name, kind: "list of paths", shown: shown), let items = items(of: node, name: name) else {
            return
        }
        value = items.compactMap { item in
            var members: [String] = []
            let parts = if case .sequence(let inner) = item.content { inner } else { [item] }
            for part in parts {
                guard let text = text(of: part, path: path(of: name), expecting: "a path") else { return nil }
                members += text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            }
            guard !members.isEmpty, !members.contains("") else {
                reading.complain(at: item.origin, path: path(of: name), "expected a path such as output.executionId")
                return nil
            }
            return members
        }
    }

    /// The items of a list whose shape the caller knows; nil if the key was not given.
    func items(_ name: String, kind: String, shown: String) -> [YAMLNode]? {
        take(name, kind: kind, shown: shown).flatMap { items(of: $0, name: name) }
    }

    /// Names that the user chooses, each with one text, in the order written.
    func pairs(_ name: String, kind: String) -> [(name: String, text: String, origin: Origin)] {
        entries(name, kind: kind).compactMap { entry in
            guard let text = text(of: entry.value, path: "\(path(of: name)).\(entry.key)", expecting: "text") else {
                return nil
            }
            return (entry.key, text, entry.value.origin)
        }
    }

    /// Names that the user chooses, each with a value of whatever form, in the order written. A flag or variable may write
    /// them as `a=b,c=d`.
    func entries(_ name: String, kind: String) -> [YAMLNode.Entry] {
        guard let node = unfolded(take(name, kind: kind, shown: "{}")) else { return [] }
        if case .scalar(let text, _) = node.content, text.contains("=") {
            switch node.origin {
            case .environment, .flag:
                return text.split(separator: ",").map { pair in
                    let name = pair.prefix { $0 != "=" }
                    let value = String(pair.dropFirst(name.count + 1))
                    return YAMLNode.Entry(
                        key: String(name.drop { $0 == " " }), keyOrigin: node.origin,
                        value: YAMLNode(.scalar(value, isPlain: false), origin: node.origin))
                }
            default: break
            }
        }
        guard case .mapping(let entries) = node.content else {
            reading.complain(at: node.origin, path: path(of: name), "expected \(kind), found \(node.kind)")
            return []
        }
        return entries.map {
            YAMLNode.Entry(key: $0.key, keyOrigin: $0.keyOrigin, value: unfolded($0.value) ?? $0.value)
        }
    }

    /// The section that one of `entries` is, for the caller to read and finish.
    func section(of entry: YAMLNode.Entry, in name: String) -> Section {
        let quoted = entry.key.contains(".") ? "\"\(entry.key)\"" : entry.key
        return Section(path: "\(path(of: name)).\(quoted)", node: entry.value, reading: reading)
    }

    /// Whether a key was given anywhere. Only after it was asked for.
    func isGiven(_ name: String) -> Bool { reading.origin(of: path(of: name)) != .builtIn }

    // MARK: - Layers

    /// The node that holds a key's value: from a flag, else the environment, else the file.
    private func take(_ name: String, kind: String, shown: String) -> YAMLNode? {
        allowed.append(name)
        let key = ConfigurationKey(path: path(of: name), kind: kind, defaultText: shown)
        reading.note(key)
        var node = entries.first { $0.key == name }?.value
        if case .flag = node?.origin {
        } else if let text = reading.variable(key.environmentName) {
            node = YAMLNode(.scalar(text, isPlain: false), origin: .environment(key.environmentName))
        }
        guard let node, !node.isNull else { return nil }
        isTouched = true
        reading.note(node.origin, of: path(of: name))
        return node
    }

    /// The text of a scalar with its variables filled in; reports what is none.
    func text(of node: YAMLNode, path: String, expecting kind: String, isSecret: Bool = false) -> String? {
        guard case .scalar(let raw, _) = node.content, !node.isNull else {
            reading.complain(at: node.origin, path: path, "expected \(kind), found \(node.kind)")
            return nil
        }
        do throws(Mistake) {
            // What the environment gives is meant as it is.
            if case .environment = node.origin { return try checked(raw) }
            let (text, missing) = try expandEnvironment(in: raw, environment: reading.environment)
            for name in missing {
                reading.complain(
                    .warning, at: node.origin, path: path,
                    "the environment variable \(name) is not set and counts as empty; ${env:\(name):-…} gives a default"
                )
            }
            return try checked(text)
        } catch {
            let message =
                isSecret
                ? "cannot be read: write ${env:NAME} for a variable, $$ for a dollar sign, and no control characters"
                : error.message
            reading.complain(at: node.origin, path: path, message)
            return nil
        }
    }

    private func checked(_ text: String) throws(Mistake) -> String {
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { throw Mistake("holds a control character") }
        return text
    }

    private func items(of node: YAMLNode, name: String) -> [YAMLNode]? {
        guard let node = unfolded(node) else { return nil }
        switch (node.content, node.origin) {
        case (.sequence(let items), _): return items
        case (.scalar(let text, _), .environment), (.scalar(let text, _), .flag):
            return text.split(separator: ",").map { item in
                let trimmed = String(item.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
                return YAMLNode(.scalar(trimmed, isPlain: false), origin: node.origin)
            }
        default:
            reading.complain(
                at: node.origin, path: path(of: name), "expected a list such as [a, b], found \(node.kind)")
            return nil
        }
    }

    /// A flag or variable may write a list as `[a, b]` and a mapping as `{a: b}`.
    private func unfolded(_ node: YAMLNode?) -> YAMLNode? {
        guard let node, case .scalar(let text, _) = node.content, text.hasPrefix("[") || text.hasPrefix("{") else {
            return node
        }
        switch node.origin {
        case .environment, .flag:
            return YAMLDocument.parse(Array(text.utf8), limits: .defaults, origin: node.origin).root ?? node
        default: return node
        }
    }
}

/// Keys of the collector that have another name here, or none.
private let keysOfTheCollector = [
    "service": "there are no pipelines to wire: every receiver feeds every exporter; remove this section",
    "processors": "spanbridge batches, limits memory and redacts by itself; remove this section",
    "extensions": "health and metrics are served by api.endpoint; remove this section",
    "connectors": "span metrics are always derived; remove this section",
    "queue_size": "the queue is bounded in bytes: write size: 64MiB",
    "sizer": "the queue is always bounded in bytes; remove this key",
    "max_recv_msg_size_mib": "write receivers.otlp.max_request_size, which holds for every protocol",
    "max_request_body_size": "write receivers.otlp.max_request_size, which holds for every protocol",
]
