import FoundationEssentials
import OTLP

/// Reads files of scenarios; see `Cases/README.md`.
package enum ScenarioParser {
    /// The source of every event in scenarios.
    package static let source = "portarium.control-plane.workflow-runtime"
    /// When scenarios begin, unix nanoseconds.
    package static let epoch: UInt64 = 1_795_500_000_000_000_000

    package struct Mistake: Error, CustomStringConvertible {
        package var description: String
    }

    /// The scenarios of a file in `Cases`.
    package static func load(_ file: String) throws -> [Scenario] {
        let url = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Cases/\(file)")
        return try parse(String(contentsOf: url, encoding: .utf8), file: file)
    }

    /// The names of the files in `Cases`.
    package static var files: [String] {
        get throws {
            let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Cases")
            return try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".scenarios") }.sorted()
        }
    }

    private struct Line {
        var number: Int
        var indent: Int
        var words: [String]
    }

    static func parse(_ text: String, file: String) throws -> [Scenario] {
        var scenarios: [Scenario] = []
        var block: [Line] = []
        var opened = ""
        var clock: UInt64 = 0
        func close() throws {
            defer { (opened, block) = ("", []) }
            guard !opened.isEmpty, var scenario = scenarios.popLast() else { return }
            if opened == "send" {
                scenario.steps.append(.spans(try spans(block, clock: &clock, file: file)))
            } else {
                scenario.expected = try outcome(block, file: file)
            }
            scenarios.append(scenario)
        }
        for (position, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let indent = raw.prefix { $0 == " " }.count
            let words = raw.split(separator: " ").map(String.init)
            guard let first = words.first else { continue }
            if !opened.isEmpty, indent > 0 {
                block.append(Line(number: position + 1, indent: indent, words: words))
                continue
            }
            try close()
            if first == "==" {
                scenarios.append(Scenario(title: words.dropFirst().joined(separator: " ")))
                clock = epoch
                continue
            }
            guard var scenario = scenarios.popLast() else {
                throw Mistake(description: "\(file):\(position + 1): a scenario begins with ==")
            }
            do {
                switch first {
                case "#": scenario.remarks.append(words.dropFirst().joined(separator: " "))
                case "kestra": scenario.kestra = words.last ?? ""
                case "ordered": scenario.isOrdered = true
                case "open": scenario.open = words.dropFirst().joined(separator: " ")
                case "send", "expect": opened = first
                case "wait":
                    let seconds = try seconds(words.last ?? "")
                    clock &+= seconds &* 1_000_000_000
                    scenario.steps.append(.wait(seconds))
                case "event", "binding", "record":
                    for word in words where word.contains("/") {
                        let parts = word.split(separator: "/").map(String.init)
                        scenario.mentioned.append((parts[0], parts[parts.count - 1]))
                    }
                    let rest = Array(words.dropFirst())
                    switch first {
                    case "event": scenario.steps.append(.events(try event(rest)))
                    case "binding": scenario.steps.append(.binding(try binding(rest)))
                    default: scenario.steps.append(.record(try record(rest)))
                    }
                default: throw Mistake(description: "\(first) is no word of scenarios")
                }
            } catch let mistake as Mistake {
                throw Mistake(description: "\(file):\(position + 1): \(mistake.description)")
            }
            scenarios.append(scenario)
        }
        try close()
        return scenarios
    }

    // MARK: Trees

    private static func spans(_ lines: [Line], clock: inout UInt64, file: String) throws -> [ScenarioSpan] {
        var spans: [ScenarioSpan] = []
        try walk(lines, file: file) { trace, parent, label, words in
            guard !label.hasPrefix("(") else { return }
            guard let word = words.first, let kind = ScenarioSpan.Kind(rawValue: word) else {
                throw Mistake(description: "\(label) needs one of the kinds of spans")
            }
            var span = ScenarioSpan(label: label, trace: trace, parent: parent, kind: kind, start: clock)
            clock &+= 10_000_000
            for word in words.dropFirst() {
                let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
                if parts.count == 2 {
                    span.options.append((parts[0], parts[1]))
                } else if word.hasPrefix("E") {
                    span.execution = word
                } else {
                    span.options.append((word, ""))
                }
            }
            spans.append(span)
        }
        return spans
    }

    private static func outcome(_ lines: [Line], file: String) throws -> Outcome {
        var outcome = Outcome()
        try walk(lines, file: file) { trace, parent, label, words in
            guard !label.hasPrefix("(") else { return }
            var place = Outcome.Place(trace: trace, parent: parent ?? "-")
            for word in words {
                let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
                switch (parts[0], parts.count) {
                case ("state", 2): place.state = parts[1]
                case ("link", 2): place.links.insert(parts[1])
                case (_, 1) where label.hasPrefix("[") && place.rule.isEmpty: place.rule = word
                default: throw Mistake(description: "\(word) is not known here")
                }
            }
            if label.hasPrefix("["), place.rule.isEmpty { throw Mistake(description: "\(label) needs its rule") }
            guard outcome.places.updateValue(place, forKey: label) == nil else {
                throw Mistake(description: "\(label) stands there twice")
            }
        }
        return outcome
    }

    /// Goes through a tree; the outermost lines are traces.
    private static func walk(
        _ lines: [Line], file: String, _ visit: (_ trace: String, _ parent: String?, _ label: String, _ words: [String]) throws -> Void
    ) throws {
        var above: [(indent: Int, label: String)] = []
        for line in lines {
            while let last = above.last, last.indent >= line.indent { above.removeLast() }
            let label = line.words[0]
            if let trace = above.first {
                let parent = above.count > 1 ? above.last?.label : nil
                do {
                    try visit(
                        trace.label, parent?.trimmingParentheses, label, Array(line.words.dropFirst()))
                } catch let mistake as Mistake {
                    throw Mistake(description: "\(file):\(line.number): \(mistake.description)")
                }
            } else if line.words.count > 1 {
                throw Mistake(description: "\(file):\(line.number): the outermost lines are traces, of one word")
            }
            above.append((line.indent, label))
        }
    }

    // MARK: Evidence

    /// `at P/p1`, wherever it stands among the words.
    private static func place(_ words: inout [String]) throws -> String? {
        guard let position = words.firstIndex(of: "at") else { return nil }
        guard position + 1 < words.count else { throw Mistake(description: "at needs TRACE/SPAN") }
        let parts = words[position + 1].split(separator: "/").map(String.init)
        guard parts.count == 2 else { throw Mistake(description: "at needs TRACE/SPAN") }
        words.removeSubrange(position...position + 1)
        return Scenario.traceparent(parts[0], parts[1])
    }

    private static func options(_ words: [String]) throws -> [String: String] {
        var options: [String: String] = [:]
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw Mistake(description: "\(word) is not NAME=VALUE") }
            options[parts[0]] = parts[1]
        }
        return options
    }

    /// `event evt-1 [evt-2 …] [at P/p1] [mode=structured|batch|binary] [tenant=T] [executes=E1]`
    private static func event(_ given: [String]) throws -> Scenario.EventRequest {
        var words = given
        let traceparent = try place(&words)
        let ids = words.filter { !$0.contains("=") }
        let options = try options(words.filter { $0.contains("=") })
        guard !ids.isEmpty else { throw Mistake(description: "event needs an id") }
        var attributes = [("specversion", "1.0"), ("source", source), ("type", "com.portarium.run.RunStarted")]
        if let traceparent { attributes.append(("traceparent", traceparent)) }
        if let tenant = options["tenant"] { attributes.append(("tenantid", tenant)) }
        let data = options["executes"].map { "{\"output\":{\"executionId\":\"\(Scenario.execution($0))\"}}" } ?? "{}"
        func structured(_ id: String) -> String {
            let members = (attributes + [("id", id)]).map { "\"\($0.0)\":\"\($0.1)\"" }
            return "{\(members.joined(separator: ",")),\"datacontenttype\":\"application/json\",\"data\":\(data)}"
        }
        switch options["mode"] ?? "structured" {
        case "structured" where ids.count == 1:
            return .init(headers: [("content-type", "application/cloudevents+json")], body: structured(ids[0]))
        case "batch":
            return .init(
                headers: [("content-type", "application/cloudevents-batch+json")],
                body: "[\(ids.map(structured).joined(separator: ","))]")
        case "binary" where ids.count == 1:
            let headers = (attributes + [("id", ids[0])]).map { (name: "ce-" + $0.0, value: $0.1) }
            return .init(headers: [("content-type", "application/json")] + headers, body: data)
        default: throw Mistake(description: "mode is structured, batch or binary, and only batch takes several ids")
        }
    }

    /// `binding E1 [event=evt-1] [tenant=T] [at P/p1] [state=SUCCESS] [parent=E2]`
    private static func binding(_ given: [String]) throws -> String {
        var words = given
        let traceparent = try place(&words)
        guard let execution = words.first else { throw Mistake(description: "binding needs an execution") }
        let options = try options(Array(words.dropFirst()))
        var members = ["\"executionId\":\"\(Scenario.execution(execution))\""]
        if let event = options["event"] {
            let tenant = options["tenant"].map { ",\"tenantid\":\"\($0)\"" } ?? ""
            members.append("\"event\":{\"id\":\"\(event)\",\"source\":\"\(source)\"\(tenant)}")
        }
        if let traceparent { members.append("\"traceparent\":\"\(traceparent)\"") }
        if let state = options["state"] { members.append("\"state\":\"\(state)\"") }
        if let parent = options["parent"] { members.append("\"parentExecutionId\":\"\(Scenario.execution(parent))\"") }
        return "{" + members.joined(separator: ",") + "}"
    }

    /// `record E1 [state=FAILED] [input P/p1 | event=evt-1 [at P/p1] | started_by=E2 | replay_of=E2 | triggered_by=E2]`
    private static func record(_ given: [String]) throws -> ScenarioRecord {
        var words = given
        let traceparent = try place(&words)
        guard let execution = words.first else { throw Mistake(description: "record needs an execution") }
        let options = try options(Array(words.dropFirst()))
        var record = ScenarioRecord(execution: execution)
        record.state = options["state"] ?? "RUNNING"
        record.event = options["event"]
        if record.event != nil { record.eventTraceparent = traceparent } else { record.input = traceparent }
        record.startedBy = options["started_by"]
        record.replayOf = options["replay_of"]
        record.triggeredBy = options["triggered_by"]
        return record
    }

    private static func seconds(_ text: String) throws -> UInt64 {
        let units: [Character: UInt64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[$0] }), let number = UInt64(text.dropLast()) else {
            throw Mistake(description: "\(text) is no time such as 20s, 5m, 2h or 1d")
        }
        return number * unit
    }
}

extension String {
    fileprivate var trimmingParentheses: String {
        hasPrefix("(") && hasSuffix(")") ? String(dropFirst().dropLast()) : self
    }
}
