import Bridge
import Configuration
import OTLP
import Timeline

/// `spanbridge events`: lists the events that the relay knows.
struct EventsCommand {
    var options: Invocation.Events
    var environment: [String: String]

    func run() -> ExitCode {
        var query: [(String, String)] = [("limit", "\(options.limit)")]
        for (name, value) in [
            ("tenant", options.tenant), ("source", options.source), ("type", options.type), ("flow", options.flow),
            ("state", options.state), ("since", options.since?.instant), ("until", options.until?.instant),
            ("cursor", options.cursor),
        ] {
            if let value { query.append((name, value)) }
        }
        return ask(options.output, environment, "/api/v1/events", query) { body in
            let page = try EventPage(json: body)
            var text = EventsText.render(page.events, width: Terminal.width, color: isColored(options.output, environment))
            if let cursor = page.nextCursor { text += "There are more: --cursor '\(cursor)'\n" }
            return text
        }
    }
}

/// `spanbridge timeline`: draws what happened to an event.
struct TimelineCommand {
    var options: Invocation.Timeline
    var environment: [String: String]

    func run() -> ExitCode {
        var query: [(String, String)] = []
        if let source = options.source { query.append(("source", source)) }
        if let tenant = options.tenant { query.append(("tenant", tenant)) }
        return ask(options.output, environment, "/api/v1/events/\(percentEncoded(options.event))/timeline", query) { body in
            TimelineText.render(
                try Timeline(json: body), width: options.width ?? Terminal.width,
                color: isColored(options.output, environment))
        }
    }
}

/// `spanbridge explain`: tells which rule and which evidence bound an execution, or all of an event or a trace.
struct ExplainCommand {
    var options: Invocation.Explain
    var environment: [String: String]

    func run() -> ExitCode {
        let name = percentEncoded(options.name)
        var query: [(String, String)] = []
        if let tenant = options.tenant { query.append(("tenant", tenant)) }
        let width = Terminal.width
        let color = isColored(options.output, environment)
        let aboutExecution = Question("/api/v1/executions/\(name)/explain", query) { body in
            ExplainText.render(try Explanation(json: body), width: width, color: color)
        }
        if let source = options.source { query.append(("source", source)) }
        let aboutEvent = Question("/api/v1/events/\(name)/explain", query) { body in
            ExplainText.render(try ExplanationList(json: body), width: width, color: color)
        }
        let aboutTrace = Question("/api/v1/traces/\(name)/explain", []) { body in
            ExplainText.render(try ExplanationList(json: body), width: width, color: color)
        }
        if options.source != nil { return ask(options.output, environment, [aboutEvent]) }
        if TraceID(hex: options.name) != nil {
            return ask(options.output, environment, [aboutExecution, aboutEvent, aboutTrace])
        }
        return ask(
            options.output, environment, [aboutExecution, aboutEvent],
            unknown: """
                Nobody named an execution or an event '\(options.name)', and it is no trace id (32 hex digits). Ids are \
                case-sensitive; `spanbridge events` lists the known events.
                """)
    }
}

func isColored(_ output: Invocation.Output, _ environment: [String: String]) -> Bool {
    output.color.isColored(onTerminal: Terminal.isOutput, environment: environment)
}

/// A path of the API with its query, and how its answer is drawn.
private struct Question {
    var target: String
    var render: ([UInt8]) throws -> String

    init(_ path: String, _ query: [(String, String)], _ render: @escaping ([UInt8]) throws -> String) {
        let text = query.map { "\($0.0)=\(percentEncoded($0.1))" }.joined(separator: "&")
        target = query.isEmpty ? path : "\(path)?\(text)"
        self.render = render
    }
}

private func ask(
    _ output: Invocation.Output, _ environment: [String: String], _ path: String, _ query: [(String, String)],
    _ render: @escaping ([UInt8]) throws -> String
) -> ExitCode {
    ask(output, environment, [Question(path, query, render)])
}

/// Asks the API until it knows something and prints that answer, as it came or drawn.
///
/// - Parameter unknown: what to say if it knows nothing by any of the questions; else what it said to the last one.
private func ask(
    _ output: Invocation.Output, _ environment: [String: String], _ questions: [Question], unknown: String? = nil
) -> ExitCode {
    do {
        let client = try APIClient(output.api, environment)
        for (position, question) in questions.enumerated() {
            do throws(CommandFailure) {
                let body = try client.get(question.target).get()
                print(
                    output.json ? String(decoding: body, as: UTF8.self) + "\n" : try drawn(body, by: question),
                    terminator: "")
                return .success
            } catch {
                if error.isUnknown, position + 1 < questions.count { continue }
                complain(error.isUnknown ? unknown ?? error.message : error.message)
                return error.code
            }
        }
        return .notFound
    } catch {
        complain("\(error)")
        return .failure
    }
}

private func drawn(_ body: [UInt8], by question: Question) throws(CommandFailure) -> String {
    do {
        return try question.render(body)
    } catch {
        throw CommandFailure(code: .failure, message: "The relay's answer cannot be read: \(error)")
    }
}

extension Invocation.TimeBound {
    /// The time in RFC 3339.
    fileprivate var instant: String {
        switch self {
        case .instant(let text): text
        case .ago(let nanoseconds):
            RFC3339.format(
                nanoseconds: Clock().now() - min(nanoseconds, 1_000_000_000_000_000_000))
        }
    }
}
