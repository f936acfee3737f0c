/// A cursor over protobuf wire format that copies nothing.
///
/// A reader of an inner message sees the same bytes as the outer one, between `position` and `end`; offsets therefore
/// always count from the start of the payload. Every length is checked against `end` before it is used.
///
/// Public, unlike all else: Swift 6.3 puts the bodies of inlinable functions into a module only if they are public, and
/// without inlining an index costs 2.4 times as much (measured). No product exports this module.
public struct WireReader: ~Escapable {
    @usableFromInline let bytes: RawSpan
    /// Invariant: 0 <= cursor <= end <= bytes.byteCount. All unchecked loads below rest on it.
    @usableFromInline var cursor: Int
    /// The offset after the last byte of this message.
    public let end: Int

    /// A reader of a whole payload.
    @inlinable @inline(always)
    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan) {
        self.bytes = bytes
        cursor = 0
        end = bytes.byteCount
    }

    /// A reader of a part of a payload; the part is cut to what there is.
    @inlinable
    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan, in range: Range<Int>) {
        self.bytes = bytes
        let whole = range.clamped(to: 0..<bytes.byteCount)
        cursor = whole.lowerBound
        end = whole.upperBound
    }

    @inlinable @inline(always)
    @_lifetime(copy bytes)
    init(unchecked bytes: RawSpan, from cursor: Int, to end: Int) {
        self.bytes = bytes
        self.cursor = cursor
        self.end = end
    }

    /// A reader of a part of the same payload, for instance one that this reader gave out.
    @inlinable
    @_lifetime(copy self)
    public func part(_ range: Range<Int>) -> WireReader {
        WireReader(bytes, in: range)
    }

    /// The offset of the next byte.
    @inlinable @inline(always)
    public var position: Int { cursor }

    @inlinable @inline(always)
    public var isAtEnd: Bool { cursor == end }

    @inlinable @inline(always)
    public var remaining: Int { end &- cursor }
}

// MARK: - Numbers

extension WireReader {
    @inlinable @inline(always)
    public mutating func varint() throws(WireError) -> UInt64 {
        guard cursor < end else { throw .truncated(offset: cursor) }
        // Safe: cursor < end <= byteCount.
        let first = bytes.unsafeLoad(fromUncheckedByteOffset: cursor, as: UInt8.self)
        if first < 0x80 {
            cursor &+= 1
            return UInt64(first)
        }
        if remaining >= 2 {
            // Safe: cursor + 1 < end <= byteCount.
            let second = bytes.unsafeLoad(fromUncheckedByteOffset: cursor &+ 1, as: UInt8.self)
            if second < 0x80 {
                cursor &+= 2
                return UInt64(first & 0x7F) | UInt64(second) &<< 7
            }
        }
        let (value, next) = try Self.longVarint(bytes, cursor, end)
        cursor = next
        return value
    }

    /// A varint of any length, outside the inlined path.
    @usableFromInline @inline(never)
    static func longVarint(_ bytes: RawSpan, _ start: Int, _ end: Int) throws(WireError) -> (UInt64, Int) {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        var position = start
        while position < end {
            // Safe: position < end <= byteCount.
            let byte = bytes.unsafeLoad(fromUncheckedByteOffset: position, as: UInt8.self)
            position &+= 1
            // The tenth byte has room for one bit.
            if shift == 63, byte > 1 { throw .varintTooLong(offset: start) }
            value |= UInt64(byte & 0x7F) &<< shift
            if byte < 0x80 { return (value, position) }
            shift &+= 7
        }
        throw .truncated(offset: start)
    }

    /// A tag: field number times 8 plus wire type. Switch on the whole tag: a known field with another wire type than
    /// it should have is then an unknown field, as protobuf demands.
    @inlinable @inline(always)
    public mutating func tag() throws(WireError) -> UInt32 {
        let start = cursor
        if start < end {
            // Safe: start < end <= byteCount.
            let first = bytes.unsafeLoad(fromUncheckedByteOffset: start, as: UInt8.self)
            if first &- 8 < 0x78 {
                cursor = start &+ 1
                return UInt32(first)
            }
        }
        let value = try varint()
        guard value &- 8 <= 0xFFFF_FFF7 else { throw .invalidTag(offset: start) }
        return UInt32(truncatingIfNeeded: value)
    }

    @inlinable @inline(always)
    public mutating func fixed32() throws(WireError) -> UInt32 {
        guard remaining >= 4 else { throw .truncated(offset: cursor) }
        // Safe: four bytes remain before end <= byteCount.
        let value = bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: cursor, as: UInt32.self)
        cursor &+= 4
        return UInt32(littleEndian: value)
    }

    @inlinable @inline(always)
    public mutating func fixed64() throws(WireError) -> UInt64 {
        guard remaining >= 8 else { throw .truncated(offset: cursor) }
        // Safe: eight bytes remain before end <= byteCount.
        let value = bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: cursor, as: UInt64.self)
        cursor &+= 8
        return UInt64(littleEndian: value)
    }

    /// Reads the length of a length-delimited field; it is never longer than what remains.
    @inlinable @inline(always)
    public mutating func length() throws(WireError) -> Int {
        let start = cursor
        let value = try varint()
        guard value <= UInt64(truncatingIfNeeded: remaining) else { throw .truncated(offset: start) }
        return Int(truncatingIfNeeded: value)
    }
}

// MARK: - Fields

extension WireReader {
    /// Reads a length-delimited field and moves behind it.
    @inlinable @inline(always)
    public mutating func range() throws(WireError) -> Range<Int> {
        let count = try length()
        let start = cursor
        cursor &+= count
        return Range(uncheckedBounds: (start, cursor))
    }

