/// One conversion of wire format into OTLP/JSON. The fields of a message may lie in any order and even be repeated, so
/// a first pass over a message finds where each of them lies, and a second writes them in the order of the schema.
struct OTLPJSONDecoder {
    private var writer: JSONWriter
    private let depthLimit: Int
    private let schema = OTLPSchema.shared

    /// The part of a message in which all occurrences of one field lie, among others perhaps.
    private struct Extent {
        var range = 0..<0
        var count = 0
    }

    init(depthLimit: Int, capacity: Int) {
        self.depthLimit = depthLimit
        writer = JSONWriter(reservingCapacity: capacity)
    }

    mutating func decode(_ bytes: [UInt8], _ message: OTLPMessage) throws(OTLPJSONError) -> [UInt8] {
        do throws(ProtobufFields.Malformed) {
            try self.message(schema.root(message), bytes, 0..<bytes.count, depth: 1)
        } catch {
            switch error {
            case .bytes(let offset): throw .protobuf(offset: offset)
            case .depth: throw .tooDeep(limit: depthLimit)
            }
        }
        return writer.bytes
    }
}

extension OTLPJSONDecoder {
    private mutating func message(
        _ index: Int, _ bytes: [UInt8], _ range: Range<Int>, depth: Int
    ) throws(ProtobufFields.Malformed) {
        guard depth <= depthLimit else { throw .depth }
        switch schema.messages[index].form {
        case .object:
            writer.beginObject()
            try fields(of: index, bytes, range, depth: depth)
            writer.endObject()
        case .any: try any(index, bytes, range, depth: depth)
        case .duration:
            guard let duration = ProtobufDuration(protobuf: bytes, range) else {
                throw .bytes(offset: range.lowerBound)
            }
            writer.string(duration.text)
        }
    }

    private mutating func fields(
        of index: Int, _ bytes: [UInt8], _ range: Range<Int>, depth: Int
    ) throws(ProtobufFields.Malformed) {
        let extents = try extents(index, bytes, range)
        for position in extents.indices where extents[position].count > 0 {
            let field = schema.messages[index].fields[position]
            if field.isRepeated {
                try elements(field, extents[position], bytes, depth: depth)
            } else {
                try single(field, extents[position], bytes, depth: depth)
            }
        }
    }

    /// Where each field of a message lies; of the members of a oneof only the last counts.
    private func extents(
        _ index: Int, _ bytes: [UInt8], _ range: Range<Int>
    ) throws(ProtobufFields.Malformed) -> [Extent] {
        let known = schema.messages[index].fields
        var extents = [Extent](repeating: Extent(), count: known.count)
        var hint = 0
        var scanner = ProtobufFields(bytes, range)
        var start = range.lowerBound
        while let field = try scanner.next() {
            defer { start = scanner.position }
            if hint >= known.count || known[hint].number != field.number {
                guard let found = known.firstIndex(where: { $0.number == field.number }) else { continue }
                hint = found
            }
            guard Self.isReadable(field, as: known[hint]) else { continue }
            if known[hint].isInOneof {
                for other in known.indices where other != hint && known[other].slot == known[hint].slot {
                    extents[other].count = 0
                }
            }
            let first = extents[hint].count == 0 ? start : extents[hint].range.lowerBound
            extents[hint].range = first..<scanner.position
            extents[hint].count += 1
        }
        return extents
    }

    /// A field with another wire type than its schema says is unknown, but repeated numbers come packed or not.
    private static func isReadable(_ field: ProtobufFields.Field, as known: OTLPSchema.Field) -> Bool {
        field.wireType == known.kind.wireType || (known.isRepeated && field.wireType == 2)
    }

