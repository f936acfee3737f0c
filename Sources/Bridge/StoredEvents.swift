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

    /// The events in the form in which they are forwarded.
    static func encodeStructured(_ events: [CloudEvent]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginArray()
        for event in events { writer.raw(json: event.structured) }
        writer.endArray()
        return writer.bytes
    }

    /// The events that can be read; the journal's checksum has held, so that these are all of them.
    static func decode(_ bytes: [UInt8]) -> [CloudEvent] {
        elements(bytes).compactMap { try? CloudEvent.decode($0) }
    }

    /// The JSON of each event, as it was stored.
    static func elements(_ bytes: [UInt8]) -> [[UInt8]] {
        // An event may be as deep as the parser takes it, and stands in an array here.
        var reader = JSONReader(bytes, depthLimit: CloudEventLimits().depth + 1, replacesLoneSurrogates: true)
        var ranges: [Range<Int>] = []
        do throws(JSONError) {
            try reader.beginArray()
            while try reader.nextElement() { ranges.append(try reader.skipValue()) }
            try reader.finish()
        } catch {
            return []
        }
        return ranges.map { Array(bytes[$0]) }
    }
}
