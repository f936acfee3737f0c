import FoundationEssentials
import OTLP

/// A recorded or invented exchange of two systems that only the configuration knows: OTLP requests, and the truth about which
/// traces belong together.
struct Pair: Sendable {
    struct Member: Sendable {
        var unit: String
        var traces: [String]
        /// Whether it moves to the home's trace; else it must stay.
        var moves: Bool
        /// Traces that count as the home's too.
        var otherHomeTraces: [String]
        /// Traces that it must be linked with if it stays.
        var linkedTo: [String]
    }

    struct Group: Sendable {
        var key: String
        var homeTrace: String
        var otherHomeTraces: [String]
        var members: [Member]
    }

    var capture: Capture
    var groups: [Group]
    var unrelated: [String]
    /// The configuration with the judge's placeholders.
    var template: String

    /// The systems under `Captures/pairs` and their exchanges.
    static let all: [String] = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Captures/pairs")
        func children(_ folder: URL) -> [String] {
            ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).filter { !$0.contains(".") }
        }
        return children(root).flatMap { system in
            children(root.appending(path: system)).map { "\(system)/\($0)" }
        }.sorted()
    }()

    init(_ name: String) throws {
        capture = try Capture("pairs/\(name)")
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Captures/pairs/\(name)")
        let truth = try JSONValue.parse(Array(Data(contentsOf: folder.appending(path: "truth.json"))))
        template = try String(
            contentsOf: folder.deletingLastPathComponent().appending(path: "config.yaml"), encoding: .utf8)
        func strings(_ value: JSONValue?) -> [String] { (value?.array ?? []).compactMap(\.string) }
        groups = (truth["groups"]?.array ?? []).map { group in
            let key = [group["key"]?["tenant"], group["key"]?["value"]].compactMap { $0?.string }
            return Group(
                key: key.joined(separator: "/"), homeTrace: group["homeTrace"]?.string ?? "",
                otherHomeTraces: strings(group["otherHomeTraces"]),
                members: (group["members"]?.array ?? []).map { member in
                    Member(
                        unit: member["unit"]?.string ?? "", traces: strings(member["traces"]),
                        moves: ["key", "inputs"].contains(member["rule"]?.string ?? ""),
                        otherHomeTraces: strings(member["otherHomeTraces"]), linkedTo: strings(member["linkedTo"]))
                })
        }
        unrelated = strings(truth["unrelated"])
    }
}

/// Compares what came out of the relay with the truth of a pair:
///
/// * `lost`, `twice`, `altered`: every span comes out once, unchanged but for its place;
/// * `joined`: the members' traces leave under the trace of their home, or where nothing tells, under their own;
/// * `apart`: no two groups share a trace, and unrelated traces keep theirs;
/// * `unlinked`: a member that must be linked and is not;
/// * `log`: a log record that names a span names the trace that the span lies in.
struct PairJudge {
    var pair: Pair
    /// Whether the relay was killed on the way: spans may then come twice.
    var isRestarted = false
    private let before: [String: JudgedSpan]

    init(_ pair: Pair) throws {
        self.pair = pair
        let spans = try pair.capture.items.filter { $0.signal == .traces }.flatMap {
            try JudgedSpan.all(in: $0.protobuf)
        }
        before = Dictionary(spans.map { ($0.spanID, $0) }) { $1 }
    }

    private func received(_ received: [RecordingSink.Received]) throws -> [String: [JudgedSpan]] {
        let spans = try received.filter { $0.signal == .traces }.flatMap { try JudgedSpan.all(in: $0.payload) }
        return Dictionary(grouping: spans, by: \.spanID)
    }

    /// Whether everything that was sent has arrived at least once.
    func isComplete(_ all: [RecordingSink.Received]) throws -> Bool {
        let sent = try pair.capture.items.filter { $0.signal == .logs }.map { try Self.records(in: $0.protobuf).count }
        let came = try all.filter { $0.signal == .logs }.map { try Self.records(in: $0.payload).count }
        return try Set(received(all).keys).isSuperset(of: before.keys) && came.reduce(0, +) >= sent.reduce(0, +)
    }

    /// What is wrong, one sentence each.
    func findings(_ all: [RecordingSink.Received]) throws -> [String] {
        let after = try received(all)
        // Where a span came to rest: an amended copy is the last word.
        let place = after.compactMapValues { $0.last }
        return spanFindings(after) + joinFindings(place) + linkFindings(after) + (try logFindings(all, place))
    }

