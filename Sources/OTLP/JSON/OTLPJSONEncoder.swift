import Wire

/// One conversion of OTLP/JSON into wire format: the text is read once and the fields are written as they come.
struct OTLPJSONEncoder {
    private var reader: JSONReader
    private var output: [UInt8] = []
    private let schema = OTLPSchema.shared

    /// What was written for the members of the objects that are open, innermost last.
    private var written: [Occurrence] = []
    /// Output of members that a later duplicate replaced, in the objects that are open, innermost last.
    private var replaced: [Range<Int>] = []
    /// Scratch for strings with escapes.
    private var scratch: [UInt8] = []

    /// Output that stands for one member of an open object.
    private struct Occurrence {
        var slot: Int
        var range: Range<Int>
    }

    /// Longest id that is taken, in hex digits; twice a trace id.
    private static let idLimit = 64

    init(json: [UInt8], depthLimit: Int) {
        reader = JSONReader(json, depthLimit: depthLimit, replacesLoneSurrogates: true)
        output.reserveCapacity(json.count / 2)
    }

    mutating func encode(_ message: OTLPMessage) throws(OTLPJSONError) -> [UInt8] {
        guard try peek() == .object else { throw mistake("the body", "an object") }
        try self.message(schema.root(message))
        do throws(JSONError) { try reader.finish() } catch { throw .json(error) }
        return output
    }
}

// MARK: - Messages

extension OTLPJSONEncoder {
    /// Reads an object and writes the fields of its message.
    private mutating func message(_ index: Int) throws(OTLPJSONError) {
        let base = output.count
        let writtenBase = written.count
        let replacedBase = replaced.count
        var seen: UInt32 = 0
        try wrap { (reader) throws(JSONError) in try reader.beginObject() }
        while let key = try wrap({ (reader) throws(JSONError) in try reader.nextKey() }) {
            guard let position = field(named: key, of: index) else {
                try wrap { (reader) throws(JSONError) in try reader.skipValue() }
                continue
            }
            let slot = schema.messages[index].fields[position].slot
            let bit: UInt32 = 1 << UInt32(truncatingIfNeeded: slot)
            if seen & bit != 0 { replace(slot, from: writtenBase) }
            seen |= bit
            let start = output.count
            try member(index, position)
            written.append(Occurrence(slot: slot, range: start..<output.count))
        }
        written.removeSubrange(writtenBase...)
        if replaced.count > replacedBase {
            removeReplaced(from: replacedBase, base: base)
        }
    }

    /// Marks what was written last for the slot as replaced.
    private mutating func replace(_ slot: Int, from base: Int) {
        guard let last = written[base...].lastIndex(where: { $0.slot == slot }) else { return }
        // A default value left nothing behind; an empty gap could come after the one that begins at the same place.
        if !written[last].range.isEmpty { replaced.append(written[last].range) }
        // Its place is taken by the duplicate, so that the list stays as short as the message has fields.
        written.remove(at: last)
    }

    /// Closes the gaps of replaced output, in one pass.
    private mutating func removeReplaced(from first: Int, base: Int) {
        let gaps = replaced[first...].sorted { $0.lowerBound < $1.lowerBound }
        replaced.removeSubrange(first...)
        var kept = Array(output[base..<base])
        var position = base
        for gap in gaps {
            kept.append(contentsOf: output[position..<gap.lowerBound])
            position = gap.upperBound
        }
        kept.append(contentsOf: output[position...])
        output.replaceSubrange(base..., with: kept)
    }

    private func field(named key: JSONReader.Token, of message: Int) -> Int? {
        if key.isEscaped {
            let name = Array(reader.text(key).utf8)[...]
            return schema.messages[message].fields.firstIndex { $0.jsonName[...] == name || $0.protoName[...] == name }
        }
        let fields = schema.messages[message].fields
        for index in fields.indices where matches(key, fields[index].jsonName) { return index }
        return fields.firstIndex { matches(key, $0.protoName) }
    }

    @inline(__always)
    private func matches(_ key: JSONReader.Token, _ name: [UInt8]) -> Bool {
        guard key.count == name.count else { return false }
        for index in 0..<name.count where reader.bytes[key.start + index] != name[index] { return false }
        return true
    }

    /// Reads the value of a known key and writes its field.
    private mutating func member(_ message: Int, _ position: Int) throws(OTLPJSONError) {
        let field = schema.messages[message].fields[position]
        let kind = try peek()
        if kind == .null {
            try wrap { (reader) throws(JSONError) in try reader.null() }
        } else if field.isRepeated {
            guard kind == .array else { throw mistake(field, "an array") }
            try elements(of: field)
        } else if field.kind.wireType == 2 {
            tag(field, wireType: 2)
            let start = output.count
            try delimited(field)
            // An empty string is the default and is left out; an empty message says that it is there.
            if output.count == start + 1, field.kind != .message, !field.isInOneof {
                output.removeSubrange((start - tagSize(field))...)
            }
        } else {
            let start = output.count
            tag(field, wireType: field.kind.wireType)
            if try scalar(field) == 0, !field.isInOneof { output.removeSubrange(start...) }
        }
    }

