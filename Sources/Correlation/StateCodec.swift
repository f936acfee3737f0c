import OTLP
import Wire

/// Writes numbers and texts one after the other; `StateDecoder` reads them back in the same order. Ids and times are eight
/// bytes, the least significant first; other numbers are a byte, or from 255 on a byte of 255 and eight bytes.
struct StateEncoder {
    private(set) var bytes: [UInt8] = []

    // Most bodies are smaller, so that they grow once.
    init() { bytes.reserveCapacity(512) }

    mutating func put(_ value: UInt64) {
        bytes.append(UInt8(clamping: value))
        if value >= 0xFF { WireWriter.littleEndian(value, to: &bytes) }
    }

    /// Unix nanoseconds.
    mutating func put(time: UInt64) { WireWriter.littleEndian(time, to: &bytes) }

    mutating func put(_ id: SpanID) { WireWriter.littleEndian(id.raw, to: &bytes) }

    mutating func put(_ id: TraceID) {
        WireWriter.littleEndian(id.high, to: &bytes)
        WireWriter.littleEndian(id.low, to: &bytes)
    }

    mutating func put(_ text: String) {
        put(UInt64(text.utf8.count))
        WireWriter.copy(text.utf8, to: &bytes)
    }

    /// What another encoder has written.
    mutating func put(raw other: [UInt8]) { WireWriter.copy(other, to: &bytes) }

    /// Bytes with their number before them.
    mutating func put(bytes other: [UInt8]) {
        put(UInt64(other.count))
        put(raw: other)
    }

    mutating func put(_ flag: Bool) { put(flag ? 1 : 0 as UInt64) }

    mutating func put<Element>(_ list: [Element], _ body: (inout StateEncoder, Element) -> Void) {
        put(UInt64(list.count))
        for position in list.indices { body(&self, list[position]) }
    }

    mutating func put<Value>(_ value: Value?, _ body: (inout StateEncoder, Value) -> Void) {
        put(value != nil)
        if let value { body(&self, value) }
    }
}

/// Stored state that cannot be read; it is left out, the journal has what it was made from.
struct StateDamaged: Error {}

struct StateDecoder {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func number() throws(StateDamaged) -> UInt64 {
        guard position < bytes.count else { throw StateDamaged() }
        let byte = bytes[position]
        position += 1
        return byte == 0xFF ? try word() : UInt64(byte)
    }

    private mutating func word() throws(StateDamaged) -> UInt64 {
        guard bytes.count - position >= 8 else { throw StateDamaged() }
        defer { position += 8 }
        return (0..<8).reversed().reduce(0) { $0 << 8 | UInt64(bytes[position + $1]) }
    }

    mutating func time() throws(StateDamaged) -> UInt64 { try word() }

    mutating func spanID() throws(StateDamaged) -> SpanID { SpanID(raw: try word()) }

    mutating func traceID() throws(StateDamaged) -> TraceID { TraceID(high: try word(), low: try word()) }

    mutating func text() throws(StateDamaged) -> String {
        String(decoding: try run(), as: UTF8.self)
    }

    mutating func body() throws(StateDamaged) -> [UInt8] { Array(try run()) }

    private mutating func run() throws(StateDamaged) -> ArraySlice<UInt8> {
        let count = try number()
        guard count <= UInt64(bytes.count - position) else { throw StateDamaged() }
        defer { position += Int(count) }
        return bytes[position..<position + Int(count)]
    }

    mutating func flag() throws(StateDamaged) -> Bool { try number() != 0 }

    mutating func list<Element>(
        _ body: (inout StateDecoder) throws(StateDamaged) -> Element
    ) throws(StateDamaged) -> [Element] {
        let count = try number()
        // Every element takes at least a byte.
        guard count <= UInt64(bytes.count - position) else { throw StateDamaged() }
        var elements: [Element] = []
        for _ in 0..<count { elements.append(try body(&self)) }
        return elements
    }

    mutating func optional<Value>(
        _ body: (inout StateDecoder) throws(StateDamaged) -> Value
    ) throws(StateDamaged) -> Value? {
        try flag() ? try body(&self) : nil
    }
}