    private mutating func single(
        _ field: OTLPSchema.Field, _ extent: Extent, _ bytes: [UInt8], depth: Int
    ) throws(ProtobufFields.Malformed) {
        var last = ProtobufFields.Field(number: field.number, wireType: field.kind.wireType)
        // A message that comes in parts is their concatenation.
        var whole: [UInt8] = []
        var scanner = ProtobufFields(bytes, extent.range)
        while let next = try scanner.next() {
            guard next.number == field.number, Self.isReadable(next, as: field) else { continue }
            last = next
            if field.kind == .message, extent.count > 1 { whole.append(contentsOf: bytes[next.range]) }
        }
        switch field.kind {
        case .message:
            writer.key(plain: field.jsonName)
            if extent.count == 1 {
                try message(field.message, bytes, last.range, depth: depth + 1)
            } else {
                try message(field.message, whole, 0..<whole.count, depth: depth + 1)
            }
        case .string, .bytes, .id:
            guard !last.range.isEmpty || field.isInOneof else { return }
            writer.key(plain: field.jsonName)
            text(field, bytes, last.range)
        default:
            guard last.bits != 0 || field.isInOneof else { return }
            writer.key(plain: field.jsonName)
            number(field, last.bits)
        }
    }

    private mutating func elements(
        _ field: OTLPSchema.Field, _ extent: Extent, _ bytes: [UInt8], depth: Int
    ) throws(ProtobufFields.Malformed) {
        writer.key(plain: field.jsonName)
        writer.beginArray()
        var scanner = ProtobufFields(bytes, extent.range)
        while let next = try scanner.next() {
            guard next.number == field.number, Self.isReadable(next, as: field) else { continue }
            if field.kind == .message {
                try message(field.message, bytes, next.range, depth: depth + 1)
            } else if field.kind.wireType == 2 {
                text(field, bytes, next.range)
            } else if next.wireType == 2 {
                var packed = ProtobufFields(bytes, next.range)
                while let bits = try packed.nextPacked(wireType: field.kind.wireType) { number(field, bits) }
            } else {
                number(field, next.bits)
            }
        }
        writer.endArray()
    }

    private mutating func text(_ field: OTLPSchema.Field, _ bytes: [UInt8], _ range: Range<Int>) {
        switch field.kind {
        case .id: writer.hex(bytes[range])
        case .bytes: writer.base64(bytes[range])
        default: writer.string(utf8: bytes, range)
        }
    }

    private mutating func number(_ field: OTLPSchema.Field, _ bits: UInt64) {
        switch field.kind {
        case .bool: writer.bool(bits != 0)
        case .double: writer.double(Double(bitPattern: bits))
        case .sint32:
            let short = UInt32(truncatingIfNeeded: bits)
            writer.integer(Int32(bitPattern: short >> 1) ^ -Int32(bitPattern: short & 1))
        case .int32, .enumeration, .sfixed32: writer.integer(Int32(truncatingIfNeeded: bits))
        case .uint32, .fixed32: writer.integer(UInt32(truncatingIfNeeded: bits))
        case .sint64: writer.quotedInteger(Int64(bitPattern: bits >> 1) ^ -Int64(bitPattern: bits & 1))
        case .int64, .sfixed64: writer.quotedInteger(Int64(bitPattern: bits))
        default: writer.quotedInteger(bits)
        }
    }

    /// `{"@type": NAME, …}` with the fields of the message, or with its bytes if the type is not known.
    private mutating func any(
        _ index: Int, _ bytes: [UInt8], _ range: Range<Int>, depth: Int
    ) throws(ProtobufFields.Malformed) {
        var type = 0..<0
        var value = 0..<0
        var scanner = ProtobufFields(bytes, range)
        while let field = try scanner.next() {
            guard field.wireType == 2 else { continue }
            if field.number == 1 { type = field.range }
            if field.number == 2 { value = field.range }
        }
        let name = String(decoding: bytes[type], as: UTF8.self).split(separator: "/").last.map(String.init) ?? ""
        writer.beginObject()
        writer.key("@type")
        writer.string(utf8: bytes, type)
        if let known = schema.indexByName[name], schema.messages[known].form == .object {
            try fields(of: known, bytes, value, depth: depth + 1)
        } else {
            writer.key("value")
            writer.base64(bytes[value])
        }
        writer.endObject()
    }
}
