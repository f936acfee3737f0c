import Testing
import Wire

@Suite struct WireReaderTests {
    @Test(
        "Numbers of every size read back as they were written",
        arguments: [
            UInt64(0), 1, 127, 128, 16_383, 16_384, 1 << 31, 1 << 32, 1 << 56, 1 << 63, UInt64.max,
        ])
    func varints(_ value: UInt64) throws {
        var bytes: [UInt8] = []
        WireWriter.varint(value, to: &bytes)
        #expect(bytes.count == WireWriter.size(ofVarint: value))
        var reader = WireReader(bytes.span.bytes)
        let read = try reader.varint()
        let isAtEnd = reader.isAtEnd
        #expect(read == value && isAtEnd)
        for count in bytes.indices {
            let error = failure(Array(bytes.prefix(count)))
            #expect(error == .truncated(offset: 0))
        }
    }

    private func failure(_ bytes: [UInt8]) -> WireError? {
        var reader = WireReader(bytes.span.bytes)
        do throws(WireError) {
            _ = try reader.varint()
            return nil
        } catch { return error }
    }

    @Test("The size of a varint is right for every number of bits")
    func sizes() {
        for bits in 0..<64 {
            for value in [UInt64(1) << UInt64(bits), (UInt64(1) << UInt64(bits)) - 1] {
                var bytes: [UInt8] = []
                WireWriter.varint(value, to: &bytes)
                #expect(bytes.count == WireWriter.size(ofVarint: value))
            }
        }
        #expect(WireWriter.size(ofDelimited: 200) == 202)
    }

    @Test("Varints of more than ten bytes or 64 bits are refused, padded ones are read")
    func longVarints() {
        #expect(failure([UInt8](repeating: 0xFF, count: 11)) == .varintTooLong(offset: 0))
        #expect(failure([UInt8](repeating: 0x80, count: 9) + [2]) == .varintTooLong(offset: 0))
        #expect(failure([UInt8](repeating: 0x80, count: 9) + [1]) == nil)
        #expect(failure([0x81, 0x80, 0x00]) == nil)
    }

    /// Reads all fields; nil if that works.
    private func walk(_ bytes: [UInt8]) -> WireError? {
        var reader = WireReader(bytes.span.bytes)
        do throws(WireError) {
            while !reader.isAtEnd {
                let tag = try reader.tag()
                try reader.skip(tag)
            }
            return nil
        } catch { return error }
    }

    @Test("Groups, undefined wire types and impossible field numbers are refused")
    func tags() {
        #expect(walk([0x0B]) == .unsupportedWireType(3, offset: 1))
        #expect(walk([0x0C]) == .unsupportedWireType(4, offset: 1))
        #expect(walk([0x0E]) == .unsupportedWireType(6, offset: 1))
        #expect(walk([0x0F]) == .unsupportedWireType(7, offset: 1))
        #expect(walk([0x02, 0x00]) == .invalidTag(offset: 0))
        #expect(walk([0x80, 0x80, 0x80, 0x80, 0x10, 0x00]) == .invalidTag(offset: 0))
        #expect(walk([0xF8, 0xFF, 0xFF, 0xFF, 0x0F, 0x00]) == nil)
    }

    @Test("A message of all wire types is read whole; no prefix and no changed byte is fatal")
    func messages() {
        var bytes: [UInt8] = []
        WireWriter.varint(8, 300, to: &bytes)
        WireWriter.fixed64(17, .max, to: &bytes)
        WireWriter.delimited(26, "hello".utf8, to: &bytes)
        WireWriter.fixed32(37, 7, to: &bytes)
        #expect(walk(bytes) == nil)
        for position in bytes.indices {
            _ = walk(Array(bytes.prefix(position)))
            for byte in UInt8.min...UInt8.max {
                var changed = bytes
                changed[position] = byte
                _ = walk(changed)
            }
        }
    }

    @Test("Offsets of an inner message count from the start of the payload, and it ends where its length says")
    func inner() throws {
        let bytes: [UInt8] = [0x08, 0x01, 0x12, 0x04, 0x0A, 0x02, 0x41, 0x42, 0x08, 0x02]
        var outer = WireReader(bytes.span.bytes)
        _ = try outer.tag()
        _ = try outer.varint()
        _ = try outer.tag()
        var inner = try outer.message()
        let bounds = inner.position..<inner.end
        _ = try inner.tag()
        let range = try inner.range()
        let isAtEnd = inner.isAtEnd
        let after = outer.position
        #expect(bounds == 4..<8 && range == 6..<8 && isAtEnd && after == 8)
        var short = outer.part(4..<7)
        _ = try short.tag()
        #expect(throws: WireError.truncated(offset: 5)) { try rangeOfPart(bytes, 5..<7) }
        let clamped = outer.part(9..<900)
        let end = clamped.end
        #expect(end == 10)
    }

    private func rangeOfPart(_ bytes: [UInt8], _ part: Range<Int>) throws(WireError) -> Range<Int> {
        var reader = WireReader(bytes.span.bytes, in: part)
        return try reader.range()
    }

