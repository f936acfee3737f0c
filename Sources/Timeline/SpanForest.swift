import OTLP

/// The distinct spans of a timeline in order of their start, and how they hang together.
///
/// Indices are positions in `spans`. It is a forest whatever came in: a span that names itself or a descendant as its
/// parent becomes a root.
struct SpanForest {
    struct Key: Hashable {
        var trace: TraceID
        var span: SpanID
    }

    private(set) var spans: [TimelineSpan] = []
    /// -1 for a root.
    private(set) var parent: [Int] = []
    private(set) var children: [[Int]] = []
    private(set) var roots: [Int] = []
    /// How many spans came twice.
    private(set) var duplicates = 0
    /// Spans that end before they start; they are taken as moments.
    private(set) var reversed = 0
    /// Spans without any time, left out.
    private(set) var timeless = 0
    /// Spans beyond the limit, left out.
    private(set) var omitted = 0
    /// Cycles of spans that name each other as parents.
    private(set) var cyclic = 0
    /// Parents that spans name but that are not here, and how many name them.
    private(set) var phantoms: [Key: Int] = [:]

    init(_ input: [TimelineSpan], limit: Int) {
        var positions: [Key: Int] = [:]
        for var span in input {
            if span.start == 0 { span.start = span.end }
            if span.start == 0 {
                timeless += 1
                continue
            }
            let key = Key(trace: span.traceID, span: span.spanID)
            if let position = positions[key] {
                duplicates += 1
                // Of two versions the later end is the newer one: an execution's own span grows.
                if span.end > spans[position].end { spans[position] = span }
                continue
            }
            guard spans.count < limit else {
                omitted += 1
                continue
            }
            positions[key] = spans.count
            spans.append(span)
        }
        for position in spans.indices where spans[position].end < spans[position].start {
            reversed += 1
            spans[position].end = spans[position].start
        }
        spans.sort { ($0.start, $1.end, $0.spanID) < ($1.start, $0.end, $1.spanID) }
        link()
        cutCycles()
    }

    private mutating func link() {
        var positions: [Key: Int] = [:]
        for (position, span) in spans.enumerated() {
            positions[Key(trace: span.traceID, span: span.spanID)] = position
        }
        parent = Array(repeating: -1, count: spans.count)
        children = Array(repeating: [], count: spans.count)
        for (position, span) in spans.enumerated() {
            let key = Key(trace: span.traceID, span: span.parentSpanID)
            if span.parentSpanID.isZero {
                roots.append(position)
            } else if let found = positions[key] {
                parent[position] = found
                children[found].append(position)
            } else {
                phantoms[key, default: 0] += 1
                roots.append(position)
            }
        }
    }

    /// Whatever no root leads to lies on a cycle or below one; the earliest span of each cycle becomes a root.
    private mutating func cutCycles() {
        var reached = Array(repeating: false, count: spans.count)
        reach(from: roots, &reached)
        guard reached.contains(false) else { return }
        var isWalked = Array(repeating: false, count: spans.count)
        for candidate in spans.indices where !reached[candidate] {
            var position = candidate
            while !isWalked[position] {
                isWalked[position] = true
                position = parent[position]
            }
            var earliest = position
            var member = parent[position]
            while member != position {
                earliest = min(earliest, member)
                member = parent[member]
            }
            cyclic += 1
            children[parent[earliest]].removeAll { $0 == earliest }
            parent[earliest] = -1
            roots.append(earliest)
            reach(from: [earliest], &reached)
        }
        roots.sort()
    }

    private func reach(from starts: [Int], _ reached: inout [Bool]) {
        var pending = starts
        while let position = pending.popLast() {
            reached[position] = true
            pending.append(contentsOf: children[position])
        }
    }
}
