import Wire

/// Writes numbers and texts one after the other; `StateDecoder` reads them back in the same order. A number is a byte, or
/// from 255 on a byte of 255 and eight more, the least significant first: most are small, or ids and times.
struct StateEncoder {
    private(set) var bytes: [UInt8] = []

    // Most bodies are smaller, so that they grow once.
    init() { bytes.reserveCapacity(512) }

    mutating func put(_ value: UInt64) {
        bytes.append(UInt8(clamping: value))
        if value >= 0xFF { WireWriter.littleEndian(value, to: &bytes) }
    }

    mutating func put(_ text: String) {
        put(UInt64(text.utf8.count))
        WireWriter.copy(text.utf8, to: &bytes)
    }

    /// What another encoder has written.
    mutating func put(raw other: [UInt8]) { bytes.append(contentsOf: other) }

    /// Bytes with their number before them.
    mutating func put(bytes other: [UInt8]) {
        put(UInt64(other.count))
        put(raw: other)
    }

    mutating func put(_ flag: Bool) { put(flag ? 1 : 0 as UInt64) }

    mutating func put<Element>(_ list: [Element], _ body: (inout StateEncoder, Element) -> Void) {
        put(UInt64(list.count))
        for element in list { body(&self, element) }
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
        guard byte == 0xFF else { return UInt64(byte) }
        guard bytes.count - position >= 8 else { throw StateDamaged() }
        defer { position += 8 }
        return bytes[position..<position + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

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
