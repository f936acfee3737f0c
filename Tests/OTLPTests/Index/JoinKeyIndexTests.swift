import OTLP
import Testing
import Wire

/// What the indexes read beyond the built-in vocabulary: join keys, tenants, executions and systems of a configuration.
@Suite("Indexes with join keys")
struct JoinKeyIndexTests {
    private static let shop = Origin(rawValue: 3)
    private static let worker = Origin(rawValue: 4)
    private static let staging = Origin(rawValue: 5)

    /// Key 0 is read everywhere, key 1 on the same attributes only from the worker and nothing, key 2 from queries.
    private static let vocabulary: AttributeKeys = {
        var keys = AttributeKeys.defaults
        keys.origins += [
            OriginRule(
                name: "shop", role: .home, scopes: [], services: ["shop", "till*"],
                resource: [("deployment.environment", "prod"), ("region", "eu*")]),
            OriginRule(name: "worker", role: .follower, scopes: ["worker.*"], services: ["shop-worker*"]),
            OriginRule(
                name: "staging", role: .bystander, scopes: [], services: [],
                resource: [("deployment.environment", "stag*")]),
        ]
        var order = JoinKey(name: "order")
        order.spanAttributes = ["order.id", "kestra.uid", "url.path", "cloudevents.event_id", "k"].map { Array($0.utf8) }
        order.resourceAttributes = [Array("order.batch".utf8), Array("host".utf8)]
        order.logAttributes = [Array("order_id".utf8)]
        var job = JoinKey(name: "job", kind: .taskRun)
        job.spanAttributes = [Array("order.id".utf8), Array("job".utf8)]
        job.resourceAttributes = [Array("order.batch".utf8)]
        job.logAttributes = [Array("order_id".utf8)]
        job.origins = [worker]
        var query = JoinKey(name: "query")
        query.queryParameters = ["order"]
        keys.joinKeys = [order, job, query]
        keys.tenantAttributes = [Array("tenant.id".utf8)]
        keys.resourceTenantAttributes = [Array("workspace.id".utf8), Array("deployment.environment".utf8)]
        keys.executionAttributes = [Array("run.id".utf8), Array("kestra.executionId".utf8)]
        return keys
    }()

    private static let keys = CompiledKeys(vocabulary)

    private func index(_ payload: [UInt8]) throws -> SpanIndex { try SpanIndex(payload: payload, keys: Self.keys) }

    private func told(_ entries: [EvidenceEntry], _ payload: [UInt8]) -> [String] {
        entries.map { entry in
            let rule = entry.key == .joinKey ? "\(entry.rule)" : ""
            return "\(entry.owner) \(entry.key)\(rule) \(entry.text(in: payload))"
        }
    }

    /// A `ResourceSpans` or `ResourceLogs` message of scopes with the given encoded records or spans.
    private func group(
        _ attributes: [(String, AttributeValue)], isResourceLast: Bool = false, scopes: [(name: String, items: [UInt8])]
    ) -> [UInt8] {
        message(10) { body in
            let resource = message(10) { for (name, value) in attributes { $0 += attribute(10, name, value) } }
            if !isResourceLast { body += resource }
            for (name, items) in scopes {
                body += message(18) { scope in
                    if isResourceLast { scope += items }
                    scope += message(10) { $0 += field(10, name) }
                    if !isResourceLast { scope += items }
                }
            }
            if isResourceLast { body += resource }
        }
    }

    private func span(_ attributes: (String, AttributeValue)...) -> [UInt8] { TestSpan(attributes: attributes).encoded }

    private func record(trace: Bool = true, _ attributes: (String, AttributeValue)...) -> [UInt8] {
        message(18) { body in
            for (name, value) in attributes { body += attribute(50, name, value) }
            if trace { body += field(74, bytes(1) + bytes(2)) + field(82, bytes(3)) }
        }
    }

    // MARK: - Spans

