/// One command with all that its parser, its help and the completions need to know.
struct Command {
    /// One option, as `--name` or, with a value, `--name VALUE`.
    struct Option {
        var name: String
        var short: Character?
        /// nil for a switch.
        var value: Value?
        var help: String
        var isRepeatable = false

        /// As the user types it.
        var flag: String { "--\(name)" }
    }

    struct Value {
        var placeholder: String
        var completion = Completion.nothing
    }

    enum Completion: Equatable {
        case nothing, file, directory
        case words([String])
    }

    struct Argument {
        var name: String
        var help: String
        var isOptional = false
        var isRepeatable = false
        var completion = Completion.nothing
    }

    var name: String
    var overview: String
    var discussion = ""
    var arguments: [Argument] = []
    var options: [Option] = []
    /// Command lines without the program's name, each with what it does.
    var examples: [(line: String, effect: String)] = []
    var exitCodes: [ExitCode] = [.success, .failure, .usage]
    /// What codes mean for this command if that is not what they mean for others.
    var exitMeanings: [ExitCode: String] = [:]

    /// The command's options and those that every command has.
    var allOptions: [Option] { options + [Self.helpOption] }

    static let helpOption = Option(name: "help", short: "h", help: "Show help information.")
    static let versionOption = Option(name: "version", help: "Show the version.")
    static let overview = "Joins what Portarium and Kestra report about one CloudEvent into one trace."

    static func named(_ name: String) -> Command? { all.first { $0.name == name } }

    // MARK: - The table

    static let all = [serve, checkConfig, events, timeline, explain, doctor, replay, completions, help]

    private static let settingsOptions = [
        Option(
            name: "config", short: "c", value: Value(placeholder: "FILE", completion: .file),
            help: "The configuration file. (env: SPANBRIDGE_CONFIG)"),
        Option(
            name: "set", short: "s", value: Value(placeholder: "PATH=VALUE"),
            help: "Set one value, such as journal.directory=/data. Beats environment and file.", isRepeatable: true),
    ]

    private static let outputOptions = [
        Option(
            name: "api", value: Value(placeholder: "URL"),
            help: "The relay's API. (env: SPANBRIDGE_API, default: http://127.0.0.1:4320)"),
        Option(name: "json", help: "Print the API's JSON as it is."),
        Option(
            name: "color", value: Value(placeholder: "WHEN", completion: .words(ColorChoice.allCases.map(\.rawValue))),
            help: "Colour the output: auto, always or never; auto honours NO_COLOR. (default: auto)"),
    ]

    private static let serve = Command(
        name: "serve", overview: "Run the relay.",
        discussion: "Without a file it listens for OTLP on 127.0.0.1:4317 and 4318, keeps its journal in "
            + "./spanbridge-data and serves the API on 127.0.0.1:4320. Ends in order on SIGTERM and SIGINT.",
        options: settingsOptions,
        examples: [
            ("serve", "On defaults, sending on to OTEL_EXPORTER_OTLP_ENDPOINT if that is set."),
            ("serve --config spanbridge.yaml", "As the file says."),
            ("serve --set receivers.otlp.protocols.grpc.endpoint=0.0.0.0:4317", "Reachable from other machines."),
        ],
        exitCodes: [.success, .failure, .usage, .configuration])

    private static let checkConfig = Command(
        name: "check-config", overview: "Check a configuration and report every mistake with its line.",
        discussion: "Environment and --set count as they would for serve. Nothing is opened or written.",
        arguments: [
            Argument(
                name: "FILE", help: "The configuration file; same as --config.", isOptional: true, completion: .file)
        ],
        options: settingsOptions + [
            Option(
                name: "print-profiles",
                help: "Print what is known of Portarium and Kestra without being told, as configuration, and end.")
        ],
        examples: [
            ("check-config spanbridge.yaml", "Prints FILE:LINE:COLUMN: error: PATH: MESSAGE for each mistake."),
            ("check-config --print-profiles", "A pattern for other systems."),
        ],
        exitCodes: [.success, .usage, .configuration])

    private static let events = Command(
        name: "events", overview: "List events, the latest first.",
        options: [
            Option(name: "tenant", value: Value(placeholder: "TENANT"), help: "Only events of this tenant."),
            Option(name: "source", value: Value(placeholder: "SOURCE"), help: "Only events of this source."),
            Option(name: "type", value: Value(placeholder: "TYPE"), help: "Only events of this type."),
            Option(name: "flow", value: Value(placeholder: "FLOW"), help: "Only events that ran this flow."),
            Option(name: "state", value: Value(placeholder: "STATE"), help: "Only events in this state."),
            Option(
                name: "since", value: Value(placeholder: "TIME"),
                help: "Not before: a duration ago, such as 1h, or RFC 3339."),
            Option(name: "until", value: Value(placeholder: "TIME"), help: "Not after: a duration ago or RFC 3339."),
            Option(name: "limit", value: Value(placeholder: "N"), help: "How many at most. (default: 50)"),
            Option(name: "cursor", value: Value(placeholder: "CURSOR"), help: "Go on where the last list ended."),
        ] + outputOptions,
        examples: [
            ("events --since 1h", "What happened in the last hour."),
            ("events --state failed --json", "Failures, for a program."),
        ],
        exitCodes: [.success, .failure, .usage, .unavailable])

