extension CloudEvent {
    /// Reads the events of one HTTP request in structured, batched or binary mode (HTTP binding 1.0.2).
    ///
    /// Extensions whose name is not `[a-z0-9]+` or whose value is an object or array are left out; `null` and an empty
    /// optional attribute are as good as absent.
    /// - Parameters:
    ///   - contentType: the value of `Content-Type`.
    ///   - headers: all headers, for binary mode; names in any case.
    package static func parse(
        contentType: String?, headers: [(name: String, value: String)], body: [UInt8],
        limits: CloudEventLimits = CloudEventLimits()
    ) throws(CloudEventError) -> [CloudEvent] {
        var parser = CloudEventParser(limits: limits)
        let type = MediaType(contentType ?? "").text
        if type.hasPrefix("application/cloudevents-batch") {
            guard type == "application/cloudevents-batch" || type.hasSuffix("+json") else {
                throw .unsupportedFormat(type)
            }
            return try parser.batch(body)
        }
        if type.hasPrefix("application/cloudevents") {
            guard type == "application/cloudevents" || type.hasSuffix("+json") else { throw .unsupportedFormat(type) }
            return [try parser.structured(body)]
        }
        return [try parser.binary(contentType, headers, body)]
    }
}

/// Reads one request's events.
struct CloudEventParser {
    private let limits: CloudEventLimits
    /// Which event of the batch is read, for errors.
    private var event = 0
    /// Attributes of the event that is read, each name once.
    private var attributes: [CloudEvent.Extension] = []

    init(limits: CloudEventLimits) { self.limits = limits }

    /// Reads a body that is one event in the JSON event format.
    mutating func structured(_ body: [UInt8]) throws(CloudEventError) -> CloudEvent {
        var reader = reader(of: body)
        do {
            var event = try object(&reader)
            try reader.finish()
            event.setWritten(body)
            return event
        } catch {
            throw CloudEventError(error)
        }
    }

    /// Reads a body that is an array of events.
    mutating func batch(_ body: [UInt8]) throws(CloudEventError) -> [CloudEvent] {
        var reader = reader(of: body)
        var events: [CloudEvent] = []
        do {
            guard try reader.peek() == .array else { throw CloudEventError.notAnEvent("a batch must be an array") }
            try reader.beginArray()
            while try reader.nextElement() {
                guard events.count < limits.events else { throw CloudEventError.tooManyEvents(limit: limits.events) }
                self.event = events.count
                _ = try reader.peek()
                let start = reader.position
                var event = try object(&reader)
                event.setWritten(Array(reader.bytes[start..<reader.position]))
                events.append(event)
            }
            try reader.finish()
        } catch {
            throw CloudEventError(error)
        }
        return events
    }

    /// Reads the event whose attributes are headers and whose data is the body.
    mutating func binary(
        _ contentType: String?, _ headers: [(name: String, value: String)], _ body: [UInt8]
    ) throws(CloudEventError) -> CloudEvent {
        for header in headers {
            let name = String(
                decoding: header.name.utf8.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }, as: UTF8.self)
            guard name.hasPrefix("ce-"), name != "ce-datacontenttype" else { continue }
            let attribute = String(name.dropFirst(3))
            guard Self.isName(attribute) else { continue }
            guard !attributes.contains(where: { $0.name == attribute }) else {
                throw problem(attribute, "is given twice")
            }
            guard let value = CloudEventHeader.decode(header.value) else {
                throw problem(attribute, "is not percent-encoded UTF-8")
            }
            try set(attribute, value)
        }
        guard attributes.contains(where: { ["id", "source", "type", "specversion"].contains($0.name) }) else {
            throw .notAnEvent(
                "send Content-Type application/cloudevents+json or application/cloudevents-batch+json, or the headers "
                    + "ce-id, ce-source, ce-type and ce-specversion")
        }
        if let contentType, !contentType.isEmpty { try set("datacontenttype", contentType) }
        return try finish(body)
    }
}

extension CloudEventParser {
    private func reader(of body: [UInt8]) -> JSONReader {
        JSONReader(body, depthLimit: limits.depth, replacesLoneSurrogates: true)
    }

    /// Reads one event; throws `CloudEventError` and `JSONError`.
    private mutating func object(_ reader: inout JSONReader) throws -> CloudEvent {
        attributes.removeAll(keepingCapacity: true)
        var data: Range<Int>?
        var isString = false
        var base64: [UInt8]?
        guard try reader.peek() == .object else { throw CloudEventError.notAnEvent("an event must be an object") }
        try reader.beginObject()
        while let key = try reader.nextKey() {
            let name = reader.text(key)
            let kind = try reader.peek()
            switch name {
            case "data":
                let range = try reader.skipValue()
                data = kind == .null ? nil : range
                isString = kind == .string
            case "data_base64" where kind == .null:
                try reader.null()
                base64 = nil
            case "data_base64":
                guard kind == .string, let bytes = Base64.decode(reader.text(try reader.string()).utf8) else {
                    throw problem(name, "must be a string of base64")
                }
                base64 = bytes
            default:
                try attribute(name, kind, &reader)
            }
        }
        guard data == nil || base64 == nil else { throw problem("data", "is given along with data_base64") }
        guard let data else { return try finish(base64 ?? []) }
        let type = attributes.last { $0.name == "datacontenttype" }?.value
        guard isString, let type, !MediaType(type).isJSON else { return try finish(Array(reader.bytes[data])) }
        // Data of another type than JSON is the text of the string, not its JSON form.
        var text = JSONReader(Array(reader.bytes[data]), replacesLoneSurrogates: true)
        return try finish(Array(text.text(try text.string()).utf8))
    }

