import OTLP
import Wire

/// One request of spans in which every id can be made new, so that no two requests repeat and none costs more to make than
/// a copy and a few stores.
struct RequestTemplate {
    /// What the spans are of.
    enum Shape {
        /// Services that are neither Portarium nor Kestra: HTTP servers, database clients and what is between them.
        case services
        /// Half of the spans as above, half of Kestra's, whose executions begin traces of their own.
        case halfKestra
    }

    private var bytes: [UInt8] = []
    private var traces: [SpanWriter.Place] = []
    private var spans: [SpanWriter.Place] = []
    private var executions: [SpanWriter.Place] = []
    private var texts: [SpanWriter.Place] = []
    let spanCount: Int
    let executionCount: Int

    /// - Parameters:
    ///   - traces: how many traces the spans of services are in.
    ///   - executions: how many executions Kestra's spans are of, each in a trace of its own; used by `halfKestra`.
    init(_ shape: Shape, spans count: Int, traces: Int, executions: Int) {
        spanCount = count
        executionCount = shape == .halfKestra ? executions : 0
        var builder = SpanWriter()
        let ofServices = shape == .halfKestra ? count / 2 : count
        builder.resource(service: "checkout", scope: "io.opentelemetry.http") { builder in
            for position in 0..<ofServices {
                builder.service(position: position, trace: position * traces / ofServices)
            }
        }
        if executionCount > 0 {
            let ofKestra = count - ofServices
            builder.resource(service: "kestra", scope: "kestra") { builder in
                for position in 0..<ofKestra {
                    let execution = position * executions / ofKestra
                    let isFirst = position == 0 || (position - 1) * executions / ofKestra != execution
                    builder.kestra(execution: execution, trace: traces + execution, isFirst: isFirst)
                }
            }
        }
        bytes = builder.bytes
        self.traces = builder.traces
        spans = builder.spans
        self.executions = builder.executions
        texts = builder.texts
    }

    var byteCount: Int { bytes.count }

    /// The request with the ids that belong to `serial`, which must be different for each request of a run.
    func request(_ serial: UInt64) -> [UInt8] {
        var request = bytes
        for place in traces {
            let id = Self.traceID(serial, place.number)
            WireWriter.overwrite(at: place.offset, bigEndian: id.high, in: &request)
            WireWriter.overwrite(at: place.offset + 8, bigEndian: id.low, in: &request)
        }
        for place in spans {
            WireWriter.overwrite(at: place.offset, bigEndian: Self.spanID(serial, place.number), in: &request)
        }
        for place in executions {
            request.replaceSubrange(
                place.offset..<place.offset + Self.executionBytes, with: Self.execution(serial, place.number).utf8)
        }
        for place in texts {
            for half in 0..<2 {
                let digits = Self.digits(Self.mix(serial, UInt64(6 + half), place.number))
                WireWriter.overwrite(at: place.offset + 16 * half, bigEndian: digits.high, in: &request)
                WireWriter.overwrite(at: place.offset + 16 * half + 8, bigEndian: digits.low, in: &request)
            }
        }
        return request
    }

    /// The sum of the ids of the spans of a request, wrapping: what arrives at the end must have the same.
    func checksum(_ serial: UInt64) -> UInt64 {
        (0..<spanCount).reduce(0) { $0 &+ Self.spanID(serial, $1) }
    }

    static let executionBytes = 22

    /// The 16 hex digits of a number as the bytes of two.
    private static func digits(_ number: UInt64) -> (high: UInt64, low: UInt64) {
        func spread(_ half: UInt64) -> UInt64 {
            // Each nibble into a byte of its own, then '0' to '9' or 'a' to 'f'.
            var nibbles = (half | half << 16) & 0x0000_FFFF_0000_FFFF
            nibbles = (nibbles | nibbles << 8) & 0x00FF_00FF_00FF_00FF
            nibbles = (nibbles | nibbles << 4) & 0x0F0F_0F0F_0F0F_0F0F
            let letters = (nibbles + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
            return nibbles + 0x3030_3030_3030_3030 + letters * 39
        }
        return (spread(number >> 32), spread(number & 0xFFFF_FFFF))
    }

    static func traceID(_ serial: UInt64, _ number: Int) -> TraceID {
        TraceID(high: mix(serial, 1, number), low: mix(serial, 2, number))
    }

    static func spanID(_ serial: UInt64, _ number: Int) -> UInt64 { mix(serial, 3, number) }

    /// An id as Kestra makes them: 22 letters and digits.
    static func execution(_ serial: UInt64, _ number: Int) -> String {
        var bits = [mix(serial, 4, number), mix(serial, 5, number)]
        return String(
            (0..<executionBytes).map { position -> Character in
                let digit = Int(bits[position & 1] % 62)
                bits[position & 1] /= 62
                return alphabet[digit]
            })
    }

    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

    /// SplitMix64 over three numbers; never 0, which is no valid id.
    private static func mix(_ serial: UInt64, _ kind: UInt64, _ number: Int) -> UInt64 {
        var mixed = serial &* 0x9E37_79B9_7F4A_7C15 ^ kind &* 0xD1B5_4A32_D192_ED03 ^ UInt64(number) &* 0x8CB9_2BA7_2F3D_8DD7
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return (mixed ^ mixed >> 31) | 1
    }
}