    private func spanFindings(_ after: [String: [JudgedSpan]]) -> [String] {
        before.sorted { $0.key < $1.key }.compactMap { id, span in
            guard let copies = after[id], let now = copies.last else { return "lost \(id) \(span.name)" }
            if copies.count > 1, !isRestarted, !copies.contains(where: \.isAmended) { return "twice \(id) \(span.name)" }
            let isKept = span.attributes.allSatisfy { now.attributes[$0.key] == $0.value }
            let isSame = now.name == span.name && now.unchanging == span.unchanging && now.resource == span.resource
            return isSame && isKept ? nil : "altered \(id) \(span.name)"
        }
    }

    /// The traces under which the spans of a trace left.
    private func targets(of trace: String, _ place: [String: JudgedSpan]) -> Set<String> {
        Set(before.values.lazy.filter { $0.traceID == trace }.compactMap { place[$0.spanID]?.traceID })
    }

    private func joinFindings(_ place: [String: JudgedSpan]) -> [String] {
        var findings: [String] = []
        var groupsOfTrace: [String: Set<String>] = [:]
        for group in pair.groups {
            if !targets(of: group.homeTrace, place).isSubset(of: [group.homeTrace]) {
                findings.append("joined: the home trace \(group.homeTrace) of \(group.key) was rewritten")
            }
            for member in group.members {
                for trace in member.traces {
                    let found = targets(of: trace, place)
                    let homes = Set([group.homeTrace] + group.otherHomeTraces + member.otherHomeTraces)
                    let allowed = member.moves ? homes : [trace]
                    if found.count != 1 || !found.isSubset(of: allowed) {
                        findings.append(
                            "joined: \(member.unit) of \(group.key) in \(found.sorted()), expected \(allowed.sorted())")
                    }
                    if member.moves { for target in found { groupsOfTrace[target, default: []].insert(group.homeTrace) } }
                }
            }
        }
        for (trace, homes) in groupsOfTrace.sorted(by: { $0.key < $1.key }) where homes.count > 1 {
            findings.append("apart: \(trace) holds the followers of \(homes.sorted())")
        }
        for trace in pair.unrelated where targets(of: trace, place) != [trace] {
            findings.append("apart: the unrelated \(trace) left as \(targets(of: trace, place).sorted())")
        }
        // Nor may a trace that the truth does not name move.
        let named = Set(pair.groups.flatMap { $0.members.filter(\.moves).flatMap(\.traces) })
        for trace in Set(before.values.map(\.traceID)).subtracting(named).sorted()
        where !targets(of: trace, place).isSubset(of: [trace]) {
            findings.append("apart: \(trace) left as \(targets(of: trace, place).sorted())")
        }
        return findings
    }

    private func linkFindings(_ after: [String: [JudgedSpan]]) -> [String] {
        let out = after.values.joined()
        return pair.groups.flatMap(\.members).flatMap { member in
            member.linkedTo.compactMap { wanted in
                let isLinked = out.contains { span in
                    member.traces.contains(span.traceID) && span.links.contains { $0.traceID == wanted }
                }
                return isLinked ? nil : "unlinked: \(member.unit) has no link to \(wanted)"
            }
        }
    }

    private func logFindings(_ all: [RecordingSink.Received], _ place: [String: JudgedSpan]) throws -> [String] {
        let records = try all.filter { $0.signal == .logs }.flatMap { try Self.records(in: $0.payload) }
        let sent = try pair.capture.items.filter { $0.signal == .logs }.flatMap { try Self.records(in: $0.protobuf) }
        var findings = Set(sent.map(\.span)).subtracting(records.map(\.span)).sorted().map { "log: lost that of \($0)" }
        for record in records {
            guard let span = place[record.span], span.traceID != record.trace, !span.isAmended else { continue }
            findings.append("log: of \(record.span) names \(record.trace), its span lies in \(span.traceID)")
        }
        return findings
    }

    private static func records(in payload: [UInt8]) throws -> [(trace: String, span: String)] {
        let request = try JSONValue.parse(try OTLPJSON.decode(protobuf: payload, message: .logsRequest))
        return (request["resourceLogs"]?.array ?? []).flatMap { $0["scopeLogs"]?.array ?? [] }.flatMap {
            ($0["logRecords"]?.array ?? []).map { ($0["traceId"]?.string ?? "", $0["spanId"]?.string ?? "") }
        }
    }
}
