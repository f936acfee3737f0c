package import Wire

/// A request cut in two between resources, scopes, metrics, or records, for peers that take only smaller ones. Both halves
/// keep what is around their records: resource, scope, schema URLs, a metric's name and unknown fields.
package struct RequestHalves: Sendable {
    package typealias Half = (payload: [UInt8], records: Int)

    package let first: Half
    package let second: Half

    /// Cuts where about half of the bytes are on each side.
    ///
    /// Returns nil if there is nothing to be cut between, and if more than half would be repeated on both sides: so the
    /// pieces that come of cutting again and again are together a small multiple of the request, whatever its envelopes.
    ///
    /// Throws if the bytes are not protobuf of the signal's shape.
    package init?(of payload: [UInt8], signal: Signal) throws(WireError) {
        let shape = Shape(signal)
        let cutter = Cutter(payload: payload, shape: shape)
        guard let (first, second) = try cutter.cut(0..<payload.count, level: 0),
            first.count + second.count - payload.count <= payload.count / 2
        else { return nil }
        self.first = (first, try Cutter(payload: first, shape: shape).records)
        self.second = (second, try Cutter(payload: second, shape: shape).records)
    }

    /// What is inside what, from the request to its records.
    private struct Shape {
        /// The tags of the parts of a message, at each level.
        var parts: [[UInt32]]
        /// The level whose parts exclude each other: a metric's data, of which there is one.
        var choice: Int?

        init(_ signal: Signal) {
            switch signal {
            case .traces, .logs: parts = [[10], [18], [18]]
            case .metrics:
                parts = [[10], [18], [18], [42, 58, 74, 82, 90], [10]]
                choice = 3
            }
        }
    }

    private struct Cutter {
        let payload: [UInt8]
        let shape: Shape

        private struct Part {
            var tag: UInt32
            /// With its tag and length.
            var field: Range<Int>
            var body: Range<Int>
        }

        private func parts(of message: Range<Int>, level: Int) throws(WireError) -> [Part] {
            var parts: [Part] = []
            var reader = WireReader(payload.span.bytes, in: message)
            while !reader.isAtEnd {
                let start = reader.position
                let tag = try reader.tag()
                guard shape.parts[level].contains(tag) else {
                    try reader.skip(tag)
                    continue
                }
                let body = try reader.range()
                parts.append(Part(tag: tag, field: start..<reader.position, body: body))
            }
            return parts
        }

        var records: Int {
            get throws(WireError) { try records(in: 0..<payload.count, level: 0) }
        }

        private func records(in message: Range<Int>, level: Int) throws(WireError) -> Int {
            let parts = try parts(of: message, level: level)
            guard level + 1 < shape.parts.count else { return parts.count }
            var count = 0
            for part in parts { count += try records(in: part.body, level: level + 1) }
            return count
        }

        func cut(_ message: Range<Int>, level: Int) throws(WireError) -> (first: [UInt8], second: [UInt8])? {
            guard level < shape.parts.count else { return nil }
            let parts = try parts(of: message, level: level)
            guard let only = parts.first else { return nil }
            if parts.count > 1 {
                guard level != shape.choice else { return nil }
                let middle = middle(of: parts)
                return (without(parts[middle...], of: message), without(parts[..<middle], of: message))
            }
            guard let (first, second) = try cut(only.body, level: level + 1) else { return nil }
            return (with(first, in: only, of: message), with(second, in: only, of: message))
        }

        /// How many parts make the first half: at least one, and not all.
        private func middle(of parts: [Part]) -> Int {
            let half = parts.reduce(0) { $0 + $1.field.count } / 2
            var count = 1
            var bytes = parts[0].field.count
            while count < parts.count - 1, bytes + parts[count].field.count <= half {
                bytes += parts[count].field.count
                count += 1
            }
            return count
        }

        private func without(_ left: ArraySlice<Part>, of message: Range<Int>) -> [UInt8] {
            var output: [UInt8] = []
            output.reserveCapacity(message.count - left.reduce(0) { $0 + $1.field.count })
            var position = message.lowerBound
            for part in left {
                WireWriter.copy(position..<part.field.lowerBound, of: payload, to: &output)
                position = part.field.upperBound
            }
            WireWriter.copy(position..<message.upperBound, of: payload, to: &output)
            return output
        }

        private func with(_ body: [UInt8], in part: Part, of message: Range<Int>) -> [UInt8] {
            var output: [UInt8] = []
            output.reserveCapacity(message.count - part.body.count + body.count)
            WireWriter.copy(message.lowerBound..<part.field.lowerBound, of: payload, to: &output)
            WireWriter.delimited(part.tag, body, to: &output)
            WireWriter.copy(part.field.upperBound..<message.upperBound, of: payload, to: &output)
            return output
        }
    }
}
