import OTLP
import Wire

/// A small generator, so that a failing test can be repeated from its printed seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

func message(_ tag: UInt32, _ body: (inout [UInt8]) -> Void) -> [UInt8] {
    var content: [UInt8] = []
    body(&content)
    var field: [UInt8] = []
    WireWriter.delimited(tag, content, to: &field)
    return field
}

func field(_ tag: UInt32, _ text: String) -> [UInt8] {
    var output: [UInt8] = []
    WireWriter.delimited(tag, text.utf8, to: &output)
    return output
}

func field(_ tag: UInt32, _ bytes: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    WireWriter.delimited(tag, bytes, to: &output)
    return output
}

func attribute(_ tag: UInt32, _ name: String, _ value: AttributeValue) -> [UInt8] {
    message(tag) { body in
        body += field(10, name)
        body += message(18) { append(value, to: &$0) }
    }
}

private func append(_ value: AttributeValue, to output: inout [UInt8]) {
    switch value {
    case .empty: break
    case .string(let text): WireWriter.delimited(10, text.utf8, to: &output)
    case .bool(let bool): WireWriter.varint(16, bool ? 1 : 0, to: &output)
    case .int(let int): WireWriter.varint(24, UInt64(bitPattern: int), to: &output)
    case .double(let double): WireWriter.fixed64(33, double.bitPattern, to: &output)
    case .bytes(let bytes): WireWriter.delimited(58, bytes, to: &output)
    case .array(let values):
        output += message(42) { list in for value in values { list += message(10) { append(value, to: &$0) } } }
    case .map(let entries):
        output += message(50) { list in for entry in entries { list += attribute(10, entry.name, entry.value) } }
    }
}

/// Field 999, which OTLP does not have.
let unknownField: [UInt8] = {
    var output: [UInt8] = []
    WireWriter.delimited(999 << 3 | 2, "from the future".utf8, to: &output)
    return output
}()

/// One span of a test request.
struct TestSpan {
    var traceID = TraceID(high: 1, low: 2)
    var spanID = SpanID(raw: 3)
    var parent: SpanID? = SpanID(raw: 4)
    var name = "a span"
    var kind: UInt64 = 1
    var attributes: [(String, AttributeValue)] = []
    /// Encoded fields at the end of the span.
    var extra: [UInt8] = []

    var encoded: [UInt8] {
        message(18) { body in
            body += field(10, bytes(traceID.high) + bytes(traceID.low))
            body += field(18, bytes(spanID.raw))
            if let parent { body += field(34, bytes(parent.raw)) }
            body += field(42, name)
            WireWriter.varint(48, kind, to: &body)
            WireWriter.fixed64(57, 1_000, to: &body)
            WireWriter.fixed64(65, 2_000, to: &body)
            for (name, value) in attributes { body += attribute(74, name, value) }
            body += extra
        }
    }
}

func request(service: String = "shop", scope: String = "lib", _ spans: [TestSpan]) -> [UInt8] {
    message(10) { resource in
        resource += message(10) { $0 += attribute(10, "service.name", .string(service)) }
        resource += message(18) { body in
            body += message(10) { $0 += field(10, scope) }
            for span in spans { body += span.encoded }
        }
    }
}

/// Random requests that use every field of the trace messages, and field 999 in all of them.
struct RequestMaker {
    var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func request() -> [UInt8] {
        var output: [UInt8] = []
        for _ in 0..<Int.random(in: 0...3, using: &random) { output += resource() }
        if random.chance(20) { output += unknownField }
        return output
    }

    private mutating func resource() -> [UInt8] {
        var body: [UInt8] = []
        if random.chance(90) {
            let service = ["kestra", "portarium-control-plane", "shop"].randomElement(using: &random) ?? ""
            var resource = attribute(10, "service.name", .string(service))
            if random.chance(50) { resource += attribute(10, "host", value(depth: 2)) }
            if random.chance(30) { resource += unknownField }
            body += field(10, resource)
        }
        for _ in 0..<Int.random(in: 0...3, using: &random) { body += scope() }
        if random.chance(50) { body += field(26, "https://opentelemetry.io/schemas/1.30.0") }
        if random.chance(30) { body += unknownField }
        return field(10, body)
    }

