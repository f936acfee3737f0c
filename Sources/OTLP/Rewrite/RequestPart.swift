import Wire

/// A request with only some of the spans of another, unchanged but for what must be masked.
///
/// What is around them stays: resources, scopes and unknown fields. Resources and scopes that have other spans only are left
/// out.
package struct RequestPart {
    /// With exactly the capacity it needs.
    package private(set) var payload: [UInt8] = []
    /// Without names, executions and evidence: it serves to send the spans, not to learn from them again.
    package private(set) var index = SpanIndex()

    /// A resource or scope with chosen spans: which it is, the bytes of its new body, and which of the chosen scopes or
    /// positions lie in it.
    private struct Piece {
        let number: Int
        private(set) var count: Int
        private(set) var chosen: Range<Int>

        /// - Parameter rest: the bytes of its body that are in none of its scopes or spans.
        init(number: Int, rest: Int, first ordinal: Int) {
            self.number = number
            count = rest
            chosen = ordinal..<ordinal
        }

        /// The next scope or position lies in it too.
        mutating func take(_ bytes: Int) {
            count += bytes
            chosen = chosen.lowerBound..<chosen.upperBound + 1
        }
    }

    /// - Parameters:
    ///   - whole: made from the bytes of `request`.
    ///   - positions: indices into its spans, ascending.
    ///
    /// Nil if they are not, or name no span, or if the request has spans without a place in the index, since they would
    /// come along.
    package init?(of request: [UInt8], index whole: SpanIndex, spans positions: [Int32]) {
        guard whole.rejectedSpans == 0, let first = positions.first, first >= 0, let last = positions.last,
            Int(last) < whole.spans.count, zip(positions, positions.dropFirst()).allSatisfy(<)
        else { return nil }
        let scopes = Self.scopes(of: positions, in: whole)
        let resources = Self.resources(of: scopes, in: whole)
        let inResources = whole.resources.reduce(0) { $0 + $1.field.count }
        let size = resources.reduce(request.count - inResources) { $0 + 1 + WireWriter.size(ofDelimited: $1.count) }
        var output = RewriteOutput(payload: request, index: whole, capacity: size)
        index.spans.reserveCapacity(positions.count)
        var rest = resources[...]
        var copied = 0
        for (number, resource) in whole.resources.enumerated() {
            output.copy(copied..<Int(resource.field.start))
            copied = Int(resource.field.end)
            guard let piece = rest.first, piece.number == number else { continue }
            rest.removeFirst()
            write(resource, piece, scopes[piece.chosen], positions, of: whole, to: &output)
        }
        output.copy(copied..<request.count)
        payload = output.bytes
    }

    private static func scopes(of positions: [Int32], in whole: SpanIndex) -> [Piece] {
        var pieces: [Piece] = []
        for (ordinal, position) in positions.enumerated() {
            let span = whole.spans[Int(position)]
            if pieces.last?.number != Int(span.scope) {
                let scope = whole.scopes[Int(span.scope)]
                let inSpans = whole.spans[Int(scope.spans.lowerBound)..<Int(scope.spans.upperBound)].reduce(0) {
                    $0 + $1.field.count
                }
                pieces.append(Piece(number: Int(span.scope), rest: scope.body.count - inSpans, first: ordinal))
            }
            pieces[pieces.count - 1].take(span.field.count)
        }
        return pieces
    }

    private static func resources(of scopes: [Piece], in whole: SpanIndex) -> [Piece] {
        var pieces: [Piece] = []
        for (ordinal, scope) in scopes.enumerated() {
            let number = Int(whole.scopes[scope.number].resource)
            if pieces.last?.number != number {
                let inScopes = Self.scopes(ofResource: number, around: scope.number, in: whole).reduce(0) {
                    $0 + whole.scopes[$1].field.count
                }
                pieces.append(
                    Piece(number: number, rest: whole.resources[number].body.count - inScopes, first: ordinal))
            }
            pieces[pieces.count - 1].take(1 + WireWriter.size(ofDelimited: scope.count))
        }
        return pieces
    }

    /// All scopes of a resource, of which one is known: they are neighbours.
    private static func scopes(ofResource number: Int, around known: Int, in whole: SpanIndex) -> Range<Int> {
        let first = whole.scopes[..<known].lastIndex { Int($0.resource) != number }.map { $0 + 1 } ?? 0
        let end = whole.scopes[known...].firstIndex { Int($0.resource) != number } ?? whole.scopes.count
        return first..<end
    }

    private static func open(_ tag: UInt32, _ count: Int, in output: inout RewriteOutput) -> (field: ByteRange, body: ByteRange) {
        let start = output.bytes.count
        output.header(tag, count)
        let body = output.bytes.count..<output.bytes.count + count
        return (ByteRange(start..<body.upperBound), ByteRange(body))
    }

    private mutating func write(
        _ resource: ResourceEntry, _ piece: Piece, _ scopes: ArraySlice<Piece>, _ positions: [Int32],
        of whole: SpanIndex, to output: inout RewriteOutput
    ) {
        let (field, body) = Self.open(10, piece.count, in: &output)
        index.resources.append(ResourceEntry(field: field, body: body, serviceName: .none))
        var rest = scopes
        var copied = Int(resource.body.start)
        for number in Self.scopes(ofResource: piece.number, around: scopes[scopes.startIndex].number, in: whole) {
            let scope = whole.scopes[number]
            output.copy(copied..<Int(scope.field.start))
            copied = Int(scope.field.end)
            guard let chosen = rest.first, chosen.number == number else { continue }
            rest.removeFirst()
            write(scope, chosen, positions[chosen.chosen], of: whole, to: &output)
        }
        output.copy(copied..<Int(resource.body.end))
    }

    private mutating func write(
        _ scope: ScopeEntry, _ piece: Piece, _ positions: ArraySlice<Int32>, of whole: SpanIndex,
        to output: inout RewriteOutput
    ) {
        let (field, body) = Self.open(18, piece.count, in: &output)
        let first = Int32(truncatingIfNeeded: index.spans.count)
        index.scopes.append(
            ScopeEntry(
                resource: Int32(truncatingIfNeeded: index.resources.count) - 1, field: field, body: body, name: .none,
                origin: scope.origin, role: scope.role,
                spans: first..<first + Int32(truncatingIfNeeded: positions.count)))
        var rest = positions
        var copied = scope.body.start
        for position in scope.spans {
            let span = whole.spans[Int(position)]
            if rest.first == position {
                rest.removeFirst()
                // What is before it since `copied` goes with it.
                append(span, movedBy: output.bytes.count - Int(copied))
            } else {
                output.copy(Int(copied)..<Int(span.field.start))
                copied = span.field.end
            }
        }
        output.copy(Int(copied)..<Int(scope.body.end))
    }

    private mutating func append(_ span: SpanEntry, movedBy distance: Int) {
        func moved(_ offset: UInt32) -> UInt32 { UInt32(truncatingIfNeeded: Int(offset) + distance) }
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
    }
}
