import OTLP
import Testing
import Wire

/// The request of the OTLP specification, with a link, flags and a negative number.
let goldenHex = """
    0ac7010a1e0a1c0a0c736572766963652e6e616d65120c0a0a6d792e7365727669636512a4010a130a0a6d792e6c6962726172791205312e30\
    2e30128c010a105b8efff798038103d269b633813fc60c1208eee19b7ec3c1b1742208eee19b7ec3c1b1732a1149276d206120736572766572\
    207370616e300239004859e3faeb6f15410012f41efbeb6f154a100a016e120b18ffffffffffffffffff016a210a104bf92f3577b34da6a3ce\
    929d0e0e4736120800f067aa0ba902b735000300007a021802850101010000
    """

func unhex(_ text: String) -> [UInt8] {
    let digits = text.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

func text(_ range: ByteRange, of payload: [UInt8]) -> String { String(decoding: payload[range.indices], as: UTF8.self) }

@Suite struct SpanIndexTests {
    @Test("The golden request of the specification is indexed field by field")
    func golden() throws {
        let payload = unhex(goldenHex)
        #expect(payload.count == 202)
        let index = try SpanIndex(payload: payload)
        let span = try #require(index.spans.first)
        #expect(index.spans.count == 1 && index.scopes.count == 1 && index.resources.count == 1)
        #expect(span.traceID.hex == "5b8efff798038103d269b633813fc60c")
        #expect(span.spanID.hex == "eee19b7ec3c1b174")
        #expect(span.parentSpanID.hex == "eee19b7ec3c1b173")
        #expect(span.start == 1_544_712_660_000_000_000)
        #expect(span.end == 1_544_712_661_000_000_000)
        #expect(span.kind == 2 && span.status == 2 && span.flags == 257)
        #expect(text(span.name, of: payload) == "I'm a server span")
        #expect(text(index.resources[0].serviceName, of: payload) == "my.service")
        #expect(text(index.scopes[0].name, of: payload) == "my.library")
        #expect(index.scopes[0].spans == 0..<1 && index.scopes[0].origin == .other)
        #expect(payload[Int(span.parentOffset)] == 0xEE && payload[Int(span.traceIDOffset)] == 0x5B)
        #expect(payload[Int(span.field.start)] == 18 && span.field.end == span.body.end)
    }

    @Test("Kestra's attributes become executions, each once, and its names tell what a span is")
    func kestra() throws {
        func span(_ name: String, _ id: String?, kind: UInt64 = 1, source: String = "io.kestra.core.runners.Worker")
            -> TestSpan
        {
            var attributes: [(String, AttributeValue)] = [
                ("kestra.namespace", .string("company.team")), ("kestra.flowId", .string("hello")),
                ("kestra.source", .string(source)), ("kestra.uid", .string("task-1")),
            ]
            if let id { attributes.append(("kestra.executionId", .string(id))) }
            return TestSpan(name: name, kind: kind, attributes: attributes)
        }
        let ids = (0..<300).map { "execution-\($0)" }
        var spans = [
            span("EXECUTOR - io.kestra.plugin.core.flow.Subflow", "a", source: "io.kestra.plugin.core.flow.Subflow"),
            span("WORKER - x", "b"), span("EXECUTOR - main", "a"), span("POST /", nil, kind: 2), span("trigger", nil),
        ]
        spans += ids.map { span("WORKER - y", $0) } + ids.reversed().map { span("WORKER - y", $0) }
        let payload = request(service: "kestra", scope: "io.micronaut.http.server", spans)
        let index = try SpanIndex(payload: payload)
        #expect(index.scopes[0].origin == .kestra)
        #expect(index.executions.map { text($0.id, of: payload) } == ["a", "b"] + ids)
        #expect(index.spans.prefix(5).map(\.execution) == [0, 1, 0, -1, -1])
        #expect(index.spans.prefix(5).map(\.kestra) == [.executor, .worker, .executor, .server, .none])
        #expect(index.spans.prefix(5).map(\.startsExecutions) == [true, false, false, false, false])
        #expect(text(index.executions[0].flow, of: payload) == "hello")
        #expect(text(index.executions[0].namespace, of: payload) == "company.team")
        #expect(index.executions[0].tenant.isEmpty)
        #expect(text(index.spans[1].taskRun, of: payload) == "task-1")
        for (position, id) in ids.enumerated() {
            #expect(index.spans[5 + position].execution == Int32(2 + position))
            let mirrored = index.spans[5 + 2 * ids.count - 1 - position]
            #expect(mirrored.execution == Int32(2 + position), "\(id)")
        }
    }

    @Test("One execution id under two known tenants is two executions; an unknown tenant is any")
    func tenants() throws {
        func span(_ tenant: String?) -> TestSpan {
            var span = TestSpan(attributes: [("kestra.executionId", .string("same"))])
            if let tenant { span.attributes.append(("kestra.tenantId", .string(tenant))) }
            return span
        }
        let payload = request(scope: "kestra", [span(nil), span("a"), span("b"), span("a"), span(nil)])
        let index = try SpanIndex(payload: payload)
        #expect(index.executions.map { text($0.tenant, of: payload) } == ["a", "b"])
        #expect(index.spans.map(\.execution) == [0, 0, 1, 0, 0])
    }

    @Test("A flood of tenants for one execution id makes eight executions, the rest belongs to none")
    func tenantFlood() throws {
        let payload = request(
            scope: "kestra",
            (0..<5_000).map { tenant in
                TestSpan(attributes: [
                    ("kestra.executionId", .string("same")), ("kestra.tenantId", .string("t\(tenant)")),
                ])
            })
        let index = try SpanIndex(payload: payload)
        #expect(index.executions.count == 8 && index.spans.count == 5_000)
        #expect(index.spans.map(\.execution) == (0..<5_000).map { $0 < 8 ? Int32($0) : -1 })
    }

    @Test("An execution id on a span of Portarium's is a claim, on one of anybody else's a membership")
    func claims() throws {
        let span = TestSpan(kind: 2, attributes: [("kestra.executionId", .string("id-1"))])
        let portarium = try SpanIndex(payload: request(service: "portarium-api", [span]))
        #expect(portarium.executions.isEmpty && portarium.spans[0].execution == -1)
        #expect(portarium.evidence.map(\.key) == [.claimedExecution] && portarium.spans[0].kestra == .none)
        let other = try SpanIndex(payload: request([span]))
        #expect(other.executions.count == 1 && other.spans[0].execution == 0 && other.spans[0].kestra == .server)
    }

    @Test("Origins follow the configured names, Portarium's first, prefixes by a star")
    func origins() throws {
        for (service, scope, origin) in [
            ("shop", "portarium", Origin.portarium), ("shop", "portarium.app", .portarium),
            ("shop", "portariums", .other),
            ("portarium-x", "kestra", .portarium), ("kestra", "io.micronaut.http.server", .kestra),
            ("x", "kestra", .kestra),
            ("", "", .other), ("kestra2", "x", .other),
        ] {
            let index = try SpanIndex(payload: request(service: service, scope: scope, [TestSpan()]))
            #expect(index.scopes.map(\.origin) == [origin], "\(service) \(scope)")
        }
    }

    @Test("Resource and scope may follow their spans")
    func fieldOrder() throws {
        let payload = message(10) { resource in
            resource += message(18) { scope in
                scope += TestSpan(name: "EXECUTOR - x").encoded
                scope += message(10) { $0 += field(10, "lib") }
            }
            resource += message(10) { $0 += attribute(10, "service.name", .string("kestra")) }
        }
        let index = try SpanIndex(payload: payload)
        #expect(index.scopes[0].origin == .kestra && index.spans[0].kestra == .executor)
        #expect(text(index.scopes[0].name, of: payload) == "lib")
    }

    @Test("Of two attributes of one name the last counts, for an array of strings its first element")
    func evidence() throws {
        let payload = request([
            TestSpan(attributes: [
                ("cloudevents.event_id", .string("first")), ("cloudevents.event_id", .string("last")),
                ("http.request.header.ce-source", .array([.string("source"), .string("other")])),
                ("cloudevents.event_type", .int(1)), ("url.query", .string("a=b")), ("url.query", .bool(true)),
            ]),
            TestSpan(), TestSpan(attributes: [("cloudevents.event_id", .string("second span"))]),
        ])
        let index = try SpanIndex(payload: payload)
        let found = index.evidence.map { "\($0.owner) \($0.key) \(text($0.value, of: payload))" }
        #expect(found == ["0 eventID last", "0 eventSource source", "0 urlQuery ", "2 eventID second span"])
        #expect(index.spans.map(\.evidence) == [0..<3, 3..<3, 3..<4])
    }

    @Test("Spans with invalid ids are counted and left out with their evidence")
    func invalidIDs() throws {
        let evidence: [(String, AttributeValue)] = [
            ("cloudevents.event_id", .string("e")), ("kestra.executionId", .string("x")),
        ]
        func broken(_ fields: [UInt8]) -> TestSpan { TestSpan(attributes: evidence, extra: fields) }
        let zeros = [UInt8](repeating: 0, count: 16)
        let payload = request([
            TestSpan(attributes: evidence), broken(field(10, zeros)), broken(field(10, [1])), broken(field(18, zeros)),
            broken(field(18, Array(zeros.prefix(8)))), broken(field(34, [1, 2, 3])), TestSpan(attributes: evidence),
        ])
        let index = try SpanIndex(payload: payload)
        #expect(index.rejectedSpans == 5 && index.spans.count == 2)
        #expect(index.evidence.map(\.owner) == [0, 1] && index.executions.count == 1)
        // Two-byte spans make no entries.
        let empty = try SpanIndex(payload: message(10) { $0 += message(18) { $0 += [18, 0, 18, 0] } })
        #expect(empty.rejectedSpans == 2 && empty.scopes.isEmpty && empty.resources.isEmpty)
    }

    @Test("A parent of zeros is no parent")
    func zeroParent() throws {
        for parent in [SpanID.none, nil] {
            let index = try SpanIndex(payload: request([TestSpan(parent: parent)]))
            #expect(index.spans[0].parentOffset == 0 && index.spans[0].parentSpanID.isZero)
        }
    }

    @Test("Values nested more than 32 deep are refused")
    func depth() throws {
        func nested(_ depth: Int) -> [UInt8] {
            var value = AttributeValue.string("x")
            for level in 0..<depth { value = level % 2 == 0 ? .array([value]) : .map([Attribute("k", value)]) }
            return request([TestSpan(attributes: [("k", value)])])
        }
        let payload = nested(32)
        let index = try SpanIndex(payload: payload)
        #expect(try SpanDetail(payload: payload, index: index, span: 0).attributes.count == 1)
        #expect(throws: WireError.self) { try SpanIndex(payload: nested(33)) }
        #expect(throws: WireError.self) { try SpanIndex(payload: nested(5000)) }
    }

    @Test("Every prefix of a request is refused or indexed, never fatal")
    func prefixes() {
        var maker = RequestMaker(seed: 7)
        for payload in [unhex(goldenHex), maker.request(), maker.request()] {
            for count in payload.indices {
                let prefix = Array(payload.prefix(count))
                let index = try? SpanIndex(payload: prefix)
                if Oracle.spans(prefix) != nil { #expect(index != nil) }
            }
        }
    }

    @Test("Whatever protobuf-c reads from a request with one changed byte, the index reads too")
    func flippedBytes() throws {
        for payload in [
            unhex(goldenHex),
            request(
                scope: "kestra",
                [
                    TestSpan(
                        name: "EXECUTOR - x",
                        attributes: [
                            ("kestra.executionId", .string("id")), ("cloudevents.event_id", .array([.string("e")])),
                            ("url.path", .string("/api/v1/executions/webhook/a/b/c")),
                            ("m", .map([Attribute("k", .int(1))])),
                        ])
                ]),
        ] {
            for position in payload.indices {
                for bit in 0..<8 {
                    var changed = payload
                    changed[position] ^= 1 << UInt8(bit)
                    try compare(changed, "byte \(position) = \(changed[position])")
                }
            }
        }
    }

    @Test("Random requests are indexed as protobuf-c reads them, and so are mutated ones")
    func randomRequests() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var maker = RequestMaker(seed: seed)
        for round in 0..<150 {
            let payload = maker.request()
            let note = "seed \(seed) round \(round)"
            #expect(Oracle.spans(payload) != nil, "\(note)")
            #expect((try? SpanIndex(payload: payload)) != nil, "\(note)")
            try compare(payload, note)
            guard !payload.isEmpty else { continue }
            for _ in 0..<10 {
                var changed = payload
                for _ in 0..<Int.random(in: 1...4, using: &maker.random) {
                    let position = Int.random(in: changed.indices, using: &maker.random)
                    changed[position] = UInt8.random(in: 0...255, using: &maker.random)
                }
                try compare(changed, note)
            }
        }
    }

    /// What protobuf-c accepts, the index must accept and see alike. Only impossible field numbers and numbers of more
    /// than 64 bits are refused beyond it.
    private func compare(_ payload: [UInt8], _ note: String) throws {
        let result = Result { try SpanIndex(payload: payload) }
        let rewritten = (try? result.get()).map { TraceRewriter.forward(payload: payload, index: $0) }
        guard let expected = Oracle.spans(payload) else { return }
        guard case .success(let index) = result else {
            if case .failure(WireError.invalidTag) = result { return }
            if case .failure(WireError.varintTooLong) = result { return }
            Issue.record("\(note): \(result)")
            return
        }
        var valid = expected.filter(\.isValid)
        for position in valid.indices {
            // Enumerations beyond their members are taken as none, and a parent of zeros as no parent.
            if valid[position].kind > 5 { valid[position].kind = 0 }
            if valid[position].status > 2 { valid[position].status = 0 }
            if !valid[position].parent.contains(where: { $0 != 0 }) { valid[position].parent = [] }
        }
        guard index.spans.count == valid.count, index.rejectedSpans == expected.count - valid.count else {
            Issue.record("\(note): \(index.spans.count) spans, \(index.rejectedSpans) rejected, of \(expected.count)")
            return
        }
        for (position, span) in valid.enumerated() where !span.attributes.contains(where: { $0.contains("*") }) {
            var seen = try OracleSpan(payload: payload, index: index, span: position, like: span)
            // Masked values and unknown fields inside attributes are not compared here.
            if !index.redactions.isEmpty
                || span.attributes.contains(where: { !$0.hasSuffix("[]") || $0.contains("field ") })
            {
                seen.attributes = span.attributes
            }
            // protobuf-c takes a bool of any wire type; as protobuf defines it, that is an unknown field.
            for (position, text) in span.attributes.enumerated()
            where text.contains("bool(") && seen.attributes.indices.contains(position) {
                seen.attributes[position] = text
            }
            if seen != span { Issue.record("\(note): span \(position)\n\(seen)\n\(span)") }
        }
        if let rewritten, index.redactions.isEmpty {
            #expect(Oracle.spans(rewritten)?.filter(\.isValid).count == valid.count, "\(note)")
        }
    }
}
