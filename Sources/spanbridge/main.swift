// The command line: reads the arguments and hands over to the command. Exit codes are documented in `ExitCode`.

import Configuration
import Glibc

do {
    let environment = try ProcessEnvironment.variables()
    switch try CommandLineParser(environment: environment).parse(Array(CommandLine.arguments.dropFirst())) {
    case .serve(let settings): exit(ServeCommand(settings: settings, environment: environment).run().rawValue)
    case .checkConfig(let settings):
        exit(CheckConfigCommand(settings: settings, environment: environment).run().rawValue)
    case .printProfiles: print(Profile.allText, terminator: "")
    case .events(let options): exit(EventsCommand(options: options, environment: environment).run().rawValue)
    case .timeline(let options): exit(TimelineCommand(options: options, environment: environment).run().rawValue)
    case .explain(let options): exit(ExplainCommand(options: options, environment: environment).run().rawValue)
    case .doctor(let output): exit(DoctorCommand(output: output, environment: environment).run().rawValue)
    case .replay(let options): exit(ReplayCommand(options: options, environment: environment).run().rawValue)
    case .completions(let shell): print(CompletionScript.render(for: shell), terminator: "")
    case .help(let command): print(HelpText.render(command: command), terminator: "")
    case .version: print("spanbridge \(programVersion)")
    }
} catch let failure as CommandFailure {
    complain(failure.message)
    exit(failure.code.rawValue)
} catch {
    complain("\(error)")
    exit(ExitCode.usage.rawValue)
}
