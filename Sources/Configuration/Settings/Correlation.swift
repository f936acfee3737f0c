extension Configuration {
    /// How executions and events are joined.
    package struct Correlation: SettingsSection, Hashable {
        /// What happens to spans that left before the evidence about them came.
        package enum Late: String, Sendable, CaseIterable {
            /// They are exported again under the unified trace, marked `spanbridge.amended`.
            case amend
            /// They stay where they are; the execution's span is exported again with a link.
            case link
            /// The evidence counts for later spans and for answers only.
            case ignore
        }

        /// What happens if an event was delivered in a trace other than its own, so that its execution is native there.
        package enum DetachedDelivery: String, Sendable, CaseIterable {
            /// The execution stays in the delivery's trace and is linked with the event's.
            case link
            /// The delivery's trace goes to the event's.
            case move
        }

        /// Whether a call and the request that it seems to be are brought together by their URL and time alone.
        package enum HTTPPairing: String, Sendable, CaseIterable {
            case off
            /// They are linked, never joined.
            case link
        }

        /// How long spans that may still change wait for evidence. Default 10 s. Lower amends more often; higher delays
        /// Kestra's spans, not others.
        package var hold: Nanoseconds = 10 * second
        /// How many bytes of held spans stay in memory; beyond it they are read back from the journal. Default 64 MiB.
        package var holdMemory: ByteCount = 64 << 20
        /// Default `amend`.
        package var late = Late.amend
        package var executionSpan = ExecutionSpan()
        /// How many executions, events and traces are remembered; beyond it the longest quiet are forgotten, and what
        /// comes for them later is joined from the journal's bindings only. Defaults 1000000, 1000000 and 2000000.
        package var maxExecutions = 1_000_000
        package var maxEvents = 1_000_000
        package var maxTraces = 2_000_000
        /// How many of all these together stay in memory; the longest quiet beyond it are kept in a file of the data
        /// directory and read back when something of them comes. Default 200000. Twice as many, or 10000, can be in memory
        /// while they wait; then those are forgotten.
        package var maxInMemory = 200_000
        /// How many pieces of evidence one execution keeps for its explanation. Default 16.
        package var maxEvidence = 16
        /// How many relations one thing keeps: executions of a trace or an event, events of a trace. Default 1000.
        package var maxRelations = 1_000
        /// How many traces of one execution are remembered, so that late evidence can move its spans. Default 100000.
        package var maxTracesPerExecution = 100_000
        /// What values mean, beside `Profile.keys`.
        package var keys: [SharedKey] = []
        package var origins = Origins()
        package var tenancy = Tenancy()
        /// Default `link`.
        package var detachedDelivery = DetachedDelivery.link
        /// Default `off`.
        package var httpPairing = HTTPPairing.off
        /// Where an execution id may stand in the data of a CloudEvent, outermost member first. Default
        /// `output.executionId` and `executionId`.
        package var claimedExecutionPaths = [["output", "executionId"], ["executionId"]]

        mutating func read(_ section: Section) {
            section.duration("hold", &hold, in: 0...hour)
            section.size("hold_memory", &holdMemory, in: 0...1 << 40)
            section.choice("late", &late)
            section.section("execution_span", &executionSpan)
            section.count("max_executions", &maxExecutions, in: 100...100_000_000)
            section.count("max_events", &maxEvents, in: 100...100_000_000)
            section.count("max_traces", &maxTraces, in: 100...100_000_000)
            section.count("max_in_memory", &maxInMemory, in: 0...100_000_000)
            section.count("max_evidence", &maxEvidence, in: 1...1_000)
            section.count("max_relations", &maxRelations, in: 10...1_000_000)
            section.count("max_traces_per_execution", &maxTracesPerExecution, in: 10...10_000_000)
            section.choice("detached_delivery", &detachedDelivery)
            section.choice("http_pairing", &httpPairing)
            // Keys name systems.
            section.section("origins", &origins)
            readKeys(section)
            section.section("tenancy", &tenancy)
            section.paths("claimed_execution_paths", &claimedExecutionPaths)
        }
    }

    /// The span that the relay makes for an execution, for which Kestra has none.
    package struct ExecutionSpan: SettingsSection, Hashable {
        package enum Mode: String, Sendable, CaseIterable {
            /// Every execution gets one.
            case all
            /// Those that belong to an event or a caller's trace get one.
            case joined
            case none
        }

        /// Default `all`.
        package var mode = Mode.all
        /// How long nothing of an execution must have come before its span is exported, if its end was not told.
        /// Default 60 s. Lower ends spans too early, which `late: amend` mends; higher delays them.
        package var quiet: Nanoseconds = 60 * second

        mutating func read(_ section: Section) {
            section.choice("mode", &mode)
            section.duration("quiet", &quiet, in: 100 * millisecond...day)
        }
    }

    /// What is hidden before anything leaves.
    package struct Redaction: SettingsSection, Hashable {
        /// String attributes in which webhook keys are masked on export. Default `url.path`, `url.query`, `http.target`.
        /// A given list replaces the default; an empty one exports the keys.
        package var attributes = ["url.path", "url.query", "http.target"]

        mutating func read(_ section: Section) {
            section.list("attributes", &attributes)
        }
    }
}
