/// Cases that a world may hold besides the ones that every correlator of spanbridge can do.
package struct Features: OptionSet, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Two tenants with the same execution id and the same event id; evidence of one tenant about the other's executions.
    package static let tenancyConflicts = Features(rawValue: 1 << 0)
    /// An execution publishes an event from within its trace, which moves; the event starts the next one.
    package static let movedPublisher = Features(rawValue: 1 << 1)
    /// A call below a task of a moved execution, whose own execution belongs to another event.
    package static let lateSplit = Features(rawValue: 1 << 2)
    /// A home and a follower that share nothing but a business key or message ids.
    package static let configuredSystems = Features(rawValue: 1 << 3)
    /// An execution follows one that lies in another trace, and that one moves: only Kestra's record tells who started it.
    package static let followsAcrossTraces = Features(rawValue: 1 << 4)
    /// Spans that left hang under what is the parent now, though their trace was right before: a WORKER span that came
    /// before any EXECUTOR span, a SERVER span that left before the publishing span was known.
    package static let exactParents = Features(rawValue: 1 << 5)
    /// The execution spans that were exported last show what is known now: start, errors, event, and links with the
    /// traces of now.
    package static let exactExecutionSpans = Features(rawValue: 1 << 6)
    /// An event of which two tellers give different traceparents, none of them a CloudEvent.
    package static let contextConflicts = Features(rawValue: 1 << 7)

    /// Spans stay where they left to, and get links.
    package static let linkPolicy = Features(rawValue: 1 << 8)

    /// Only joined executions have a span of their own, whenever they are found to be joined.
    package static let joinedMode = Features(rawValue: 1 << 9)
    /// An execution span that was to be exported again when the relay crashed is exported after it.
    package static let owedExecutionSpans = Features(rawValue: 1 << 10)

    /// For canaries: the truth says that the weakest evidence wins.
    package static let wrongRule = Features(rawValue: 1 << 31)

    package static let names: [(name: String, feature: Features)] = [
        ("tenancyConflicts", .tenancyConflicts), ("movedPublisher", .movedPublisher), ("lateSplit", .lateSplit),
        ("configuredSystems", .configuredSystems), ("followsAcrossTraces", .followsAcrossTraces),
        ("exactParents", .exactParents), ("exactExecutionSpans", .exactExecutionSpans), ("contextConflicts", .contextConflicts),
        ("linkPolicy", .linkPolicy), ("joinedMode", .joinedMode), ("owedExecutionSpans", .owedExecutionSpans),
    ]

    /// What the correlator of today can do; the others are found wrong.
    package static let supported: Features = [
        .tenancyConflicts, .movedPublisher, .lateSplit, .configuredSystems, .contextConflicts, .joinedMode, .linkPolicy,
        .followsAcrossTraces, .exactExecutionSpans, .owedExecutionSpans,
    ]

    /// Reads `name,name`, `all` or an empty text; nil if a name is unknown.
    package init?(text: String) {
        var known: Features = []
        for word in text.split(separator: ",") {
            if word == "all" {
                Self.names.forEach { known.insert($0.feature) }
            } else if let named = Self.names.first(where: { $0.name == word }) {
                known.insert(named.feature)
            } else {
                return nil
            }
        }
        self = known
    }
}
