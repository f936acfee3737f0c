extension Configuration {
    /// The port for questions: the native API, metrics and health.
    package struct API: SettingsSection, Hashable {
        /// Default 127.0.0.1:4320.
        package var endpoint = ListenEndpoint(host: "127.0.0.1", port: 4320)
        /// The largest request, CloudEvents and bindings included. Default 4 MiB.
        package var maxRequestSize: ByteCount = 4 << 20
        /// After how long a question is given up. Default 10 s. Lower cuts off searches over much history; higher lets
        /// one question keep a thread busy.
        package var queryTimeout: Nanoseconds = 10 * second
        /// How many events or traces one answer lists at most. Default 1000.
        package var maxResults = 1000
        /// Who may ask and post. Default nil: everybody who reaches the port. `/healthz` and `/readyz` are open always.
        package var auth: Authentication?
        /// nil: plain text.
        package var tls: ListenerTLS?

        mutating func read(_ section: Section) {
            section.listener("endpoint", &endpoint)
            section.authentication(&auth)
            section.size("max_request_size", &maxRequestSize, in: 1 << 10...1 << 30)
            section.duration("query_timeout", &queryTimeout, in: 100 * millisecond...hour)
            section.count("max_results", &maxResults, in: 1...100_000)
            section.optionalSection("tls", &tls, from: ListenerTLS())
        }
    }

    /// What is written to standard error.
    package struct Log: SettingsSection, Hashable {
        package enum Level: String, Sendable, CaseIterable {
            case trace, debug, info, notice, warning, error, critical
        }

        package enum Format: String, Sendable, CaseIterable {
            /// Text on a terminal, else JSON.
            case auto
            case text
            /// One JSON object a line.
            case json
        }

        /// The least that is written. Default `info`.
        package var level = Level.info
        /// Default `auto`.
        package var format = Format.auto

        mutating func read(_ section: Section) {
            section.choice("level", &level)
            section.choice("format", &format)
        }
    }

    package struct Threads: SettingsSection, Hashable {
        /// Threads for sockets, inflating and rewriting. Default 0: one a core. Lower leaves cores to others.
        package var eventLoops = 0

        mutating func read(_ section: Section) {
            section.count("event_loops", &eventLoops, in: 0...256)
        }
    }
}