    @Test("An attribute that two keys name counts for both, where they are read")
    func twoKeys() throws {
        let payload =
            group(
                [("service.name", .string("shop-worker-2"))],
                scopes: [("lib", span(("order.id", .string("o-1")), ("job", .string("j"))))])
            + group(
                [("service.name", .string("other"))],
                scopes: [("lib", span(("order.id", .string("o-2")), ("job", .string("j"))))])
        let index = try index(payload)
        #expect(index.scopes.map(\.origin) == [Self.worker, .other])
        #expect(Set(told(index.evidence, payload)) == ["0 joinKey0 o-1", "0 joinKey1 o-1", "0 joinKey1 j", "1 joinKey0 o-2"])
        #expect(index.spans.map(\.evidence) == [0..<3, 3..<4])
        #expect(Self.keys.isRead(joinKey: 1, from: Self.worker) && !Self.keys.isRead(joinKey: 1, from: .other))
        #expect(Self.keys.isRead(joinKey: 0, from: .other) && !Self.keys.isRead(joinKey: 9, from: .other))
        #expect(!Self.keys.isRead(joinKey: 0, from: Origin(rawValue: 200)))
        #expect(CompiledKeys(.defaults).isRead(joinKey: 9, from: Origin(rawValue: 200)))
    }

    @Test("A name may be a key and mean something else too: evidence, a masked path, one of Kestra's attributes")
    func severalMeanings() throws {
        let payload = request(
            service: "kestra",
            [
                TestSpan(attributes: [
                    ("url.path", .string("/api/v1/executions/webhook/a/b/secret")), ("kestra.uid", .string("task-1")),
                    ("cloudevents.event_id", .string("evt")),
                ])
            ])
        let index = try index(payload)
        #expect(
            Set(told(index.evidence, payload)) == [
                "0 urlPath /api/v1/executions/webhook/a/b/secret",
                "0 joinKey0 /api/v1/executions/webhook/a/b/secret", "0 joinKey0 task-1", "0 eventID evt",
                "0 joinKey0 evt",
            ])
        #expect(index.redactions.map { text($0, of: payload) } == ["secret"])
        #expect(text(index.spans[0].taskRun, of: payload) == "task-1")
    }

    @Test("Keys and tenants may be integers; what is neither text nor integer has no value")
    func integers() throws {
        let payload = request([
            TestSpan(attributes: [("order.id", .int(42)), ("tenant.id", .int(-1))]),
            TestSpan(attributes: [("order.id", .int(.min)), ("tenant.id", .int(.max))]),
            TestSpan(attributes: [("order.id", .string("42")), ("order.id", .int(7))]),
            TestSpan(attributes: [("order.id", .int(7)), ("order.id", .string("42"))]),
            TestSpan(attributes: [("order.id", .bool(true)), ("tenant.id", .double(1)), ("cloudevents.event_type", .int(5))]),
            TestSpan(attributes: [("order.id", .int(7)), ("order.id", .bool(true))]),
            TestSpan(attributes: [("order.id", .array([.int(7)]))]),
        ])
        let index = try index(payload)
        #expect(
            told(index.evidence, payload) == [
                "0 joinKey0 42", "0 tenant -1", "1 joinKey0 \(Int64.min)", "1 tenant \(Int64.max)", "2 joinKey0 7",
                "3 joinKey0 42", "5 joinKey0 ",
            ])
        #expect(index.evidence.map(\.form) == [.integer, .integer, .integer, .integer, .integer, .text, .text])
    }

    @Test("The text of a value never reaches outside the payload")
    func textIsBounded() {
        for form in [EvidenceEntry.Form.text, .integer] {
            for (start, end) in [(0, 5), (2, 900), (3, 3), (4_000_000_000, 4_000_000_001), (2, 1)] as [(UInt32, UInt32)] {
                _ = ByteRange(start, end).text(in: [0xFF, 0xFF, 0xFF, 1], form)
            }
        }
        let tooLong = [UInt8](repeating: 0xFF, count: 30)
        #expect(ByteRange(0, 30).text(in: tooLong, .integer) == "-1")
        #expect(ByteRange(0, 1).text(in: [], .integer) == "0")
    }

    @Test("A configured execution id groups a follower's spans, is a claim on a home's, and yields to Kestra's own")
    func executions() throws {
        let items =
            span(("run.id", .string("r"))) + span(("run.id", .int(300))) + span(("run.id", .int(300)))
            + span(("run.id", .string("configured")), ("kestra.executionId", .string("kestra's")))
            + span(("kestra.executionId", .string("kestra's")), ("run.id", .string("configured")))
            + span(("run.id", .string("first")), ("run.id", .string("last"))) + span(("kestra.executionId", .int(3)))
            + TestSpan(kind: 2, attributes: [("run.id", .string("r"))]).encoded
        let payload = group([("service.name", .string("shop-worker"))], scopes: [("lib", items)])
        let follower = try index(payload)
        #expect(follower.executions.map { $0.id(in: payload) } == ["r", "300", "kestra's", "last"])
        #expect(follower.executions.map(\.form) == [.text, .integer, .text, .text])
        #expect(follower.spans.map(\.execution) == [0, 1, 1, 2, 2, 3, -1, 0])
        // Only Kestra's own attribute makes a span one of Kestra's.
        #expect(follower.spans[7].kestra == .none)

        let home = try index(request(service: "portarium", [TestSpan(attributes: [("run.id", .int(300))])]))
        #expect(home.executions.isEmpty && home.spans[0].execution == -1)
        #expect(home.evidence.map(\.key) == [.claimedExecution] && home.evidence.map(\.form) == [.integer])
    }

    @Test("Bytes that are one execution's text and another's integer are two executions")
    func executionForms() throws {
        let payload = request(service: "shop-worker", [
            TestSpan(attributes: [("run.id", .int(65))]), TestSpan(attributes: [("run.id", .string("A"))]),
        ])
        let index = try index(payload)
        #expect(index.executions.map { $0.id(in: payload) } == ["65", "A"])
    }

    @Test("A key that stands in queries makes queries evidence, and full URLs where a target has both")
    func queries() throws {
        let payload = request([
            TestSpan(attributes: [
                ("url.query", .string("order=1")), ("http.target", .string("/a?order=2")),
                ("url.full", .string("https://x/a?order=3")),
            ])
        ])
        #expect(
            Set(told(try index(payload).evidence, payload)) == [
                "0 urlQuery order=1", "0 urlPath /a?order=2", "0 urlFull /a?order=2", "0 urlFull https://x/a?order=3",
            ])
        #expect(try SpanIndex(payload: payload).evidence.map(\.key) == [.urlQuery, .urlPath])
    }

    // MARK: - Resources

    @Test("Resource evidence is read in any order of fields, for resources with an entry and keys that are read there")
    func resourceEvidence() throws {
        let attributes: [(String, AttributeValue)] = [
            ("order.batch", .int(9)), ("workspace.id", .string("ws")), ("order.id", .string("not of resources")),
        ]
        for isLast in [false, true] {
            let payload =
                group(attributes, isResourceLast: isLast, scopes: [])
                + group(attributes, isResourceLast: isLast, scopes: [("lib", span())])
                + group(attributes, isResourceLast: isLast, scopes: [("tiny", [18, 0])])
                + group(attributes, isResourceLast: isLast, scopes: [("lib", span()), ("worker.a", span())])
                + group([("workspace.id", .bool(true))], isResourceLast: isLast, scopes: [("lib", span())])
            let index = try index(payload)
            #expect(index.resources.count == 3)
            #expect(
                Set(told(index.resourceEvidence, payload)) == [
                    "0 joinKey0 9", "0 tenant ws", "1 joinKey0 9", "1 joinKey1 9", "1 tenant ws",
                ])
            #expect(index.resourceEvidence.map(\.owner) == [0, 0, 1, 1, 1])
            #expect(index.evidence.isEmpty)
        }
        // A resource that comes in two pieces is one.
        let pieces = message(10) { body in
            body += message(10) { $0 += attribute(10, "workspace.id", .string("first")) }
            body += message(18) { $0 += span() }
            body += message(10) { $0 += attribute(10, "workspace.id", .string("last")) }
        }
        #expect(told(try index(pieces).resourceEvidence, pieces) == ["0 tenant last"])
        #expect(try SpanIndex(payload: pieces).resourceEvidence.isEmpty)
    }

    @Test("All resource attributes of a rule must be there, beside one of its names if it has any")
    func originsByResource() throws {
        for (service, environment, region, origin) in [
            ("shop", "prod", "eu-1", Self.shop), ("till-7", "prod", "eu", Self.shop), ("shop", "prod", "us", .other),
            ("shop", "prod", nil, .other), ("shop", nil, "eu", .other), ("x", "prod", "eu", .other),
            ("shop", "staging", "eu", Self.staging), ("x", "stag", nil, Self.staging), ("shop-worker", "prod", "eu", Self.worker),
            ("shop-worker", "staging", "eu", Self.worker), ("portarium", "staging", nil, .portarium), ("", "", "", .other),
        ] as [(String, String?, String?, Origin)] {
            for isLast in [false, true] {
                var attributes: [(String, AttributeValue)] = [("service.name", .string(service))]
                if let environment { attributes.append(("deployment.environment", .string(environment))) }
                if let region { attributes.append(("region", .string(region))) }
                // What one resource has must not count for the next.
                let decoy = group(
                    [("deployment.environment", .string("prod")), ("region", .string("eu"))],
                    scopes: [("lib", span())])
                let index = try index(
                    decoy + group(attributes, isResourceLast: isLast, scopes: [("lib", span())]))
                #expect(index.scopes.map(\.origin) == [.other, origin], "\(service) \(environment ?? "-") \(region ?? "-")")
                #expect(index.scopes[1].role == Self.keys.role(of: origin))
            }
        }
        #expect(Self.keys.name(of: Self.staging) == "staging" && Self.keys.role(of: Self.shop) == .home)
    }

    // MARK: - Logs

    @Test("Log records have their system, resource, keys and tenant, in any order of fields")
    func logs() throws {
        for isLast in [false, true] {
            let payload =
                group([("service.name", .string("x"))], isResourceLast: isLast, scopes: [("lib", [18, 0])])
                + group(
                    [("service.name", .string("shop-worker")), ("order.batch", .string("b"))], isResourceLast: isLast,
                    scopes: [
                        (
                            "lib",
                            record(("order_id", .int(12)), ("order.id", .string("not of logs")), ("tenant.id", .string("t")))
                                + record(trace: false, ("tenant.id", .string("alone")))
                                + record(trace: false, ("order_id", .string("o"))) + [18, 0]
                        ),
                        ("portarium", record(trace: false, ("run.id", .int(5)))),
                    ])
                + group([("workspace.id", .string("ws"))], isResourceLast: isLast, scopes: [
                    ("lib", record(("order_id", .string("z"))))
                ])
            let index = try LogIndex(payload: payload, keys: Self.keys)
            #expect(index.count == 7 && index.resources.count == 2)
            #expect(index.records.map(\.origin) == [Self.worker, Self.worker, .portarium, .other])
            #expect(index.records.map(\.role) == [.follower, .follower, .home, .bystander])
            #expect(index.records.map(\.resource) == [0, 0, 0, 1])
            #expect(index.records.map { $0.execution(in: payload) } == ["", "", "5", ""])
            #expect(text(index.resources[0].serviceName, of: payload) == "shop-worker")
            #expect(
                Set(told(index.evidence, payload)) == [
                    "0 joinKey0 12", "0 joinKey1 12", "0 tenant t", "1 joinKey0 o", "1 joinKey1 o", "3 joinKey0 z",
                ])
            for (position, record) in index.records.enumerated() {
                for entry in record.evidence { #expect(index.evidence[Int(entry)].owner == Int32(position)) }
            }
            #expect(
                Set(told(index.resourceEvidence, payload)) == ["0 joinKey0 b", "0 joinKey1 b", "1 tenant ws"])
        }
    }

    @Test("A short name with a short value makes an entry of the smallest record")
    func smallestRecord() throws {
        var keys = AttributeKeys.defaults
        var key = JoinKey(name: "n")
        key.logAttributes = [Array("n".utf8)]
        keys.joinKeys = [key]
        let payload = group([], scopes: [("", record(trace: false, ("n", .int(1))))])
        let index = try LogIndex(payload: payload, keys: keys)
        #expect(index.count == 1 && index.records.count == 1 && told(index.evidence, payload) == ["0 joinKey0 1"])
    }

    // MARK: - Hostile

    private var everything: [UInt8] {
        group(
            [
                ("service.name", .string("shop-worker")), ("order.batch", .int(1 << 40)), ("workspace.id", .string("w")),
                ("region", .string("eu")),
            ],
            isResourceLast: true,
            scopes: [
                (
                    "worker.a",
                    span(
                        ("order.id", .int(-5)), ("run.id", .int(77)), ("tenant.id", .string("t")),
                        ("url.path", .string("/executions/webhook/a/b/c")), ("url.full", .string("http://x?order=1")))
                )
            ])
    }

    @Test("Every prefix and every changed byte is refused or indexed as with the built-in vocabulary")
    func hostile() {
        let logs = group(
            [("deployment.environment", .string("stag")), ("order.batch", .int(1 << 40))], isResourceLast: true,
            scopes: [("worker.b", record(("order_id", .int(-5)), ("run.id", .int(77)), ("tenant.id", .string("t"))))])
        for payload in [everything, logs] {
            for position in payload.indices {
                check(Array(payload.prefix(position)), "prefix \(position)")
                for bit in 0..<8 {
                    var changed = payload
                    changed[position] ^= 1 << UInt8(bit)
                    check(changed, "byte \(position) = \(changed[position])")
                }
            }
        }
    }

    @Test("Random requests hold the same spans with join keys as without")
    func random() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var maker = RequestMaker(seed: seed)
        for round in 0..<200 {
            var payload = maker.request()
            check(payload, "seed \(seed) round \(round)")
            guard !payload.isEmpty else { continue }
            for _ in 0..<4 { payload[Int.random(in: payload.indices, using: &maker.random)] ^= 1 << 4 }
            check(payload, "seed \(seed) round \(round), changed")
        }
    }

    /// What must hold of both indexes of any bytes.
    private func check(_ payload: [UInt8], _ note: String) {
        let plain = try? SpanIndex(payload: payload, keys: Self.plain)
        let index = try? SpanIndex(payload: payload, keys: Self.keys)
        #expect(index?.spans.map(\.body) == plain?.spans.map(\.body), "\(note)")
        #expect(index?.rejectedSpans == plain?.rejectedSpans && index?.redactions == plain?.redactions, "\(note)")
        if let index {
            checkEvidence(index.evidence, owners: index.spans.map(\.evidence), payload, note)
            checkResources(index.resourceEvidence, index.resources, payload, note)
        }
        let plainLogs = try? LogIndex(payload: payload, keys: Self.plain)
        let logs = try? LogIndex(payload: payload, keys: Self.keys)
        #expect(logs?.count == plainLogs?.count, "\(note)")
        if let logs {
            checkEvidence(logs.evidence, owners: logs.records.map(\.evidence), payload, note)
            checkResources(logs.resourceEvidence, logs.resources, payload, note)
            #expect(logs.records.allSatisfy { logs.resources.indices.contains(Int($0.resource)) }, "\(note)")
        }
    }

    private static let plain = CompiledKeys(.defaults)

    private func checkEvidence(_ entries: [EvidenceEntry], owners: [Range<Int32>], _ payload: [UInt8], _ note: String) {
        var next: Int32 = 0
        for (position, range) in owners.enumerated() {
            #expect(range.lowerBound == next && entries[range.indices].allSatisfy { $0.owner == position }, "\(note)")
            next = range.upperBound
        }
        #expect(Int(next) == entries.count, "\(note)")
        for entry in entries {
            #expect(Int(entry.value.end) <= payload.count && entry.value.start <= entry.value.end, "\(note)")
            if entry.form == .integer { #expect((1...10).contains(entry.value.count), "\(note)") }
            _ = entry.text(in: payload)
        }
    }

    private func checkResources(_ entries: [EvidenceEntry], _ resources: [ResourceEntry], _ payload: [UInt8], _ note: String) {
        for entry in entries {
            #expect(resources.indices.contains(Int(entry.owner)) && Int(entry.value.end) <= payload.count, "\(note)")
        }
        #expect(entries.map(\.owner) == entries.map(\.owner).sorted(), "\(note)")
    }
}

extension Range<Int32> {
    fileprivate var indices: Range<Int> { Int(lowerBound)..<Int(upperBound) }
}
