import Testing

@testable import Configuration

@Suite struct SystemsTests {
    typealias Key = Configuration.SharedKey

    private func correlation(
        _ text: String, _ environment: [String: String] = [:], set overrides: [(String, String)] = []
    ) throws -> Configuration.Correlation {
        let (configuration, diagnostics) = load(anExporter + text, environment, set: overrides)
        try #require(diagnostics.isEmpty, "\(diagnostics)")
        return configuration.correlation
    }

    @Test("systems are added beside the built-in ones, which can be changed, the role too")
    func origins() throws {
        let origins = try correlation(
            """
            correlation:
              origins:
                shop: {role: home, services: [shop], resource: {deployment.environment: "prod*", cloud.region: eu}}
                kestra: {role: bystander, scopes: []}
                worker: {role: follower, scopes: [shop.tasks, celery.*]}
            """
        ).origins
        #expect(origins.rules.map(\.name) == ["portarium", "kestra", "shop", "worker"])
        #expect(origins.rules.map(\.role) == [.home, .bystander, .home, .follower])
        #expect(origins["kestra"]?.scopes == [] && origins["kestra"]?.services == ["kestra"])
        #expect(origins["shop"]?.resource.map(\.name) == ["deployment.environment", "cloud.region"])
        #expect(origins["shop"]?.resource.map(\.value) == ["prod*", "eu"])
        #expect(origins["worker"]?.scopes == ["shop.tasks", "celery.*"])
        #expect(Configuration.Origins()["portarium"]?.role == .home)
    }

