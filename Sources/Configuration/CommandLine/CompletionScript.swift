/// Completion scripts, made from the table of commands.
package enum CompletionScript {
    package static func render(for shell: Invocation.Shell) -> String {
        switch shell {
        case .bash: bash
        case .zsh: zsh
        case .fish: fish
        }
    }

    private static var commandNames: String { Command.all.map(\.name).joined(separator: " ") }

    /// What may follow as an argument of a command; `help` takes the commands themselves.
    private static func argument(of command: Command) -> Command.Completion {
        command.name == "help" ? .words(Command.all.map(\.name)) : command.arguments.first?.completion ?? .nothing
    }

    // MARK: - bash

    private static var bash: String {
        """
        # bash completion for spanbridge
        _spanbridge() {
            local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}"
            COMPREPLY=()
            if [ "$COMP_CWORD" -eq 1 ]; then
                COMPREPLY=($(compgen -W "\(commandNames) --help --version" -- "$current"))
                return
            fi
            case "${COMP_WORDS[1]}" in
        \(Command.all.map(bashCase).joined(separator: "\n"))
            esac
        }
        complete -F _spanbridge spanbridge

        """
    }

    private static func bashCase(_ command: Command) -> String {
        var lines = ["    \(command.name))"]
        let valued = command.allOptions.filter { $0.value != nil }
        if !valued.isEmpty {
            lines.append("        case \"$previous\" in")
            for option in valued {
                let names = option.short.map { "\(option.flag)|-\($0)" } ?? option.flag
                lines.append("        \(names)) \(bashReply(option.value?.completion ?? .nothing)) return ;;")
            }
            lines.append("        esac")
        }
        let flags = command.allOptions.map(\.flag).joined(separator: " ")
        lines.append("        if [[ \"$current\" == -* ]]; then")
        lines.append("            COMPREPLY=($(compgen -W \"\(flags)\" -- \"$current\"))")
        lines.append("            return")
        lines.append("        fi")
        let reply = bashReply(argument(of: command))
        if !reply.isEmpty { lines.append("        \(reply)") }
        lines.append("        ;;")
        return lines.joined(separator: "\n")
    }

    private static func bashReply(_ completion: Command.Completion) -> String {
        switch completion {
        case .nothing: ""
        case .file: "compopt -o filenames; COMPREPLY=($(compgen -f -- \"$current\"));"
        case .directory: "compopt -o filenames; COMPREPLY=($(compgen -d -- \"$current\"));"
        case .words(let words): "COMPREPLY=($(compgen -W \"\(words.joined(separator: " "))\" -- \"$current\"));"
        }
    }

    // MARK: - zsh

    private static var zsh: String {
        """
        #compdef spanbridge
        _spanbridge() {
            local -a commands
            commands=(
        \(Command.all.map { "        '\($0.name):\(quoted($0.overview))'" }.joined(separator: "\n"))
            )
            if (( CURRENT == 2 )); then
                _describe 'command' commands
                _arguments '--help[Show help information.]' '--version[Show the version.]'
                return
            fi
            local command="$words[2]"
            shift words
            (( CURRENT-- ))
            case "$command" in
        \(Command.all.map(zshCase).joined(separator: "\n"))
            esac
        }
        if [ "$funcstack[1]" = "_spanbridge" ]; then _spanbridge "$@"; else compdef _spanbridge spanbridge; fi

        """
    }

    private static func zshCase(_ command: Command) -> String {
        var specs: [String] = []
        for option in command.allOptions {
            let value = option.value.map { ":\($0.placeholder):\(zshAction($0.completion))" } ?? ""
            let help = quoted(option.help).replacing("[", with: "\\[").replacing("]", with: "\\]")
            let names = [option.flag] + (option.short.map { ["-\($0)"] } ?? [])
            specs += names.map { "'\(option.isRepeatable ? "*" : "")\($0)[\(help)]\(value)'" }
        }
        if let argument = command.arguments.first {
            let position = argument.isRepeatable ? "*" : "1"
            specs.append("'\(position):\(argument.name):\(zshAction(self.argument(of: command)))'")
        }
        return "    \(command.name)) _arguments -s \\\n        " + specs.joined(separator: " \\\n        ") + " ;;"
    }

    private static func zshAction(_ completion: Command.Completion) -> String {
        switch completion {
        case .nothing: " "
        case .file: "_files"
        case .directory: "_files -/"
        case .words(let words): "(\(words.joined(separator: " ")))"
        }
    }

    // MARK: - fish

    private static var fish: String {
        var lines = ["# fish completion for spanbridge", "complete -c spanbridge -f"]
        let isFirst = "-n __fish_use_subcommand"
        for command in Command.all {
            lines.append("complete -c spanbridge \(isFirst) -a \(command.name) -d '\(quoted(command.overview))'")
        }
        lines.append("complete -c spanbridge \(isFirst) -l version -d 'Show the version.'")
        lines.append("complete -c spanbridge \(isFirst) -s h -l help -d 'Show help information.'")
        for command in Command.all {
            let isHere = "-n '__fish_seen_subcommand_from \(command.name)'"
            for option in command.allOptions {
                let short = option.short.map { " -s \($0)" } ?? ""
                let value = option.value.map { " -r" + fishAction($0.completion) } ?? ""
                lines.append(
                    "complete -c spanbridge \(isHere)\(short) -l \(option.name)\(value) -d '\(quoted(option.help))'")
            }
            let action = fishAction(argument(of: command))
            if !action.isEmpty { lines.append("complete -c spanbridge \(isHere)\(action)") }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func fishAction(_ completion: Command.Completion) -> String {
        switch completion {
        case .nothing: ""
        case .file: " -F"
        case .directory: " -a '(__fish_complete_directories)'"
        case .words(let words): " -a '\(words.joined(separator: " "))'"
        }
    }

    /// A text for single quotes: the table has none in it, but a new entry might.
    private static func quoted(_ text: String) -> String {
        text.replacing("'", with: "’")
    }
}
