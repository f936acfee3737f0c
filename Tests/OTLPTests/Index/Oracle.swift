import COTLP
import CProtobufC
import OTLP

/// A span as protobuf-c sees it, in comparable pieces. Texts end at the first NUL, as C strings do.
struct OracleSpan: Hashable {
    var traceID: [UInt8]
    var spanID: [UInt8]
    var parent: [UInt8]
    var name: String
    var kind: UInt32
    var start: UInt64
    var end: UInt64
    var status: UInt32
    var statusMessage: String
    var flags: UInt32
    var attributes: [String]
    var links: [String]
    /// All else, unknown fields included.
    var rest: [String]
    /// Resource and scope with everything but their spans.
    var envelope: [String]

    /// OTLP rules V-1 and V-2, and the same for the parent.
    var isValid: Bool {
        traceID.count == 16 && spanID.count == 8 && (parent.isEmpty || parent.count == 8)
            && traceID.contains { $0 != 0 } && spanID.contains { $0 != 0 }
    }
}

enum Oracle {
    typealias Request = Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest
    typealias Span = Opentelemetry__Proto__Trace__V1__Span
    typealias KeyValue = Opentelemetry__Proto__Common__V1__KeyValue
    typealias AnyValue = Opentelemetry__Proto__Common__V1__AnyValue

    /// All spans of a request; nil if protobuf-c refuses it.
    static func spans(_ payload: [UInt8]) -> [OracleSpan]? {
        guard
            let request = opentelemetry__proto__collector__trace__v1__export_trace_service_request__unpack(
                nil, payload.count, payload)
        else { return nil }
        defer {
            opentelemetry__proto__collector__trace__v1__export_trace_service_request__free_unpacked(request, nil)
        }
        var spans: [OracleSpan] = []
        let top = unknown(request.pointee.base)
        for resource in list(request.pointee.resource_spans, request.pointee.n_resource_spans) {
            let envelope =
                top + [describe(resource.pointee.resource), text(resource.pointee.schema_url)]
                + unknown(resource.pointee.base)
            for scope in list(resource.pointee.scope_spans, resource.pointee.n_scope_spans) {
                let inner =
                    envelope + [describe(scope.pointee.scope), text(scope.pointee.schema_url)]
                    + unknown(scope.pointee.base)
                for span in list(scope.pointee.spans, scope.pointee.n_spans) { spans.append(read(span.pointee, inner)) }
            }
        }
        return spans
    }

    private static func read(_ span: Span, _ envelope: [String]) -> OracleSpan {
        var rest = [text(span.trace_state), "\(span.dropped_attributes_count) \(span.dropped_events_count)"]
        rest.append("\(span.dropped_links_count)")
        for event in list(span.events, span.n_events) {
            rest.append("event \(event.pointee.time_unix_nano) \(text(event.pointee.name))")
            rest += list(event.pointee.attributes, event.pointee.n_attributes).map(describe)
            rest += unknown(event.pointee.base)
        }
        rest += unknown(span.base)
        if let status = span.status { rest += unknown(status.pointee.base) }
        return OracleSpan(
            traceID: bytes(span.trace_id), spanID: bytes(span.span_id), parent: bytes(span.parent_span_id),
            name: text(span.name), kind: span.kind.rawValue, start: span.start_time_unix_nano,
            end: span.end_time_unix_nano, status: span.status.map { $0.pointee.code.rawValue } ?? 0,
            statusMessage: span.status.map { text($0.pointee.message) } ?? "", flags: span.flags,
            attributes: list(span.attributes, span.n_attributes).map(describe),
            links: list(span.links, span.n_links).map { link in
                let ids = "\(bytes(link.pointee.trace_id)) \(bytes(link.pointee.span_id)) \(link.pointee.flags)"
                let attributes = list(link.pointee.attributes, link.pointee.n_attributes).map(describe)
                return "\(ids) \(text(link.pointee.trace_state)) \(attributes) \(unknown(link.pointee.base))"
            },
            rest: rest, envelope: envelope)
    }

    static func describe(_ pointer: UnsafeMutablePointer<KeyValue>) -> String {
        let value = pointer.pointee.value.map { describe($0.pointee) } ?? "empty"
        return "\(text(pointer.pointee.key))=\(value)\(unknown(pointer.pointee.base))"
    }

