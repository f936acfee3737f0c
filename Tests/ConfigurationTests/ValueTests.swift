import Testing

@testable import Configuration

@Suite struct ValueTests {
    @Test(
        "durations",
        arguments: [
            ("10s", 10_000_000_000), ("500ms", 500_000_000), ("1m30s", 90_000_000_000), ("7d", 604_800_000_000_000),
            ("0", 0),
            ("0s", 0), ("2.5s", 2_500_000_000), ("2.0s", 2_000_000_000), ("1h0.5m", 3_630_000_000_000), ("3us", 3_000),
            ("3µs", 3_000),
            ("1ns", 1), ("0.1ns", 0), ("18446744073709551ns", 18_446_744_073_709_551),
        ] as [(String, UInt64)])
    func duration(text: String, nanoseconds: UInt64) throws {
        #expect(try parseDuration(text) == nanoseconds)
    }

    @Test(
        "texts that are no duration",
        arguments: [
            "", "s", "10", "1.", ".5s", "1.s", "1..2s", "10 s", "1s 2s", "-1s", "+1s", "1e3s", "1S", "10sec", "1ö",
            "٣s",
            "99999999999999999999s", "999999999999999999d", "999999999999999999h1s", "213503d213503d",
        ])
    func noDuration(text: String) {
        #expect(throws: Mistake.self) { try parseDuration(text) }
    }

    @Test(
        "durations are written as they are read",
        arguments: [0, 1, 999, 1_500_000, 90_000_000_000, 604_800_000_000_000, UInt64.max])
    func describedDuration(nanoseconds: UInt64) throws {
        #expect(try parseDuration(describe(duration: nanoseconds)) == nanoseconds)
    }

    @Test(
        "sizes",
        arguments: [
            ("64MiB", 64 << 20), ("10MB", 10_000_000), ("1", 1), ("0", 0), ("1.5KiB", 1536), ("64mib", 64 << 20),
            ("2 GiB", 2 << 30),
            ("7B", 7), ("1TB", 1_000_000_000_000),
        ])
    func size(text: String, bytes: Int) throws {
        #expect(try parseSize(text) == bytes)
    }

    @Test(
        "texts that are no size",
        arguments: ["", "MiB", "-1", "64M", "1e6", "9999999999TiB", "999999999999999999999", "64MiBs", "1 2"])
    func noSize(text: String) {
        #expect(throws: Mistake.self) { try parseSize(text) }
    }

    @Test("sizes are written as they are read", arguments: [0, 1, 1023, 1024, 64 << 20, 3 << 40, Int.max])
    func describedSize(bytes: Int) throws {
        #expect(try parseSize(describe(size: bytes)) == bytes)
    }

    @Test(
        "listeners",
        arguments: [
            ("localhost:4317", "127.0.0.1:4317"), (":4317", "0.0.0.0:4317"), ("[::1]:0", "[::1]:0"),
            ("0.0.0.0:65535", "0.0.0.0:65535"),
            ("my-host_1.example:1", "my-host_1.example:1"),
        ])
    func listener(text: String, expected: String) throws {
        #expect(try ListenEndpoint.parse(text).description == expected)
    }

    @Test(
        "texts that are no listener",
        arguments: [
            "", "localhost", "localhost:", "localhost:x", "localhost:-1", "localhost:+1", "localhost:70000", "::1:4317",
            "[::1]", "[::1", "[::1]x:1",
            "[]:1", "[abc]:1", "a b:1", "ä:1", "http://a:1", "a:1/x",
        ])
    func noListener(text: String) {
        #expect(throws: Mistake.self) { try ListenEndpoint.parse(text) }
    }

    @Test(
        "remote endpoints",
        arguments: [
            ("b:4317", "http://b:4317"), ("http://b", "http://b:80"), ("HTTPS://b/x/", "https://b:443/x"),
            ("http://[::1]:1/", "http://[::1]:1/"),
            ("http://b:4318/a//b", "http://b:4318/a//b"),
        ])
    func remote(text: String, expected: String) throws {
        #expect(try RemoteEndpoint.parse(text).description == expected)
    }

    @Test(
        "texts that are no remote endpoint",
        arguments: [
            "", "b", "http://", "http:///x", "ftp://b", "http://u@b", "http://b?q", "http://b#f", "http://b/a b",
            "http://b/ä", "b:0", "http://b:x", "//b",
        ])
    func noRemote(text: String) {
        #expect(throws: Mistake.self) { try RemoteEndpoint.parse(text) }
    }

    @Test("the nearest word is suggested if it is near")
    func suggestions() {
        let words = ["directory", "durability", "retention"]
        #expect(suggestion(for: "directroy", among: words) == "directory")
        #expect(suggestion(for: "DIRECTORY", among: words) == "directory")
        #expect(suggestion(for: "dir", among: words) == "directory")
        #expect(suggestion(for: "retain", among: words) == nil)
        #expect(suggestion(for: "", among: words) == nil)
        #expect(suggestion(for: "x", among: []) == nil)
        #expect(editDistance(Array("ca".utf8), Array("abc".utf8)) == 3)
        #expect(editDistance(Array("ab".utf8), Array("ba".utf8)) == 1)
        #expect(editDistance([], Array("abc".utf8)) == 3)
    }
}
