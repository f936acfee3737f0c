import COTLP
import CProtobufC

/// What protobuf-c's descriptors say about the OTLP messages, in the form that the JSON codec needs. It is read once.
struct OTLPSchema: Sendable {
    /// The schema of all messages that `OTLPMessage` can reach.
    static let shared = OTLPSchema(reading: ())

    private(set) var messages: [Message] = []
    /// Full message name to index in `messages`.
    private(set) var indexByName: [String: Int] = [:]
    private var roots: [OTLPMessage: Int] = [:]

    struct Message: Sendable {
        var name: String
        var fields: [Field] = []
        /// Whether proto3 JSON has a form of its own for the message.
        var form = Form.object
    }

    enum Form: Sendable { case object, any, duration }

    /// A class so that the codec can hold one without copying its parts.
    final class Field: Sendable {
        let number: Int
        let kind: Kind
        let isRepeated: Bool
        /// The lowest field index of the oneof it belongs to, else its own index: fields that share it exclude each
        /// other.
        let slot: Int
        let isInOneof: Bool
        /// lowerCamelCase, which is the only valid spelling in OTLP/JSON.
        let jsonName: [UInt8]
        /// snake_case, as in the .proto file.
        let protoName: [UInt8]
        /// Index of the message type in `messages`.
        let message: Int
        let values: [EnumValue]

        init(
            number: Int, kind: Kind, isRepeated: Bool, slot: Int, isInOneof: Bool, jsonName: [UInt8],
            protoName: [UInt8],
            message: Int, values: [EnumValue]
        ) {
            self.number = number
            self.kind = kind
            self.isRepeated = isRepeated
            self.slot = slot
            self.isInOneof = isInOneof
            self.jsonName = jsonName
            self.protoName = protoName
            self.message = message
            self.values = values
        }
    }

    struct EnumValue: Sendable {
        var name: [UInt8]
        var number: Int32
    }

    enum Kind: Sendable {
        case int32, sint32, sfixed32, int64, sint64, sfixed64, uint32, fixed32, uint64, fixed64
        case double, bool, enumeration, string, message
        /// Bytes as base64.
        case bytes
        /// Bytes as hex: trace and span ids (OTLP rule J-1).
        case id
    }

    func root(_ message: OTLPMessage) -> Int { roots[message] ?? 0 }
}

extension OTLPSchema {
    private init(reading: Void) {
        // Safe: the descriptors are constants of the C module; copying one keeps its pointers, which lead to other
        // constants, and `add` keeps none of them.
        self.init()
        add(.tracesRequest, opentelemetry__proto__collector__trace__v1__export_trace_service_request__descriptor)
        add(.tracesResponse, opentelemetry__proto__collector__trace__v1__export_trace_service_response__descriptor)
        add(
            .metricsRequest,
            opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__descriptor)
        add(
            .metricsResponse,
            opentelemetry__proto__collector__metrics__v1__export_metrics_service_response__descriptor)
        add(.logsRequest, opentelemetry__proto__collector__logs__v1__export_logs_service_request__descriptor)
        add(.logsResponse, opentelemetry__proto__collector__logs__v1__export_logs_service_response__descriptor)
        add(.status, google__rpc__status__descriptor)
        // Only named inside google.protobuf.Any.
        _ = add(google__rpc__retry_info__descriptor)
        _ = add(google__rpc__bad_request__descriptor)
    }

    private mutating func add(
        _ message: OTLPMessage, _ descriptor: ProtobufCMessageDescriptor
    ) {
        roots[message] = add(descriptor)
    }

