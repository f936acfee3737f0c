import Foundation
import OTLP
import Testing

@Suite("JSON reader")
struct JSONReaderTests {
    static let sample = Array(
        #"{"a":[1,-2.5e+3,true,false,null,"x\n\u00e9\ud83d\ude00\/é😀"],"b":{"c":{},"d":[]},"":"","n":0}"#.utf8)

    @Test("values are read as they are written")
    func values() throws {
        let value = try JSONValue.parse(Self.sample)
        #expect(value["a"]?.array?.count == 6)
        #expect(value["a"]?.array?[1] == .number("-2.5e+3"))
        #expect(value["a"]?.array?[5] == .string("x\né😀/é😀"))
        #expect(value.value(at: ["b", "c"]) == .object([]))
        #expect(value[""] == .string(""))
        #expect(value["n"]?.integer == 0)
        #expect(try JSONValue.parse(value.serialized) == value)
    }

    @Test(
        "texts of the grammar are accepted",
        arguments: [
            "0", "-0", "1.5", "1e5", "1E-5", "-1.0e+10", "\"\"", "true", " \t\r\n[ ] ", "{}", "[1 , 2]",
            "{\"a\" : 1 , \"a\" : 2}", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\"", "\"\u{7f}\"",
        ])
    func accepted(_ text: String) throws {
        _ = try JSONValue.parse(Array(text.utf8))
    }

    @Test(
        "texts outside the grammar are refused",
        arguments: [
            "", " ", "01", "-", "+1", ".5", "1.", "1e", "1e+", "0x1", "NaN", "Infinity", "tru", "nul", "[1,]", "[,1]",
            "[1 2]", "{\"a\":1,}", "{,}", "{\"a\"}", "{\"a\" 1}", "{a:1}", "{1:1}", "[1}", "{\"a\":1]", "[", "{", "\"",
            "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\n\"", "\"\u{0}\"", "1 1", "[] ]", "'a'", "//",
            "\u{feff}1",
            "\"\\ud83d\"", "\"\\ude00\"", "\"\\ud83d\\u0041\"", "--1", "[[1]",
        ])
    func refused(_ text: String) {
        #expect(throws: JSONError.self) { try JSONValue.parse(Array(text.utf8)) }
    }

    @Test(
        "strings that are not UTF-8 are refused",
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
            [0xF0, 0x80, 0x80, 0x80],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xE2, 0x82], [0xE2, 0x28, 0xA1],
        ] as [[UInt8]])
    func invalidUTF8(_ sequence: [UInt8]) {
        #expect {
            try JSONValue.parse([0x22] + sequence + [0x22])
        } throws: { ($0 as? JSONError)?.reason == .invalidUTF8 }
    }

    @Test("every scalar at the edge of a length survives raw and escaped")
    func scalars() throws {
        for scalar in [
            "\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FFFF}", "\u{10000}", "\u{10FFFF}",
        ] {
            let escaped = scalar.utf16.map {
                "\\u" + String(repeating: "0", count: 4 - String($0, radix: 16).count) + String($0, radix: 16)
            }
            #expect(try JSONValue.parse(Array("\"\(scalar)\"".utf8)) == .string(scalar))
            #expect(try JSONValue.parse(Array("\"\(escaped.joined())\"".utf8)) == .string(scalar))
        }
    }

    @Test("half a surrogate pair is refused, or read as U+FFFD if asked for")
    func loneSurrogate() throws {
        let text = Array(#""a\ud83d""#.utf8)
        #expect(throws: JSONError(.loneSurrogate, at: 2)) { try JSONValue.parse(text) }
        #expect(try JSONValue.parse(text, replacesLoneSurrogates: true) == .string("a\u{FFFD}"))
        #expect(
            try JSONValue.parse(Array(#""\ude00\ud83dx""#.utf8), replacesLoneSurrogates: true)
                == .string("\u{FFFD}\u{FFFD}x"))
    }

    @Test("the depth limit is exact")
    func depth() throws {
        let deep = Array((String(repeating: "[", count: 64) + String(repeating: "]", count: 64)).utf8)
        _ = try JSONValue.parse(deep)
        #expect(throws: JSONError(.tooDeep(limit: 63), at: 63)) { try JSONValue.parse(deep, depthLimit: 63) }
        let bomb = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
        #expect(throws: JSONError(.tooDeep(limit: 64), at: 64)) { try JSONValue.parse(bomb) }
        var reader = JSONReader(bomb)
        #expect(throws: JSONError(.tooDeep(limit: 64), at: 64)) { try reader.skipValue() }
    }

    @Test("the value limit is exact")
    func valueLimit() throws {
        let list = Array("[1,2,3]".utf8)
        _ = try JSONValue.parse(list, valueLimit: 4)
        #expect(throws: JSONError(.tooManyValues(limit: 3), at: 5)) { try JSONValue.parse(list, valueLimit: 3) }
    }

    @Test("the last of duplicate members is found")
    func duplicates() throws {
        #expect(try JSONValue.parse(Array(#"{"a":1,"a":2}"#.utf8))["a"] == .number("2"))
    }

    @Test(
        "numbers are exact integers or none",
        arguments: [
            ("10", 10), ("-10", -10), ("1e3", 1000), ("1.5e1", 15), ("1.500", nil), ("1.0", 1), ("100e-2", 1),
            ("1e-1", nil),
            ("9223372036854775807", .max), ("-9223372036854775808", .min), ("9223372036854775808", nil),
            ("0e999999999999", 0), ("1e999999999999", nil), ("1e19", nil), ("-0", 0), ("0.000", 0),
            ("18446744073709551616", nil), ("100000000000000000000e-10", 10_000_000_000),
        ] as [(String, Int64?)])
    func integers(_ text: String, _ expected: Int64?) {
        #expect(JSONValue.number(text).integer == expected)
    }

    @Test("every prefix is refused, no flipped bit traps")
    func damaged() {
        for count in 0..<Self.sample.count {
            #expect(throws: JSONError.self) { try JSONValue.parse(Array(Self.sample.prefix(count))) }
        }
        ByteMutations.everyPrefixAndFlip(of: Self.sample) { agreesWithFoundation($0, "flipped") }
    }

    @Test("what is accepted of random mutations, Foundation accepts too")
    func mutated() {
        ByteMutations.random(of: Self.sample) { agreesWithFoundation($0, $1) }
    }

    private func agreesWithFoundation(_ text: [UInt8], _ comment: Comment) {
        guard let value = try? JSONValue.parse(text) else { return }
        #expect(
            (try? JSONSerialization.jsonObject(with: Data(text), options: .fragmentsAllowed)) != nil,
            "\(comment): \(String(decoding: text, as: UTF8.self))")
        #expect((try? JSONValue.parse(value.serialized)) == value, comment)
    }
}

