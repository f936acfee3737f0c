package import Wire

extension SpanDetail {
    /// Decodes a span of an indexed payload. Throws if its bytes are no span, or if a value is nested more deeply than 32
    /// levels.
    /// - Parameter span: index into `index.spans`; must be one of them.
    package init(payload: [UInt8], index: SpanIndex, span: Int) throws(WireError) {
        let entry = index.spans[span]
        traceID = entry.traceID
        spanID = entry.spanID
        parentSpanID = entry.parentSpanID
        kind = entry.kind
        start = entry.start
        end = entry.end
        statusCode = entry.status
        flags = entry.flags

        guard Int(entry.body.end) <= payload.count else { throw .truncated(offset: payload.count) }
        var body = Array(payload[entry.body.indices])
        var next = index.redactions.partitioningIndex { $0.end > entry.body.start }
        Redaction.mask(entry.body.indices, copiedTo: 0, of: &body, index.redactions, &next)
        try decode(WireReader(body.span.bytes))
    }

    private mutating func decode(_ body: consuming WireReader) throws(WireError) {
        var body = body
        while !body.isAtEnd {
            let tag = try body.tag()
            switch tag {
            case 26: traceState = try body.text()
            case 42: name = try body.text()
            case 74: attributes.append(try Attribute(body.message(), depth: 0))
            case 90: events.append(try Event(body.message()))
            case 106: links.append(try Link(body.message()))
            case 122:
                var status = try body.message()
                while !status.isAtEnd {
                    let tag = try status.tag()
                    if tag == 18 { statusMessage = try status.text() } else { try status.skip(tag) }
                }
            default: try body.skip(tag)
            }
        }
    }
}

extension SpanDetail.Event {
    fileprivate init(_ body: consuming WireReader) throws(WireError) {
        var body = body
        while !body.isAtEnd {
            let tag = try body.tag()
            switch tag {
            case 9: time = try body.fixed64()
            case 18: name = try body.text()
            case 26: attributes.append(try Attribute(body.message(), depth: 0))
            default: try body.skip(tag)
            }
        }
    }
}

extension SpanDetail.Link {
    fileprivate init(_ body: consuming WireReader) throws(WireError) {
        var body = body
        while !body.isAtEnd {
            let tag = try body.tag()
            switch tag {
            case 10:
                let id = try body.range()
                if id.count == 16 {
                    traceID = TraceID(
                        high: body.bigEndianWord(at: id.lowerBound), low: body.bigEndianWord(at: id.lowerBound + 8))
                }
            case 18:
                let id = try body.range()
                if id.count == 8 { spanID = SpanID(raw: body.bigEndianWord(at: id.lowerBound)) }
            case 34: attributes.append(try Attribute(body.message(), depth: 0))
            default: try body.skip(tag)
            }
        }
    }
}

extension Attribute {
    /// Decodes a `KeyValue`.
    fileprivate init(_ body: consuming WireReader, depth: Int) throws(WireError) {
        self.init("", .empty)
        var body = body
        while !body.isAtEnd {
            let tag = try body.tag()
            switch tag {
            case 10: name = try body.text()
            case 18: try value.decode(body.message(), depth: depth)
            default: try body.skip(tag)
            }
        }
    }
}

extension AttributeValue {
    /// Decodes an `AnyValue` into what is there already: protobuf merges a message that comes twice.
    fileprivate mutating func decode(_ body: consuming WireReader, depth: Int) throws(WireError) {
        let limit = AttributeReading.depthLimit
        guard depth <= limit else { throw .tooDeep(limit: limit, offset: body.position) }
        var body = body
        while !body.isAtEnd {
            let tag = try body.tag()
            switch tag {
            case 10: self = .string(try body.text())
            case 16: self = .bool(try body.varint() != 0)
            case 24: self = .int(Int64(bitPattern: try body.varint()))
            case 33: self = .double(Double(bitPattern: try body.fixed64()))
            case 42:
                var values: [AttributeValue] = []
                var list = try body.message()
                while !list.isAtEnd {
                    let tag = try list.tag()
                    guard tag == 10 else {
                        try list.skip(tag)
                        continue
                    }
                    var value = AttributeValue.empty
                    try value.decode(list.message(), depth: depth + 1)
                    values.append(value)
                }
                self = .array(values)
            case 50:
                var entries: [Attribute] = []
                var list = try body.message()
                while !list.isAtEnd {
                    let tag = try list.tag()
                    guard tag == 10 else {
                        try list.skip(tag)
                        continue
                    }
                    entries.append(try Attribute(list.message(), depth: depth + 1))
                }
                self = .map(entries)
            case 58:
                let range = try body.range()
                self = .bytes(body.copy(range))
            default: try body.skip(tag)
            }
        }
    }
}

extension WireReader {
    /// A string field; bytes that are not UTF-8 are replaced.
    fileprivate mutating func text() throws(WireError) -> String {
        String(decoding: copy(try range()), as: UTF8.self)
    }

    fileprivate func copy(_ range: Range<Int>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        for offset in range { bytes.append(byte(at: offset)) }
        return bytes
    }
}

extension [ByteRange] {
    /// The position of the first element that fulfils a condition which all after it fulfil too.
    fileprivate func partitioningIndex(where condition: (ByteRange) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if condition(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
