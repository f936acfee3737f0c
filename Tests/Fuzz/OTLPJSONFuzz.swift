import OTLP

extension FuzzTarget {
    /// OTLP/JSON to protobuf; the first byte chooses the message.
    static let otlpJSON = FuzzTarget(name: "otlp-json") { bytes in
        guard let first = bytes.first else { return }
        let message = OTLPMessage.allCases[Int(first) % OTLPMessage.allCases.count]
        guard let protobuf = try? OTLPJSON.encodeProtobuf(json: Array(bytes.dropFirst()), message: message) else { return }
        guard let json = try? OTLPJSON.decode(protobuf: protobuf, message: message) else {
            fatalError("what was encoded cannot be decoded")
        }
        guard let again = try? OTLPJSON.encodeProtobuf(json: json, message: message),
            let jsonAgain = try? OTLPJSON.decode(protobuf: again, message: message)
        else { fatalError("what was decoded cannot be encoded") }
        require(json == jsonAgain, "the second round gives another text")
    }

    /// Protobuf to OTLP/JSON and back; the first byte chooses the message.
    static let otlpProtobuf = FuzzTarget(name: "otlp-protobuf") { bytes in
        guard let first = bytes.first else { return }
        let message = OTLPMessage.allCases[Int(first) % OTLPMessage.allCases.count]
        guard let json = try? OTLPJSON.decode(protobuf: Array(bytes.dropFirst()), message: message) else { return }
        require((try? JSONValue.parse(json, depthLimit: 1_000)) != nil, "the text is not JSON")
        _ = try? OTLPJSON.encodeProtobuf(json: json, message: message)
    }
}
