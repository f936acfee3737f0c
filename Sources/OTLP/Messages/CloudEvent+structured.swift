extension CloudEvent {
    /// The event in structured mode (JSON event format 1.0.2): the bytes that it came as, or what binary mode says in
    /// JSON.
    package var structured: [UInt8] {
        if let bytes = written.bytes { return bytes }
        var writer = JSONWriter(reservingCapacity: 512 + rawData.count * 4 / 3)
        writer.beginObject()
        writeAttributes(to: &writer)
        writeData(to: &writer)
        writer.endObject()
        return writer.bytes
    }

    /// JSON as such, text as a string, all else as base64 (JSON event format section 3.1).
    private func writeData(to writer: inout JSONWriter) {
        guard !rawData.isEmpty else { return }
        let type = MediaType(dataContentType ?? "application/json")
        if type.isJSON, Self.isJSON(rawData) {
            writer.key("data")
            writer.raw(json: rawData)
        } else if dataContentType != nil, !type.isJSON, type.text.hasPrefix("text/"),
            let text = String(validating: rawData, as: UTF8.self)
        {
            writer.member("data", text)
        } else {
            writer.key("data_base64")
            writer.base64(rawData[...])
        }
    }

    private static func isJSON(_ bytes: [UInt8]) -> Bool {
        var reader = JSONReader(bytes, depthLimit: CloudEventLimits().depth, replacesLoneSurrogates: true)
        do {
            try reader.skipValue()
            try reader.finish()
            return true
        } catch {
            return false
        }
    }

    /// The event's trace context as HTTP headers; nil if it has none that is valid. A `tracestate` that is none is left
    /// out, as W3C Trace Context 3.3 has it.
    package var traceHeaders: (traceparent: String, traceState: String?)? {
        context.map { ($0.text, traceState.flatMap { Self.isTraceState($0) ? $0 : nil }) }
    }

    /// Whether a text may be sent as `tracestate`: at most 32 members `key=value` of printable ASCII.
    private static func isTraceState(_ text: String) -> Bool {
        guard text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else { return false }
        let members = text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            .map { $0.drop { $0 == 0x20 } }.filter { !$0.isEmpty }
        return (1...32).contains(members.count)
            && members.allSatisfy { member in
                guard let sign = member.firstIndex(of: UInt8(ascii: "=")) else { return false }
                return sign != member.startIndex && member.index(after: sign) != member.endIndex
            }
    }
}
