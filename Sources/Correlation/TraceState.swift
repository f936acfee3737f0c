import OTLP

/// One original trace in which spans of a follower arrived. As a unit it stands for those of them that are of no
/// execution. Belongs to the correlator's thread.
final class TraceState: JoinUnit {
    let id: TraceID
    /// The SERVER spans that took calls in.
    var servers: [ServerSpan] = []
    /// Whether one of the SERVER spans is a root, so that nothing reached Kestra from outside.
    var hasRootServer = false
    /// Whether a SERVER span has a parent.
    var hasCalledServer = false
    /// Whether spans of a home lie in it, and whether one of them is a root.
    var home = HomeSpans.none
    /// Whether one of its roots is of a follower other than Kestra.
    var hasFollowerRoot = false
    /// Whether it holds spans of a follower other than Kestra, which tell by themselves whether they are roots.
    var isFollower = false
    /// Whether any of its spans has come since the start: log records may be the first to name it.
    var hasSpans = false
    /// The execution of an EXECUTOR or WORKER span that is a root; of several the one with the smallest id.
    var fragmentOwner: Execution?
    /// The executions with spans here.
    var groups: [Group] = []
    /// Its spans that are of no execution.
    var rest: Group {
        if let known = knownRest { return known }
        let group = Group(trace: self, execution: nil)
        knownRest = group
        return group
    }
    private var knownRest: Group?
    /// Spans of tasks that start executions, and whose they are.
    var starters: [(span: SpanID, execution: Execution)] = []
    /// Where evidence about its executions leads, if it leads to one place; `nil` inside if to none or to several.
    var common: CommonPlace?
    /// Unix nanoseconds of the arrival of its first and its latest span of a follower.
    let firstSeen: UInt64
    var lastSeen: UInt64

    init(id: TraceID, now: UInt64) {
        self.id = id
        firstSeen = now
        lastSeen = now
    }

    /// True if the trace was continued through the header, false if it begins in Kestra, nil if neither is known yet.
    ///
    /// A root among Kestra's spans outweighs SERVER spans with a parent: those are calls of Kestra's own tasks.
    var isNative: Bool? {
        if isHome, isFollower { return true }
        if hasRootServer || fragmentOwner != nil { return false }
        return hasCalledServer ? true : nil
    }

    /// Lets go of the groups, which refer back to the trace.
    func forgetGroups() {
        groups = []
        knownRest = nil
    }

    /// Whether it is a home's trace, which stays what it is: a follower that calls home does not make its own trace one.
    var isHome: Bool {
        switch home {
        case .none: false
        case .some: !hasFollowerRoot && !hasRootServer && fragmentOwner == nil
        case .root: true
        }
    }

    /// Whether spans of it wait.
    var isHolding: Bool { !rest.held.isEmpty || groups.contains { !$0.held.isEmpty } }

    /// Lets the executions know whether this trace is native; after each change that `isNative` depends on.
    func tellExecutions() {
        let isNative = isNative == true
        for group in groups { group.execution?.note(self, isNative: isNative) }
    }
}

/// What is known of a home's spans in a trace.
enum HomeSpans: UInt8 {
    case none = 0
    case some = 1
    case root = 2
}

/// Where the executions of a trace agree to belong, as it was worked out last.
struct CommonPlace: Equatable {
    var placement: Placement?
}

/// A SERVER span of Kestra.
struct ServerSpan {
    var id: SpanID
    var parent: SpanID
    /// What it says about the executions below it.
    var facts: [SpanFact] = []
    /// The execution that its path names.
    var called: String?
    /// If calls are paired: the path and the time of the call, unix nanoseconds.
    var path: String?
    var start: UInt64 = 0
    var end: UInt64 = 0
}

/// One thing that a span says about where it belongs.
struct SpanFact: Equatable {
    var basis: Claim.Basis
    /// The event or the key's value that it names.
    var event: EventKey?
    var context: TraceContext?
    var start: UInt64
}
