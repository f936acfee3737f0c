/// A parsed JSON text, for paths on which a tree is affordable.
package enum JSONValue: Sendable, Equatable {
    /// Members in their order in the text; duplicates are kept, lookups find the last.
    case object([Member])
    case array([JSONValue])
    case string(String)
    /// The number as it was written.
    case number(String)
    case bool(Bool)
    case null

    /// A key and its value.
    package struct Member: Sendable, Equatable {
        package var key: String
        package var value: JSONValue

        package init(key: String, value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    /// Parses a whole text.
    /// - Parameters:
    ///   - depthLimit: how deep objects and arrays may nest.
    ///   - valueLimit: how many values there may be, since `[[],[],…` takes ten times its size as a tree.
    ///   - replacesLoneSurrogates: see `JSONReader`.
    package static func parse(
        _ bytes: [UInt8], depthLimit: Int = 64, valueLimit: Int = 1_000_000, replacesLoneSurrogates: Bool = false
    ) throws(JSONError) -> JSONValue {
        var reader = JSONReader(bytes, depthLimit: depthLimit, replacesLoneSurrogates: replacesLoneSurrogates)
        var budget = valueLimit
        let value = try read(&reader, budget: &budget, limit: valueLimit)
        try reader.finish()
        return value
    }

    private static func read(
        _ reader: inout JSONReader, budget: inout Int, limit: Int
    ) throws(JSONError) -> JSONValue {
        guard budget > 0 else { throw JSONError(.tooManyValues(limit: limit), at: reader.position) }
        budget -= 1
        switch try reader.peek() {
        case .object:
            var members: [Member] = []
            try reader.beginObject()
            while let key = try reader.nextKey() {
                let name = reader.text(key)
                members.append(Member(key: name, value: try read(&reader, budget: &budget, limit: limit)))
            }
            return .object(members)
        case .array:
            var elements: [JSONValue] = []
            try reader.beginArray()
            while try reader.nextElement() {
                elements.append(try read(&reader, budget: &budget, limit: limit))
            }
            return .array(elements)
        case .string: return .string(reader.text(try reader.string()))
        case .number: return .number(reader.text(try reader.number()))
        case .bool: return .bool(try reader.bool())
        case .null:
            try reader.null()
            return .null
        }
    }
}

extension JSONValue {
    /// The last member of an object with this key; nil if there is none or this is no object.
    package subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.key == key }?.value
    }

    /// The value under a path of keys; nil if any is missing.
    package func value(at path: [String]) -> JSONValue? {
        var value = self
        for key in path {
            guard let next = value[key] else { return nil }
            value = next
        }
        return value
    }

    /// The text of a string; nil for other kinds.
    package var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// The elements of an array; nil for other kinds.
    package var array: [JSONValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    /// The members of an object; nil for other kinds.
    package var members: [Member]? {
        guard case .object(let members) = self else { return nil }
        return members
    }

    /// The truth value; nil for other kinds.
    package var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    /// The integer that a number or a string of digits says exactly; nil otherwise.
    package var integer: Int64? {
        let text: String
        switch self {
        case .number(let digits), .string(let digits): text = digits
        default: return nil
        }
        let bytes = Array(text.utf8)
        guard JSONNumber.end(in: bytes, from: 0) == bytes.count, let value = JSONNumber.integer(bytes[...]) else {
            return nil
        }
        if !value.isNegative { return Int64(exactly: value.magnitude) }
        return value.magnitude == 1 << 63 ? .min : Int64(exactly: value.magnitude).map { -$0 }
    }

    /// The value of a number; nil for other kinds and outside the range of doubles.
    package var double: Double? {
        guard case .number(let text) = self else { return nil }
        return JSONNumber.double(Array(text.utf8)[...])
    }

    /// The name of the kind, for error messages: `an object`, `a string`, …
    package var kindName: String {
        switch self {
        case .object: "an object"
        case .array: "an array"
        case .string: "a string"
        case .number: "a number"
        case .bool: "a boolean"
        case .null: "null"
        }
    }

    /// The compact text of the value.
    package var serialized: [UInt8] {
        var writer = JSONWriter()
        writer.value(self)
        return writer.bytes
    }
}