    private mutating func elements(of field: OTLPSchema.Field) throws(OTLPJSONError) {
        try wrap { (reader) throws(JSONError) in try reader.beginArray() }
        let isPacked = field.kind.wireType != 2
        let start = output.count
        if isPacked {
            tag(field, wireType: 2)
            output.append(0)
        }
        let body = output.count
        while try wrap({ (reader) throws(JSONError) in try reader.nextElement() }) {
            if isPacked {
                _ = try scalar(field)
            } else {
                tag(field, wireType: 2)
                try delimited(field)
            }
        }
        guard isPacked else { return }
        if output.count == body { output.removeSubrange(start...) } else { closeLength(at: body) }
    }

    /// Reads a value that is written as a length and bytes.
    private mutating func delimited(_ field: OTLPSchema.Field) throws(OTLPJSONError) {
        output.append(0)
        let body = output.count
        let kind = try peek()
        if kind == .null {
            // An element of an array: there is no null in protobuf, so it is the default.
            try wrap { (reader) throws(JSONError) in try reader.null() }
        } else if field.kind == .message {
            try nested(field, kind)
        } else {
            guard kind == .string else { throw mistake(field, "a string") }
            let offset = reader.position
            let token = try wrap { (reader) throws(JSONError) in try reader.string() }
            switch field.kind {
            case .string: reader.append(token, to: &output)
            case .id: try appendID(token, field, offset)
            default:
                guard let bytes = decodeBase64(token) else { throw mistake(field, "base64", at: offset) }
                output.append(contentsOf: bytes)
            }
        }
        closeLength(at: body)
    }

    private mutating func nested(_ field: OTLPSchema.Field, _ kind: JSONReader.Kind) throws(OTLPJSONError) {
        switch (schema.messages[field.message].form, kind) {
        case (.duration, .string):
            let offset = reader.position
            let token = try wrap { (reader) throws(JSONError) in try reader.string() }
            guard let duration = ProtobufDuration(text: reader.text(token)) else {
                throw mistake(field, "a duration such as \"1.5s\"", at: offset)
            }
            output.append(contentsOf: duration.protobuf)
        case (.any, .object): try any(field)
        case (_, .object): try message(field.message)
        default: throw mistake(field, "an object")
        }
    }

    /// `{"@type": "type.googleapis.com/NAME", …}`: the fields beside `@type` are those of the message NAME.
    private mutating func any(_ field: OTLPSchema.Field) throws(OTLPJSONError) {
        var ahead = reader
        var type: String?
        do throws(JSONError) {
            try ahead.beginObject()
            while let key = try ahead.nextKey() {
                if ahead.text(key) == "@type", try ahead.peek() == .string {
                    type = ahead.text(try ahead.string())
                } else {
                    try ahead.skipValue()
                }
            }
        } catch {
            throw .json(error)
        }
        guard let type, let name = type.split(separator: "/").last, let index = schema.indexByName[String(name)] else {
            return try message(field.message)
        }
        ProtobufFields.append(text: type, number: 1, to: &output)
        output.append(0x12)
        output.append(0)
        let body = output.count
        try message(index)
        closeLength(at: body)
    }
}

// MARK: - Values

extension OTLPJSONEncoder {
    /// Reads a number, boolean or enum and writes it without a tag; returns the bits that are zero for the default.
    private mutating func scalar(_ field: OTLPSchema.Field) throws(OTLPJSONError) -> UInt64 {
        let value = try scalarValue(field)
        switch field.kind {
        case .sint32, .sint64:
            let signed = Int64(bitPattern: value)
            WireWriter.varint(UInt64(bitPattern: signed << 1 ^ signed >> 63), to: &output)
        case .sfixed32, .fixed32: WireWriter.littleEndian(UInt32(truncatingIfNeeded: value), to: &output)
        case .sfixed64, .fixed64, .double: WireWriter.littleEndian(value, to: &output)
        default: WireWriter.varint(value, to: &output)
        }
        return value
    }

    private mutating func scalarValue(_ field: OTLPSchema.Field) throws(OTLPJSONError) -> UInt64 {
        let kind = try peek()
        let offset = reader.position
        switch (field.kind, kind) {
        case (_, .null):
            try wrap { (reader) throws(JSONError) in try reader.null() }
            return 0
        case (.bool, .bool):
            return try wrap { (reader) throws(JSONError) in try reader.bool() } ? 1 : 0
        case (.bool, _): throw mistake(field, "true or false")
        case (_, .number), (_, .string): break
        default: throw mistake(field, "a number")
        }
        let token = try wrap { (reader) throws(JSONError) in
            kind == .string ? try reader.string() : try reader.number()
        }
        let text = reader.bytes[token.range]
        switch field.kind {
        case .double:
            guard let value = double(text, isQuoted: kind == .string) else {
                throw mistake(field, "a number", at: offset)
            }
            return value.bitPattern
        case .enumeration:
            if kind == .string, let value = field.values.first(where: { $0.name[...] == text }) {
                return UInt64(bitPattern: Int64(value.number))
            }
            return try integer(text, field, 31, isSigned: true, "a number or name of its enum", offset)
        case .int32, .sint32, .sfixed32:
            return try integer(text, field, 31, isSigned: true, "a 32-bit integer", offset)
        case .uint32, .fixed32:
            return try integer(text, field, 32, isSigned: false, "an unsigned 32-bit integer", offset)
        case .uint64, .fixed64:
            return try integer(text, field, 64, isSigned: false, "an unsigned 64-bit integer", offset)
        default:
            return try integer(text, field, 63, isSigned: true, "a 64-bit integer", offset)
        }
    }

