package import OTLP

/// Where everything of a world belongs. It is written down by the generator, which knows it by construction, and never
/// asks the correlator.
package struct Truth {
    package struct Key: Hashable, Sendable {
        /// Kestra's tenant.
        package var tenant: String
        package var execution: String
    }

    /// One span that was sent.
    package struct Span {
        package var name: String
        package var trace: TraceID
        /// Its parent, if its execution has no span of its own; nil if nothing is said about it.
        package var parent: SpanID?
        /// Parents that it may have had in this trace before everything was told.
        package var earlierParents: [SpanID] = []
        /// Whether it hangs under its execution's own span.
        package var isTopLevel = false
        package var execution: Key?
        /// Whose span it is: nothing of two tenants may lie in one trace. Empty if it is nobody's.
        package var tenant: String
        package var links: [Link] = []
    }

    /// One execution.
    package struct Run {
        package var trace: TraceID
        /// The id of its own span.
        package var span: SpanID
        package var parent: SpanID
        package var earlierParents: [SpanID] = []
        /// Whether evidence placed it, or its starter.
        package var isJoined: Bool
        /// Whether it stays in the trace of its caller.
        package var isNative: Bool
        package var links: [Link] = []
        /// The id of the event that started it; nil if nothing is said about it, empty if there is none.
        package var event: String?
        package var state = ""
        package var hasErrors = false
        package var start = UInt64.max
        package var end: UInt64 = 0
        package var tenant: String
    }

    /// A link that spanbridge adds.
    package enum Link {
        case place(TraceID, SpanID, reason: String)
        /// To an execution's own span, wherever that is.
        case run(Key, reason: String)
    }

    package var spans: [SpanID: Span] = [:]
    package var runs: [Key: Run] = [:]

    /// Where the truth contradicts itself, in words: a generator's fault.
    package var contradictions: [String] {
        var found: [String] = []
        var tenants: [TraceID: String] = [:]
        for (id, span) in spans {
            if let key = span.execution, runs[key]?.trace != span.trace {
                found.append("\(id.hex) is not where \(key.execution) is")
            }
            if !span.tenant.isEmpty, let other = tenants.updateValue(span.tenant, forKey: span.trace),
                other != span.tenant
            {
                found.append("\(span.trace.hex) is of \(other) and \(span.tenant)")
            }
            // A call from within may go to another event's trace.
            if !span.isTopLevel, span.name != "POST /webhook", let parent = span.parent.flatMap({ spans[$0] }),
                parent.trace != span.trace
            {
                found.append("\(id.hex) is not where its parent is")
            }
        }
        return found
    }

    func resolve(_ links: [Link]) -> Set<AddedLink> {
        Set(
            links.compactMap { link in
                switch link {
                case .place(let trace, let span, let reason):
                    AddedLink(traceID: trace, spanID: span, reason: reason)
                case .run(let key, let reason):
                    runs[key].map { AddedLink(traceID: $0.trace, spanID: $0.span, reason: reason) }
                }
            })
    }
}
