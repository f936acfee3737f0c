import OTLP
import Testing

@Suite("W3C traceparent")
struct TraceparentTests {
    static let t = "12345678901234567890123456789012"
    static let p = "1234567890123456"

    @Test(
        "W-4 and W-6: what continues the trace",
        arguments: [
            "00-\(t)-\(p)-01", " 00-\(t)-\(p)-01", "\t00-\(t)-\(p)-01", "00-\(t)-\(p)-01 ", "\t 00-\(t)-\(p)-01 \t",
            "cc-\(t)-\(p)-01",
            "cc-\(t)-\(p)-01-what-the-future-will-be-like", "01-\(t)-\(p)-01-", "fe-\(t)-\(p)-ff", "00-\(t)-\(p)-ff",
        ])
    func kept(_ text: String) throws {
        let context = try #require(Traceparent(text))
        #expect(context.traceID.hex == Self.t)
        #expect(context.parentID.hex == Self.p)
        #expect(context.isSampled)
        #expect(Traceparent(Array(text.utf8)) == context)
    }

    @Test(
        "W-1 to W-6: what does not",
        arguments: [
            "", "00", "00-\(t)-\(p)-01.", "00-\(t)-\(p)-01-what-the-future-will-be-like", "00-\(t)-\(p)-01-",
            "cc-\(t)-\(p)-01.what-the-future-will-be-like", "cc-\(t)-\(p)-0", "ff-\(t)-\(p)-01", ".0-\(t)-\(p)-01",
            "0.-\(t)-\(p)-01",
            "000-\(t)-\(p)-01", "0000-\(t)-\(p)-01", "0-\(t)-\(p)-01", "FE-\(t)-\(p)-01",
            "00-00000000000000000000000000000000-\(p)-01",
            "00-.2345678901234567890123456789012-\(p)-01", "00-1234567890123456789012345678901.-\(p)-01",
            "00-\(t)3-\(p)-01",
            "00-1234567890123456789012345678901-\(p)-01", "00-A2345678901234567890123456789012-\(p)-01",
            "00-\(t)-0000000000000000-01",
            "00-\(t)-.234567890123456-01", "00-\(t)-123456789012345.-01", "00-\(t)-\(p)7-01",
            "00-\(t)-123456789012345-01",
            "00-\(t)-123456789012345A-01", "00-\(t)-\(p)-.0", "00-\(t)-\(p)-0.", "00-\(t)-\(p)-001", "00-\(t)-\(p)-1",
            "00-\(t)-\(p)-0A",
            "00_\(t)-\(p)-01", "00-\(t)_\(p)-01", "00-\(t)-\(p)_01",
        ])
    func refused(_ text: String) {
        #expect(Traceparent(text) == nil)
    }

    @Test("W-7: more than one header is as good as none")
    func headers() {
        let text = "00-\(Self.t)-\(Self.p)-01"
        #expect(Traceparent(headers: [text]) != nil)
        #expect(Traceparent(headers: [text, text]) == nil)
        #expect(Traceparent(headers: []) == nil)
    }

    @Test("W-9: sampled and random flags are kept, others are sent as 0")
    func flags() {
        for (given, written) in [("00", "00"), ("01", "01"), ("02", "02"), ("03", "03"), ("ff", "03"), ("fc", "00")] {
            #expect(Traceparent("00-\(Self.t)-\(Self.p)-\(given)")?.text == "00-\(Self.t)-\(Self.p)-\(written)")
        }
        #expect(Traceparent("cc-\(Self.t)-\(Self.p)-ff")?.text == "00-\(Self.t)-\(Self.p)-01")
    }

    @Test("every prefix is refused, no damage traps")
    func damaged() {
        let text = Array("00-\(Self.t)-\(Self.p)-01".utf8)
        for count in text.indices { #expect(Traceparent(Array(text.prefix(count))) == nil) }
        ByteMutations.everyPrefixAndFlip(of: text) { _ = Traceparent($0) }
        ByteMutations.random(of: text) { damaged, comment in
            guard let context = Traceparent(damaged) else { return }
            #expect(Traceparent(context.text)?.text == context.text, comment)
        }
    }
}