    /// Reads the value of a member that is not data.
    private mutating func attribute(_ name: String, _ kind: JSONReader.Kind, _ reader: inout JSONReader) throws {
        switch kind {
        case .string: try set(name, reader.text(try reader.string()))
        case .null:
            try reader.null()
            attributes.removeAll { $0.name == name }
        case .number where !Self.mustBeString(name): try set(name, reader.text(try reader.number()))
        case .bool where !Self.mustBeString(name): try set(name, try reader.bool() ? "true" : "false")
        default:
            if Self.mustBeString(name) { throw problem(name, "must be a string") }
            try reader.skipValue()
        }
    }

    private mutating func set(_ name: String, _ value: String) throws(CloudEventError) {
        guard Self.isName(name) else { return }
        guard value.utf8.count <= limits.attributeBytes else {
            throw problem(name, "has \(value.utf8.count) bytes; at most \(limits.attributeBytes) are taken")
        }
        if let known = attributes.firstIndex(where: { $0.name == name }) { attributes.remove(at: known) }
        guard attributes.count < limits.attributes else {
            throw problem(name, "is one too many; at most \(limits.attributes) attributes are taken")
        }
        attributes.append(CloudEvent.Extension(name: name, value: value))
    }

    /// Makes the event of the attributes that were read.
    private mutating func finish(_ data: [UInt8]) throws(CloudEventError) -> CloudEvent {
        var event = CloudEvent(
            id: try required("id"), source: try required("source"), type: try required("type"), limits: limits)
        event.specVersion = try required("specversion")
        guard event.specVersion == "1.0" else {
            throw problem("specversion", "is '\(event.specVersion.prefix(20))'; only 1.0 is served")
        }
        if let text = optional("time") {
            guard let time = RFC3339.parse(text) else {
                throw problem("time", "is no RFC 3339 time between 1970 and 2554")
            }
            event.time = time
        }
        event.subject = optional("subject")
        event.dataContentType = optional("datacontenttype")
        event.tenantID = optional("tenantid")
        event.correlationID = optional("correlationid")
        event.runID = optional("runid")
        event.actionID = optional("actionid")
        event.traceparent = optional("traceparent")
        event.traceState = optional("tracestate")
        event.extensions = attributes
        event.setData(data, limits)
        return event
    }

    private mutating func required(_ name: String) throws(CloudEventError) -> String {
        guard let value = take(name) else { throw problem(name, "is missing") }
        guard !value.isEmpty else { throw problem(name, "must not be empty") }
        return value
    }

    private mutating func optional(_ name: String) -> String? {
        take(name).flatMap { $0.isEmpty ? nil : $0 }
    }

    private mutating func take(_ name: String) -> String? {
        attributes.firstIndex { $0.name == name }.map { attributes.remove(at: $0).value }
    }

    private func problem(_ name: String, _ text: String) -> CloudEventError {
        .attribute(name: name, problem: text, event: event)
    }

    private static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { ($0 >= 0x61 && $0 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) }
    }

    private static func mustBeString(_ name: String) -> Bool {
        ["id", "source", "type", "specversion", "subject", "time", "datacontenttype", "traceparent", "tracestate"]
            .contains(name)
    }
}

/// Attribute values in HTTP headers (HTTP binding 1.0.2 section 3.1.3.2).
enum CloudEventHeader {
    /// The attribute value of a header value: unquoted, then percent-decoded once; nil if that is malformed or not
    /// UTF-8.
    static func decode(_ value: String) -> String? {
        var text = Array(value.utf8)[...]
        while text.first == 0x20 || text.first == 0x09 { text = text.dropFirst() }
        while text.last == 0x20 || text.last == 0x09 { text = text.dropLast() }
        if text.first == UInt8(ascii: "\"") {
            guard let inner = unquote(text) else { return nil }
            text = inner[...]
        }
        return String(percentEncoded: text)
    }

    /// What is between the quotes, backslash escapes resolved.
    private static func unquote(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var inner: [UInt8] = []
        var index = text.startIndex + 1
        while index < text.endIndex {
            if text[index] == UInt8(ascii: "\"") { return index + 1 == text.endIndex ? inner : nil }
            if text[index] == UInt8(ascii: "\\") { index += 1 }
            guard index < text.endIndex else { return nil }
            inner.append(text[index])
            index += 1
        }
        return nil
    }
}
