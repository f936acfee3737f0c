import Wire

/// One `KeyValue`, as far as an index needs it. Reading it checks the structure of the whole value, so that what a
/// strict backend would refuse is refused at the door.
struct AttributeReading {
    /// What the `AnyValue` holds. The raw values are the field numbers.
    enum Kind: UInt8 {
        case empty = 0
        case string = 1
        case bool = 2
        case int = 3
        case double = 4
        case array = 5
        case map = 6
        case bytes = 7
    }

    var key = 0..<0
    var kind = Kind.empty
    /// A string's or byte string's bytes, an integer's varint, or the body of an array or map.
    var value = 0..<0
    /// The string that stands for the attribute: its string value, or the first element of an array of strings.
    var text: Range<Int>?

    /// How deep arrays and maps may be nested in an attribute. Protobuf implementations stop at 100 messages, which
    /// are about 32 maps.
    static let depthLimit = 32

    init(key: Range<Int>, text: Range<Int>) {
        self.key = key
        kind = .string
        value = text
        self.text = text
    }

    init(key: Range<Int>, integer: Range<Int>) {
        self.key = key
        kind = .int
        value = integer
    }

    /// The string that stands for the attribute, else the varint of an integer if that is wanted, else nothing.
    func value(orInteger takesIntegers: Bool) -> (Range<Int>, EvidenceEntry.Form) {
        if takesIntegers, kind == .int { return (value, .integer) }
        return (text ?? 0..<0, .text)
    }
}

extension AttributeReading {
    /// Reads a `KeyValue` from its body.
    init(_ reader: consuming WireReader) throws(WireError) {
        var reader = reader
        while !reader.isAtEnd {
            let tag = try reader.tag()
            switch tag {
            case 10: key = try reader.range()
            case 18: try readValue(reader.message())
            default: try reader.skip(tag)
            }
        }
    }

    @inline(always)
    private mutating func readValue(_ value: consuming WireReader) throws(WireError) {
        var value = value
        while !value.isAtEnd {
            let tag = try value.tag()
            if tag == 10 {
                let range = try value.range()
                kind = .string
                self.value = range
                text = range
            } else {
                value = try readRareValue(tag, value)
            }
        }
    }

    /// A value that is not a string.
    @inline(never)
    @_lifetime(copy value)
    private mutating func readRareValue(
        _ tag: UInt32, _ value: consuming WireReader
    ) throws(WireError) -> WireReader {
        var value = value
        switch tag {
        case 16:
            kind = .bool
            _ = try value.varint()
            text = nil
        case 24:
            kind = .int
            let start = value.position
            _ = try value.varint()
            self.value = start..<value.position
            text = nil
        case 33:
            kind = .double
            _ = try value.fixed64()
            text = nil
        case 42, 50:
            kind = tag == 42 ? .array : .map
            let body = try value.message()
            self.value = body.position..<body.end
            text = nil
            if tag == 42 {
                text = try Self.checkArray(body, depth: 1)
            } else {
                try Self.checkMap(body, depth: 1)
            }
        case 58:
            kind = .bytes
            self.value = try value.range()
            text = nil
        default: try value.skip(tag)
        }
        return value
    }

    /// Checks an `ArrayValue` and returns its first element if that is a string.
    private static func checkArray(_ body: consuming WireReader, depth: Int) throws(WireError) -> Range<Int>? {
        var body = body
        var first: Range<Int>?
        var isFirst = true
        while !body.isAtEnd {
            let tag = try body.tag()
            guard tag == 10 else {
                try body.skip(tag)
                continue
            }
            let text = try checkValue(body.message(), depth: depth)
            if isFirst { first = text }
            isFirst = false
        }
        return first
    }

    /// Checks a `KeyValueList`.
    private static func checkMap(_ body: consuming WireReader, depth: Int) throws(WireError) {
        var body = body
        while !body.isAtEnd {
            let tag = try body.tag()
            guard tag == 10 else {
                try body.skip(tag)
                continue
            }
            var entry = try body.message()
            while !entry.isAtEnd {
                switch try entry.tag() {
                case 18: _ = try checkValue(entry.message(), depth: depth)
                case let other: try entry.skip(other)
                }
            }
        }
    }

    /// Checks an `AnyValue` and returns its string, if it is one.
    static func checkValue(_ value: consuming WireReader, depth: Int) throws(WireError) -> Range<Int>? {
        guard depth <= depthLimit else { throw .tooDeep(limit: depthLimit, offset: value.position) }
        var value = value
        var text: Range<Int>?
        while !value.isAtEnd {
            let tag = try value.tag()
            switch tag {
            case 10: text = try value.range()
            case 42:
                _ = try checkArray(value.message(), depth: depth + 1)
                text = nil
            case 50:
                try checkMap(value.message(), depth: depth + 1)
                text = nil
            case 16, 24, 33, 58:
                try value.skip(tag)
                text = nil
            default: try value.skip(tag)
            }
        }
        return text
    }
}
