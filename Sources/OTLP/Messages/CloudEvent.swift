/// A CloudEvent (version 1.0). Its identity is the tenant, the source and the id together, compared byte by byte.
package struct CloudEvent: Equatable, Sendable {
    package var id: String
    package var source: String
    package var type: String
    package var specVersion: String
    package var subject: String?
    /// Nanoseconds since 1970.
    package var time: UInt64?
    package var dataContentType: String?
    /// The extension `tenantid`.
    package var tenantID: String?
    /// The extension `correlationid`.
    package var correlationID: String?
    /// The extension `runid`.
    package var runID: String?
    /// The extension `actionid`.
    package var actionID: String?
    /// The extension `traceparent` as it was written: the context in which the event was made, which hops on its way do
    /// not change. It may be malformed; `context` says what it means.
    package var traceparent: String?
    /// The extension `tracestate`.
    package var traceState: String?
    /// All other attributes, `dataschema` among them, in the order of the message; booleans and numbers as their text.
    package var extensions: [Extension]
    /// The bytes of the data: JSON text, or whatever the content type says.
    package var rawData: [UInt8]
    /// The data if it is JSON that can be read within the limits.
    package private(set) var data: JSONValue?
    /// The JSON that the event came as, in structured and batched mode; nil in binary mode.
    private(set) var written = Written()

    /// What an event says does not depend on how it was written, so that all of these are equal.
    struct Written: Equatable, Sendable {
        var bytes: [UInt8]?

        static func == (_: Written, _: Written) -> Bool { true }
    }

    /// An attribute that has no property of its own.
    package struct Extension: Hashable, Sendable {
        package var name: String
        package var value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// What `traceparent` says; nil if it is absent or malformed.
    package var context: Traceparent? { traceparent.flatMap { Traceparent($0) } }

    /// Makes an event of the attributes that every event has; the rest can be set afterwards.
    package init(
        id: String, source: String, type: String, dataContentType: String? = nil, rawData: [UInt8] = [],
        limits: CloudEventLimits = CloudEventLimits()
    ) {
        self.id = id
        self.source = source
        self.type = type
        self.dataContentType = dataContentType
        self.rawData = rawData
        specVersion = "1.0"
        extensions = []
        data = Self.json(rawData, dataContentType, limits)
    }
}

/// What bounds the events of one request.
package struct CloudEventLimits: Equatable, Sendable {
    /// Most events of a batch.
    package var events = 1000
    /// Longest attribute, in bytes of UTF-8.
    package var attributeBytes = 4096
    /// Most attributes of an event.
    package var attributes = 64
    /// How deep JSON may nest, that of `data` included.
    package var depth = 64
    /// Most JSON values of one event's data; data with more is kept as bytes only.
    package var dataValues = 100_000

    package init() {}
}

/// Why a request holds no events, for the person who sends them.
package enum CloudEventError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Neither a structured nor a batched nor a binary event.
    case notAnEvent(String)
    /// An event format other than JSON.
    case unsupportedFormat(String)
    /// The body is not JSON.
    case json(JSONError)
    /// An attribute that is missing or wrong.
    /// - Parameter event: its place in a batch, from 0.
    case attribute(name: String, problem: String, event: Int)
    /// More events than `CloudEventLimits.events`.
    case tooManyEvents(limit: Int)

    /// What a parser threw that throws `JSONError` too.
    init(_ error: any Error) {
        switch error {
        case let error as CloudEventError: self = error
        case let error as JSONError: self = .json(error)
        default: self = .notAnEvent("\(error)")
        }
    }

    package var description: String {
        switch self {
        case .notAnEvent(let reason): "not a CloudEvent: \(reason)"
        case .unsupportedFormat(let type): "CloudEvents format '\(type)' is not served; JSON is"
        case .json(let error): error.description
        case .attribute(let name, let problem, let event):
            "event \(event): attribute '\(name)' \(problem)"
        case .tooManyEvents(let limit): "more than \(limit) events in a batch"
        }
    }
}

