import OTLP
import Testing

@Suite("CloudEvents over HTTP")
struct CloudEventTests {
    static let sample =
        #"{"specversion":"1.0","type":"com.example.someevent","source":"/mycontext","id":"C234-1234-1234","time":"2018-04-05T17:31:00Z","#
        + #""traceparent":"00-0af7651916cd43dd8448eb211c80319c-b9c7c989f97918e1-01","tracestate":"a=b","datacontenttype":"application/json","#
        + #""tenantid":"t","correlationid":"c","runid":"r","actionid":"a","subject":"s","count":5,"flag":true,"dataschema":"urn:x","#
        + #""data":{"output": {"executionId":"exec-1"},"list":["e2","e2",3,"exec-1"]}}"#

    private func structured(_ json: String, limits: CloudEventLimits = CloudEventLimits()) throws -> CloudEvent {
        try #require(
            try CloudEvent.parse(
                contentType: "application/cloudevents+json", headers: [], body: Array(json.utf8), limits: limits
            ).first)
    }

    private func binary(_ headers: [(name: String, value: String)], _ contentType: String? = nil, _ body: String = "")
        throws -> CloudEvent
    {
        try #require(try CloudEvent.parse(contentType: contentType, headers: headers, body: Array(body.utf8)).first)
    }

    private let required: [(name: String, value: String)] = [
        ("CE-ID", "i"), ("ce-source", "/s"), ("Ce-Type", "t"), ("ce-specversion", "1.0"),
    ]

    private func refuses(_ name: String, _ body: () throws -> Void) {
        do {
            try body()
            Issue.record("'\(name)' was taken")
        } catch {
            guard case .attribute(name, _, _)? = error as? CloudEventError else {
                Issue.record("'\(name)': \(error)")
                return
            }
        }
    }

    @Test("a structured event, with all it says")
    func structuredMode() throws {
        let event = try structured(Self.sample)
        #expect((event.id, event.source, event.type) == ("C234-1234-1234", "/mycontext", "com.example.someevent"))
        #expect(event.time == 1_522_949_460_000_000_000)
        #expect((event.tenantID, event.correlationID, event.runID) == ("t", "c", "r"))
        #expect((event.actionID, event.subject, event.traceState) == ("a", "s", "a=b"))
        #expect(event.context?.parentID.hex == "b9c7c989f97918e1")
        #expect(
            event.extensions == [
                .init(name: "count", value: "5"), .init(name: "flag", value: "true"),
                .init(name: "dataschema", value: "urn:x"),
            ])
        #expect(text(event.rawData) == #"{"output": {"executionId":"exec-1"},"list":["e2","e2",3,"exec-1"]}"#)
        #expect(
            event.claimedExecutions(keys: [["output", "executionId"], ["list"], ["none", "x"], ["output"]]) == [
                "exec-1", "e2",
            ])
    }

    @Test(
        "the content type chooses the mode",
        arguments: ["application/cloudevents", "Application/CloudEvents+JSON; charset=UTF-8"])
    func contentTypes(_ type: String) throws {
        #expect(try CloudEvent.parse(contentType: type, headers: [], body: Array(Self.sample.utf8)).count == 1)
    }

    @Test("a batch, an empty batch, and its limit")
    func batchMode() throws {
        let type = "application/cloudevents-batch+json; charset=utf-8"
        let batch = Array("[\(Self.sample), \(Self.sample.replacing("C234", with: "C235"))]".utf8)
        let events = try CloudEvent.parse(contentType: type, headers: [], body: batch)
        #expect(events.map(\.id) == ["C234-1234-1234", "C235-1234-1234"])
        #expect(try CloudEvent.parse(contentType: type, headers: [], body: Array("[]".utf8)).isEmpty)
        var limits = CloudEventLimits()
        limits.events = 1
        #expect(throws: CloudEventError.tooManyEvents(limit: 1)) {
            try CloudEvent.parse(contentType: type, headers: [], body: batch, limits: limits)
        }
        #expect(throws: CloudEventError.attribute(name: "id", problem: "is missing", event: 1)) {
            try CloudEvent.parse(contentType: type, headers: [], body: Array("[\(Self.sample),{}]".utf8))
        }
        #expect(throws: CloudEventError.self) {
            try CloudEvent.parse(contentType: type, headers: [], body: Array(Self.sample.utf8))
        }
    }

    @Test("a binary event: header names in any case, the body as it is")
    func binaryMode() throws {
        let event = try binary(
            required + [
                ("ce-tenantid", "acme"), ("ce-x", "y"), ("ce-no-name", "z"), ("ce-datacontenttype", "text/x"),
                ("Host", "h"),
            ], "application/json", #" {"a":"b"} "#)
        #expect((event.id, event.source, event.type, event.tenantID) == ("i", "/s", "t", "acme"))
        #expect(event.dataContentType == "application/json")
        #expect(event.extensions == [.init(name: "x", value: "y")])
        #expect(event.data?["a"] == .string("b"))
        #expect(text(event.rawData) == #" {"a":"b"} "#)
        let plain = try binary(required, "text/plain", "hello")
        #expect(plain.data == nil && text(plain.rawData) == "hello")
        #expect(try binary(required, "application/json", "{broken").data == nil)
        for index in required.indices {
            var missing = required
            let name = missing.remove(at: index).name.lowercased().dropFirst(3)
            refuses(String(name)) { _ = try binary(missing) }
        }
        refuses("x") { _ = try binary(required + [("ce-x", "1"), ("CE-X", "1")]) }
        #expect(throws: CloudEventError.self) { try binary([], "application/json", Self.sample) }
        #expect(throws: CloudEventError.unsupportedFormat("application/cloudevents+avro")) {
            try binary(required, "application/cloudevents+avro")
        }
    }

    @Test(
        "header values are unquoted, then percent-decoded once",
        arguments: [
            ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"), (#""a\"b""#, #"a"b"#), ("%e2%82%ac", "€"), ("%41", "A"),
            ("%2541", "%41"),
            (#""a\\b%22""#, #"a\b""#), (" x ", "x"), (#""""#, nil), ("a b", "a b"),
        ] as [(String, String?)])
    func headerValues(_ value: String, _ expected: String?) throws {
        #expect(try binary(required + [("ce-subject", value)]).subject == expected)
    }

    @Test(
        "header values that are malformed or not UTF-8 are refused",
        arguments: ["%C0%A0", "%FF", "%", "%4", "%zz", "\"a", "\"a\"b", "\"a\\", "%E2%82", "%ED%A0%80"])
    func badHeaderValues(_ value: String) {
        refuses("subject") { _ = try binary(required + [("ce-subject", value)]) }
    }

    @Test("null and empty optional attributes are absent; required ones must not be empty")
    func absent() throws {
        let event = try structured(
            #"{"specversion":"1.0","id":"1","source":"s","type":"t","subject":null,"time":null,"traceparent":"","x":null,"data":null,"Bad":"x","y":{"z":1},"y2":[]}"#
        )
        #expect(event.subject == nil && event.time == nil && event.traceparent == nil && event.extensions.isEmpty)
        #expect(event.rawData.isEmpty && event.data == nil)
        for name in ["id", "source", "type", "specversion"] {
            for value in ["\"\"", "null", "5", "{}"] {
                let members = ["id", "source", "type", "specversion"].map {
                    "\"\($0)\":\($0 == name ? value : "\"1.0\"")"
                }
                refuses(name) { _ = try structured("{\(members.joined(separator: ","))}") }
            }
        }
    }

    @Test("what is refused, and by which name")
    func refused() throws {
        let start = #"{"specversion":"1.0","id":"1","source":"s","type":"t""#
        refuses("specversion") { _ = try structured(#"{"specversion":"0.3","id":"1","source":"s","type":"t"}"#) }
        refuses("time") { _ = try structured(start + #","time":"yesterday"}"#) }
        refuses("subject") { _ = try structured(start + #","subject":1}"#) }
        refuses("data") { _ = try structured(start + #","data":1,"data_base64":"AAE="}"#) }
        refuses("data_base64") { _ = try structured(start + #","data_base64":"A"}"#) }
        refuses("x") { _ = try structured(start + #","x":"\#(String(repeating: "y", count: 4097))"}"#) }
        let many = (0..<61).map { ",\"x\($0)\":\"\"" }.joined()
        refuses("x60") { _ = try structured(start + many + "}") }
        for body in ["", "[]", "1", start] { #expect(throws: CloudEventError.self) { try structured(body) } }
        var limits = CloudEventLimits()
        limits.depth = 3
        #expect(throws: CloudEventError.self) { try structured(start + #","data":[[[1]]]}"#, limits: limits) }
        limits.dataValues = 2
        let event = try structured(start + #","data":[1,2]}"#, limits: limits)
        #expect(event.data == nil && text(event.rawData) == "[1,2]")
    }

    @Test("data in base64, as text and as JSON")
    func data() throws {
        let start = #"{"specversion":"1.0","id":"1","source":"s","type":"t""#
        #expect(
            try structured(start + #","data_base64":"eyJhIjoxfQ=="}"#).data
                == .object([.init(key: "a", value: .number("1"))]))
        let plain = try structured(start + #","datacontenttype":"text/plain","data":"a\nb"}"#)
        #expect(text(plain.rawData) == "a\nb" && plain.data == nil)
        #expect(try structured(start + #","data":"x"}"#).data == .string("x"))
        #expect(try structured(start + #","data":1,"data":2}"#).data == .number("2"))
    }

    @Test("the journal form gives every event back")
    func journal() throws {
        var bytesOnly = CloudEvent(
            id: "é\u{0}\"", source: "s", type: "t", dataContentType: "application/octet-stream", rawData: [0, 255, 1])
        bytesOnly.time = .max
        for event in [
            try structured(Self.sample), try binary(required, "text/plain", "hello"), try binary(required), bytesOnly,
            try binary(required, "application/json", "{broken"),
            try binary(required + [("ce-x", "")], "application/json", #" {"a":1} "#),
        ] {
            #expect(try CloudEvent.decode(event.encode()) == event)
        }
    }

    @Test("damaged bodies and headers are refused or read, and read events survive the journal")
    func damaged() {
        let body = Array(Self.sample.utf8)
        for count in body.indices {
            #expect(throws: CloudEventError.self) {
                try CloudEvent.parse(
                    contentType: "application/cloudevents+json", headers: [], body: Array(body.prefix(count)))
            }
        }
        func check(_ body: [UInt8], _ comment: Comment) {
            guard
                let event = try? CloudEvent.parse(contentType: "application/cloudevents+json", headers: [], body: body)
                    .first
            else { return }
            #expect((try? CloudEvent.decode(event.encode())) == event, comment)
        }
        ByteMutations.everyPrefixAndFlip(of: body) { check($0, "flipped") }
        ByteMutations.random(of: body) { check($0, $1) }
        ByteMutations.random(of: Array("[\(Self.sample)]".utf8)) { damaged, _ in
            _ = try? CloudEvent.parse(contentType: "application/cloudevents-batch", headers: [], body: damaged)
        }
        ByteMutations.random(of: Array(#""Euro%20%E2%82%AC\"""#.utf8)) { damaged, _ in
            _ = try? CloudEvent.parse(
                contentType: nil, headers: required + [("ce-subject", String(decoding: damaged, as: UTF8.self))],
                body: [])
        }
    }
}

@Suite("Binding calls")
struct BindingCallTests {
    static let sample =
        #"{"executionId":"e","tenant":"main","event":{"id":"1","source":"/s","tenantid":"t","type":"y"},"#
        + #""traceparent":"00-0af7651916cd43dd8448eb211c80319c-b9c7c989f97918e1-01","state":"SUCCESS","parentExecutionId":"p","more":[1]}"#

    private func parse(_ json: String) throws -> BindingCall { try BindingCall.parse(Array(json.utf8)) }

    private func mistakes(_ json: String) -> [String] {
        do {
            _ = try parse(json)
            return []
        } catch {
            guard case .mistakes(let mistakes)? = error as? BindingCallError else { return ["\(error)"] }
            return mistakes.map { "\($0.field) \($0.problem)" }
        }
    }

    @Test("a call with every field, and its journal form")
    func everything() throws {
        let call = try parse(Self.sample)
        #expect(
            call
                == BindingCall(
                    executionID: "e", tenant: "main", event: .init(id: "1", source: "/s", tenantID: "t", type: "y"),
                    traceparent: Traceparent("00-0af7651916cd43dd8448eb211c80319c-b9c7c989f97918e1-01"),
                    state: "SUCCESS", parentExecutionID: "p"))
        #expect(try BindingCall.decode(call.encode()) == call)
        let small = try parse(#"{"executionId":"\u00e9\n"}"#)
        #expect(small == BindingCall(executionID: "é\n"))
        #expect(try BindingCall.decode(small.encode()) == small)
    }

    @Test("empty strings, as templates leave them, are absent")
    func empty() throws {
        #expect(
            try parse(
                #"{"executionId":"e","tenant":"","event":{"id":"","source":null,"type":""},"traceparent":"","state":null}"#
            ) == BindingCall(executionID: "e"))
        #expect(try parse(#"{"executionId":"e","event":null}"#) == BindingCall(executionID: "e"))
    }

    @Test("a traceparent that is none is left out: the flow only passes on what it was given, and the event still joins")
    func oddTraceparent() throws {
        let upperCase = "00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01"
        #expect(try parse(#"{"executionId":"e","traceparent":"\#(upperCase)"}"#) == BindingCall(executionID: "e"))
    }

    @Test("all mistakes are named at once")
    func allMistakes() {
        #expect(mistakes("[]") == [" must be an object, not an array"])
        #expect(mistakes("{}") == ["executionId is missing"])
        #expect(mistakes(#"{"executionId":""}"#) == ["executionId must not be empty"])
        #expect(
            mistakes(
                #"{"executionId":5,"tenant":[],"event":{"id":{},"tenantid":true},"traceparent":7,"state":1,"parentExecutionId":2}"#
            ) == [
                "executionId must be a string, not a number", "tenant must be a string, not an array",
                "state must be a string, not a number",
                "parentExecutionId must be a string, not a number", "traceparent must be a string, not a number",
                "event.tenantid must be a string, not a boolean", "event.id must be a string, not an object",
                "event.source is missing",
            ])
        #expect(mistakes(#"{"executionId":"e","event":{"source":"s"}}"#) == ["event.id is missing"])
        #expect(mistakes(#"{"executionId":"e","event":"x"}"#) == ["event must be an object, not a string"])
        #expect(
            mistakes(#"{"executionId":"\#(String(repeating: "e", count: 257))"}"#) == [
                "executionId has 257 bytes; at most 256 are taken"
            ])
        #expect(mistakes(#"{"executionId":"\#(String(repeating: "e", count: 256))"}"#) == [])
        #expect(mistakes("{").first?.contains("invalid JSON at byte 1") == true)
    }

    @Test("damaged calls are refused or survive the journal")
    func damaged() {
        let body = Array(Self.sample.utf8)
        for count in body.indices {
            #expect(throws: BindingCallError.self) { try BindingCall.parse(Array(body.prefix(count))) }
        }
        func check(_ body: [UInt8], _ comment: Comment) {
            guard let call = try? BindingCall.parse(body) else { return }
            guard let again = try? BindingCall.decode(call.encode()) else {
                Issue.record(comment)
                return
            }
            #expect(again == call, comment)
        }
        ByteMutations.everyPrefixAndFlip(of: body) { check($0, "flipped") }
        ByteMutations.random(of: body) { check($0, $1) }
    }
}
