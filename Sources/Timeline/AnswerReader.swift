import OTLP

/// Why an answer of the API is not what it should be: which member, and what was expected there.
package struct AnswerError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Keys from the top, as in `executions[0].state`.
    package let path: String
    package let expected: String

    package var description: String { "the answer's member '\(path)' is not \(expected)" }
}

/// Reads members of one JSON object and says where it stands when one is missing or of another kind.
struct AnswerReader {
    let value: JSONValue
    let path: String

    init(_ value: JSONValue, path: String = "") {
        self.value = value
        self.path = path
    }

    func fail(_ key: String, _ expected: String) -> AnswerError {
        AnswerError(path: path.isEmpty ? key : "\(path).\(key)", expected: expected)
    }

    /// Nil if the member is missing or null.
    private func member(_ key: String) -> JSONValue? {
        guard let member = value[key], member != .null else { return nil }
        return member
    }

    private func required<Value>(_ key: String, _ expected: String, _ read: (JSONValue) -> Value?) throws(AnswerError)
        -> Value
    {
        guard let value = member(key).flatMap(read) else { throw fail(key, expected) }
        return value
    }

    private func optional<Value>(_ key: String, _ expected: String, _ read: (JSONValue) -> Value?) throws(AnswerError)
        -> Value?
    {
        guard member(key) != nil else { return nil }
        return try required(key, expected, read)
    }

    func string(_ key: String) throws(AnswerError) -> String { try required(key, "a string", \.string) }

    /// Empty if missing.
    func text(_ key: String) throws(AnswerError) -> String { try optional(key, "a string", \.string) ?? "" }

    func optionalString(_ key: String) throws(AnswerError) -> String? { try optional(key, "a string", \.string) }

    func bool(_ key: String) throws(AnswerError) -> Bool { try required(key, "a boolean", \.bool) }

    func time(_ key: String) throws(AnswerError) -> UInt64 { try required(key, "an RFC 3339 time", Self.time) }

    func optionalTime(_ key: String) throws(AnswerError) -> UInt64? { try optional(key, "an RFC 3339 time", Self.time) }

    func count(_ key: String) throws(AnswerError) -> Int {
        try required(key, "a count") { $0.integer.flatMap { $0 >= 0 ? Int(exactly: $0) : nil } }
    }

    func nanoseconds(_ key: String) throws(AnswerError) -> UInt64 {
        try required(key, "a number of nanoseconds") { $0.integer.flatMap(UInt64.init(exactly:)) }
    }

    func traceID(_ key: String) throws(AnswerError) -> TraceID {
        try required(key, "a trace id of 32 hex digits") { $0.string.flatMap { TraceID(hex: $0) } }
    }

    func optionalTraceID(_ key: String) throws(AnswerError) -> TraceID? {
        try optional(key, "a trace id of 32 hex digits") { $0.string.flatMap { TraceID(hex: $0) } }
    }

    func spanID(_ key: String) throws(AnswerError) -> SpanID {
        try required(key, "a span id of 16 hex digits") { $0.string.flatMap { SpanID(hex: $0) } }
    }

    func optionalSpanID(_ key: String) throws(AnswerError) -> SpanID? {
        try optional(key, "a span id of 16 hex digits") { $0.string.flatMap { SpanID(hex: $0) } }
    }

    /// One of an enumeration's names.
    func name<Name: RawRepresentable<String>>(_ key: String, _ expected: String) throws(AnswerError) -> Name {
        try required(key, expected) { $0.string.flatMap(Name.init(rawValue:)) }
    }

    func strings(_ key: String) throws(AnswerError) -> [String] {
        try required(key, "a list of strings") { value in
            value.array.flatMap { list in
                let strings = list.compactMap(\.string)
                return strings.count == list.count ? strings : nil
            }
        }
    }

    func object<Value>(_ key: String, _ read: (AnswerReader) throws(AnswerError) -> Value) throws(AnswerError) -> Value
    {
        guard let value = try optionalObject(key, read) else { throw fail(key, "an object") }
        return value
    }

    /// Nil if missing or null.
    func optionalObject<Value>(
        _ key: String, _ read: (AnswerReader) throws(AnswerError) -> Value
    ) throws(AnswerError) -> Value? {
        guard let found = member(key) else { return nil }
        guard found.members != nil else { throw fail(key, "an object") }
        return try read(AnswerReader(found, path: path.isEmpty ? key : "\(path).\(key)"))
    }

    func list<Element>(
        _ key: String, _ read: (AnswerReader) throws(AnswerError) -> Element
    ) throws(AnswerError) -> [Element] {
        let elements = try required(key, "a list", \.array)
        var result: [Element] = []
        result.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            let place = path.isEmpty ? "\(key)[\(index)]" : "\(path).\(key)[\(index)]"
            guard element.members != nil else { throw AnswerError(path: place, expected: "an object") }
            result.append(try read(AnswerReader(element, path: place)))
        }
        return result
    }

    private static func time(_ value: JSONValue) -> UInt64? { value.string.flatMap { RFC3339.parse($0) } }

    /// Parses an answer; an answer that is no object has no members and fails at the first.
    ///
    /// Nested executions make answers deeper than JSON usually is.
    static func parse(_ json: [UInt8]) throws -> AnswerReader {
        AnswerReader(try JSONValue.parse(json, depthLimit: 128))
    }
}

extension JSONWriter {
    /// A time, or null if it is not known.
    mutating func member(_ name: String, optionalTime nanoseconds: UInt64?) {
        key(name)
        if let nanoseconds { time(nanoseconds) } else { null() }
    }

    /// A number of nanoseconds; what no 64-bit JSON reader holds is cut.
    mutating func member(_ name: String, nanoseconds: UInt64) {
        member(name, min(nanoseconds, UInt64(Int64.max)))
    }

    mutating func list<Element>(_ name: String, _ elements: [Element], _ write: (Element, inout JSONWriter) -> Void) {
        key(name)
        beginArray()
        for element in elements { write(element, &self) }
        endArray()
    }

    mutating func list(_ name: String, strings: [String]) { list(name, strings) { $1.string($0) } }

    mutating func list(_ name: String, traces: [TraceID]) { list(name, traces) { $1.id($0) } }
}

extension AnswerReader {
    func traceIDs(_ key: String) throws(AnswerError) -> [TraceID] {
        let texts = try strings(key)
        let ids = texts.compactMap { TraceID(hex: $0) }
        guard ids.count == texts.count else { throw fail(key, "a list of trace ids of 32 hex digits") }
        return ids
    }
}
