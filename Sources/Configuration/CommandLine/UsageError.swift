/// A command line that cannot be understood. Ends the program with `ExitCode.usage`.
package struct UsageError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, as a sentence without its full stop.
    package var message: String
    /// The command that was being read, if it was known.
    package var command: String?

    /// For standard error: the mistake, how the command is used, and where to read more.
    package var description: String {
        let line = command.flatMap(Command.named).map(HelpText.usage) ?? HelpText.usage
        let topic = command.map { " \($0)" } ?? ""
        let stop = message.hasSuffix("?") ? "" : "."
        return "Error: \(message)\(stop)\nUsage: \(line)\n  See 'spanbridge\(topic) --help' for more information."
    }
}
