package import Wire

extension MetricIndex {
    /// Indexes a serialized `ExportMetricsServiceRequest`. Throws if the bytes are not protobuf of that shape. The first
    /// pass counts, so that the number of allocations does not depend on the number of exemplars.
    package init(payload: [UInt8]) throws(WireError) {
        guard payload.count <= Int(UInt32.max) else { throw .tooLarge(byteCount: payload.count) }
        self.init()
        let bytes = payload.span.bytes
        var indexer = MetricIndexer()
        try indexer.readRequest(WireReader(bytes))
        self = indexer.index
        guard indexer.exemplarCount > 0 else { return }
        var collector = MetricIndexer()
        collector.isCollecting = true
        collector.index.exemplars.reserveCapacity(indexer.exemplarCount)
        try collector.readRequest(WireReader(bytes))
        exemplars = collector.index.exemplars
    }
}

/// Makes a `MetricIndex`: first counts and checks, then, if there are exemplars, collects them.
struct MetricIndexer {
    var index = MetricIndex()
    var exemplarCount = 0
    var isCollecting = false

    /// What differs between the four kinds of data points: the tags of exemplars and attributes.
    private struct PointShape {
        var exemplars: UInt32
        var attributes: UInt32
        static let number = PointShape(exemplars: 42, attributes: 58)
        static let histogram = PointShape(exemplars: 66, attributes: 74)
        static let exponentialHistogram = PointShape(exemplars: 90, attributes: 10)
        /// A summary has no exemplars; tag 0 does not exist.
        static let summary = PointShape(exemplars: 0, attributes: 58)
    }

    mutating func readRequest(_ request: consuming WireReader) throws(WireError) {
        var request = request
        while !request.isAtEnd {
            switch try request.tag() {
            case 10: try readResource(request.message())
            case let tag: try request.skip(tag)
            }
        }
    }

    private mutating func readResource(_ body: consuming WireReader) throws(WireError) {
        var body = body
        while !body.isAtEnd {
            switch try body.tag() {
            case 10: _ = try EnvelopeReading.serviceName(body.message())
            case 18: try readScope(body.message())
            case let tag: try body.skip(tag)
            }
        }
    }

    private mutating func readScope(_ body: consuming WireReader) throws(WireError) {
        var body = body
        while !body.isAtEnd {
            switch try body.tag() {
            case 10: _ = try EnvelopeReading.scopeName(body.message())
            case 18: try readMetric(body.message())
            case let tag: try body.skip(tag)
            }
        }
    }

    private mutating func readMetric(_ body: consuming WireReader) throws(WireError) {
        var body = body
        index.metrics += 1
        while !body.isAtEnd {
            switch try body.tag() {
            case 42, 58: try readPoints(body.message(), .number)
            case 74: try readPoints(body.message(), .histogram)
            case 82: try readPoints(body.message(), .exponentialHistogram)
            case 90: try readPoints(body.message(), .summary)
            case 98: _ = try AttributeReading(body.message())
            case let tag: try body.skip(tag)
            }
        }
    }

    private mutating func readPoints(_ body: consuming WireReader, _ shape: PointShape) throws(WireError) {
        var body = body
        while !body.isAtEnd {
            switch try body.tag() {
            case 10:
                index.dataPoints += 1
                try readPoint(body.message(), shape)
            case let tag: try body.skip(tag)
            }
        }
    }

    private mutating func readPoint(_ body: consuming WireReader, _ shape: PointShape) throws(WireError) {
        var body = body
        while !body.isAtEnd {
            let tag = try body.tag()
            if tag == shape.attributes {
                if body.shortPair() == nil { _ = try AttributeReading(body.message()) }
            } else if tag == shape.exemplars {
                try readExemplar(body.message())
            } else {
                try body.skip(tag)
            }
        }
    }

    private mutating func readExemplar(_ body: consuming WireReader) throws(WireError) {
        var body = body
        var trace = 0..<0
        var span = 0..<0
        while !body.isAtEnd {
            switch try body.tag() {
            case 34: span = try body.range()
            case 42: trace = try body.range()
            case 58: _ = try AttributeReading(body.message())
            case let tag: try body.skip(tag)
            }
        }
        let (offset, traceID, spanID) = EnvelopeReading.association(trace, span, in: body)
        guard offset > 0 else { return }
        exemplarCount += 1
        if isCollecting {
            index.exemplars.append(ExemplarEntry(traceIDOffset: offset, traceID: traceID, spanID: spanID))
        }
    }
}
