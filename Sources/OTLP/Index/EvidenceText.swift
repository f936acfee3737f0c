// What values are as text: an integer in decimal, and whatever is no UTF-8 replaced.

extension EvidenceEntry {
    /// The value as text.
    /// - Parameter payload: the payload that was indexed. Of another one it gives some text of it, but never traps.
    package func text(in payload: [UInt8]) -> String { value.text(in: payload, form) }
}

extension ExecutionEntry {
    /// The execution's id as text.
    /// - Parameter payload: the payload that was indexed.
    package func id(in payload: [UInt8]) -> String { id.text(in: payload, form) }
}

extension LogEntry {
    /// The execution's id as text; empty if the record names none.
    /// - Parameter payload: the payload that was indexed.
    package func execution(in payload: [UInt8]) -> String { execution.text(in: payload, executionForm) }
}

extension ByteRange {
    /// The bytes as text, or the signed integer whose varint they are, in decimal.
    package func text(in payload: [UInt8], _ form: EvidenceEntry.Form) -> String {
        let bytes = payload[min(Int(start), payload.count)..<min(max(Int(start), Int(end)), payload.count)]
        guard form == .integer else { return String(decoding: bytes, as: UTF8.self) }
        var value: UInt64 = 0
        var shift: UInt64 = 0
        // Ten bytes hold every number of 64 bits; the index refuses longer ones.
        for byte in bytes.prefix(10) {
            value |= UInt64(byte & 0x7F) &<< shift
            shift &+= 7
        }
        return String(Int64(bitPattern: value))
    }
}