    @Test("A pair is read in one step if it is short and nothing else, and left alone if not")
    func pairs() throws {
        func pair(_ body: [UInt8], cut: Int = 0) -> (Range<Int>, Range<Int>)? {
            let bytes = Array(([UInt8(body.count)] + body).dropLast(cut))
            var reader = WireReader(bytes.span.bytes)
            let pair = reader.shortPair()
            if pair == nil, reader.position != 0 { Issue.record("it moved") }
            if pair != nil, !reader.isAtEnd { Issue.record("it did not move to the end") }
            return pair
        }
        let body: [UInt8] = [10, 2, 65, 66, 18, 4, 10, 2, 67, 68]
        let found = try #require(pair(body))
        #expect(found.0 == 3..<5 && found.1 == 9..<11)
        #expect(pair([10, 0, 18, 2, 10, 0]) != nil)
        for cut in 1...body.count { #expect(pair(body, cut: cut) == nil) }
        for position in body.indices where ![2, 3, 8, 9].contains(position) {
            for byte in UInt8.min...UInt8.max where byte != body[position] {
                var changed = body
                changed[position] = byte
                #expect(pair(changed) == nil, "\(changed)")
            }
        }
        #expect(pair([10, 0, 18, 2, 10, 0, 8, 1]) == nil)
        #expect(pair([18, 4, 10, 2, 67, 68, 10, 2, 65, 66]) == nil)
    }

    @Test("Words are read in both orders, and written over bytes that are there")
    func words() {
        var bytes: [UInt8] = []
        WireWriter.bigEndian(UInt64(0x0102_0304_0506_0708), to: &bytes)
        WireWriter.littleEndian(UInt32(0x0C0B_0A09), to: &bytes)
        #expect(bytes == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
        let unchanged = bytes
        let reader = WireReader(unchanged.span.bytes)
        let words = [
            reader.bigEndianWord(at: 0), reader.littleEndianWord(at: 0), reader.partialWord(at: 10, count: 2),
        ]
        #expect(words == [0x0102_0304_0506_0708, 0x0807_0605_0403_0201, 0x0C0B])
        WireWriter.overwrite(at: 4, bigEndian: 0, in: &bytes)
        #expect(bytes == [1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0])
        var copy: [UInt8] = []
        WireWriter.copy(1..<3, of: bytes, to: &copy)
        #expect(copy == [2, 3])
    }

    @Test("An error says what is wrong and where")
    func errors() {
        #expect("\(WireError.truncated(offset: 12))".contains("byte 12"))
        #expect("\(WireError.tooDeep(limit: 32, offset: 1))".contains("32"))
    }

    @Test("An attribute with an integer is taken at one look if it is nothing else")
    func shortNumbers() {
        func read(_ bytes: [UInt8]) -> [Range<Int>]? {
            var reader = WireReader(bytes.span.bytes)
            let found = reader.shortNumber()
            let position = reader.position
            #expect(position == (found == nil ? 0 : bytes.count), "\(bytes)")
            return found.map { [$0.key, $0.value] }
        }
        for value in [0, 127, 128, 8080, 1 << 40, 1 << 62] as [UInt64] {
            var number: [UInt8] = []
            WireWriter.varint(24, value, to: &number)
            var bytes: [UInt8] = []
            WireWriter.delimited(10, "port".utf8, to: &bytes)
            WireWriter.delimited(18, number, to: &bytes)
            bytes.insert(UInt8(bytes.count), at: 0)
            #expect(read(bytes) == [3..<7, 10..<bytes.count])
            // Each other byte of the frame, and each end that comes too early, is for the slower way.
            for position in [0, 1, 2, 7, 8, 9] {
                var other = bytes
                other[position] ^= 1
                #expect(read(other) == nil)
            }
            for count in 0..<bytes.count { #expect(read(Array(bytes.prefix(count))) == nil) }
        }
        // No end of the varint, an end too early, a varint of ten bytes.
        #expect(read([9, 10, 1, 0x61, 18, 4, 24, 0x80, 0x80, 0x80]) == nil)
        #expect(read([9, 10, 1, 0x61, 18, 4, 24, 0x80, 0x01, 0x01]) == nil)
        #expect(read([16, 10, 1, 0x61, 18, 11, 24] + [UInt8](repeating: 0xFF, count: 9) + [1]) == nil)
    }

    @Test("A message is written behind its length, however many bytes that takes", arguments: [0, 1, 127, 128, 16_383, 16_384, 70_000])
    func messages(count: Int) {
        let body = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        var written: [UInt8] = [1, 2]
        WireWriter.message(18, to: &written) { output in
            WireWriter.message(10, to: &output) { WireWriter.copy(body, to: &$0) }
        }
        var inner: [UInt8] = []
        WireWriter.delimited(10, body, to: &inner)
        var expected: [UInt8] = [1, 2]
        WireWriter.delimited(18, inner, to: &expected)
        #expect(written == expected)
    }
}