    /// The bits of an integer whose magnitude has at most `bits` bits (one value more below zero).
    private func integer(
        _ text: ArraySlice<UInt8>, _ field: OTLPSchema.Field, _ bits: UInt64, isSigned: Bool, _ expected: String,
        _ offset: Int
    ) throws(OTLPJSONError) -> UInt64 {
        let end = JSONNumber.end(in: reader.bytes, from: text.startIndex, limit: text.endIndex)
        let limit: UInt64 = bits == 64 ? .max : 1 << bits - 1
        guard !text.isEmpty, end == text.endIndex, let value = JSONNumber.integer(text),
            value.magnitude <= limit || (value.isNegative && isSigned && value.magnitude == limit + 1),
            !value.isNegative || isSigned || value.magnitude == 0
        else { throw mistake(field, expected, at: offset) }
        return value.isNegative ? 0 &- value.magnitude : value.magnitude
    }

    private func double(_ text: ArraySlice<UInt8>, isQuoted: Bool) -> Double? {
        if isQuoted {
            if text.elementsEqual("NaN".utf8) { return .nan }
            if text.elementsEqual("Infinity".utf8) { return .infinity }
            if text.elementsEqual("-Infinity".utf8) { return -.infinity }
        }
        let end = JSONNumber.end(in: reader.bytes, from: text.startIndex, limit: text.endIndex)
        guard !text.isEmpty, end == text.endIndex else { return nil }
        return JSONNumber.double(text)
    }

    /// Writes the bytes of an id. An odd number of digits is no number of bytes: one byte, which is no valid id either,
    /// stands for it, so that the index rejects this span and not its neighbours.
    private mutating func appendID(
        _ token: JSONReader.Token, _ field: OTLPSchema.Field, _ offset: Int
    ) throws(OTLPJSONError) {
        let digits = token.range
        guard !token.isEscaped, digits.count <= Self.idLimit else {
            throw mistake(field, "an id in hex of at most \(Self.idLimit) digits", at: offset)
        }
        var first: UInt8 = 0
        let body = output.count
        for index in digits {
            guard let digit = UInt64(hexDigits: CollectionOfOne(reader.bytes[index])) else {
                throw mistake(field, "an id in hex of at most \(Self.idLimit) digits", at: offset)
            }
            if (index - digits.lowerBound) % 2 == 0 {
                first = UInt8(truncatingIfNeeded: digit) << 4
            } else {
                output.append(first | UInt8(truncatingIfNeeded: digit))
            }
        }
        if digits.count % 2 == 1 {
            output.removeSubrange(body...)
            output.append(first)
        }
    }

    private mutating func decodeBase64(_ token: JSONReader.Token) -> [UInt8]? {
        guard token.isEscaped else { return Base64.decode(reader.bytes[token.range]) }
        // Some writers escape the slash of the alphabet.
        scratch.removeAll(keepingCapacity: true)
        reader.append(token, to: &scratch)
        return Base64.decode(scratch)
    }
}

// MARK: - Output

extension OTLPJSONEncoder {
    private mutating func tag(_ field: OTLPSchema.Field, wireType: Int) {
        WireWriter.varint(UInt64(field.number << 3 | wireType), to: &output)
    }

    private func tagSize(_ field: OTLPSchema.Field) -> Int { WireWriter.size(ofVarint: UInt64(field.number << 3)) }

    /// Writes the length of what follows `body` before it, where one byte was kept for it.
    private mutating func closeLength(at body: Int) {
        let length = UInt64(output.count - body)
        if length < 0x80 {
            output[body - 1] = UInt8(truncatingIfNeeded: length)
            return
        }
        var varint: [UInt8] = []
        WireWriter.varint(length, to: &varint)
        output.replaceSubrange((body - 1)..<body, with: varint)
    }

    private mutating func peek() throws(OTLPJSONError) -> JSONReader.Kind {
        try wrap { (reader) throws(JSONError) in try reader.peek() }
    }

    @inline(__always)
    @discardableResult
    private mutating func wrap<T>(
        _ body: (inout JSONReader) throws(JSONError) -> T
    ) throws(OTLPJSONError) -> T {
        do throws(JSONError) { return try body(&reader) } catch { throw .json(error) }
    }

    private func mistake(_ field: OTLPSchema.Field, _ expected: String, at offset: Int? = nil) -> OTLPJSONError {
        .value(
            field: String(decoding: field.jsonName, as: UTF8.self), expected: expected,
            offset: offset ?? reader.position)
    }

    private func mistake(_ name: String, _ expected: String) -> OTLPJSONError {
        .value(field: name, expected: expected, offset: reader.position)
    }
}