@Suite("JSON writer")
struct JSONWriterTests {
    @Test("members, elements and escapes")
    func writing() throws {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("a\"", "b\\\n\u{1}é")
        writer.key("list")
        writer.beginArray()
        writer.integer(-1)
        writer.quotedInteger(UInt64.max)
        writer.double(1.5)
        writer.double(.nan)
        writer.double(-.infinity)
        writer.bool(true)
        writer.null()
        writer.beginObject()
        writer.endObject()
        writer.endArray()
        writer.member("time", time: 1_795_517_052_685_000_001)
        writer.member("id", TraceID(high: 1, low: 2))
        writer.member("optional", optional: nil)
        writer.key("raw")
        writer.raw(json: Array("[1]".utf8))
        writer.endObject()
        #expect(
            text(writer.bytes)
                == #"{"a\"":"b\\\n\u0001é","list":[-1,"18446744073709551615",1.5,"NaN","-Infinity",true,null,{}],"#
                + #""time":"2026-11-24T10:44:12.685000001Z","id":"00000000000000010000000000000002","raw":[1]}"#)
    }

    @Test("bytes that are not UTF-8 become U+FFFD")
    func replacement() {
        var writer = JSONWriter()
        let source: [UInt8] = [0x61, 0xFF, 0xC3, 0xA9, 0xE2, 0x82, 0x22]
        writer.string(utf8: source, 0..<source.count)
        #expect(text(writer.bytes) == "\"a\u{FFFD}é\u{FFFD}\u{FFFD}\\\"\"")
    }

