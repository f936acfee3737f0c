/// What a receiver says of a request that it took in part, or with a warning (rules G-4 to G-9).
package struct PartialSuccess: Equatable, Sendable {
    package var signal: Signal
    /// Spans, data points or log records that were refused; 0 for a warning.
    package var rejected: Int64
    /// For the person who runs the sender.
    package var message: String

    /// Longest message that is sent, in bytes; the reply stays far below the 4 MiB that senders must take.
    package static let messageLimit = 4096

    package init(signal: Signal, rejected: Int64, message: String) {
        self.signal = signal
        self.rejected = rejected
        self.message = message
    }

    /// Whether it says nothing: the response then has no partial success.
    package var isEmpty: Bool { rejected == 0 && message.isEmpty }

    /// The `Export…ServiceResponse` in protobuf; no bytes if there is nothing to say.
    package var protobuf: [UInt8] {
        guard !isEmpty else { return [] }
        var body: [UInt8] = []
        ProtobufFields.append(integer: UInt64(bitPattern: rejected), number: 1, to: &body)
        ProtobufFields.append(text: clippedMessage, number: 2, to: &body)
        var response: [UInt8] = []
        ProtobufFields.append(message: body, number: 1, to: &response)
        return response
    }

    /// The `Export…ServiceResponse` in OTLP/JSON; `{}` if there is nothing to say.
    package var json: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        if !isEmpty {
            writer.key("partialSuccess")
            writer.beginObject()
            if rejected != 0 {
                writer.key(rejectedKey)
                writer.quotedInteger(rejected)
            }
            if !message.isEmpty { writer.member("errorMessage", clippedMessage) }
            writer.endObject()
        }
        writer.endObject()
        return writer.bytes
    }

    /// Reads an `Export…ServiceResponse`; nil if its partial success is unset or says nothing.
    package static func decode(
        _ signal: Signal, protobuf response: [UInt8]
    ) throws(OTLPJSONError) -> PartialSuccess? {
        var result = PartialSuccess(signal: signal, rejected: 0, message: "")
        do throws(ProtobufFields.Malformed) {
            var fields = ProtobufFields(response)
            while let field = try fields.next() {
                guard field.number == 1, field.wireType == 2 else { continue }
                var inner = ProtobufFields(response, field.range)
                while let field = try inner.next() {
                    if field.number == 1, field.wireType == 0 { result.rejected = Int64(bitPattern: field.bits) }
                    if field.number == 2, field.wireType == 2 {
                        result.message = String(decoding: response[field.range], as: UTF8.self)
                    }
                }
            }
        } catch {
            guard case .bytes(let offset) = error else { return nil }
            throw .protobuf(offset: offset)
        }
        return result.isEmpty ? nil : result
    }

    /// Reads an `Export…ServiceResponse` in OTLP/JSON.
    package static func decode(_ signal: Signal, json response: [UInt8]) throws(OTLPJSONError) -> PartialSuccess? {
        try decode(signal, protobuf: OTLPJSON.encodeProtobuf(json: response, message: .response(signal)))
    }

    private var rejectedKey: String {
        switch signal {
        case .traces: "rejectedSpans"
        case .metrics: "rejectedDataPoints"
        case .logs: "rejectedLogRecords"
        }
    }

    private var clippedMessage: String {
        guard message.utf8.count > Self.messageLimit else { return message }
        // The cut must not leave part of a character: its last, perhaps incomplete one goes.
        var kept = Array(message.utf8.prefix(Self.messageLimit))
        while let last = kept.popLast(), last & 0xC0 == 0x80 {}
        return String(decoding: kept, as: UTF8.self)
    }
}
