import Wire

/// Encodes spans that the relay makes itself.
package enum SpanBuilder {
    /// An `ExportTraceServiceRequest` with one resource and one scope.
    package static func request(
        resource: [(String, String)], scope: String, version: String, spans: [BuiltSpan]
    ) -> [UInt8] {
        message(10) { body in
            body += message(10) { resourceBody in
                for (name, value) in resource { resourceBody += attribute(10, name, .string(value)) }
            }
            body += message(18) { scopeBody in
                scopeBody += message(10) { scopeName in
                    text(10, scope, to: &scopeName)
                    text(18, version, to: &scopeName)
                }
                for span in spans { scopeBody += encode(span) }
            }
        }
    }

    private static func encode(_ span: BuiltSpan) -> [UInt8] {
        message(18) { body in
            WireWriter.header(10, count: 16, to: &body)
            WireWriter.bigEndian(span.traceID.high, to: &body)
            WireWriter.bigEndian(span.traceID.low, to: &body)
            WireWriter.header(18, count: 8, to: &body)
            WireWriter.bigEndian(span.spanID.raw, to: &body)
            if !span.parentSpanID.isZero {
                WireWriter.header(34, count: 8, to: &body)
                WireWriter.bigEndian(span.parentSpanID.raw, to: &body)
            }
            text(42, span.name, to: &body)
            if span.kind != 0 { WireWriter.varint(48, UInt64(span.kind), to: &body) }
            if span.start != 0 { WireWriter.fixed64(57, span.start, to: &body) }
            if span.end != 0 { WireWriter.fixed64(65, span.end, to: &body) }
            for (name, value) in span.attributes { body += attribute(74, name, value) }
            for link in span.links { RewriteVocabulary.shared.append(link, to: &body) }
            if span.statusCode != 0 || !span.statusMessage.isEmpty {
                body += message(122) { status in
                    text(18, span.statusMessage, to: &status)
                    if span.statusCode != 0 { WireWriter.varint(24, UInt64(span.statusCode), to: &status) }
                }
            }
            if span.flags != 0 { WireWriter.fixed32(133, span.flags, to: &body) }
        }
    }

    private static func attribute(_ tag: UInt32, _ name: String, _ value: BuiltSpan.Value) -> [UInt8] {
        message(tag) { body in
            text(10, name, to: &body)
            body += message(18) { any in
                switch value {
                // Members of a oneof are written even if they are empty.
                case .string(let string): WireWriter.delimited(10, string.utf8, to: &any)
                case .bool(let bool): WireWriter.varint(16, bool ? 1 : 0, to: &any)
                case .int(let int): WireWriter.varint(24, UInt64(bitPattern: int), to: &any)
                }
            }
        }
    }

    private static func text(_ tag: UInt32, _ text: String, to output: inout [UInt8]) {
        if !text.isEmpty { WireWriter.delimited(tag, text.utf8, to: &output) }
    }

    private static func message(_ tag: UInt32, _ body: (inout [UInt8]) -> Void) -> [UInt8] {
        var content: [UInt8] = []
        body(&content)
        var field: [UInt8] = []
        WireWriter.delimited(tag, content, to: &field)
        return field
    }
}
