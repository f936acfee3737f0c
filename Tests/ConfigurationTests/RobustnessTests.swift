import Testing

@testable import Configuration

@Suite struct RobustnessTests {
    private func load(_ bytes: [UInt8]) -> [Diagnostic] {
        Configuration.load(bytes, path: "f", environment: ["TOKEN": "t"], overrides: []).1
    }

    @Test("no prefix of a valid file traps")
    func prefixes() {
        let bytes = Array(fullFile.utf8)
        for end in bytes.indices { _ = load(Array(bytes[..<end])) }
    }

    @Test(
        "no flipped byte of a valid file traps",
        arguments: [(smallestFile, [0x01, 0x08, 0x10, 0x80, 0xFF]), (fullFile, [0x02, 0x80])])
    func flips(text: String, masks: [UInt8]) {
        let bytes = Array(text.utf8)
        for index in bytes.indices {
            for mask in masks {
                var flipped = bytes
                flipped[index] ^= mask
                _ = load(flipped)
            }
        }
    }

    @Test("random bytes and random YAML never trap")
    func random() {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("RobustnessTests.random seed \(seed)")
        var generator = SplitMix64(state: seed)
        let alphabet = Array("abc:-[]{},&*<>?|\"'#%@ \n\t\\0$".utf8)
        for _ in 0..<3_000 {
            let count = Int.random(in: 0...60, using: &generator)
            _ = load((0..<count).map { _ in alphabet.randomElement(using: &generator) ?? 0 })
            _ = load((0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
        }
    }

    @Test("a file may be UTF-16 or begin with a byte order mark")
    func encodings() {
        let expected = Configuration.load(Array(anExporter.utf8), path: nil, environment: [:], overrides: []).0
        let marked: [UInt8] = [0xEF, 0xBB, 0xBF] + Array(anExporter.utf8)
        #expect(Configuration.load(marked, path: nil, environment: [:], overrides: []).0 == expected)
        let wide: [UInt8] = [0xFF, 0xFE] + anExporter.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] as [UInt8] }
        #expect(Configuration.load(wide, path: nil, environment: [:], overrides: []).0 == expected)
        let broken = load(Array("a: b\nc: \u{01}".utf8))
        #expect(broken.count == 1 && broken.first?.line == 2 && broken.first?.column == 4)
    }

    private func parse(_ text: String, _ limits: YAMLLimits = .defaults) -> YAMLDocument {
        YAMLDocument.parse(Array(text.utf8), limits: limits)
    }

    @Test("nesting ends at its limit, aliases followed")
    func depth() {
        let limits = YAMLLimits(bytes: 1 << 20, depth: 4, nodes: 1_000)
        #expect(!parse("[[[[x]]]]", limits).isBroken)
        #expect(parse("[[[[[x]]]]]", limits).isBroken)
        #expect(!parse("a: &a [[x]]\nb: [*a]", limits).isBroken)
        #expect(parse("a: &a [[x]]\nb: [[*a]]", limits).isBroken)
        #expect(parse(String(repeating: "[", count: 100_000)).isBroken)
        #expect(parse(String(repeating: "- ", count: 100_000)).isBroken)
    }

    @Test("an alias bomb ends at the limit of nodes, before it takes memory")
    func aliasBomb() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            text +=
                "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ") + "]\n"
        }
        let document = parse(text)
        #expect(document.isBroken && document.mistakes.last?.message.contains("more than 50000 nodes") == true)
    }

    @Test("nodes are counted once each, and an alias as all that it stands for")
    func nodes() {
        // Mapping, two keys, two sequences of two: 1 + 2 + 2 + 4.
        #expect(!parse("{a: [1, 2], b: [3, 4]}", YAMLLimits(bytes: 99, depth: 9, nodes: 9)).isBroken)
        #expect(parse("{a: [1, 2], b: [3, 4]}", YAMLLimits(bytes: 99, depth: 9, nodes: 8)).isBroken)
        #expect(!parse("{a: &x [1, 2], b: *x}", YAMLLimits(bytes: 99, depth: 9, nodes: 9)).isBroken)
        #expect(parse("{a: &x [1, 2], b: *x}", YAMLLimits(bytes: 99, depth: 9, nodes: 8)).isBroken)
    }

    @Test("a file that is too large is not parsed")
    func size() {
        let document = YAMLDocument.parse(Array(repeating: UInt8(ascii: "#"), count: 1 << 20 + 1), limits: .defaults)
        #expect(document.isBroken && document.mistakes.count == 1)
    }

    @Test("anchors, aliases and merge keys work; own keys and earlier merges win; a node cannot hold itself")
    func merge() {
        let root = parse("base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\nall: {<<: [*b, *m], x: 9}").root
        #expect(root?["all"]?["x"]?.content == .scalar("9", isPlain: true))
        #expect(root?["all"]?["y"]?.content == .scalar("2", isPlain: true))
        #expect(root?["all"]?["z"]?.content == .scalar("4", isPlain: true))
        #expect(parse("a: &a [*a]").isBroken)
    }

    @Test("a second document is refused")
    func documents() {
        #expect(parse("a: 1\n---\nb: 2").mistakes.first?.origin == .file(line: 2, column: 1))
    }

    @Test("a thousand mistakes of one kind are cut at a hundred")
    func manyDuplicates() {
        #expect(parse(String(repeating: "a: 1\n", count: 1_000)).mistakes.count == 100)
    }

    @Test("a configuration file is read whole; a missing one is told by name")
    func file() throws {
        #expect(try ConfigurationFile.read(#filePath).count > 1_000)
        #expect(try ConfigurationFile.read(#filePath, limit: 10).count == 11)
        #expect { try ConfigurationFile.read("/nonexistent/x.yaml") } throws: {
            "\($0)".contains("/nonexistent/x.yaml")
        }
    }
}

/// Steele, Lea and Flood's generator, so that a printed seed repeats a run.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