extension CloudEvent {
    /// Values of the data under the given paths of keys (for instance `["output", "executionId"]`) that name Kestra
    /// executions: strings of 1 to 256 bytes, or arrays of such. Each comes once, in the order of the paths, at most 64.
    package func claimedExecutions(keys: [[String]]) -> [String] {
        guard let data else { return [] }
        var claimed: [String] = []
        for path in keys {
            guard let value = data.value(at: path) else { continue }
            for element in value.array ?? [value] {
                guard let id = element.string, (1...256).contains(id.utf8.count), !claimed.contains(id) else {
                    continue
                }
                claimed.append(id)
                if claimed.count == 64 { return claimed }
            }
        }
        return claimed
    }

    /// Values of the data under the given paths that can be names: strings and whole numbers of 1 to 256 bytes, or arrays
    /// of such. Each comes once, in the order of the paths, at most 64.
    package func texts(at paths: [[String]]) -> [String] {
        guard let data else { return [] }
        var found: [String] = []
        for path in paths {
            guard let value = data.value(at: path) else { continue }
            for element in value.array ?? [value] {
                guard let text = element.string ?? element.integer.map({ "\($0)" }), (1...256).contains(text.utf8.count),
                    !found.contains(text)
                else { continue }
                found.append(text)
                if found.count == 64 { return found }
            }
        }
        return found
    }

    /// The form in the journal: one structured event whose data is base64, so that every byte comes back.
    package func encode() -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 512 + rawData.count * 4 / 3)
        writer.beginObject()
        writeAttributes(to: &writer)
        if !rawData.isEmpty {
            writer.key("data_base64")
            writer.base64(rawData[...])
        }
        writer.endObject()
        return writer.bytes
    }

    func writeAttributes(to writer: inout JSONWriter) {
        writer.member("specversion", specVersion)
        writer.member("id", id)
        writer.member("source", source)
        writer.member("type", type)
        writer.member("subject", optional: subject)
        if let time { writer.member("time", time: time) }
        writer.member("datacontenttype", optional: dataContentType)
        writer.member("tenantid", optional: tenantID)
        writer.member("correlationid", optional: correlationID)
        writer.member("runid", optional: runID)
        writer.member("actionid", optional: actionID)
        writer.member("traceparent", optional: traceparent)
        writer.member("tracestate", optional: traceState)
        for entry in extensions { writer.member(entry.name, entry.value) }
    }

    /// Reads what `encode` wrote.
    package static func decode(_ bytes: [UInt8]) throws(CloudEventError) -> CloudEvent {
        var limits = CloudEventLimits()
        limits.attributeBytes = .max
        limits.attributes = .max
        var parser = CloudEventParser(limits: limits)
        return try parser.structured(bytes)
    }

    /// The data as JSON if its content type or its first byte says that it is.
    static func json(_ bytes: [UInt8], _ contentType: String?, _ limits: CloudEventLimits) -> JSONValue? {
        let type = MediaType(contentType ?? "application/json")
        let first = bytes.first { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 }
        guard type.isJSON || first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else { return nil }
        return try? JSONValue.parse(
            bytes, depthLimit: limits.depth, valueLimit: limits.dataValues, replacesLoneSurrogates: true)
    }

    mutating func setWritten(_ bytes: [UInt8]) { written.bytes = bytes }

    mutating func setData(_ bytes: [UInt8], _ limits: CloudEventLimits) {
        rawData = bytes
        data = Self.json(bytes, dataContentType, limits)
    }
}

/// The type of a Content-Type, in lower case and without parameters.
struct MediaType: Equatable {
    let text: String

    init(_ contentType: String) {
        let type = contentType.utf8.prefix { $0 != UInt8(ascii: ";") }
            .filter { $0 != 0x20 && $0 != 0x09 }
            .map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
        text = String(decoding: type, as: UTF8.self)
    }

    var isJSON: Bool { text == "application/json" || text == "text/json" || text.hasSuffix("+json") }
}
