import Wire

/// Reads the messages round and inside spans, as far as an index needs them, and checks their structure.
enum EnvelopeReading {
    /// The `service.name` of a `Resource`; empty if there is none.
    static func serviceName(_ resource: consuming WireReader) throws(WireError) -> Range<Int> {
        var resource = resource
        var name = 0..<0
        while !resource.isAtEnd {
            let tag = try resource.tag()
            guard tag == 10 else {
                try resource.skip(tag)
                continue
            }
            let attribute = try AttributeReading(resource.message())
            if equals("service.name", attribute.key, in: resource) { name = attribute.text ?? 0..<0 }
        }
        return name
    }

    /// The name of an `InstrumentationScope`; empty if there is none.
    static func scopeName(_ scope: consuming WireReader) throws(WireError) -> Range<Int> {
        var scope = scope
        var name = 0..<0
        while !scope.isAtEnd {
            let tag = try scope.tag()
            switch tag {
            case 10: name = try scope.range()
            case 26: _ = try AttributeReading(scope.message())
            default: try scope.skip(tag)
            }
        }
        return name
    }

    /// Checks a `Span.Event`.
    static func checkEvent(_ event: consuming WireReader) throws(WireError) {
        try checkAttributes(event, tag: 26)
    }

    /// Checks a `Span.Link`.
    static func checkLink(_ link: consuming WireReader) throws(WireError) {
        try checkAttributes(link, tag: 34)
    }

    /// Checks a message in which only the attributes are messages.
    static func checkAttributes(_ message: consuming WireReader, tag attributes: UInt32) throws(WireError) {
        var message = message
        while !message.isAtEnd {
            let tag = try message.tag()
            if tag == attributes {
                _ = try AttributeReading(message.message())
            } else {
                try message.skip(tag)
            }
        }
    }

    /// The code of a `Status`; `previous` if it has none, since repeated messages are merged.
    static func statusCode(_ status: consuming WireReader, or previous: UInt64) throws(WireError) -> UInt64 {
        var status = status
        var code = previous
        while !status.isAtEnd {
            let tag = try status.tag()
            if tag == 24 {
                code = try status.varint()
            } else {
                try status.skip(tag)
            }
        }
        return code
    }

    /// The ids that a log record or an exemplar carries. An invalid trace id means that it belongs to no trace (offset 0,
    /// OTLP rule V-10), an invalid span id that it belongs to no span.
    static func association(
        _ trace: Range<Int>, _ span: Range<Int>, in reader: borrowing WireReader
    ) -> (offset: UInt32, TraceID, SpanID) {
        guard trace.count == 16 else { return (0, TraceID(high: 0, low: 0), .none) }
        let traceID = TraceID(
            high: reader.bigEndianWord(at: trace.lowerBound), low: reader.bigEndianWord(at: trace.lowerBound &+ 8))
        guard !traceID.isZero else { return (0, traceID, .none) }
        let spanID = span.count == 8 ? SpanID(raw: reader.bigEndianWord(at: span.lowerBound)) : .none
        return (UInt32(truncatingIfNeeded: trace.lowerBound), traceID, spanID)
    }

    /// What one of Kestra's spans is, by its OTLP kind and name.
    static func kestraKind(_ kind: UInt64, _ name: Range<Int>, in reader: borrowing WireReader) -> KestraSpanKind {
        if name.count >= 9 {
            switch reader.littleEndianWord(at: name.lowerBound) {
            case 0x524F_5455_4345_5845:  // EXECUTOR, then the last eight bytes of `EXECUTOR - `.
                if name.count >= 11, reader.littleEndianWord(at: name.lowerBound &+ 3) == 0x202D_2052_4F54_5543 {
                    return .executor
                }
            case 0x2D20_5245_4B52_4F57:  // WORKER -, then a blank.
                if reader.byte(at: name.lowerBound &+ 8) == 0x20 { return .worker }
            default: break
            }
        }
        return kind == 2 ? .server : .none
    }

    static func equals(_ text: StaticString, _ range: Range<Int>, in reader: borrowing WireReader) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        // Safe: the pointer is a static string's, read within its length.
        for position in 0..<range.count
        where reader.byte(at: range.lowerBound &+ position) != text.utf8Start[position] {
            return false
        }
        return true
    }

    /// Whether a class name has `.plugin.` in it.
    static func namesPlugin(_ range: Range<Int>, in reader: borrowing WireReader) -> Bool {
        guard range.count >= 8 else { return false }
        for start in range.lowerBound...(range.upperBound &- 8)
        where reader.littleEndianWord(at: start) == 0x2E6E_6967_756C_702E {
            return true
        }
        return false
    }
}
