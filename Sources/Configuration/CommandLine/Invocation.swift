/// What the user asked the program to do.
package enum Invocation: Sendable, Equatable {
    case serve(Settings)
    case checkConfig(Settings)
    /// Prints the built-in profiles.
    case printProfiles
    case events(Events)
    case timeline(Timeline)
    case explain(Explain)
    case doctor(Output)
    case replay(Replay)
    case completions(Shell)
    /// Prints help for a command, or for the program if nil.
    case help(command: String?)
    case version

    /// Where settings come from beside the environment.
    package struct Settings: Sendable, Equatable {
        /// The configuration file, from `--config` or `SPANBRIDGE_CONFIG`; nil runs on defaults.
        package var file: String?
        package var overrides: [Configuration.Override] = []
    }

    /// How an answer of the API is asked for and shown.
    package struct Output: Sendable, Equatable {
        /// The relay's API, from `--api` or `SPANBRIDGE_API`.
        package var api: RemoteEndpoint
        package var json = false
        package var color = ColorChoice.auto
    }

    /// A point in time.
    package enum TimeBound: Sendable, Equatable {
        /// So long before now.
        case ago(Nanoseconds)
        /// RFC 3339, as written.
        case instant(String)
    }

    package struct Events: Sendable, Equatable {
        package var output: Output
        package var tenant: String?
        package var source: String?
        package var type: String?
        package var flow: String?
        package var state: String?
        package var since: TimeBound?
        package var until: TimeBound?
        package var limit = 50
        package var cursor: String?
    }

    package struct Timeline: Sendable, Equatable {
        package var output: Output
        package var event: String
        package var source: String?
        package var tenant: String?
        /// Columns; nil takes the terminal's.
        package var width: Int?
    }

    package struct Explain: Sendable, Equatable {
        package var output: Output
        /// The id of an execution, an event or a trace.
        package var name: String
        /// An event's source: then `name` is an event's id.
        package var source: String?
        package var tenant: String?
    }

    package struct Replay: Sendable, Equatable {
        /// Captures, or directories of captures.
        package var directories: [String]
        /// Where requests recorded over HTTP go.
        package var http: RemoteEndpoint
        /// Where requests recorded over gRPC go.
        package var grpc: RemoteEndpoint
        /// How many times faster than recorded; nil without pauses.
        package var speed: Double?
        /// Whether times are moved so that the first request happens now.
        package var shiftToNow = false
        /// The API that is told the recorded events and bindings; nil tells it nothing.
        package var api: RemoteEndpoint?
        /// How often everything is sent.
        package var repetitions = 1
    }

    package enum Shell: String, Sendable, CaseIterable {
        case bash, zsh, fish
    }
}
