package import OTLP

/// One case that real systems produce, as somebody wrote it down: what is sent and told, and where everything must end.
///
/// The text form is explained in `Cases/README.md`. What its words stand for on the wire is in `ScenarioSpan.swift`.
package struct Scenario: Sendable {
    package var title: String
    /// Why the truth is what it is, and the recording or fact it is taken from.
    package var remarks: [String] = []
    /// 1.3 or 2.0: which classes Kestra names in `kestra.source`. The shape of the trees is written out.
    package var kestra = "1.3"
    package var steps: [Step] = []
    package var expected = Outcome()
    /// Places that evidence names, by the labels of trace and span.
    var mentioned: [(trace: String, span: String)] = []
    /// Whether the steps only make sense in the order in which they are written.
    package var isOrdered = false
    /// What does not hold yet if the steps come in another order.
    package var open: String?

    package enum Step: Sendable {
        /// One OTLP request.
        case spans([ScenarioSpan])
        /// The CloudEvents tee, `POST /v1/cloudevents`.
        case events(EventRequest)
        /// `POST /v1/bindings`, as JSON.
        case binding(String)
        /// What the Kestra API answers about an execution.
        case record(ScenarioRecord)
        /// Seconds in which nothing comes.
        case wait(UInt64)
    }

    /// A request with CloudEvents in one of the three modes.
    package struct EventRequest: Sendable {
        package var headers: [(name: String, value: String)]
        package var body: String
    }

    /// What the traces are numbered by.
    package static func trace(_ label: String) -> TraceID { TraceID(high: 0x5CE0_0000_0000_0000, low: hash(label)) }

    package static func span(_ label: String) -> SpanID { SpanID(raw: hash(label)) }

    /// `E1` as an id of Kestra's shape.
    package static func execution(_ label: String) -> String {
        "scenarioExecution" + String(repeating: "0", count: max(0, 5 - label.utf8.count)) + label
    }

    /// FNV-1a.
    private static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    package static func traceparent(_ trace: String, _ span: String) -> String {
        "00-\(Self.trace(trace).hex)-\(Self.span(span).hex)-01"
    }

    package var spans: [ScenarioSpan] {
        steps.flatMap { step in if case .spans(let spans) = step { spans } else { [ScenarioSpan]() } }
    }

    /// The labels of ids, to read outcomes back.
    package var names: Names { Names(self) }

    package struct Names: Sendable {
        package private(set) var traces: [TraceID: String] = [:]
        package private(set) var spans: [SpanID: String] = [:]
        package private(set) var executions: [String: String] = [:]

        init(_ scenario: Scenario) {
            for label in scenario.traceLabels { traces[Scenario.trace(label)] = label }
            for span in scenario.spans {
                spans[Scenario.span(span.label)] = span.label
                if let parent = span.parent { spans[Scenario.span(parent)] = parent }
                if let execution = span.execution { executions[Scenario.execution(execution)] = execution }
            }
            for place in scenario.mentioned {
                traces[Scenario.trace(place.trace)] = place.trace
                spans[Scenario.span(place.span)] = place.span
            }
        }
    }

    private var traceLabels: Set<String> {
        Set(spans.map(\.trace)).union(expected.places.values.map(\.trace).filter { !$0.hasPrefix("derived(") })
    }
}

/// Where everything came to rest: by label, `[E1]` for the span that spanbridge makes for execution E1.
package struct Outcome: Equatable, Sendable {
    package var places: [String: Place] = [:]

    package init() {}

    package struct Place: Equatable, Sendable {
        package var trace: String
        /// A label, or `-` for a root.
        package var parent: String
        /// Only of execution spans: the rule, and the state if one was told.
        package var rule = ""
        package var state = ""
        /// `reason:label`, as in `redelivery:[E2]`.
        package var links: Set<String> = []

        package init(trace: String, parent: String) {
            self.trace = trace
            self.parent = parent
        }
    }

    /// What must be the same in every order of the steps. A span that has left before the other end of a link was known
    /// is not sent again for the link, nor an execution's span to tell that its trace is the caller's.
    package var inAnyOrder: Outcome {
        var outcome = self
        for (label, place) in places {
            if !label.hasPrefix("[") { outcome.places[label]?.links = [] }
            if place.rule == "native" { outcome.places[label]?.rule = "own" }
        }
        return outcome
    }

    /// What is wrong, one line each; empty if nothing is.
    package func differences(from expected: Outcome) -> [String] {
        Set(places.keys).union(expected.places.keys).sorted().compactMap { label in
            let (found, wanted) = (places[label], expected.places[label])
            guard found != wanted else { return nil }
            guard let found else { return "\(label) is missing" }
            guard let wanted else { return "\(label) must not be there" }
            return "\(label): \(Self.text(found)), but must be \(Self.text(wanted))"
        }
    }

    private static func text(_ place: Place) -> String {
        let more = [place.rule, place.state].filter { !$0.isEmpty } + place.links.sorted()
        return "in \(place.trace) under \(place.parent)" + (more.isEmpty ? "" : " (\(more.joined(separator: ", ")))")
    }
}