    private mutating func scope() -> [UInt8] {
        var body: [UInt8] = []
        if random.chance(90) {
            let name =
                ["kestra", "portarium.events", "io.micronaut.http.server", ""].randomElement(using: &random) ?? ""
            var scope = field(10, name) + field(18, "1.0")
            if random.chance(30) { scope += attribute(26, "x", value(depth: 2)) }
            if random.chance(30) { scope += unknownField }
            body += field(10, scope)
        }
        for _ in 0..<Int.random(in: 0...6, using: &random) { body += span() }
        if random.chance(50) { body += field(26, "https://opentelemetry.io/schemas/1.29.0") }
        if random.chance(30) { body += unknownField }
        return field(18, body)
    }

    private mutating func id(_ count: Int) -> [UInt8] {
        if random.chance(3) { return [UInt8](repeating: 0, count: count) }
        let length = random.chance(3) ? Int.random(in: 0...20, using: &random) : count
        return (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    private mutating func span() -> [UInt8] {
        var body = field(10, id(16)) + field(18, id(8))
        if random.chance(30) { body += field(26, "vendor=1") }
        if random.chance(70) { body += field(34, id(8)) }
        let names = ["EXECUTOR - main_a.b_c", "WORKER - io.kestra.plugin.core.log.Log", "POST /x", ""]
        body += field(42, names.randomElement(using: &random) ?? "")
        WireWriter.varint(48, UInt64.random(in: 0...5, using: &random), to: &body)
        WireWriter.fixed64(57, .random(in: 0...UInt64.max, using: &random), to: &body)
        WireWriter.fixed64(65, .random(in: 0...UInt64.max, using: &random), to: &body)
        for _ in 0..<Int.random(in: 0...6, using: &random) { body += attribute(74, attributeName(), value(depth: 0)) }
        if random.chance(20) { WireWriter.varint(80, 7, to: &body) }
        if random.chance(20) {
            var event = [UInt8]()
            WireWriter.fixed64(9, 17, to: &event)
            event += field(18, "exception") + attribute(26, "exception.type", value(depth: 1)) + unknownField
            body += field(90, event)
        }
        if random.chance(20) {
            var link = field(10, id(16)) + field(18, id(8)) + attribute(34, "k", value(depth: 1)) + unknownField
            WireWriter.fixed32(53, 0x300, to: &link)
            body += field(106, link)
        }
        if random.chance(50) {
            var status = random.chance(50) ? field(18, "it failed") : []
            WireWriter.varint(24, UInt64.random(in: 0...2, using: &random), to: &status)
            body += field(122, status)
        }
        if random.chance(50) { WireWriter.fixed32(133, .random(in: 0...UInt32.max, using: &random), to: &body) }
        if random.chance(30) { body += unknownField }
        return field(18, body)
    }

    private mutating func attributeName() -> String {
        [
            "kestra.executionId", "kestra.namespace", "kestra.flowId", "kestra.tenantId", "kestra.uid", "kestra.source",
            "cloudevents.event_id", "http.request.header.ce-id", "url.path", "url.query", "k", "http.request.method",
        ].randomElement(using: &random) ?? "k"
    }

    private mutating func value(depth: Int) -> AttributeValue {
        switch Int.random(in: 0..<(depth < 3 ? 20 : 16), using: &random) {
        case 0..<8:
            .string(
                ["main", "7FgWKru6FAVb8KJglSELLW", "io.kestra.plugin.core.flow.Subflow", "", "evt-1"]
                    .randomElement(using: &random) ?? "")
        case 8: .string(String(repeating: "long ", count: Int.random(in: 20...80, using: &random)))
        case 9: .bool(random.chance(50))
        case 10: .int(.random(in: Int64.min...Int64.max, using: &random))
        case 11: .double(.random(in: -1...1, using: &random))
        case 12: .bytes([0, 1, 255])
        case 13: .empty
        case 14, 15: .string("/api/v1/main/executions/webhook/a.b/c/the-key?token=t")
        case 16, 17: .array((0..<Int.random(in: 0...3, using: &random)).map { _ in value(depth: depth + 1) })
        default: .map((0..<Int.random(in: 0...3, using: &random)).map { Attribute("m\($0)", value(depth: depth + 1)) })
        }
    }
}
