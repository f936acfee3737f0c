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

        /// How long spans that may still change wait for evidence. Default 10 s. Lower amends more often; higher delays
        /// Kestra's spans, not others.
        package var hold: Nanoseconds = 10 * second
        /// How many bytes of held spans stay in memory; beyond it they are read back from the journal. Default 64 MiB.
        package var holdMemory: ByteCount = 64 << 20
        /// Default `amend`.
        package var late = Late.amend
        package var executionSpan = ExecutionSpan()
        /// How many executions, events and traces are remembered; beyond it the longest quiet are forgotten, and what
        /// comes for them later is joined from the journal's bindings only. Defaults 200000, 200000 and 400000; an
        /// execution takes about 1 KiB.
        package var maxExecutions = 200_000
        package var maxEvents = 200_000
        package var maxTraces = 400_000
        /// How many pieces of evidence one execution keeps for its explanation. Default 16.
        package var maxEvidence = 16
        /// What attributes mean, beside the built-in names.
        package var keys: [AttributeMeaning] = []
        package var origins = Origins()
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
            section.count("max_evidence", &maxEvidence, in: 1...1_000)
            readKeys(section)
            section.section("origins", &origins)
            section.paths("claimed_execution_paths", &claimedExecutionPaths)
        }

        private mutating func readKeys(_ section: Section) {
            let words = AttributeMeaning.Meaning.allCases.map(\.rawValue)
            for (name, text, origin) in section.pairs("keys", kind: "a mapping of attribute names to meanings") {
                if let meaning = AttributeMeaning.Meaning(rawValue: text) {
                    keys.append(AttributeMeaning(attribute: name, meaning: meaning))
                } else {
                    let near = suggestion(for: text, among: words).map { "; did you mean \($0)?" } ?? ""
                    section.reading.complain(
                        at: origin, path: "\(section.path(of: "keys")).\(name)",
                        "expected one of \(words.joined(separator: ", ")), found \"\(excerpt(text))\"\(near)")
                }
            }
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

    /// What the value of one attribute of spans and log records says.
    package struct AttributeMeaning: Sendable, Hashable {
        package enum Meaning: String, Sendable, CaseIterable {
            case eventID = "event_id"
            case eventSource = "event_source"
            case eventType = "event_type"
            case eventSubject = "event_subject"
            case eventTenant = "event_tenant"
            /// An execution that the span's system started.
            case claimedExecution = "claimed_execution"
            case traceparent
            /// A URL's path, in which an execution id may stand.
            case urlPath = "url_path"
            /// A URL's query with `ce-id`, `ce-source` or `traceparent`.
            case urlQuery = "url_query"
            /// Nothing: takes a built-in meaning away.
            case ignore
        }

        package var attribute: String
        package var meaning: Meaning

        package init(attribute: String, meaning: Meaning) {
            self.attribute = attribute
            self.meaning = meaning
        }
    }

    /// How the relay tells whose spans it sees.
    package struct Origins: SettingsSection, Hashable {
        package var portarium = OriginRule(scopes: ["portarium", "portarium.*"], services: ["portarium*"])
        package var kestra = OriginRule(scopes: ["kestra"], services: ["kestra"])

        mutating func read(_ section: Section) {
            section.section("portarium", &portarium)
            section.section("kestra", &kestra)
        }
    }

    /// Spans are of an origin if their scope or their service is listed.
    package struct OriginRule: SettingsSection, Hashable {
        /// Instrumentation scopes: exact, or with all below it if the entry ends in `.*`. A given list replaces the default.
        package var scopes: [String]
        /// Values of `service.name`: exact, or a prefix if the entry ends in `*`. A given list replaces the default.
        package var services: [String]

        mutating func read(_ section: Section) {
            section.list("scopes", &scopes)
            section.list("services", &services)
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