    private static func describe(_ value: AnyValue) -> String {
        let tail = unknown(value.base)
        let end = tail.isEmpty ? "" : "\(tail)"
        switch value.value_case.rawValue {
        case 1: return "string(\(text(value.string_value)))" + end
        case 2: return "bool(\(value.bool_value != 0))" + end
        case 3: return "int(\(value.int_value))" + end
        case 4: return "double(\(value.double_value.bitPattern))" + end
        case 5:
            guard let array = value.array_value else { return "array()" + end }
            let values = list(array.pointee.values, array.pointee.n_values).map { describe($0.pointee) }
            return "array(\(values.joined(separator: ",")))" + end
        case 6:
            guard let map = value.kvlist_value else { return "map()" + end }
            let entries = list(map.pointee.values, map.pointee.n_values).map(describe)
            return "map(\(entries.joined(separator: ",")))" + end
        case 7: return "bytes(\(bytes(value.bytes_value)))" + end
        default: return "empty" + end
        }
    }

    private static func describe(
        _ pointer: UnsafeMutablePointer<Opentelemetry__Proto__Resource__V1__Resource>?
    ) -> String {
        guard let resource = pointer?.pointee else { return "" }
        let attributes = list(resource.attributes, resource.n_attributes).map(describe)
        return "\(attributes) \(resource.dropped_attributes_count) \(unknown(resource.base))"
    }

    private static func describe(
        _ pointer: UnsafeMutablePointer<Opentelemetry__Proto__Common__V1__InstrumentationScope>?
    ) -> String {
        guard let scope = pointer?.pointee else { return "" }
        let attributes = list(scope.attributes, scope.n_attributes).map(describe)
        return "\(text(scope.name)) \(text(scope.version)) \(attributes) \(unknown(scope.base))"
    }

    private static func unknown(_ base: ProtobufCMessage) -> [String] {
        (0..<Int(base.n_unknown_fields)).map { position in
            let field = base.unknown_fields[position]
            return "field \(field.tag): \(Array(UnsafeBufferPointer(start: field.data, count: field.len)))"
        }
    }

    private static func list<T>(
        _ pointers: UnsafeMutablePointer<UnsafeMutablePointer<T>?>?, _ count: Int
    ) -> [UnsafeMutablePointer<T>] {
        UnsafeBufferPointer(start: pointers, count: pointers == nil ? 0 : count).compactMap { $0 }
    }

    private static func text(_ pointer: UnsafeMutablePointer<CChar>?) -> String {
        pointer.map { String(cString: $0) } ?? ""
    }

    private static func bytes(_ data: ProtobufCBinaryData) -> [UInt8] {
        Array(UnsafeBufferPointer(start: data.data, count: data.len))
    }
}

extension OracleSpan {
    /// The same pieces, read through the index and `SpanDetail`; what only protobuf-c reads is taken over.
    init(payload: [UInt8], index: SpanIndex, span: Int, like other: OracleSpan) throws {
        let entry = index.spans[span]
        let detail = try SpanDetail(payload: payload, index: index, span: span)
        self = other
        traceID = Array(payload[Int(entry.traceIDOffset)..<Int(entry.traceIDOffset) + 16])
        spanID = entry.spanID.isZero ? [] : bytes(entry.spanID.raw)
        parent = entry.parentSpanID.isZero ? [] : bytes(entry.parentSpanID.raw)
        name = cString(payload[entry.name.indices])
        kind = UInt32(entry.kind)
        start = entry.start
        end = entry.end
        status = UInt32(entry.status)
        statusMessage = cString(Array(detail.statusMessage.utf8)[...])
        flags = entry.flags
        attributes = detail.attributes.map { "\(cString(Array($0.name.utf8)[...]))=\(describe($0.value))[]" }
    }
}

func bytes(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - UInt64($0) * 8)) }
}

func cString(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
}

/// The oracle's description of a value.
func describe(_ value: AttributeValue) -> String {
    switch value {
    case .empty: "empty"
    case .string(let text): "string(\(cString(Array(text.utf8)[...])))"
    case .bool(let bool): "bool(\(bool))"
    case .int(let int): "int(\(int))"
    case .double(let double): "double(\(double.bitPattern))"
    case .bytes(let bytes): "bytes(\(bytes))"
    case .array(let values): "array(\(values.map(describe).joined(separator: ",")))"
    case .map(let entries):
        "map(\(entries.map { "\(cString(Array($0.name.utf8)[...]))=\(describe($0.value))[]" }.joined(separator: ",")))"
    }
}
