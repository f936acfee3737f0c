import OTLP

/// A span as the judge reads it: through protobuf-c's descriptors, not through the relay's own index.
struct JudgedSpan {
    var traceID: String
    var spanID: String
    var parent: String
    var name: String
    /// Kind, times, status and events: what must not change.
    var unchanging: [JSONValue?]
    var attributes: [String: JSONValue]
    /// Those that the relay added.
    var links: [(traceID: String, spanID: String, reason: String)]
    var scope: String
    var resource: [String: JSONValue]

    func attribute(_ key: String) -> String? { attributes[key]?["stringValue"]?.string }

    var isAmended: Bool { attributes["spanbridge.amended"] != nil }

    static func all(in payload: [UInt8]) throws -> [JudgedSpan] {
        let request = try JSONValue.parse(try OTLPJSON.decode(protobuf: payload, message: .tracesRequest))
        var spans: [JudgedSpan] = []
        func dictionary(_ attributes: JSONValue?) -> [String: JSONValue] {
            Dictionary((attributes?.array ?? []).map { ($0["key"]?.string ?? "", $0["value"] ?? .null) }) { $1 }
        }
        for resource in request["resourceSpans"]?.array ?? [] {
            for scope in resource["scopeSpans"]?.array ?? [] {
                for span in scope["spans"]?.array ?? [] {
                    spans.append(
                        JudgedSpan(
                            traceID: span["traceId"]?.string ?? "", spanID: span["spanId"]?.string ?? "",
                            parent: span["parentSpanId"]?.string ?? "", name: span["name"]?.string ?? "",
                            unchanging: ["kind", "startTimeUnixNano", "endTimeUnixNano", "status", "events"].map {
                                span[$0]
                            },
                            attributes: dictionary(span["attributes"]),
                            links: (span["links"]?.array ?? []).compactMap { link in
                                let reason = dictionary(link["attributes"])["spanbridge.link.reason"]
                                return reason?["stringValue"]?.string.map {
                                    (link["traceId"]?.string ?? "", link["spanId"]?.string ?? "", $0)
                                }
                            }, scope: scope["scope"]?["name"]?.string ?? "",
                            resource: dictionary(resource["resource"]?["attributes"])))
                }
            }
        }
        return spans
    }
}

/// Compares what came out of the relay with what went in and with the truth of a capture.
struct Judge {
    var capture: Capture
    var evidence: Evidence
    /// Whether requests were sent twice: points may then not be counted.
    var isDuplicated = false
    /// Whether the relay was killed on the way: spans may then come twice.
    var isRestarted = false
    private let before: [String: JudgedSpan]
    let sent: [JudgedSpan]

    init(_ capture: Capture, evidence: Evidence) throws {
        self.capture = capture
        self.evidence = evidence
        sent = try capture.items.filter { $0.signal == .traces }.flatMap { item in
            try JudgedSpan.all(in: item.protobuf)
        }
        before = Dictionary(sent.map { ($0.spanID, $0) }) { $1 }
    }

    /// Whether everything that is expected has arrived.
    func isComplete(_ received: [RecordingSink.Received]) throws -> Bool {
        let spans = try received.filter { $0.signal == .traces }.flatMap { try JudgedSpan.all(in: $0.payload) }
        let arrived = Set(spans.map(\.spanID))
        let made = Set(spans.filter { $0.scope == "spanbridge" }.compactMap { $0.attribute("kestra.executionId") })
        return arrived.isSuperset(of: before.keys) && made.isSuperset(of: executionsWithSpans)
    }

    private var executionsWithSpans: Set<String> {
        Set(sent.compactMap { $0.attribute("kestra.executionId") })
    }

    /// What is wrong, one sentence each.
    func findings(_ received: [RecordingSink.Received]) throws -> [String] {
        let out = try received.filter { $0.signal == .traces }.flatMap { try JudgedSpan.all(in: $0.payload) }
        let after = Dictionary(grouping: out, by: \.spanID)
        // Where a span came to rest: an amended copy is the last word.
        let place = after.compactMapValues { $0.last }
        var findings = countFindings(after)
        findings += traceFindings(place)
        findings += spanFindings(place)
        findings += executionFindings(out)
        for signal in [Signal.metrics, .logs] { findings += try pointFindings(signal, received) }
        return findings
    }

