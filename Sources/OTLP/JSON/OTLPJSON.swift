/// OTLP/JSON to protobuf and back, for every message, driven by the schema (OTLP rules J-1 to J-8).
package enum OTLPJSON {
    /// Turns OTLP/JSON into wire format.
    ///
    /// Lenient in what it takes: ids in hex of either case and of any length (a wrong length makes the index reject the
    /// span, not the request: J-8), enums by number or name, numbers bare or in quotes, base64 in both alphabets, keys in
    /// snake_case too, unknown keys ignored, null as absent, the last of duplicate keys.
    /// - Parameter depthLimit: how deep objects and arrays may nest; one level of `AnyValue` takes three.
    package static func encodeProtobuf(
        json: [UInt8], message: OTLPMessage, depthLimit: Int = 64
    ) throws(OTLPJSONError) -> [UInt8] {
        var encoder = OTLPJSONEncoder(json: json, depthLimit: depthLimit)
        return try encoder.encode(message)
    }

    /// Turns wire format into OTLP/JSON: camelCase keys in the order of field numbers, ids in lower-case hex, enums as
    /// integers, 64-bit integers in quotes, default-valued and unknown fields left out. Strings that are not UTF-8 get
    /// U+FFFD for the bytes that are not.
    /// - Parameter depthLimit: how deep messages may nest.
    package static func decode(
        protobuf: [UInt8], message: OTLPMessage, depthLimit: Int = 100
    ) throws(OTLPJSONError) -> [UInt8] {
        var decoder = OTLPJSONDecoder(depthLimit: depthLimit, capacity: protobuf.count * 2)
        return try decoder.decode(protobuf, message)
    }
}

/// Why a body could not be turned from JSON into protobuf or back.
package enum OTLPJSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The text is not JSON.
    case json(JSONError)
    /// A value of the wrong kind or out of range.
    /// - Parameters:
    ///   - field: the key.
    ///   - expected: what would be right there.
    ///   - offset: where in the text the value begins.
    case value(field: String, expected: String, offset: Int)
    /// The bytes are not protobuf.
    case protobuf(offset: Int)
    /// Messages nested deeper than the limit.
    case tooDeep(limit: Int)

    package var description: String {
        switch self {
        case .json(let error): error.description
        case .value(let field, let expected, let offset):
            "invalid OTLP/JSON at byte \(offset): '\(field)' must be \(expected)"
        case .protobuf(let offset): "invalid protobuf at byte \(offset)"
        case .tooDeep(let limit): "messages nested deeper than \(limit) levels"
        }
    }
}
