import Glibc

/// What the command line asks for.
struct Arguments {
    enum Command {
        case measure
        case scaling
        case idle
        case allocations
        case instructions
        case adversaries
        case live
        case crowd
        case steady
        case help
    }

    var command = Command.measure
    /// One round instead of five.
    var isQuick = false
    var rounds: Int?
    /// Another relay to compare with: Rotel's agent.
    var peer: String?
    /// Where journals are made.
    var directory: String?
    /// The relay; by default the one beside this program.
    var program: String?

    /// One adversary or part instead of all, or the end-to-end rows whose name contains this.
    var only: String?
    /// How many hostile spans, or live executions.
    var count = 1_000_000

    /// How many rounds are counted.
    var countedRounds: Int { rounds ?? (isQuick ? 1 : 5) }

    var parentDirectory: String { directory ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp" }

    /// The relay's program.
    func relay() throws -> String {
        if let program { return program }
        let found = try ownPath().split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/spanbridge"
        guard access(found, X_OK) == 0 else {
            throw BenchError("\(found) is not there: build with swift build -c release, or name it with --program")
        }
        return found
    }

    static let help = """
        OVERVIEW: Measures what spanbridge costs.

        USAGE: spanbridge-bench [scaling | idle | steady | crowd | allocations | instructions | adversaries | live] [options]

        SUBCOMMANDS:
          (none)                  CPU time a span of the release binary beside this program, in several
                                  configurations, and of its parts. Takes two to three minutes.
          scaling                 The same for requests of 10 to 10,000 spans, 1 to 256 connections, one and two event
                                  loops, gRPC out, and TLS.
          idle                    CPU time of a relay with nothing to do, and what an idle connection holds of memory.
          allocations             Calls of the allocator for 1,000 and for 2,000 spans. Fails if the second need more
                                  than AllocationLimits.swift allows.
          instructions            Instructions a span of the parts of joining, counted by valgrind (callgrind). Fails if
                                  one needs over 5 % more than InstructionLimits.swift says.
          adversaries             The peak of resident memory under a million hostile spans, of several kinds. Fails
                                  if it is above its limit.
          live                    The peak of resident memory with a million live executions, and what it costs to
                                  find and to bind one. Fails above 512 MiB.
          crowd                   The joining relay end to end after a thousand and after a million executions.
          steady                  Peak memory and CPU time of the joining relay at 10,000 spans a second, for 30 s.

        OPTIONS:
          --quick                 One round instead of five.
          --rounds N              So many rounds, 1 to 100.
          --peer PATH             Measures Rotel too; PATH is rotel-agent of the PyPI package rotel.
          --directory PATH        Where journals are made. (default: $TMPDIR or /tmp)
          --program PATH          The relay. (default: spanbridge beside this program)
          --only NAME             One adversary, or one part of instructions, instead of all and in this process.
                                  Without a subcommand and of scaling: only the configurations whose name contains
                                  this, and not the parts.
          --count N               So many hostile spans or live executions, 1 to 100000000. (default: 1000000)
          -h, --help              Shows this text.

        """

    init(_ words: [String]) throws {
        var rest = words[...]
        let commands: [String: Command] = [
            "scaling": .scaling, "idle": .idle, "allocations": .allocations, "instructions": .instructions,
            "adversaries": .adversaries, "live": .live, "crowd": .crowd, "steady": .steady,
        ]
        if let named = rest.first.flatMap({ commands[$0] }) {
            command = named
            rest = rest.dropFirst()
        }
        while let word = rest.popFirst() {
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            func value() throws -> String {
                if parts.count == 2 { return parts[1] }
                guard let next = rest.popFirst() else { throw BenchError("\(word) needs a value") }
                return next
            }
            switch parts.first {
            case "--quick": isQuick = true
            case "--rounds":
                let text = try value()
                guard let number = Int(text), (1...100).contains(number) else {
                    throw BenchError("--rounds takes a number from 1 to 100, not \(text)")
                }
                rounds = number
            case "--only": only = try value()
            case "--count":
                let text = try value()
                guard let number = Int(text), (1...100_000_000).contains(number) else {
                    throw BenchError("--count takes a number from 1 to 100000000, not \(text)")
                }
                count = number
            case "--peer": peer = try value()
            case "--directory": directory = try value()
            case "--program": program = try value()
            case "-h", "--help": command = .help
            default: throw BenchError("\(word) is not known. See spanbridge-bench --help.")
            }
        }
    }
}