    @Test("doubles are written so that they read back the same")
    func doubles() throws {
        for value in [
            0.1, 1e300 as Double, .leastNonzeroMagnitude, -0.0, 1e21, 123456789.125, .greatestFiniteMagnitude,
        ] {
            var writer = JSONWriter()
            writer.double(value)
            #expect(try JSONValue.parse(writer.bytes).double?.bitPattern == value.bitPattern)
        }
    }
}

@Suite("RFC 3339 times")
struct RFC3339Tests {
    @Test(
        "formatting and parsing are inverse",
        arguments: [
            (0, "1970-01-01T00:00:00.000000000Z"), (1_000_000_001, "1970-01-01T00:00:01.000000001Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z"),
            (1_795_517_052_685_000_000, "2026-11-24T10:44:12.685000000Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000000Z"),
            (.max, "2554-07-21T23:34:33.709551615Z"),
        ] as [(UInt64, String)])
    func inverse(_ nanoseconds: UInt64, _ text: String) {
        #expect(RFC3339.format(nanoseconds: nanoseconds) == text)
        #expect(RFC3339.parse(text) == nanoseconds)
    }

    @Test(
        "other forms of the same time",
        arguments: [
            "2018-04-05T17:31:00Z", "2018-04-05t17:31:00z", "2018-04-05T19:01:00+01:30", "2018-04-05T12:31:00.0-05:00",
            "2018-04-05 17:31:00.0000000009Z", "2018-04-05T17:30:60Z",
        ])
    func forms(_ text: String) {
        #expect(RFC3339.parse(text) == 1_522_949_460_000_000_000)
    }

    @Test(
        "what is no time",
        arguments: [
            "", "2018-04-05", "2018-04-05T17:31Z", "2018-04-05T17:31:00", "2018-13-01T00:00:00Z",
            "2019-02-29T00:00:00Z",
            "2018-04-31T00:00:00Z", "2018-04-05T24:00:00Z", "2018-04-05T17:60:00Z", "2018-04-05T17:31:61Z",
            "2018-04-05T17:31:00.Z", "2018-04-05T17:31:00+1:00", "1969-12-31T23:59:59Z",
            "2554-07-21T23:34:33.709551616Z",
            "9999-12-31T23:59:59Z", "2018-04-05T17:31:00Zx", "2018-00-05T17:31:00Z",
        ])
    func refused(_ text: String) {
        #expect(RFC3339.parse(text) == nil)
    }

    @Test("days from 1970 to 2554 go there and back")
    func days() {
        for day in stride(from: 0, to: 213_503, by: 7) {
            let time = UInt64(day) * 86_400_000_000_000
            if RFC3339.parse(RFC3339.format(nanoseconds: time)) != time {
                Issue.record("day \(day)")
                return
            }
        }
    }
}

@Suite("Base64")
struct Base64Tests {
    @Test(
        "RFC 4648 vectors, padded and not",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func vectors(_ plain: String, _ encoded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == encoded)
        let bare = encoded.filter { $0 != "=" }
        #expect(Base64.encode(Array(plain.utf8), padded: false) == bare)
        #expect(Base64.decode(encoded.utf8) == Array(plain.utf8))
        #expect(Base64.decode(bare.utf8) == Array(plain.utf8))
    }

    @Test("both alphabets")
    func alphabets() {
        #expect(Base64.decode("-_-_".utf8) == [0xFB, 0xFF, 0xBF])
        #expect(Base64.decode("+/+/".utf8) == [0xFB, 0xFF, 0xBF])
    }

    @Test("what is no base64", arguments: ["A", "AAAAA", "A===", "AA=", "AA=A", "AAAA=", "AA A", "é", "===="])
    func refused(_ text: String) {
        #expect(Base64.decode(text.utf8) == nil)
    }
}
