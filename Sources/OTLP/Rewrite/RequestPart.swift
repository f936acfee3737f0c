/// A request with only some of the spans of another, unchanged but for what must be masked.
package struct RequestPart {
    /// With exactly the capacity it needs.
    package private(set) var payload: [UInt8] = []
    /// Without names, executions and evidence: it serves to send the spans, not to learn from them again.
    package private(set) var index = SpanIndex()

    /// - Parameter positions: indices into the spans of `index`, ascending. Nil if they are not, or name no span.
    package init?(of request: [UInt8], index whole: SpanIndex, spans positions: [Int32]) {
        let spans = whole.spans
        guard let last = positions.last, positions.first ?? -1 >= 0, Int(last) < spans.count,
            zip(positions, positions.dropFirst()).allSatisfy(<)
        else { return nil }
        let edits = positions.map { SpanEdit(unchanged: spans[Int($0)], at: Int($0)) }
        var plan = RewritePlan(index: whole, edits: edits, links: [])
        // The index was made from these bytes, and making it read every field that is read here.
        guard (try? plan.read(request)) != nil else { return nil }
        var output = RewriteOutput(payload: request, index: whole, capacity: plan.byteCount)
        index.spans.reserveCapacity(positions.count)
        var rest = positions[...]
        for piece in plan.pieces {
            let start = output.bytes.count
            switch piece {
            case .header(let tag, let count):
                output.header(tag, Int(count))
                guard let next = rest.first else { return nil }
                let body = ByteRange(output.bytes.count..<output.bytes.count + Int(count))
                let field = ByteRange(start..<Int(body.end))
                if tag == 10 {
                    index.resources.append(ResourceEntry(field: field, body: body, serviceName: .none))
                } else {
                    open(whole.scopes[Int(spans[Int(next)].scope)], field: field, body: body)
                }
            case .copy(let range):
                output.copy(range.indices)
                while let next = rest.first, range.contains(spans[Int(next)].field) {
                    append(spans[Int(next)], movedFrom: Int(range.start), to: start)
                    rest.removeFirst()
                }
            case .span:
                // Of edits that change something, which these do not.
                return nil
            }
        }
        guard rest.isEmpty else { return nil }
        payload = output.bytes
    }

    private mutating func open(_ scope: ScopeEntry, field: ByteRange, body: ByteRange) {
        let end = Int32(truncatingIfNeeded: index.spans.count)
        index.scopes.append(
            ScopeEntry(
                resource: Int32(truncatingIfNeeded: index.resources.count) - 1, field: field, body: body, name: .none,
                origin: scope.origin, role: scope.role, spans: end..<end))
    }

    private mutating func append(_ span: SpanEntry, movedFrom old: Int, to new: Int) {
        func moved(_ offset: UInt32) -> UInt32 { UInt32(truncatingIfNeeded: Int(offset) - old + new) }
        func moved(_ range: ByteRange) -> ByteRange {
            range.isEmpty ? .none : ByteRange(moved(range.start), moved(range.end))
        }
        var span = span
        span.field = moved(span.field)
        span.body = moved(span.body)
        span.traceIDOffset = moved(span.traceIDOffset)
        span.parentOffset = span.parentOffset == 0 ? 0 : moved(span.parentOffset)
        span.name = moved(span.name)
        span.taskRun = moved(span.taskRun)
        span.source = moved(span.source)
        span.scope = Int32(truncatingIfNeeded: index.scopes.count) - 1
        (span.execution, span.evidence) = (-1, 0..<0)
        index.spans.append(span)
        let scope = index.scopes.count - 1
        if scope >= 0 { index.scopes[scope].spans = index.scopes[scope].spans.lowerBound..<Int32(truncatingIfNeeded: index.spans.count) }
    }
}

extension ByteRange {
    fileprivate func contains(_ other: ByteRange) -> Bool { other.start >= start && other.end <= end }
}
