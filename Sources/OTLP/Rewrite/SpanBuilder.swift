import Wire

/// Encodes spans that the relay makes itself.
package enum SpanBuilder {
    /// An `ExportTraceServiceRequest` with one resource and one scope.
    package static func request(
        resource: [(String, String)], scope: String, version: String, spans: [BuiltSpan]
    ) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(256 + 512 * spans.count)
        WireWriter.message(10, to: &output) { output in
            WireWriter.message(10, to: &output) { output in
                for (name, value) in resource { attribute(10, name, .string(value), to: &output) }
            }
            WireWriter.message(18, to: &output) { output in
                WireWriter.message(10, to: &output) { output in
                    text(10, scope, to: &output)
                    text(18, version, to: &output)
                }
                for span in spans { WireWriter.message(18, to: &output) { encode(span, to: &$0) } }
            }
        }
        return output
    }

    private static func encode(_ span: BuiltSpan, to output: inout [UInt8]) {
        WireWriter.header(10, count: 16, to: &output)
        WireWriter.bigEndian(span.traceID.high, to: &output)
        WireWriter.bigEndian(span.traceID.low, to: &output)
        WireWriter.header(18, count: 8, to: &output)
        WireWriter.bigEndian(span.spanID.raw, to: &output)
        if !span.parentSpanID.isZero {
            WireWriter.header(34, count: 8, to: &output)
            WireWriter.bigEndian(span.parentSpanID.raw, to: &output)
        }
        text(42, span.name, to: &output)
        if span.kind != 0 { WireWriter.varint(48, UInt64(span.kind), to: &output) }
        if span.start != 0 { WireWriter.fixed64(57, span.start, to: &output) }
        if span.end != 0 { WireWriter.fixed64(65, span.end, to: &output) }
        for (name, value) in span.attributes { attribute(74, name, value, to: &output) }
        for link in span.links { RewriteVocabulary.shared.append(link, to: &output) }
        if span.statusCode != 0 || !span.statusMessage.isEmpty {
            WireWriter.message(122, to: &output) { output in
                text(18, span.statusMessage, to: &output)
                if span.statusCode != 0 { WireWriter.varint(24, UInt64(span.statusCode), to: &output) }
            }
        }
        if span.flags != 0 { WireWriter.fixed32(133, span.flags, to: &output) }
    }

    private static func attribute(_ tag: UInt32, _ name: String, _ value: BuiltSpan.Value, to output: inout [UInt8]) {
        WireWriter.message(tag, to: &output) { output in
            text(10, name, to: &output)
            WireWriter.message(18, to: &output) { output in
                switch value {
                // Members of a oneof are written even if they are empty.
                case .string(let string): WireWriter.delimited(10, string.utf8, to: &output)
                case .bool(let bool): WireWriter.varint(16, bool ? 1 : 0, to: &output)
                case .int(let int): WireWriter.varint(24, UInt64(bitPattern: int), to: &output)
                }
            }
        }
    }

    private static func text(_ tag: UInt32, _ text: String, to output: inout [UInt8]) {
        if !text.isEmpty { WireWriter.delimited(tag, text.utf8, to: &output) }
    }
}
