import Testing

@testable import Configuration

@Suite struct CommandLineTests {
    private let api = RemoteEndpoint(scheme: .http, host: "127.0.0.1", port: 4320, path: "")

    private func parse(_ line: String, _ environment: [String: String] = [:]) throws -> Invocation {
        try CommandLineParser(environment: environment).parse(line.split(separator: " ").map(String.init))
    }

    @Test("serve and check-config take a file and values")
    func settings() throws {
        #expect(try parse("serve") == .serve(.init(file: nil)))
        #expect(try parse("serve", ["SPANBRIDGE_CONFIG": "e.yaml"]) == .serve(.init(file: "e.yaml")))
        let expected = Invocation.Settings(
            file: "f.yaml", overrides: [.init(path: "log.level", value: "debug"), .init(path: "a", value: "b=c")])
        #expect(
            try parse("serve --config f.yaml --set log.level=debug --set a=b=c", ["SPANBRIDGE_CONFIG": "e"])
                == .serve(expected))
        #expect(try parse("serve --config=f.yaml -s log.level=debug -sa=b=c") == .serve(expected))
        #expect(try parse("check-config f.yaml") == .checkConfig(.init(file: "f.yaml")))
        #expect(try parse("check-config -c f.yaml") == .checkConfig(.init(file: "f.yaml")))
        #expect(try parse("check-config --print-profiles") == .printProfiles)
        #expect(try parse("check-config -- -f.yaml") == .checkConfig(.init(file: "-f.yaml")))
    }

    @Test("events takes filters and times")
    func events() throws {
        #expect(try parse("events") == .events(.init(output: .init(api: api))))
        var expected = Invocation.Events(output: .init(api: api, json: true, color: .never))
        expected.output.api.host = "relay"
        expected.tenant = "t"
        expected.source = "/s"
        expected.type = "x"
        expected.flow = "f"
        expected.state = "failed"
        expected.since = .ago(3_600_000_000_000)
        expected.until = .instant("2025-06-01T12:00:00.5Z")
        expected.limit = 7
        expected.cursor = "c"
        #expect(
            try parse(
                "events --api http://relay:4320 --json --color never --tenant t --source /s --type x --flow f --state failed "
                    + "--since 1h --until 2025-06-01T12:00:00.5Z --limit 7 --cursor c") == .events(expected))
        #expect(try parse("events", ["SPANBRIDGE_API": "127.0.0.1:4320"]) != .events(.init(output: .init(api: api))))
    }

    @Test("timeline and explain take an id")
    func ids() throws {
        #expect(
            try parse("timeline e1 --source s --tenant t --width 120 --color=always")
                == .timeline(
                    .init(output: .init(api: api, color: .always), event: "e1", source: "s", tenant: "t", width: 120)))
        #expect(try parse("explain x1") == .explain(.init(output: .init(api: api), name: "x1")))
        #expect(
            try parse("explain e1 --source s --tenant t")
                == .explain(.init(output: .init(api: api), name: "e1", source: "s", tenant: "t")))
    }

    @Test("doctor takes an API and says what its exit status means")
    func doctor() throws {
        #expect(try parse("doctor --json") == .doctor(.init(api: api, json: true)))
        #expect(throws: UsageError.self) { try parse("doctor evt-1") }
        let help = HelpText.render(command: "doctor")
        #expect(help.contains("Something is wrong; it was printed.") && help.contains("The relay could not be asked."))
        for shell in Invocation.Shell.allCases { #expect(CompletionScript.render(for: shell).contains("doctor")) }
    }

    @Test("replay sends to one port, or to two")
    func replay() throws {
        let http = RemoteEndpoint(scheme: .http, host: "127.0.0.1", port: 4318, path: "")
        #expect(try parse("replay d") == .replay(.init(directories: ["d"], http: http, grpc: http, speed: 1)))
        let grpc = RemoteEndpoint(scheme: nil, host: "h", port: 1, path: "")
        #expect(
            try parse("replay d e --to http://127.0.0.1:4318 --to-grpc h:1 --speed max --shift-to-now --repeat 3")
                == .replay(
                    .init(
                        directories: ["d", "e"], http: http, grpc: grpc, speed: nil, shiftToNow: true, repetitions: 3)))
        #expect(
            try parse("replay d --speed 0.5") == .replay(.init(directories: ["d"], http: http, grpc: http, speed: 0.5)))
    }

    @Test("help, version and completions")
    func others() throws {
        for line in ["", "-h", "--help", "help"] { #expect(try parse(line) == .help(command: nil)) }
        for line in ["help timeline", "timeline --help", "timeline -h --nonsense", "timeline a --help b"] {
            #expect(try parse(line) == .help(command: "timeline"))
        }
        #expect(try parse("--version") == .version && parse("version") == .version)
        #expect(try parse("completions zsh") == .completions(.zsh))
        #expect(try parse("--generate-completion-script fish") == .completions(.fish))
    }

    @Test(
        "what cannot be understood is told, with a suggestion",
        arguments: [
            ("serv", "Unknown command 'serv'; did you mean 'serve'?"),
            ("bananas", "Unknown command 'bananas'; commands are serve, check-config"),
            ("--hlep", "Unknown option '--hlep'; did you mean '--help'?"),
            ("serve --confg x", "Unknown option '--confg'; did you mean '--config'?"),
            ("serve -x", "Unknown option '-x'"), ("serve --config", "Missing value for '--config FILE'"),
            ("serve --config --set a=b", "Missing value for '--config FILE'"), ("serve --config=", "Missing value"),
            ("serve --config a --config b", "given twice"), ("serve --set a", "--set takes PATH=VALUE"),
            ("serve --set =a", "--set takes"),
            ("serve x", "Unexpected argument 'x'"), ("check-config a --config b", "Give the file once"),
            ("timeline", "Missing argument 'EVENT'"), ("timeline a b", "Unexpected argument 'b'"),
            ("timeline a --json=yes", "takes no value"), ("timeline a --width 10", "from 40 to 1000"),
            ("timeline a --color blue", "--color takes auto, always or never"),
            ("timeline a --api ftp://x", "--api: \"ftp\" is no scheme"),
            ("explain", "Missing argument 'NAME'"),
            ("events --limit 0", "from 1 to 100000"), ("events --since yesterday", "--since takes a duration"),
            ("events --since 2025-06-01", "--since takes a duration"), ("replay", "Missing argument 'DIR'"),
            ("replay d --to nowhere", "--to: the port is missing"), ("replay d --speed nan", "--speed takes"),
            ("replay d --speed 0", "--speed takes"), ("replay d --speed -1", "--speed takes"),
            ("replay d --repeat x", "--repeat takes"),
            ("completions", "Missing argument 'SHELL'"), ("completions tcsh", "Unknown shell 'tcsh'"),
            ("help timelin", "did you mean 'timeline'?"),
        ])
    func mistakes(line: String, message: String) {
        #expect {
            try parse(line)
        } throws: { error in
            let text = "\(error)"
            return text.hasPrefix("Error: ") && text.contains(message) && text.contains("\nUsage: spanbridge ")
                && text.contains("--help'")
        }
    }

    @Test("times have the form of RFC 3339")
    func instants() {
        for text in ["2025-06-01T12:00:00Z", "2025-06-01T12:00:00.123456789+02:00", "2025-06-01T12:00:00-05:30"] {
            #expect(isInstant(text), "\(text)")
            for end in text.indices { #expect(!isInstant(String(text[..<end])), "\(text[..<end])") }
        }
        for text in [
            "2025-06-01T12:00:00", "2025-06-01 12:00:00Z", "2025-06-01T12:00:00.Z", "2025-06-01T12:00:00.1234567890Z",
        ] {
            #expect(!isInstant(text), "\(text)")
        }
    }

    @Test("every help text has its sections, no line over 80 columns but examples, and every option")
    func help() {
        for command in Command.all {
            let text = HelpText.render(command: command.name)
            #expect(text.hasPrefix("OVERVIEW: ") && text.contains("\nUSAGE: spanbridge \(command.name)"))
            #expect(text.contains("\nOPTIONS:\n") && text.contains("\nEXIT STATUS:\n"))
            #expect(text.contains("\nEXAMPLES:\n") == !command.examples.isEmpty)
            #expect(text.contains("\nARGUMENTS:\n") == !command.arguments.isEmpty)
            for option in command.allOptions { #expect(text.contains(option.flag)) }
            for line in text.split(separator: "\n") where !line.hasPrefix("  spanbridge ") {
                #expect(line.count <= 80, "\(line)")
            }
        }
        let program = HelpText.render(command: nil)
        for command in Command.all { #expect(program.contains("\n  \(command.name) ")) }
        for code in ExitCode.allCases { #expect(program.contains("\n  \(code.rawValue) ")) }
    }

    @Test("every example of a help text is a command line that is understood")
    func examples() throws {
        for command in Command.all {
            for example in command.examples {
                _ = try parse(example.line.components(before: " > "))
            }
        }
    }

    @Test("every completion script knows every command and option", arguments: Invocation.Shell.allCases)
    func completions(shell: Invocation.Shell) {
        let script = CompletionScript.render(for: shell)
        for command in Command.all {
            #expect(script.contains(command.name))
            for option in command.allOptions {
                #expect(script.contains(shell == .fish ? "-l \(option.name)" : option.flag))
            }
        }
        #expect(script.hasSuffix("\n") && !script.contains("\t"))
    }

    @Test("colours are for terminals, and NO_COLOR is honoured")
    func colors() {
        #expect(ColorChoice.auto.isColored(onTerminal: true, environment: [:]))
        #expect(ColorChoice.auto.isColored(onTerminal: true, environment: ["NO_COLOR": ""]))
        #expect(!ColorChoice.auto.isColored(onTerminal: true, environment: ["NO_COLOR": "1"]))
        #expect(!ColorChoice.auto.isColored(onTerminal: true, environment: ["TERM": "dumb"]))
        #expect(!ColorChoice.auto.isColored(onTerminal: false, environment: [:]))
        #expect(ColorChoice.always.isColored(onTerminal: false, environment: ["NO_COLOR": "1"]))
        #expect(!ColorChoice.never.isColored(onTerminal: true, environment: [:]))
    }
}

extension String {
    fileprivate func components(before mark: String) -> String {
        firstRange(of: mark).map { String(self[..<$0.lowerBound]) } ?? self
    }
}
