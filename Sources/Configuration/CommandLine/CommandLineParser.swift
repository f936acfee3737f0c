/// Reads a command line into what it asks for.
package struct CommandLineParser {
    private let environment: [String: String]

    /// - Parameter environment: for `SPANBRIDGE_CONFIG` and `SPANBRIDGE_API`.
    package init(environment: [String: String]) {
        self.environment = environment
    }

    /// - Parameter arguments: without the program's name.
    package func parse(_ arguments: [String]) throws(UsageError) -> Invocation {
        guard let first = arguments.first else { return .help(command: nil) }
        switch first {
        case "-h", "--help": return .help(command: nil)
        case "--version", "version": return .version
        case "--generate-completion-script":
            return try parse(["completions"] + arguments.dropFirst())
        default: break
        }
        guard let command = Command.named(first) else {
            let names = Command.all.map(\.name)
            let isOption = first.hasPrefix("-")
            let near =
                suggestion(for: first, among: isOption ? ["--help", "--version"] : names)
                .map { "; did you mean '\($0)'?" } ?? "; commands are \(names.joined(separator: ", "))"
            throw UsageError(
                message: "Unknown \(isOption ? "option" : "command") '\(excerpt(first))'\(near)", command: nil)
        }
        let words = try Words(arguments.dropFirst(), command)
        if words.isHelp { return .help(command: command.name) }
        return try invocation(of: command, words)
    }

    private func invocation(of command: Command, _ words: Words) throws(UsageError) -> Invocation {
        switch command.name {
        case "serve": return .serve(try settings(words))
        case "check-config":
            var settings = try settings(words)
            if let file = words.arguments.first {
                guard words.value("config") == nil else {
                    throw words.error("Give the file once: as FILE or as --config")
                }
                settings.file = file
            }
            if words.has("print-profiles") { return .printProfiles }
            return .checkConfig(settings)
        case "events": return .events(try events(words))
        case "timeline":
            let width = try words.count("width", in: 40...1000)
            return .timeline(
                Invocation.Timeline(
                    output: try output(words), event: try words.argument(0), source: words.value("source"),
                    tenant: words.value("tenant"), width: width))
        case "explain":
            return .explain(
                Invocation.Explain(
                    output: try output(words), name: try words.argument(0), source: words.value("source"),
                    tenant: words.value("tenant")))
        case "doctor": return .doctor(try output(words))
        case "replay": return .replay(try replay(words))
        case "completions":
            let name = try words.argument(0)
            guard let shell = Invocation.Shell(rawValue: name) else {
                throw words.error("Unknown shell '\(excerpt(name))'; shells are bash, zsh and fish")
            }
            return .completions(shell)
        default:
            guard let topic = words.arguments.first else { return .help(command: nil) }
            guard Command.named(topic) != nil else {
                let near =
                    suggestion(for: topic, among: Command.all.map(\.name)).map { "; did you mean '\($0)'?" } ?? ""
                throw words.error("Unknown command '\(excerpt(topic))'\(near)")
            }
            return .help(command: topic)
        }
    }

    private func settings(_ words: Words) throws(UsageError) -> Invocation.Settings {
        var settings = Invocation.Settings(file: words.value("config") ?? variable("SPANBRIDGE_CONFIG"))
        for text in words.values("set") {
            guard let mark = text.firstIndex(of: "="), mark != text.startIndex else {
                throw words.error("--set takes PATH=VALUE, such as journal.directory=/data, not '\(excerpt(text))'")
            }
            settings.overrides.append(
                Configuration.Override(path: String(text[..<mark]), value: String(text[text.index(after: mark)...])))
        }
        return settings
    }

    private func output(_ words: Words) throws(UsageError) -> Invocation.Output {
        let (name, text) =
            words.value("api").map { ("--api", $0) } ?? variable("SPANBRIDGE_API").map { ("SPANBRIDGE_API", $0) }
            ?? ("--api", "http://127.0.0.1:4320")
        var output = Invocation.Output(api: try endpoint(text, name, words), json: words.has("json"))
        if let text = words.value("color") {
            guard let choice = ColorChoice(rawValue: text) else {
                throw words.error("--color takes auto, always or never, not '\(excerpt(text))'")
            }
            output.color = choice
        }
        return output
    }

    private func events(_ words: Words) throws(UsageError) -> Invocation.Events {
        var events = Invocation.Events(output: try output(words))
        events.tenant = words.value("tenant")
        events.source = words.value("source")
        events.type = words.value("type")
        events.flow = words.value("flow")
        events.state = words.value("state")
        events.since = try words.time("since")
        events.until = try words.time("until")
        events.limit = try words.count("limit", in: 1...100_000) ?? events.limit
        events.cursor = words.value("cursor")
        return events
    }

    private func replay(_ words: Words) throws(UsageError) -> Invocation.Replay {
        _ = try words.argument(0)
        let http = try endpoint(words.value("to") ?? "http://127.0.0.1:4318", "--to", words)
        var grpc = http
        grpc.path = ""
        if let text = words.value("to-grpc") { grpc = try endpoint(text, "--to-grpc", words) }
        var replay = Invocation.Replay(directories: words.arguments, http: http, grpc: grpc, speed: 1)
        if let text = words.value("speed") {
            if text == "max" {
                replay.speed = nil
            } else if let factor = Double(text), factor.isFinite, factor >= 0.001, factor <= 1_000_000 {
                replay.speed = factor
            } else {
                throw words.error("--speed takes a factor such as 1, 0.5 or 10, or max, not '\(excerpt(text))'")
            }
        }
        replay.shiftToNow = words.has("shift-to-now")
        if let text = words.value("tell") { replay.api = try endpoint(text, "--tell", words) }
        replay.repetitions = try words.count("repeat", in: 1...1_000_000) ?? replay.repetitions
        return replay
    }

    private func endpoint(_ text: String, _ name: String, _ words: Words) throws(UsageError) -> RemoteEndpoint {
        do throws(Mistake) {
            return try RemoteEndpoint.parse(text)
        } catch {
            throw words.error("\(name): \(error.message)")
        }
    }

    private func variable(_ name: String) -> String? {
        environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// A command's words, told apart: options with their values, and arguments.
private struct Words {
    private let command: Command
    private(set) var arguments: [String] = []
    private(set) var isHelp = false
    private var options: [String: [String]] = [:]

    init(_ words: ArraySlice<String>, _ command: Command) throws(UsageError) {
        self.command = command
        var rest = words
        var onlyArguments = false
        while let word = rest.popFirst() {
            if word == "--", !onlyArguments {
                onlyArguments = true
            } else if onlyArguments || !word.hasPrefix("-") || word == "-" {
                arguments.append(word)
            } else {
                try take(word, &rest)
            }
            // Help is wanted most when the rest of the line is wrong.
            if isHelp { return }
        }
        let isRepeatable = command.arguments.last?.isRepeatable ?? false
        if arguments.count > command.arguments.count, !isRepeatable {
            throw error("Unexpected argument '\(excerpt(arguments[command.arguments.count]))'")
        }
    }

    private mutating func take(_ word: String, _ rest: inout ArraySlice<String>) throws(UsageError) {
        var name = word
        var attached: String?
        if word.hasPrefix("--"), let mark = word.firstIndex(of: "=") {
            name = String(word[..<mark])
            attached = String(word[word.index(after: mark)...])
        } else if !word.hasPrefix("--"), word.count > 2 {
            name = String(word.prefix(2))
            attached = String(word.dropFirst(2))
        }
        let found = command.allOptions.first { $0.flag == name || $0.short.map { "-\($0)" } == name }
        guard let option = found else {
            let near =
                suggestion(for: name, among: command.allOptions.map(\.flag)).map { "; did you mean '\($0)'?" } ?? ""
            throw error("Unknown option '\(excerpt(name))'\(near)")
        }
        if option.name == "help" { isHelp = true }
        guard let expected = option.value else {
            guard attached == nil else { throw error("The option '\(option.flag)' takes no value") }
            options[option.name] = []
            return
        }
        if attached == nil, let next = rest.first, !next.hasPrefix("--") {
            attached = next
            rest.removeFirst()
        }
        guard let value = attached, !value.isEmpty else {
            throw error("Missing value for '\(option.flag) \(expected.placeholder)'")
        }
        guard option.isRepeatable || options[option.name] == nil else {
            throw error("The option '\(option.flag)' is given twice")
        }
        options[option.name, default: []].append(value)
    }

    func error(_ message: String) -> UsageError {
        UsageError(message: message, command: command.name)
    }

    func has(_ name: String) -> Bool { options[name] != nil }
    func value(_ name: String) -> String? { options[name]?.first }
    func values(_ name: String) -> [String] { options[name] ?? [] }

    func argument(_ index: Int) throws(UsageError) -> String {
        guard index < arguments.count, !arguments[index].isEmpty else {
            throw error("Missing argument '\(command.arguments[index].name)'")
        }
        return arguments[index]
    }

    func count(_ name: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
        guard let text = value(name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw error(
                "--\(name) takes a number from \(range.lowerBound) to \(range.upperBound), not '\(excerpt(text))'")
        }
        return number
    }

    func time(_ name: String) throws(UsageError) -> Invocation.TimeBound? {
        guard let text = value(name) else { return nil }
        if let duration = try? parseDuration(text) { return .ago(duration) }
        guard isInstant(text) else {
            throw error(
                "--\(name) takes a duration such as 1h or a time such as 2025-06-01T12:00:00Z, not '\(excerpt(text))'")
        }
        return .instant(text)
    }
}

/// Whether a text has the form of an RFC 3339 time: `2025-06-01T12:00:00[.123](Z|+02:00)`. The API checks the calendar.
func isInstant(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    func matches(_ slice: ArraySlice<UInt8>, _ pattern: String) -> Bool {
        slice.count == pattern.utf8.count
            && zip(slice, pattern.utf8).allSatisfy { byte, form in
                form == UInt8(ascii: "0") ? (0x30...0x39).contains(byte) : byte == form
            }
    }
    guard bytes.count >= 20, matches(bytes[..<19], "0000-00-00T00:00:00") else { return false }
    var zone = bytes[19...]
    if zone.first == UInt8(ascii: ".") {
        let digits = zone.dropFirst().prefix { (0x30...0x39).contains($0) }
        guard (1...9).contains(digits.count) else { return false }
        zone = zone.dropFirst(1 + digits.count)
    }
    return matches(zone, "Z") || matches(zone, "+00:00") || matches(zone, "-00:00")
}