    private func countFindings(_ after: [String: [JudgedSpan]]) -> [String] {
        before.keys.sorted().compactMap { id in
            guard let copies = after[id] else { return "lost \(id) \(before[id]?.name ?? "")" }
            if copies.count > 1, !isRestarted, !copies.contains(where: \.isAmended) {
                return "\(copies.count) times \(id) \(copies[0].name)"
            }
            return nil
        }
    }

    private func traceFindings(_ place: [String: JudgedSpan]) -> [String] {
        var findings: [String] = []
        var traces: [String: Set<String>] = [:]
        for (id, span) in before {
            if let execution = span.attribute("kestra.executionId"), let trace = place[id]?.traceID {
                traces[execution, default: []].insert(trace)
            }
        }
        let wanted = capture.wanted(with: evidence)
        let known = Set(capture.executions.map(\.key))
        var groups: [String: Set<String>] = [:]
        for (execution, found) in traces {
            for trace in found { groups[trace, default: []].insert(execution) }
            guard known.contains(execution) else { continue }
            if found.count > 1 { findings.append("split \(execution) over \(found.count) traces") }
            if let want = wanted[execution], want != "own", found != [want] {
                findings.append("execution \(execution) in \(found.sorted()), expected \(want)")
            }
        }
        for (trace, executions) in groups where executions.count > 1 {
            let places = Set(executions.map { id in
                let want = wanted[id]
                return want == nil || want == "own" ? "own-\(id)" : want
            })
            if !executions.isSubset(of: known) || places.count > 1 {
                findings.append("trace \(trace) holds unrelated executions \(executions.sorted())")
            }
        }
        return findings
    }

    private func spanFindings(_ place: [String: JudgedSpan]) -> [String] {
        var findings: [String] = []
        for (id, span) in before {
            guard let now = place[id] else { continue }
            if before[span.parent] != nil, place[now.parent]?.traceID != now.traceID {
                findings.append("orphan \(id) \(span.name)")
            }
            if now.name != span.name || now.unchanging != span.unchanging { findings.append("altered \(id) \(span.name)") }
            for (key, value) in span.attributes
            where now.attributes[key] != value && !["url.path", "url.query"].contains(key) {
                findings.append("altered attribute \(key) of \(id)")
            }
        }
        return findings
    }

    private func executionFindings(_ out: [JudgedSpan]) -> [String] {
        let known = Set(capture.executions.map(\.key))
        return executionsWithSpans.filter { known.contains($0) }.sorted().compactMap { id in
            let made = Set(out.filter { $0.scope == "spanbridge" && $0.attribute("kestra.executionId") == id }.map(\.spanID))
            return made.count == 1 ? nil : "execution \(id) has \(made.count) execution spans"
        }
    }

    /// Data points and log records are compared as the JSON of whole requests' parts.
    private func pointFindings(_ signal: Signal, _ received: [RecordingSink.Received]) throws -> [String] {
        var went = try counts(signal, capture.items.filter { $0.signal == signal }.map { try $0.protobuf })
        var came = try counts(signal, received.filter { $0.signal == signal }.map(\.payload))
        if isDuplicated || isRestarted {
            went = went.mapValues { min($0, 1) }
            came = came.mapValues { min($0, 1) }
        }
        guard went != came else { return [] }
        let lost = went.filter { came[$0.key, default: 0] < $0.value }.count
        let extra = came.filter { went[$0.key, default: 0] < $0.value }.count
        return ["\(signal.name): \(lost) lost, \(extra) that never went in"]
    }

    private func counts(_ signal: Signal, _ payloads: [[UInt8]]) throws -> [[UInt8]: Int] {
        var counts: [[UInt8]: Int] = [:]
        let message: OTLPMessage = signal == .logs ? .logsRequest : .metricsRequest
        let (outer, middle, inner) =
            signal == .logs ? ("resourceLogs", "scopeLogs", "logRecords") : ("resourceMetrics", "scopeMetrics", "metrics")
        for payload in payloads {
            let request = try JSONValue.parse(try OTLPJSON.decode(protobuf: payload, message: message))
            for resource in request[outer]?.array ?? [] {
                for scope in resource[middle]?.array ?? [] where scope["scope"]?["name"]?.string != "spanbridge" {
                    for item in scope[inner]?.array ?? [] { counts[item.serialized, default: 0] += 1 }
                }
            }
        }
        return counts
    }
}

extension Capture.Item {
    /// The request as protobuf.
    var protobuf: [UInt8] {
        get throws {
            guard transport.contains("json") else { return body }
            return try OTLPJSON.encodeProtobuf(json: body, message: .request(signal))
        }
    }
}