    @Test("variables and flags reach systems and keys; the built-in ones need no mention in the file")
    func layers() throws {
        let correlation = try correlation(
            "correlation: {origins: {shop: {role: home, services: [shop]}}, keys: {order: {kind: business, from: [{span: a}]}}}",
            [
                "SPANBRIDGE_CORRELATION_ORIGINS_KESTRA_ROLE": "home",
                "SPANBRIDGE_CORRELATION_ORIGINS_PORTARIUM_SERVICES": "p,q*",
                "SPANBRIDGE_CORRELATION_ORIGINS_SHOP_SERVICES": "s",
                "SPANBRIDGE_CORRELATION_ORIGINS_SHOP_RESOURCE": "k=v",
                "SPANBRIDGE_CORRELATION_KEYS_ORDER_LIFETIME": "1h",
                "SPANBRIDGE_CORRELATION_KEYS_ORDER_FROM": "[{span: b}, {query: c}]",
                "SPANBRIDGE_CORRELATION_TENANCY_FROM": "[{resource: ws}]",
                "SPANBRIDGE_CORRELATION_TENANCY_NAMESPACES": "acme.*=acme,b=c",
            ],
            set: [
                ("correlation.origins.w.role", "follower"), ("correlation.origins.w.services", "w"),
                ("correlation.keys.order.strength", "link"),
                ("correlation.keys.task", "{kind: task_run, from: [{span: id}]}"),
                ("correlation.http_pairing", "link"),
            ])
        #expect(
            correlation.origins["kestra"]?.role == .home && correlation.origins["portarium"]?.services == ["p", "q*"])
        #expect(correlation.origins["shop"]?.services == ["s"] && correlation.origins["w"]?.role == .follower)
        #expect(correlation.origins["shop"]?.resource == [.init(name: "k", value: "v")])
        let order = try #require(correlation.keys.first)
        #expect(order.lifetime == 3_600_000_000_000 && order.strength == .link)
        #expect(order.from == [.init(.span, "b"), .init(.query, "c")])
        #expect(correlation.keys.last?.kind == .taskRun && correlation.httpPairing == .link)
        #expect(correlation.tenancy.from == [.init(.resource, "ws")])
        #expect(correlation.tenancy.namespaces.map(\.tenant) == ["acme", "c"])
    }

    @Test("the short form is an attribute of spans and log records, in the file and in the variable")
    func shortForm() throws {
        let keys = try correlation("correlation: {keys: {order.event: event_id, order.id: business}}").keys
        #expect(keys == [Key(attribute: "order.event", kind: .eventID), Key(attribute: "order.id", kind: .business)])
        #expect(keys.last?.from == [.init(.span, "order.id"), .init(.log, "order.id")])
        let variable = ["SPANBRIDGE_CORRELATION_KEYS": "a=event_id, b.c=traceparent,http.target=ignore"]
        #expect(
            try correlation("correlation: {keys: {x: event_id}}", variable).keys
                == [
                    Key(attribute: "a", kind: .eventID), Key(attribute: "b.c", kind: .traceparent),
                    Key(attribute: "http.target", kind: .ignore),
                ])
        #expect(
            try correlation("", ["SPANBRIDGE_CORRELATION_KEYS": "{a: {kind: business, from: [{span: x}]}}"]).keys
                == [Key(name: "a", kind: .business, from: [.init(.span, "x")])])
    }

    @Test("the long form says where, how strong, for how long and of whom")
    func longForm() throws {
        let correlation = try correlation(
            """
            correlation:
              origins: {shop: {role: home, services: [shop]}, worker: {role: follower, services: [w]}}
              keys:
                order:
                  kind: business
                  from: [{span: order.id}, {resource: x}, {log: order_id}, {header: X-Order-Id}, {query: order}, {data: payload.order.id}]
                  strength: link
                  lifetime: 1d12h
                  origins: [shop, worker]
                caller: {kind: context, from: [{span: app.traceparent}]}
                run: {kind: execution, from: [{span: celery.run}, {log: run}]}
            """)
        let order = try #require(correlation.keys.first)
        #expect(order.from.map(\.scope) == Configuration.Place.Scope.allCases)
        #expect(order.from[3].name == "x-order-id")
        #expect(order.from[3].attributes == ["http.request.header.x-order-id", "http.request.header.x_order_id"])
        #expect(Configuration.Place(.header, "order").attributes == ["http.request.header.order"])
        #expect(
            order.strength == .link && order.lifetime == 129_600_000_000_000 && order.origins == ["shop", "worker"])
        #expect(correlation.keys.map(\.kind) == [.business, .context, .execution])
        #expect(correlation.keys[1].lifetime == nil && correlation.keys[1].origins.isEmpty)
    }

    @Test("every kind takes the places that its table lists, and refuses the others", arguments: Key.Kind.allCases)
    func scopes(kind: Key.Kind) {
        for scope in Configuration.Place.Scope.allCases {
            let diagnostics = load(
                anExporter + "correlation: {keys: {k: {kind: \(kind.rawValue), from: [{\(scope.rawValue): x}]}}}"
            ).diagnostics
            #expect(diagnostics.isEmpty == kind.scopes.contains(scope), "\(scope): \(diagnostics)")
            #expect(diagnostics.allSatisfy { $0.message.contains("is not read here: use span, ") })
        }
    }

    @Test("defaults")
    func defaults() {
        let correlation = Configuration().correlation
        #expect(correlation.maxRelations == 1_000 && correlation.maxTracesPerExecution == 100_000)
        #expect(correlation.detachedDelivery == .link && correlation.httpPairing == .off)
        #expect(correlation.tenancy == Configuration.Tenancy() && correlation.tenancy.export == .sha256)
        #expect(correlation.tenancy.from.isEmpty && correlation.keys.isEmpty)
    }

    @Test("all mistakes of a pair of systems are told at once, each on its line")
    func together() {
        let diagnostics = load(
            anExporter + """
                correlation:
                  origins:
                    shop: {role: hme, services: [shop]}
                    worker: {services: [w]}
                    empty: {role: follower}
                    kestra: {scopes: ["a*b"]}
                    bad name: {role: home, services: [x]}
                  keys:
                    a: {kind: busines, from: [{span: x}]}
                    b: {kind: event_id, from: [{span: x}], strength: join}
                    c: {kind: business, from: []}
                    d: {kind: business, from: [{spam: x}, {span: x, log: y}, {header: "a b"}, {data: a..b}, y], origins: [shpo]}
                    e: {kind: task_run, from: [{data: x}], lifetime: 0s}
                    f: {from: [{span: x}]}
                    g: {kind: business}
                    h: {kind: business, from: [{span: x}, {span: x}], lifetme: 1s}
                    i: {kind: traceparent, from: [{span: x}]}
                    i: {kind: traceparent, from: [{span: x}]}
                    j:
                  tenancy:
                    from: [{query: x}]
                    kestra_tenants: {main: ""}
                    namespaces: {"a*b": c}
                    export: md5
                  http_pairing: join
                  max_relations: 1
                """
        ).diagnostics
        let expected: [(Int, String, String)] = [
            (4, "correlation.origins.shop.role", "did you mean home?"),
            (5, "correlation.origins.worker.role", "is missing: write home"),
            (6, "correlation.origins.empty", "fits no span"),
            (7, "correlation.origins.kestra.scopes", "\"a*b\" fits nothing"),
            (8, "correlation.origins.bad name", "is no name for a system"),
            (10, "correlation.keys.a.kind", "did you mean business?"),
            (11, "correlation.keys.b.strength", "event_id has none"),
            (12, "correlation.keys.c.from", "is empty"),
            (
                13, "correlation.keys.d.from",
                "\"spam\" is no place: use span, resource, log, header, query, data; did you mean span?"
            ),
            (13, "correlation.keys.d.from", "found a mapping with 2 entries"),
            (13, "correlation.keys.d.from", "\"a b\" is no header name"),
            (13, "correlation.keys.d.from", "expected a path such as payload.order.id"),
            (13, "correlation.keys.d.from", "found a single value"),
            (13, "correlation.keys.d.origins", "\"shpo\" is no system of correlation.origins; did you mean shop?"),
            (14, "correlation.keys.e.from", "data is not read here: use span, resource, log, header, query"),
            (14, "correlation.keys.e.lifetime", "must be between 1ms and"),
            (15, "correlation.keys.f.kind", "is missing: write one of event_id"),
            (16, "correlation.keys.g.from", "is missing: list where"),
            (17, "correlation.keys.h.from", "stands here twice"),
            (17, "correlation.keys.h.lifetme", "did you mean \"lifetime\"?"),
            (18, "correlation.keys.i", "has the meaning event_id already, by correlation.keys.b"),
            (19, "", "the key \"i\" stands here again"),
            (20, "correlation.keys.j", "expected a meaning or a mapping, found nothing"),
            (22, "correlation.tenancy.from", "query is not read here: use span, resource, log, header"),
            (23, "correlation.tenancy.kestra_tenants.main", "expected a tenant"),
            (24, "correlation.tenancy.namespaces", "\"a*b\" fits nothing"),
            (25, "correlation.tenancy.export", "expected one of sha256, plain, none"),
            (26, "correlation.http_pairing", "expected one of off, link"),
            (27, "correlation.max_relations", "between 10 and"),
        ]
        for (line, path, message) in expected {
            #expect(
                diagnostics.contains { $0.line == line && $0.path == path && $0.message.contains(message) },
                "\(line) \(path): \(message)")
        }
        #expect(diagnostics.count == expected.count, "\(diagnostics.map(\.description).joined(separator: "\n"))")
        #expect(diagnostics.allSatisfy { $0.severity == .error })
    }

    @Test("an attribute has one meaning; a name in the variable stands once; a misspelt built-in system is recognised")
    func conflicts() {
        func messages(_ text: String, _ environment: [String: String] = [:]) -> [String] {
            load(anExporter + text, environment).diagnostics.map(\.message)
        }
        let twice = messages("", ["SPANBRIDGE_CORRELATION_KEYS": "a=event_id,a=event_source"])
        #expect(twice == ["stands here twice"])
        let both = messages("correlation: {keys: {a: event_id, b: {kind: event_type, from: [{log: a}]}}}")
        #expect(both.count == 1 && both.first?.contains("event_id already, by correlation.keys.a") == true)
        #expect(messages("correlation: {keys: {a: event_id, b: {kind: business, from: [{span: a}]}}}").isEmpty)
        let near = messages("correlation: {origins: {kestar: {scopes: [k]}}}")
        #expect(near.count == 1 && near.first?.contains("Did you mean the built-in kestra?") == true)
        for name in ["other", "spanbridge", String(repeating: "x", count: 65)] {
            #expect(messages("correlation: {origins: {\(name): {role: home, services: [x]}}}").count == 1, "\(name)")
        }
        #expect(messages("correlation: {keys: {\"a b\": business}}").count == 1)
    }

    @Test("a key of systems that cannot meet is warned about")
    func pointless() {
        func warnings(_ origins: String, _ from: String = "{span: x}") -> [Diagnostic] {
            load(
                anExporter + "correlation: {keys: {k: {kind: business, from: [\(from)], origins: [\(origins)]}}}"
            ).diagnostics
        }
        #expect(warnings("portarium, kestra").isEmpty && warnings("kestra", "{data: x}").isEmpty)
        #expect(warnings("kestra").map(\.severity) == [.warning])
        #expect(warnings("portarium").first?.message.contains("nothing moves") == true)
    }

    @Test("at most 32 systems, 64 named values, 1000 keys, 64 places")
    func limits() throws {
        func origins(_ count: Int) -> String {
            "correlation: {origins: {"
                + (0..<count).map { "s\($0): {role: home, services: [x]}" }.joined(separator: ", ") + "}}"
        }
        #expect(try correlation(origins(30)).origins.rules.count == 32)
        let many = load(anExporter + origins(33)).diagnostics
        #expect(many.count == 1 && many.first?.path == "correlation.origins.s30")
        #expect(many.first?.message.contains("at most 32 systems") == true)

        func keys(_ count: Int, _ kind: String) -> String {
            "correlation: {keys: {" + (0..<count).map { "k\($0): \(kind)" }.joined(separator: ", ") + "}}"
        }
        #expect(try correlation(keys(64, "business")).keys.count == 64)
        let named = load(anExporter + keys(66, "task_run")).diagnostics
        #expect(named.count == 1 && named.first?.path == "correlation.keys.k64")
        #expect(try correlation(keys(1000, "event_id")).keys.count == 1000)
        let all = load(anExporter + keys(1002, "event_id"))
        #expect(all.diagnostics.map(\.path) == ["correlation.keys.k1000"])
        #expect(all.configuration.correlation.keys.count == 1000)

        let places = (0..<65).map { "{span: a\($0)}" }.joined(separator: ", ")
        let long = load(anExporter + "correlation: {keys: {k: {kind: business, from: [\(places)]}}}").diagnostics
        #expect(long.count == 1 && long.first?.message.contains("at most 64") == true)
    }

    @Test("the built-in profiles read without a mistake, and load as a user's file")
    func profiles() throws {
        for profile in Profile.all {
            #expect(profile.read().1.isEmpty, "\(profile.read().1)")
            #expect(try correlation(profile.text).origins == Configuration.Origins())
        }
        #expect(Profile.origins.map(\.name) == ["portarium", "kestra"])
        #expect(Profile.keys.count == 15)
        #expect(Profile.allText.hasSuffix("url.query: url_query\n"))
    }
}