    /// A reader of the message in the next length-delimited field; this reader moves behind it.
    @inlinable @inline(always)
    @_lifetime(copy self)
    public mutating func message() throws(WireError) -> WireReader {
        let count = try length()
        let start = cursor
        cursor &+= count
        return WireReader(unchecked: bytes, from: start, to: cursor)
    }

    /// Reads a message that is nothing but a byte string in field 1 and, in field 2, a message that is nothing but a byte
    /// string in field 1, if all lengths take one byte: what an attribute with a string value nearly always is. Returns
    /// nil, and does not move, for anything else.
    @inlinable @inline(always)
    public mutating func shortPair() -> (key: Range<Int>, value: Range<Int>)? {
        guard remaining >= 7 else { return nil }
        // Safe: the three bytes at cursor are among the seven that remain.
        let total = Int(bytes.unsafeLoad(fromUncheckedByteOffset: cursor, as: UInt8.self))
        let tag = bytes.unsafeLoad(fromUncheckedByteOffset: cursor &+ 1, as: UInt8.self)
        let count = Int(bytes.unsafeLoad(fromUncheckedByteOffset: cursor &+ 2, as: UInt8.self))
        guard tag == 10, total < 0x80, total < remaining, count &+ 6 <= total else { return nil }
        let key = cursor &+ 3
        let value = key &+ count
        // Safe: value + 4 <= cursor + 1 + total <= end, by the two comparisons above.
        let header = UInt32(
            littleEndian: bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: value, as: UInt32.self))
        let rest = UInt32(truncatingIfNeeded: total &- count)
        // Tag 18 and its length, tag 10 and its length.
        guard header == 0x0A_00_12 | (rest &- 4) &<< 8 | (rest &- 6) &<< 24 else { return nil }
        cursor = cursor &+ 1 &+ total
        return (Range(uncheckedBounds: (key, value)), Range(uncheckedBounds: (value &+ 4, cursor)))
    }

    /// The same of a message that is nothing but a byte string in field 1 and, in field 2, a message that is nothing but a
    /// varint in field 3: an attribute with an integer. The value is where the varint lies.
    @inlinable @inline(always)
    public mutating func shortNumber() -> (key: Range<Int>, value: Range<Int>)? {
        guard remaining >= 7 else { return nil }
        // Safe: the three bytes at cursor are among the seven that remain.
        let total = Int(bytes.unsafeLoad(fromUncheckedByteOffset: cursor, as: UInt8.self))
        let tag = bytes.unsafeLoad(fromUncheckedByteOffset: cursor &+ 1, as: UInt8.self)
        let count = Int(bytes.unsafeLoad(fromUncheckedByteOffset: cursor &+ 2, as: UInt8.self))
        guard tag == 10, total < 0x80, total < remaining, count &+ 6 <= total else { return nil }
        let key = cursor &+ 3
        let value = key &+ count
        // Safe: value + 4 <= cursor + 1 + total <= end, by the two comparisons above.
        let header = UInt32(
            littleEndian: bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: value, as: UInt32.self))
        let length = total &- count &- 5
        // Tag 18 and its length, tag 24. A varint of ten bytes has a rule of its own for the last.
        guard header & 0x00FF_FFFF == 0x18_00_12 | UInt32(truncatingIfNeeded: length &+ 1) &<< 8, length < 10 else {
            return nil
        }
        let next = value &+ 3 &+ length
        for position in value &+ 3..<next {
            // Safe: position < next = cursor + 1 + total <= end.
            let byte = bytes.unsafeLoad(fromUncheckedByteOffset: position, as: UInt8.self)
            guard (byte < 0x80) == (position == next &- 1) else { return nil }
        }
        cursor = next
        return (Range(uncheckedBounds: (key, value)), Range(uncheckedBounds: (value &+ 3, next)))
    }

    /// Moves behind a field whose tag was read.
    @inlinable @inline(always)
    public mutating func skip(_ tag: UInt32) throws(WireError) {
        switch tag & 7 {
        case 0: _ = try varint()
        case 1: try advance(8)
        case 2: cursor &+= try length()
        case 5: try advance(4)
        case let type: throw .unsupportedWireType(UInt8(truncatingIfNeeded: type), offset: cursor)
        }
    }

    @inlinable @inline(always)
    mutating func advance(_ count: Int) throws(WireError) {
        guard remaining >= count else { throw .truncated(offset: cursor) }
        cursor &+= count
    }
}

// MARK: - Looking at bytes that were read

extension WireReader {
    /// The byte at an offset of the payload. Traps outside it: only for offsets that this reader gave out.
    @inlinable @inline(always)
    public func byte(at offset: Int) -> UInt8 {
        bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// The eight bytes at an offset, the first least significant. Traps outside the payload: only for offsets that this
    /// reader gave out.
    @inlinable @inline(always)
    public func littleEndianWord(at offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// The eight bytes at an offset, the first most significant. Traps outside the payload: only for offsets that this
    /// reader gave out.
    @inlinable @inline(always)
    public func bigEndianWord(at offset: Int) -> UInt64 {
        UInt64(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// Up to eight bytes from an offset, the first least significant, the rest zero. Traps outside the payload.
    @inlinable
    public func partialWord(at offset: Int, count: Int) -> UInt64 {
        var word: UInt64 = 0
        for position in 0..<min(count, 8) {
            word |= UInt64(byte(at: offset &+ position)) &<< UInt64(position &* 8)
        }
        return word
    }
}
