import OTLP

/// The CloudEvents of one request as the journal keeps them: a JSON array.
enum StoredEvents {
    static func encode(_ events: [CloudEvent]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginArray()
        for event in events { writer.raw(json: event.encode()) }
        writer.endArray()
        return writer.bytes
    }

    /// The events that can be read; the journal's checksum has held, so that these are all of them.
    static func decode(_ bytes: [UInt8]) -> [CloudEvent] {
        let stored = (try? JSONValue.parse(bytes))?.array ?? []
        return stored.compactMap { try? CloudEvent.decode($0.serialized) }
    }
}
