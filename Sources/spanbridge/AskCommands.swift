import Configuration
import FoundationEssentials
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
        return ask(options.output, "/api/v1/events", query) { body in
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
        return ask(options.output, "/api/v1/events/\(percentEncoded(options.event))/timeline", query) { body in
            TimelineText.render(
                try Timeline(json: body), width: options.width ?? Terminal.width,
                color: isColored(options.output, environment))
        }
    }
}

/// `spanbridge explain`: tells which rule and which evidence bound an execution.
struct ExplainCommand {
    var options: Invocation.Explain
    var environment: [String: String]

    func run() -> ExitCode {
        ask(options.output, "/api/v1/executions/\(percentEncoded(options.execution))/explain", []) { body in
            ExplainText.render(
                try Explanation(json: body), width: Terminal.width, color: isColored(options.output, environment))
        }
    }
}

func isColored(_ output: Invocation.Output, _ environment: [String: String]) -> Bool {
    output.color.isColored(onTerminal: Terminal.isOutput, environment: environment)
}

/// Asks the API and prints its answer, as it came or drawn by `render`.
private func ask(
    _ output: Invocation.Output, _ path: String, _ query: [(String, String)], _ render: ([UInt8]) throws -> String
) -> ExitCode {
    let text = query.map { "\($0.0)=\(percentEncoded($0.1))" }.joined(separator: "&")
    do {
        let body = try APIClient(output.api).get(query.isEmpty ? path : "\(path)?\(text)").get()
        print(output.json ? String(decoding: body, as: UTF8.self) + "\n" : try render(body), terminator: "")
        return .success
    } catch let failure as CommandFailure {
        complain(failure.message)
        return failure.code
    } catch {
        complain("The relay's answer cannot be read: \(error)")
        return .failure
    }
}

extension Invocation.TimeBound {
    /// The time in RFC 3339.
    fileprivate var instant: String {
        switch self {
        case .instant(let text): text
        case .ago(let nanoseconds):
            RFC3339.format(
                nanoseconds: UInt64(max(0, Date().timeIntervalSince1970) * 1e9) - min(nanoseconds, 1_000_000_000_000_000_000))
        }
    }
}