    /// Adds a message and all it refers to; returns its index.
    private mutating func add(_ descriptor: ProtobufCMessageDescriptor) -> Int {
        let name = String(cString: descriptor.name)
        if let known = indexByName[name] { return known }
        let index = messages.count
        indexByName[name] = index
        let form: Form =
            switch name {
            case "google.protobuf.Any": .any
            case "google.protobuf.Duration": .duration
            default: .object
            }
        messages.append(Message(name: name, form: form))

        // Safe: `fields` points to `n_fields` constants.
        let descriptors = UnsafeBufferPointer(start: descriptor.fields, count: Int(descriptor.n_fields))
        var fields: [Field] = []
        var slots: [UInt32: Int] = [:]
        for entry in descriptors {
            guard let kind = Self.kind(of: entry) else { continue }
            let protoName = String(cString: entry.name)
            let isInOneof = entry.flags & UInt32(PROTOBUF_C_FIELD_FLAG_ONEOF.rawValue) != 0
            var slot = fields.count
            if isInOneof {
                // Members of one oneof share the offset of the case that says which of them is set.
                slot = slots[entry.quantifier_offset] ?? slot
                slots[entry.quantifier_offset] = slot
            }
            var message = 0
            var values: [EnumValue] = []
            if let type = entry.descriptor {
                // Safe: for these two kinds `descriptor` points to a constant of this type (protobuf-c.h).
                if kind == .message {
                    message = add(type.assumingMemoryBound(to: ProtobufCMessageDescriptor.self).pointee)
                } else if kind == .enumeration {
                    values = Self.values(of: type.assumingMemoryBound(to: ProtobufCEnumDescriptor.self).pointee)
                }
            }
            fields.append(
                Field(
                    number: Int(entry.id), kind: kind, isRepeated: entry.label == PROTOBUF_C_LABEL_REPEATED, slot: slot,
                    isInOneof: isInOneof, jsonName: Self.camelCase(protoName), protoName: Array(protoName.utf8),
                    message: message, values: values))
        }
        messages[index].fields = fields
        return index
    }

    private static func values(of descriptor: ProtobufCEnumDescriptor) -> [EnumValue] {
        // Safe: `values` points to `n_values` constants.
        UnsafeBufferPointer(start: descriptor.values, count: Int(descriptor.n_values)).map {
            EnumValue(name: Array(String(cString: $0.name).utf8), number: $0.value)
        }
    }

    private static func kind(of field: ProtobufCFieldDescriptor) -> Kind? {
        switch field.type {
        case PROTOBUF_C_TYPE_INT32: .int32
        case PROTOBUF_C_TYPE_SINT32: .sint32
        case PROTOBUF_C_TYPE_SFIXED32: .sfixed32
        case PROTOBUF_C_TYPE_INT64: .int64
        case PROTOBUF_C_TYPE_SINT64: .sint64
        case PROTOBUF_C_TYPE_SFIXED64: .sfixed64
        case PROTOBUF_C_TYPE_UINT32: .uint32
        case PROTOBUF_C_TYPE_FIXED32: .fixed32
        case PROTOBUF_C_TYPE_UINT64: .uint64
        case PROTOBUF_C_TYPE_FIXED64: .fixed64
        case PROTOBUF_C_TYPE_DOUBLE: .double
        case PROTOBUF_C_TYPE_BOOL: .bool
        case PROTOBUF_C_TYPE_ENUM: .enumeration
        case PROTOBUF_C_TYPE_STRING: .string
        case PROTOBUF_C_TYPE_MESSAGE: .message
        case PROTOBUF_C_TYPE_BYTES:
            ["trace_id", "span_id", "parent_span_id"].contains(String(cString: field.name)) ? .id : .bytes
        default: nil
        }
    }

    private static func camelCase(_ name: String) -> [UInt8] {
        var result: [UInt8] = []
        var raise = false
        for byte in name.utf8 {
            if byte == UInt8(ascii: "_") {
                raise = true
            } else {
                result.append(raise && byte >= 0x61 && byte <= 0x7A ? byte - 0x20 : byte)
                raise = false
            }
        }
        return result
    }
}

extension OTLPSchema.Kind {
    /// The wire type of one value (protobuf encoding guide): 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes.
    var wireType: Int {
        switch self {
        case .int32, .sint32, .int64, .sint64, .uint32, .uint64, .bool, .enumeration: 0
        case .sfixed64, .fixed64, .double: 1
        case .string, .message, .bytes, .id: 2
        case .sfixed32, .fixed32: 5
        }
    }
}
