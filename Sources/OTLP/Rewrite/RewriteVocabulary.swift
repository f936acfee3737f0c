import Wire

/// The attributes that the relay adds, encoded once, with zeros in the place of hex digits.
final class RewriteVocabulary: Sendable {
    static let shared = RewriteVocabulary()

    /// What a span gets that moves to another trace, by the raw value of the rule: the trace it came in, and the rule.
    let moved: [[UInt8]]
    /// Where the 32 digits of the original trace id are in each of `moved`.
    let originalTraceIDDigits: Int
    /// The parent that it came with; ends with 16 digits.
    let originalParent: [UInt8]
    /// Field 9 of a span, complete.
    let amended: [UInt8]
    /// Field 1 of a link attribute.
    private let reasonKey: [UInt8]

    private init() {
        let originalTraceID = Self.text(74, "spanbridge.original.trace_id", count: 32)
        originalTraceIDDigits = originalTraceID.count
        originalParent = Self.text(74, "spanbridge.original.parent_span_id", count: 16) + Self.zeros(16)
        var amended: [UInt8] = []
        WireWriter.delimited(10, "spanbridge.amended".utf8, to: &amended)
        amended += [18, 2, 16, 1]
        var field: [UInt8] = []
        WireWriter.delimited(74, amended, to: &field)
        self.amended = field
        var moved = [[UInt8]](repeating: [], count: JoinRule.allCases.map { Int($0.rawValue) + 1 }.max() ?? 0)
        for rule in JoinRule.allCases {
            moved[Int(rule.rawValue)] =
                originalTraceID + Self.zeros(32)
                + Self.text(74, "spanbridge.rule", count: rule.name.utf8.count) + Array(rule.name.utf8)
        }
        self.moved = moved
        var key: [UInt8] = []
        WireWriter.delimited(10, "spanbridge.link.reason".utf8, to: &key)
        reasonKey = key
    }

    private static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: UInt8(ascii: "0"), count: count) }

    /// A string attribute in a field of its own, up to a value of `count` bytes.
    private static func text(_ tag: UInt32, _ name: String, count: Int) -> [UInt8] {
        var key: [UInt8] = []
        WireWriter.delimited(10, name.utf8, to: &key)
        let value = 1 + WireWriter.size(ofDelimited: count)
        var field: [UInt8] = []
        WireWriter.header(tag, count: key.count + 1 + WireWriter.size(ofDelimited: value), to: &field)
        field += key
        WireWriter.header(18, count: value, to: &field)
        WireWriter.header(10, count: count, to: &field)
        return field
    }
}

// MARK: - Links

extension RewriteVocabulary {
    /// The length of a link's body.
    func size(of link: AddedLink) -> Int { 28 + 1 + WireWriter.size(ofDelimited: size(ofReason: link.reason)) }

    /// Field 13 of a span: trace id, span id and the attribute with the reason.
    func append(_ link: AddedLink, to output: inout [UInt8]) {
        WireWriter.header(106, count: size(of: link), to: &output)
        WireWriter.header(10, count: 16, to: &output)
        WireWriter.bigEndian(link.traceID.high, to: &output)
        WireWriter.bigEndian(link.traceID.low, to: &output)
        WireWriter.header(18, count: 8, to: &output)
        WireWriter.bigEndian(link.spanID.raw, to: &output)
        WireWriter.header(34, count: size(ofReason: link.reason), to: &output)
        WireWriter.copy(reasonKey, to: &output)
        let count = link.reason.utf8.count
        WireWriter.header(18, count: 1 + WireWriter.size(ofDelimited: count), to: &output)
        WireWriter.delimited(10, link.reason.utf8, to: &output)
    }

    /// The length of the attribute's body.
    private func size(ofReason reason: String) -> Int {
        reasonKey.count + 1 + WireWriter.size(ofDelimited: 1 + WireWriter.size(ofDelimited: reason.utf8.count))
    }
}
