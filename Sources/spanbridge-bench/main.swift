// Measures what the relay costs: CPU time end to end and by part, calls of the allocator, or instructions. Exits with 1 if
// a measurement fails or a limit is passed, 64 for a wrong command line.

import Glibc
import Transport

let arguments: Arguments
do {
    arguments = try Arguments(Array(CommandLine.arguments.dropFirst()))
} catch {
    say("Error: \(error)")
    exit(64)
}
EventLoop.ignoreBrokenPipes()
do {
    switch arguments.command {
    case .help: show(Arguments.help)
    case .measure:
        // As the relay itself does, so that the parts are measured as they run there.
        Allocation.keepFreedPages(bytes: 64 << 20, largest: 64 << 20)
        try MeasureCommand(arguments: arguments).run()
    case .scaling:
        try ScalingCommand(arguments: arguments).run()
    case .idle:
        try IdleCommand(arguments: arguments).run()
    case .crowd:
        try CrowdCommand(arguments: arguments).run()
    case .steady:
        try SteadyCommand(arguments: arguments).run()
    case .allocations:
        try AllocationRun().run()
    case .instructions:
        let run = InstructionRun()
        if let name = arguments.only { try run.run(name) } else { try run.runAll(in: arguments.parentDirectory) }
    case .adversaries:
        let run = AdversaryRun(count: arguments.count, directory: arguments.parentDirectory)
        if let name = arguments.only { try run.run(name) } else { try run.runAll() }
    case .live:
        try LiveRun(count: arguments.count, directory: arguments.parentDirectory).run()
    }
} catch {
    say("Error: \(error)")
    exit(1)
}
