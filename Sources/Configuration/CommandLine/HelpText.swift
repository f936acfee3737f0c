/// The help texts, laid out from the table of commands.
package enum HelpText {
    private static let width = 80
    /// Where the explanations begin.
    private static let labelColumn = 26

    /// Help for a command, or for the program.
    package static func render(command name: String?) -> String {
        guard let command = name.flatMap(Command.named) else { return program }
        var blocks = ["OVERVIEW: \(command.overview)"]
        if !command.discussion.isEmpty { blocks.append(wrapped(command.discussion, indent: 0)) }
        blocks.append("USAGE: \(usage(command))")
        if !command.arguments.isEmpty {
            blocks.append(list("ARGUMENTS", command.arguments.map { ("<\($0.name.lowercased())>", $0.help) }))
        }
        blocks.append(list("OPTIONS", command.allOptions.map { (label($0), $0.help) }))
        blocks += ending(command)
        return blocks.joined(separator: "\n\n") + "\n"
    }

    /// A command's synopsis.
    static func usage(_ command: Command) -> String {
        var words = ["spanbridge", command.name]
        for argument in command.arguments {
            let name = "<\(argument.name.lowercased())>\(argument.isRepeatable ? " ..." : "")"
            words.append(argument.isOptional ? "[\(name)]" : name)
        }
        if !command.options.isEmpty { words.append("[options]") }
        return words.joined(separator: " ")
    }

    static let usage = "spanbridge <subcommand>"

    private static var program: String {
        [
            "OVERVIEW: \(Command.overview)", "USAGE: \(usage)",
            list("OPTIONS", [Command.versionOption, Command.helpOption].map { (label($0), $0.help) }),
            list("SUBCOMMANDS", Command.all.map { ($0.name, $0.overview) }),
            examples([
                ("serve", "Run on defaults: OTLP on 4317 and 4318, API on http://127.0.0.1:4320."),
                ("timeline 7b1c0d9e", "What happened to this event?"),
            ]),
            exitStatus(ExitCode.allCases), "  See 'spanbridge help <subcommand>' for detailed help.",
        ].joined(separator: "\n\n") + "\n"
    }

    private static func ending(_ command: Command) -> [String] {
        (command.examples.isEmpty ? [] : [examples(command.examples)]) + [exitStatus(command.exitCodes, command.exitMeanings)]
    }

    private static func examples(_ examples: [(line: String, effect: String)]) -> String {
        "EXAMPLES:\n"
            + examples.map { "  spanbridge \($0.line)\n" + wrapped($0.effect, indent: 6) }.joined(separator: "\n")
    }

    private static func exitStatus(_ codes: [ExitCode], _ meanings: [ExitCode: String] = [:]) -> String {
        list("EXIT STATUS", codes.map { ("\($0.rawValue)", meanings[$0] ?? $0.meaning) })
    }

    private static func label(_ option: Command.Option) -> String {
        (option.short.map { "-\($0), " } ?? "") + option.flag
            + (option.value.map { " <\($0.placeholder.lowercased())>" } ?? "")
    }

    private static func list(_ title: String, _ entries: [(label: String, text: String)]) -> String {
        let lines = entries.map { label, text in
            let body = wrapped(text, indent: labelColumn)
            let head = "  \(label)"
            // A label that reaches the column of the texts stands on its own line.
            return head.count < labelColumn
                ? head + body.dropFirst(head.count) : "\(head)\n\(body)"
        }
        return "\(title):\n" + lines.joined(separator: "\n")
    }

    /// The text in lines of at most `width` columns, each indented.
    private static func wrapped(_ text: String, indent: Int) -> String {
        let margin = String(repeating: " ", count: indent)
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, indent + line.count + 1 + word.count > width {
                lines.append(margin + line)
                line = ""
            }
            line += line.isEmpty ? "\(word)" : " \(word)"
        }
        return (lines + [margin + line]).joined(separator: "\n")
    }
}