    private static let timeline = Command(
        name: "timeline", overview: "Show what happened to one event.",
        arguments: [Argument(name: "EVENT", help: "The CloudEvent's id.")],
        options: [
            Option(
                name: "source", value: Value(placeholder: "SOURCE"),
                help: "The event's source, if the id alone is ambiguous."),
            Option(
                name: "tenant", value: Value(placeholder: "TENANT"),
                help: "The event's tenant, if the id alone is ambiguous."),
            Option(
                name: "width", value: Value(placeholder: "COLUMNS"), help: "Columns to use. (default: the terminal's)"),
        ] + outputOptions,
        examples: [
            ("timeline 7b1c0d9e", "Phases, executions, attempts, gaps and the critical path."),
            ("timeline 7b1c0d9e --source /portarium/runs --json", "The same as JSON, for an id that two sources use."),
        ],
        exitCodes: [.success, .failure, .notFound, .usage, .unavailable])

    private static let explain = Command(
        name: "explain", overview: "Say why an execution was joined, or was not.",
        discussion: "For an event or a trace it explains every execution of it. What is not joined gets a list of what "
            + "would join it.",
        arguments: [
            Argument(
                name: "NAME", help: "The id of a Kestra execution, of a CloudEvent or of a trace, looked for in this order.")
        ],
        options: [
            Option(
                name: "source", value: Value(placeholder: "SOURCE"),
                help: "The event's source; then NAME is an event's id."),
            Option(
                name: "tenant", value: Value(placeholder: "TENANT"),
                help: "The tenant of the execution or event, if the id alone is ambiguous."),
        ] + outputOptions,
        examples: [
            ("explain 4kXcJ0b3gqU9XhPz1aZ2Lm", "The rule, and each piece of evidence with what became of it."),
            ("explain 7b1c0d9e", "The same for each execution of an event."),
            ("explain 4bf92f3577b34da6a3ce929d0e0e4736", "The same for each execution of a trace."),
        ],
        exitCodes: [.success, .failure, .notFound, .usage, .unavailable])

    private static let doctor = Command(
        name: "doctor", overview: "Name what is set up wrongly, as live telemetry shows it.",
        discussion: "Each finding comes with its evidence and the setting of Kestra, Portarium or spanbridge to change. "
            + "Findings need some minutes of telemetry, and fade ten minutes after the last case.",
        options: outputOptions,
        examples: [
            ("doctor", "What is wrong, what is fine, and what cannot be told yet."),
            ("doctor --json", "The same for a program; the exit status says whether something was found."),
        ],
        exitCodes: [.success, .failure, .notFound, .usage],
        exitMeanings: [
            .success: "Nothing wrong was found.", .failure: "Something is wrong; it was printed.",
            .notFound: "The relay could not be asked.",
        ])

    private static let replay = Command(
        name: "replay", overview: "Send recorded telemetry to a receiver.",
        discussion: "Every port of the relay speaks every protocol, so --to is enough for it.",
        arguments: [
            Argument(
                name: "DIR", help: "A capture, or a directory of captures.", isRepeatable: true, completion: .directory)
        ],
        options: [
            Option(
                name: "to", value: Value(placeholder: "ENDPOINT"),
                help: "The receiver, HOST:PORT or http://HOST:PORT. (default: http://127.0.0.1:4318)"),
            Option(
                name: "to-grpc", value: Value(placeholder: "ENDPOINT"),
                help: "The receiver for what was recorded over gRPC. (default: as --to)"),
            Option(
                name: "speed", value: Value(placeholder: "FACTOR", completion: .words(["1", "10", "max"])),
                help: "How many times faster than recorded, or max for no pauses. (default: 1)"),
            Option(name: "shift-to-now", help: "Move all times so that the first request happens now."),
            Option(name: "repeat", value: Value(placeholder: "N"), help: "How often everything is sent. (default: 1)"),
            Option(
                name: "tell", value: Value(placeholder: "URL"),
                help: "The relay's API, which is told what the recording knows beside telemetry: the CloudEvents, and "
                    + "which execution each delivery started and how it ended, as a flow would."),
        ],
        examples: [
            ("replay captures/joint --to 127.0.0.1:4318 --shift-to-now", "As if it happened now."),
            ("replay captures/joint --speed max --tell http://127.0.0.1:4320", "With events and bindings."),
            ("replay captures/joint --speed max --repeat 10", "As load."),
        ],
        exitCodes: [.success, .failure, .usage, .unavailable])

    private static let completions = Command(
        name: "completions", overview: "Print a completion script for a shell.",
        arguments: [
            Argument(
                name: "SHELL", help: "bash, zsh or fish.", completion: .words(Invocation.Shell.allCases.map(\.rawValue))
            )
        ],
        examples: [
            ("completions bash > /etc/bash_completion.d/spanbridge", "For every user of bash."),
            ("completions zsh > ~/.zfunc/_spanbridge", "For zsh, with ~/.zfunc in fpath."),
            ("completions fish > ~/.config/fish/completions/spanbridge.fish", "For fish."),
        ],
        exitCodes: [.success, .usage])

    private static let help = Command(
        name: "help", overview: "Show help for a command.",
        arguments: [Argument(name: "COMMAND", help: "The command.", isOptional: true)], exitCodes: [.success, .usage])
}
